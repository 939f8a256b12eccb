package import Kernel

/// Streams whose end the store has lost: each conversation has eras, the last of which is the present.
struct Losses: Sendable {
    /// A stream as it was when its end was lost.
    struct Former: Sendable {
        var log: [MessageID]
        var era: UInt32
        /// Whether the present stream has the same name until somebody finds out.
        var isNoticed: Bool

        func holds(_ message: MessageID, at offset: Offset) -> Bool {
            let index = Int(truncatingIfNeeded: offset.rawValue &- 1)
            return self.log.indices.contains(index) && self.log[index] == message
        }
    }

    fileprivate struct Name: Hashable, Sendable {
        var conversation: UInt32
        var epoch: Epoch
    }

    fileprivate struct Number: Hashable, Sendable {
        var conversation: UInt32
        var era: UInt32
    }

    fileprivate var former: [Name: Former] = [:]
    fileprivate var names: [Number: Name] = [:]
    /// The present era of each conversation that has lost anything.
    fileprivate var eras: [UInt32: UInt32] = [:]
    /// The era of each place that is in another than the first.
    fileprivate var places: [Int: UInt32] = [:]

    var isEmpty: Bool { self.former.isEmpty }
}

/// What is lost, and who has been told.
extension PromiseOracle {
    /// Everything after `offset` of the stream that was called `epoch` is gone from the store.
    ///
    /// Where the store has noticed, whatever names that epoch from now on speaks of the stream as it was.
    /// Where it has not, it may speak of either; who was shown nothing of what is gone need not be told.
    package mutating func lost(
        _ conversation: ConversationID,
        of epoch: Epoch,
        after offset: Offset,
        isNoticed: Bool
    ) {
        let ordinal = self.number(conversation)
        let number = UInt32(truncatingIfNeeded: ordinal)
        let log = self.logs[ordinal]
        let era = self.losses.eras[number] ?? 0
        let name = Losses.Name(conversation: number, epoch: epoch)
        self.losses.former[name] = Losses.Former(log: log, era: era, isNoticed: isNoticed)
        self.losses.names[Losses.Number(conversation: number, era: era)] = name
        self.losses.eras[number] = era + 1
        for message in log.dropFirst(Int(truncatingIfNeeded: offset.rawValue)) {
            guard let fate = self.messages.find(message, of: ordinal) else { continue }
            self.messages.rows[fate].offset = .start
        }
        let kept = min(log.count, Int(truncatingIfNeeded: offset.rawValue))
        self.logs[ordinal].removeLast(log.count - kept)
        guard !isNoticed else { return }
        for place in self.places.indices where self.places[place].conversation == number {
            let position = self.position(at: place) ?? 0
            if position <= offset.rawValue { self.losses.places[place] = era + 1 }
        }
    }

    /// The stream that an epoch named; `nil` for the present one.
    func formerLog(of conversation: ConversationID, _ epoch: Epoch) -> Losses.Former? {
        guard !self.losses.isEmpty, let ordinal = self.ordinals.find(conversation) else {
            return nil
        }
        let number = UInt32(truncatingIfNeeded: ordinal)
        return self.losses.former[Losses.Name(conversation: number, epoch: epoch)]
    }

    /// Where the stream that an epoch names ends, or ended.
    func head(of conversation: ConversationID, _ epoch: Epoch) -> UInt64 {
        let present = self.head(of: conversation)
        guard let former = self.formerLog(of: conversation, epoch) else { return present }
        let count = UInt64(former.log.count)
        return former.isNoticed ? count : max(count, present)
    }

    /// How many losses a place has heard of.
    func era(of place: Int?) -> UInt32 { place.flatMap { self.losses.places[$0] } ?? 0 }

    /// A place goes over to the stream of another epoch.
    mutating func enter(_ place: Int?, _ epoch: Epoch) {
        guard let place, !self.losses.isEmpty else { return }
        let conversation = self.places[place].conversation
        let name = Losses.Name(conversation: conversation, epoch: epoch)
        self.losses.places[place] =
            self.losses.former[name]?.era ?? self.losses.eras[conversation] ?? 0
    }

    /// Whether an epoch is the name that a loss which the store had not noticed has given the stream.
    func isNews(_ epoch: Epoch, to place: Int?) -> Bool {
        guard let place, !self.losses.isEmpty else { return false }
        let conversation = self.places[place].conversation
        let era = self.losses.eras[conversation] ?? 0
        guard era > 0, self.era(of: place) == era, let last = self.former(conversation, era - 1)
        else { return false }
        let name = Losses.Name(conversation: conversation, epoch: epoch)
        return !last.isNoticed && self.losses.former[name] == nil
    }

    /// Whether a place is in the present stream of its conversation.
    func hasHeard(_ place: Int?) -> Bool {
        guard let place else { return true }
        return self.era(of: place) == self.losses.eras[self.places[place].conversation] ?? 0
    }

    /// Whether a message stands at an offset of the stream that a place is in.
    mutating func holds(_ message: MessageID, at offset: Offset, inStreamOf place: Int) -> Bool {
        let conversation = self.places[place].conversation
        let era = self.era(of: place)
        if !self.losses.isEmpty, let former = self.former(conversation, era) {
            return former.holds(message, at: offset)
        }
        if self.stands(message, at: offset, in: conversation) { return true }
        // It was on its way when it was lost: from now on the device has to be told.
        guard era > 0, let former = self.former(conversation, era - 1), !former.isNoticed,
            former.holds(message, at: offset)
        else { return false }
        self.losses.places[place] = era - 1
        return true
    }

    private func former(_ conversation: UInt32, _ era: UInt32) -> Losses.Former? {
        let number = Losses.Number(conversation: conversation, era: era)
        return self.losses.names[number].flatMap { self.losses.former[$0] }
    }

    private func stands(
        _ message: MessageID,
        at offset: Offset,
        in conversation: UInt32
    ) -> Bool {
        let log = self.logs[Int(conversation)]
        let index = Int(truncatingIfNeeded: offset.rawValue &- 1)
        return log.indices.contains(index) && log[index] == message
    }
}
