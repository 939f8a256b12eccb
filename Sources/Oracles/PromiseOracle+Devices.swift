package import Kernel

/// What devices were told and shown.
extension PromiseOracle {
    private static let unplaced = UInt32.max

    /// A device exists, and asks for these conversations; devices are numbered from 0 as they come.
    package mutating func enrol(
        _ device: UInt64,
        in conversations: some Sequence<ConversationID>
    ) {
        precondition(
            device == UInt64(self.firstPlaces.count - 1),
            "devices are enrolled once, in the order of their numbers"
        )
        for conversation in conversations {
            let ordinal = UInt32(self.number(conversation))
            self.places.append(Place(conversation: ordinal, position: Self.unplaced))
        }
        self.firstPlaces.append(UInt32(self.places.count))
    }

    /// The device's place in a conversation that it asked for.
    private func place(_ device: UInt64, _ conversation: ConversationID) -> Int? {
        guard let ordinal = self.ordinals.find(conversation),
            device < UInt64(self.firstPlaces.count - 1)
        else { return nil }
        var place = Int(self.firstPlaces[Int(device)])
        let end = Int(self.firstPlaces[Int(device) + 1])
        while place < end {
            if self.places[place].conversation == UInt32(truncatingIfNeeded: ordinal) {
                return place
            }
            place += 1
        }
        return nil
    }

    /// Up to where the device has the conversation; `nil` before its first subscription.
    func position(at place: Int?) -> UInt64? {
        guard let place, self.places[place].position != Self.unplaced else { return nil }
        return UInt64(self.places[place].position)
    }

    /// Offsets of 2^32 - 1 and above are none that a run reaches.
    private mutating func move(_ place: Int?, to offset: Offset) {
        guard let place else { return }
        self.places[place].position = UInt32(clamping: offset.rawValue)
    }

    /// A gateway names an offset that the log is to have reached.
    package mutating func told(
        _ conversation: ConversationID,
        head position: Position,
        now: Instant
    ) {
        let head = self.head(of: conversation, position.epoch)
        let offset = position.offset
        self.check(
            .subscription,
            offset.rawValue <= head,
            at: now,
            "conversation \(conversation.low): somebody was told of \(offset.rawValue), but the"
                + " log ends at \(head)"
        )
    }

    /// A gateway says to a device from where it continues its subscription.
    package mutating func recovered(
        _ device: UInt64,
        _ conversation: ConversationID,
        after offset: Offset,
        now: Instant
    ) {
        let position = self.position(at: self.place(device, conversation)) ?? 0
        self.check(
            .subscription,
            offset.rawValue == position,
            at: now,
            "device \(device), conversation \(conversation.low): recovery continues after"
                + " \(offset.rawValue), but the device stands at \(position)"
        )
    }

    /// A device's first subscription stands: everything after `offset` is owed to it.
    package mutating func subscribed(
        _ device: UInt64,
        _ conversation: ConversationID,
        after position: Position,
        now: Instant
    ) {
        let place = self.place(device, conversation)
        let before = self.position(at: place)
        let head = self.head(of: conversation, position.epoch)
        let offset = position.offset
        self.check(
            .subscription,
            place != nil && before == nil && offset.rawValue <= head,
            at: now,
            "device \(device), conversation \(conversation.low): begins after \(offset.rawValue)"
                + " of \(head), and stood at \(before.map { "\($0)" } ?? "no position")"
        )
        self.move(place, to: offset)
        self.enter(place, position.epoch)
    }

    /// A device was told that the stream's past is lost, and begins anew in another epoch.
    ///
    /// A gateway that was cut off may still be in the former one, and takes a device back there: then the
    /// device has to be told again.
    package mutating func restarted(
        _ device: UInt64,
        _ conversation: ConversationID,
        in epoch: Epoch,
        now: Instant
    ) {
        let place = self.place(device, conversation)
        let before = self.era(of: place)
        let isNews = self.isNews(epoch, to: place)
        self.enter(place, epoch)
        self.check(
            .declaration,
            isNews || self.era(of: place) != before,
            at: now,
            "device \(device), conversation \(conversation.low): a loss was declared that was none"
        )
        self.move(place, to: .start)
    }

    /// A device showed a message to its user; `message` is `nil` if its host does not know it.
    package mutating func delivered(
        _ device: UInt64,
        _ conversation: ConversationID,
        _ message: MessageID?,
        at offset: Offset,
        now: Instant
    ) {
        let place = self.place(device, conversation)
        let position = self.position(at: place)
        self.check(
            .deviceOrder,
            position.map { $0 + 1 == offset.rawValue } ?? false,
            at: now,
            "device \(device), conversation \(conversation.low): \(offset.rawValue) came after"
                + " \(position.map { "\($0)" } ?? "no position")"
        )
        self.move(place, to: offset)
        guard let message, let place else { return }
        let isThere = self.holds(message, at: offset, inStreamOf: place)
        self.check(
            .agreement,
            isThere,
            at: now,
            "device \(device) saw another message at offset \(offset.rawValue) of"
                + " conversation \(conversation.low)"
        )
    }

    /// A device was sent a message that it had, and had not asked for it again.
    package mutating func repeated(
        _ device: UInt64,
        _ conversation: ConversationID,
        at offset: Offset,
        now: Instant
    ) {
        self.check(
            .deviceOrder,
            false,
            at: now,
            "device \(device), conversation \(conversation.low): \(offset.rawValue) came again"
        )
    }

    /// A device broke the protocol, and was sent away for it or was answered as if it had not.
    package mutating func trespassed(
        _ device: UInt64,
        isSentAway: Bool,
        now: Instant,
        _ what: @autoclosure () -> String
    ) {
        self.check(
            .conduct,
            isSentAway,
            at: now,
            "device \(device): \(what()) was let pass"
        )
    }

    /// At the end, in the quiet: a shard keeps `connections`, of which `online` have a device.
    package mutating func attended(
        _ connections: UInt64,
        online: UInt64,
        now: Instant,
        _ shard: @autoclosure () -> String
    ) {
        self.check(
            .conduct,
            connections <= online,
            at: now,
            "\(shard()) keeps \(connections) connections, but \(online) devices are online there"
        )
    }

    /// At the end, after healing: where a device itself believes to stand.
    package mutating func settled(
        _ device: UInt64,
        _ conversation: ConversationID,
        at offset: Offset?,
        now: Instant
    ) {
        let head = self.head(of: conversation)
        let place = self.place(device, conversation)
        if !self.losses.isEmpty, self.position(at: place) != nil {
            self.check(
                .declaration,
                self.hasHeard(place),
                at: now,
                "device \(device), conversation \(conversation.low): what it stood at is lost,"
                    + " and nobody has told it"
            )
        }
        self.check(
            .convergence,
            offset?.rawValue == head,
            at: now,
            "device \(device) stands at \(offset.map { "\($0.rawValue)" } ?? "no position") of"
                + " \(head) in conversation \(conversation.low)"
        )
    }

    /// At the end: what a device still waits to have acknowledged.
    package mutating func settled(_ device: UInt64, unacknowledged count: Int, now: Instant) {
        self.check(
            .convergence,
            count == 0,
            at: now,
            "device \(device) has \(count) messages without an acknowledgement"
        )
    }
}
