package import Kernel

/// Numbers the messages of one conversation and knows which of them are durable.
///
/// Offsets are handed out in order and appends are pipelined. The store applies an append only at
/// head + 1 of the owner's term, so outcomes arrive in offset order. After one that is not *done*,
/// nothing later is acknowledged, fanned out or numbered until the log's end has been read back,
/// because a later append may stand or fall with the earlier one.
package struct Sequencer: Equatable, Sendable, BitwiseCopyable {
    /// What the sequencer knows of the log's end.
    package enum Phase: Equatable, Sendable, BitwiseCopyable {
        /// The head has not been read; leaves for `open` when it has.
        case loading
        /// Appends are numbered as they come.
        case open
        /// An append did not end well; leaves for `readingBack` when none is in flight.
        case settling
        /// The log's end is being read; leaves for `open` when it has been.
        case readingBack
    }

    /// What the owner must do about an append's outcome.
    package enum Verdict: Equatable, Sendable, BitwiseCopyable {
        /// Durable and in order: acknowledge and fan out.
        case acknowledge
        /// Wait for the log to be read back.
        case park
        /// In the log already, from an earlier time; nothing else was disturbed.
        case duplicate
        /// Forbidden; nothing else was disturbed.
        case refuse
    }

    package internal(set) var phase = Phase.loading
    package internal(set) var epoch = Epoch(0)
    /// The last offset that is known to be durable and was fanned out.
    package internal(set) var head = Offset.start
    /// Countable entries up to the head.
    package internal(set) var count: UInt64 = 0
    package internal(set) var inFlight: UInt32 = 0

    package init() {}

    /// Where the log ends, as read from the store; returns whether the log had grown unseen.
    package mutating func open(at end: StreamHead) -> Bool {
        precondition(self.inFlight == 0, "the log's end is read when no append is in flight")
        let hasGrown = end.offset > self.head
        self.phase = .open
        self.epoch = end.epoch
        self.head = end.offset
        self.count = end.count
        return hasGrown
    }

    /// Whether the log that was read back lacks what was known to be durable, in the same epoch: only a
    /// store that lost commits explains it.
    package func isCutShort(by end: StreamHead) -> Bool {
        self.phase == .readingBack && end.epoch == self.epoch && end.offset < self.head
    }

    /// The offset of the next message; only an open sequencer numbers.
    package mutating func number() -> Offset {
        precondition(self.phase == .open, "only an open sequencer numbers")
        self.inFlight += 1
        return self.head + UInt64(self.inFlight)
    }

    /// Takes the outcome of the append that was numbered `offset`, of a countable entry or another.
    package mutating func complete(
        _ offset: Offset,
        _ outcome: AppendOutcome,
        isCountable: Bool = true
    ) -> Verdict {
        precondition(self.inFlight > 0, "an append ends once")
        self.inFlight -= 1
        switch (self.phase, outcome) {
        case (.open, .done):
            precondition(offset == self.head.next, "the store ends appends in offset order")
            self.head = offset
            if isCountable { self.count += 1 }
            return .acknowledge
        case (.open, .duplicate):
            // Later appends were numbered on the assumption that this one would take its offset.
            if self.inFlight > 0 { self.phase = .settling }
            return .duplicate
        case (.open, .refused):
            if self.inFlight > 0 { self.phase = .settling }
            return .refuse
        case (.open, .fenced), (.open, .failed), (.open, .unknown):
            self.phase = .settling
            return .park
        case (.settling, .duplicate):
            return .duplicate
        case (.settling, .refused):
            return .refuse
        case (.settling, .done), (.settling, .fenced), (.settling, .failed), (.settling, .unknown):
            return .park
        case (.loading, _), (.readingBack, _):
            preconditionFailure("no append is in flight while the log's end is being read")
        }
    }

    /// Starts reading the log's end, if appends have gone wrong and none is in flight any more.
    package mutating func beginReadBack() -> Bool {
        guard self.phase == .settling, self.inFlight == 0 else { return false }
        self.phase = .readingBack
        return true
    }

    /// Doubts the log's end although no append has failed: a gateway has delivered beyond it.
    package mutating func doubt() -> Bool {
        guard self.phase == .open, self.inFlight == 0 else { return false }
        self.phase = .readingBack
        return true
    }
}
