package import ClientModel
package import Kernel

/// One incarnation of a conversation's stream.
struct Stream: Hashable, Sendable {
    var conversation: ConversationNumber
    var epoch: Epoch
}

/// What the devices of one event loop saw; kept apart from the clients, so that it can judge them.
package struct Ledger: Sendable {
    /// A device's place in one conversation.
    struct Place: Sendable {
        var conversation: ConversationNumber
        var epoch = Epoch(0)
        /// Everything after this is owed to the device.
        var base = Offset.start
        /// The last that it got.
        var last = Offset.start
        var isSubscribed = false
    }

    struct Counts: Sendable {
        var sent: UInt64 = 0
        var acknowledged: UInt64 = 0
        var duplicates: UInt64 = 0
        var resent: UInt64 = 0
        var refused: UInt64 = 0
        var gaveUp: UInt64 = 0
        var received: UInt64 = 0
        /// What the acknowledged messages make the subscribers expect.
        var owed: UInt64 = 0
        var connects: UInt64 = 0
        var disconnects: UInt64 = 0
        var unrecovered: UInt64 = 0
        var epochChanges: UInt64 = 0
        var sentAway: UInt64 = 0
    }

    private(set) var counts = Counts()
    private(set) var places: [Place]
    /// By stream, the message at each offset from 1 on; 0 where nobody here saw it.
    private(set) var log: [Stream: [UInt64]] = [:]
    private(set) var acknowledged: [Stream: [(offset: Offset, message: UInt64)]] = [:]
    /// What this loop's devices have seen broken.
    package private(set) var violations = Violations()
    private let perUser: Int
    private let networkRepeats: Bool
    /// By message that waits for its acknowledgement.
    private var attempts: [UInt64: Attempts] = [:]

    /// How often a message was sent, when last, and when a device here first saw it.
    private struct Attempts {
        var count = 0
        var last = Instant.zero
        var seen = Instant.never
        /// Of the stream in which it was seen first.
        var epoch: Epoch?
    }

    /// Each device has a place in `perUser` conversations.
    package init(perUser: Int, networkRepeats: Bool) {
        self.perUser = perUser
        self.networkRepeats = networkRepeats
        self.places = []
    }

    /// Adds a device with its conversations.
    package mutating func add(_ conversations: [ConversationNumber]) {
        self.places.append(contentsOf: conversations.map { Place(conversation: $0) })
    }

    /// The server said something that is not the protocol.
    mutating func countGarbage(_ reason: String) { self.violations.add("garbage: \(reason)") }

    mutating func countSend() { self.counts.sent += 1 }

    /// The server let something pass for which it must send a device away.
    mutating func countTolerated(_ what: String) { self.violations.add("let pass: \(what)") }

    /// A message leaves, for the first time or again.
    mutating func attempt(_ message: UInt64, at now: Instant) {
        self.attempts[message, default: Attempts()].count += 1
        self.attempts[message]?.last = now
    }

    /// `device` is the index of the client in its loop; `members` are those of its conversation.
    package mutating func record(
        _ observation: Observation,
        device: Int,
        at now: Instant,
        members: (ConversationNumber) -> Int
    ) {
        switch observation {
        case .connected: self.counts.connects += 1
        case .disconnected: self.counts.disconnects += 1
        case .subscribed(let conversation, let from, _):
            self.subscribe(device, conversation, from: from)
        case .recovered, .caughtUp: break
        case .unrecovered: self.counts.unrecovered += 1
        case .epochChanged(let conversation, _, let epoch):
            self.counts.epochChanges += 1
            self.subscribe(device, conversation, from: Position(epoch: epoch, offset: .start))
        case .unreadable(let conversation, let after, let head):
            self.violations.add(
                "conversation \(conversation.rawValue): the log ends at "
                    + "\(after.offset.rawValue), below its head \(head.offset.rawValue)"
            )
        case .ended(let conversation, let code):
            self.violations.add(
                "conversation \(conversation.rawValue): subscription ended with \(code)"
            )
        case .sentAway: self.counts.sentAway += 1
        case .tolerated(let trespass): self.countTolerated("\(trespass)")
        case .delivered(let message, let epoch):
            if let id = message.message?.low, self.attempts[id]?.seen == .never {
                self.attempts[id]?.seen = now
                self.attempts[id]?.epoch = epoch
            }
            self.deliver(message, epoch, to: device)
        case .repeated(let message, _, let isExcused):
            if !isExcused {
                self.violations.add(
                    "conversation \(message.conversation.rawValue): offset "
                        + "\(message.offset.rawValue) delivered again"
                )
            }
        case .acknowledged(let message, let position, let isDuplicate):
            self.counts.acknowledged += 1
            if isDuplicate { self.counts.duplicates += 1 }
            self.checkTruth(of: message, in: position.epoch, isDuplicate: isDuplicate)
            self.counts.owed += UInt64(members(message.conversation))
            let stream = Stream(conversation: message.conversation, epoch: position.epoch)
            self.acknowledged[stream, default: []].append((position.offset, message.id.low))
        case .resent: self.counts.resent += 1
        case .gaveUp(let message, _):
            self.counts.gaveUp += 1
            self.attempts[message.low] = nil
        case .refused: self.counts.refused += 1
        }
    }

    /// `duplicate` is said of messages that were sent before, and of all that were seen before in the
    /// same stream; what was lost with another is new again.
    private mutating func checkTruth(
        of message: OutgoingMessage,
        in epoch: Epoch,
        isDuplicate: Bool
    ) {
        guard let attempts = self.attempts.removeValue(forKey: message.id.low) else { return }
        let wasThere = attempts.seen < attempts.last && attempts.epoch == epoch
        guard isDuplicate ? attempts.count < 2 && !self.networkRepeats : wasThere else { return }
        self.violations.add(
            "conversation \(message.conversation.rawValue): message \(message.id.low) was called "
                + "\(isDuplicate ? "a duplicate" : "new") after \(attempts.count) attempts"
        )
    }

    private func place(_ device: Int, _ conversation: ConversationNumber) -> Int? {
        let range = device * self.perUser..<(device + 1) * self.perUser
        return range.first { self.places[$0].conversation == conversation }
    }

    private mutating func subscribe(
        _ device: Int,
        _ conversation: ConversationNumber,
        from position: Position
    ) {
        guard let index = self.place(device, conversation) else { return }
        self.places[index].epoch = position.epoch
        self.places[index].base = position.offset
        self.places[index].last = position.offset
        self.places[index].isSubscribed = true
    }

    private mutating func deliver(_ message: IncomingMessage, _ epoch: Epoch, to device: Int) {
        self.counts.received += 1
        guard let index = self.place(device, message.conversation) else { return }
        let place = self.places[index]
        let subject = "conversation \(message.conversation.rawValue)"
        if epoch != place.epoch {
            self.violations.add("\(subject): the epoch changed without a declaration")
        } else if message.offset != place.last.next {
            self.violations.add(
                "\(subject): offset \(message.offset.rawValue) followed \(place.last.rawValue)"
            )
        }
        self.places[index].last = message.offset
        let stream = Stream(conversation: message.conversation, epoch: epoch)
        let id = message.message?.low ?? 0
        guard message.offset.rawValue > 0, message.offset.rawValue <= 10_000_000 else { return }
        let position = Int(message.offset.rawValue) - 1
        if let clash = self.log[stream, default: []].note(id, at: position) {
            self.violations.add(
                "\(subject): offset \(message.offset.rawValue) holds messages \(clash) and \(id)"
            )
        }
    }
}

/// Breaches of what the server promises: a count, and the first of them in words.
package struct Violations: Sendable {
    package private(set) var count: UInt64 = 0
    /// The first ten.
    package private(set) var examples: [String] = []

    mutating func add(_ text: @autoclosure () -> String) {
        self.count += 1
        if self.examples.count < 10 { self.examples.append(text()) }
    }

    mutating func merge(_ other: Self) {
        self.count += other.count
        self.examples = Array((self.examples + other.examples).prefix(10))
    }
}

extension [UInt64] {
    /// Notes who stands at a place; the one who stood there before, if it was another.
    mutating func note(_ id: UInt64, at position: Int) -> UInt64? {
        while self.count <= position { self.append(0) }
        let before = self[position]
        if before == 0 { self[position] = id }
        return before != 0 && id != 0 && before != id ? before : nil
    }
}
