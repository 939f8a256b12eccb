import ClientModel
import Kernel

/// The ledgers of all loops laid side by side, to tell whether every message is where it must be.
package struct Judgement {
    package private(set) var violations = Violations()
    /// Deliveries that the log owes to the devices.
    package private(set) var expected: UInt64 = 0
    /// Places behind what they are owed, of devices that were not settled.
    package private(set) var behind: UInt64 = 0

    /// `isSettled` says, for each ledger and device, whether it had the time and the connection to
    /// get everything.
    package init(_ ledgers: [(ledger: Ledger, isSettled: [Bool])], perUser: Int) {
        var log: [Stream: [UInt64]] = [:]
        for (ledger, _) in ledgers {
            self.violations.merge(ledger.violations)
            for (stream, seen) in ledger.log { self.merge(seen, of: stream, into: &log) }
        }
        for (ledger, _) in ledgers {
            for (stream, acknowledged) in ledger.acknowledged {
                for (offset, message) in acknowledged {
                    self.place(message, at: offset, of: stream, in: &log)
                }
            }
        }
        for (stream, messages) in log { self.checkRepeats(messages, of: stream) }
        for (ledger, isSettled) in ledgers {
            for (index, place) in ledger.places.enumerated() where place.isSubscribed {
                let stream = Stream(conversation: place.conversation, epoch: place.epoch)
                let head = UInt64(log[stream]?.count ?? 0)
                guard head > place.base.rawValue else { continue }
                self.expected += head - place.base.rawValue
                guard place.last.rawValue < head else { continue }
                guard isSettled[index / perUser] else {
                    self.behind += 1
                    continue
                }
                self.violations.add(
                    "conversation \(place.conversation.rawValue): a settled device ends at "
                        + "\(place.last.rawValue), the log at \(head)"
                )
            }
        }
    }

    private mutating func merge(
        _ seen: [UInt64],
        of stream: Stream,
        into log: inout [Stream: [UInt64]]
    ) {
        for (position, message) in seen.enumerated() {
            self.place(message, at: Offset(UInt64(position) + 1), of: stream, in: &log)
        }
    }

    private mutating func place(
        _ message: UInt64,
        at offset: Offset,
        of stream: Stream,
        in log: inout [Stream: [UInt64]]
    ) {
        guard offset.rawValue > 0, offset.rawValue <= 10_000_000 else { return }
        let position = Int(offset.rawValue) - 1
        if let clash = log[stream, default: []].note(message, at: position) {
            self.violations.add(
                "conversation \(stream.conversation.rawValue): offset \(offset.rawValue) holds "
                    + "messages \(clash) and \(message)"
            )
        }
    }

    private mutating func checkRepeats(_ messages: [UInt64], of stream: Stream) {
        var seen: Set<UInt64> = []
        for message in messages where message != 0 && !seen.insert(message).inserted {
            self.violations.add(
                "conversation \(stream.conversation.rawValue): message \(message) stands in the "
                    + "log twice"
            )
        }
    }
}
