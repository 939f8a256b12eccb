import ChatCore
import DequeModule
import Kernel
import NIOCore

/// A shard's door, and the connections that have yet to become a client's socket.
struct Entrance {
    private struct Arrival {
        var gate: UpgradeGate?
        var due: NIODeadline
    }

    private var door: Door
    /// Those who wait at the door.
    private var guests: Deque<(gate: UpgradeGate, since: Instant)> = []
    /// Those whose request has not come whole; all get the same time, so that the first is due first.
    ///
    /// A timer of the event loop's for each would be looked for among all others when it is cancelled.
    private var arrivals: Deque<Arrival> = []
    /// How many arrivals have left the front.
    private var departed = 0

    init(_ policy: OverloadPolicy?) { self.door = Door(policy) }

    /// Sockets that were turned away so far.
    var turnedAway: UInt64 { self.door.turnedAway }
    var waitingCount: Int { self.guests.count }

    /// Begins to wait for a request until an instant; the number ends that.
    mutating func expect(_ gate: UpgradeGate, until due: NIODeadline) -> Int {
        self.arrivals.append(Arrival(gate: gate, due: due))
        return self.departed + self.arrivals.count - 1
    }

    mutating func forget(_ arrival: Int) {
        if arrival >= self.departed { self.arrivals[arrival - self.departed].gate = nil }
    }

    /// Those whose time is over.
    mutating func overdue(at now: NIODeadline) -> [UpgradeGate] {
        var overdue: [UpgradeGate] = []
        while let first = self.arrivals.first, first.gate == nil || first.due <= now {
            if let gate = first.gate { overdue.append(gate) }
            self.arrivals.removeFirst()
            self.departed += 1
        }
        return overdue
    }

    mutating func knock(_ gate: UpgradeGate, at now: Instant, lag: Interval) -> Door.Answer {
        let answer = self.door.knock(at: now, lag: lag)
        if answer == .wait { self.guests.append((gate, now)) }
        return answer
    }

    /// Those who leave the line now, first come, first served: they enter, unless it is too late for them.
    mutating func letIn(at now: Instant, lag: Interval) -> [(gate: UpgradeGate, isTooLate: Bool)] {
        guard !self.guests.isEmpty else { return [] }
        var leaving: [(gate: UpgradeGate, isTooLate: Bool)] = []
        for _ in 0..<self.door.letIn(at: now, lag: lag) {
            guard let guest = self.guests.popFirst() else {
                preconditionFailure("as many wait as the door counts")
            }
            leaving.append((guest.gate, self.door.isTooLate(guest.since, at: now)))
        }
        return leaving
    }

    /// Somebody who was let in need not be waited for any longer.
    mutating func settle() { self.door.settle() }
}
