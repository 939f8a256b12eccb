package import Kernel

/// How far one gateway shard has delivered a conversation, and what a new delivery means for it.
///
/// Only the message after the position is delivered; a lower one is dropped, a higher one shows a hole
/// that must be closed from the log first. Deliveries of an older term are dropped.
package struct FeedPosition: Equatable, Sendable, BitwiseCopyable {
    /// Whether deliveries can be judged.
    package enum Phase: Equatable, Sendable, BitwiseCopyable {
        /// The owner has not said where deliveries begin; leaves for `live` when it has.
        case registering
        case live
        /// A hole is being closed from the log; leaves for `live` when it is.
        case closingHole
        /// The stream is another one, and not all of the live have been told; leaves for `registering`
        /// when they have. Nothing that is said of the stream counts until then.
        case ending
    }

    /// What to do with a delivery.
    package enum Verdict: Equatable, Sendable, BitwiseCopyable {
        case deliver
        case drop
        /// Keep it until the messages before it have been read.
        case hold
        /// The stream is another one: everybody must start again.
        case lost
    }

    // Packed, because a gateway has one for each conversation that it serves.
    private var offset = Offset.start
    /// The highest offset that the owner is known to have reached.
    package internal(set) var known = Offset.start
    private var epoch = Epoch(0)
    private var namedEpoch = Epoch(0)
    private var packedTerm = PackedTerm(.none)
    package internal(set) var phase = Phase.registering
    private var hasBegun = false
    private var isNamed = false

    package init() {}

    package internal(set) var term: Term {
        get { self.packedTerm.term }
        set { self.packedTerm = PackedTerm(newValue) }
    }

    /// The last epoch that this term's owner is known to have begun, if any.
    ///
    /// It outlives the position, or else a delayed word of the former epoch would bring that back.
    package internal(set) var named: Epoch? {
        get { self.isNamed ? self.namedEpoch : nil }
        set {
            self.isNamed = newValue != nil
            self.namedEpoch = newValue ?? Epoch(0)
        }
    }

    /// `nil` until the owner has first answered.
    package internal(set) var delivered: Position? {
        get { self.hasBegun ? Position(epoch: self.epoch, offset: self.offset) : nil }
        set {
            self.hasBegun = newValue != nil
            self.epoch = newValue?.epoch ?? Epoch(0)
            self.offset = newValue?.offset ?? .start
        }
    }

    /// A new term voids the registration; positions stay.
    package mutating func reregister(in term: Term) {
        guard term > self.term else { return }
        self.term = term
        self.named = nil
        if self.phase != .ending { self.phase = .registering }
    }

    /// Judges a delivery; on `.deliver` the position has advanced.
    package mutating func judge(term: Term, epoch: Epoch, offset: Offset) -> Verdict {
        guard term >= self.term, self.phase != .ending else { return .drop }
        guard let position = self.delivered else { return .hold }
        guard position.epoch == epoch else { return term > self.term ? .lost : .drop }
        guard offset > position.offset else { return .drop }
        self.known = max(self.known, offset)
        guard offset == position.offset.next else { return .hold }
        self.delivered = Position(epoch: epoch, offset: offset)
        return .deliver
    }

    /// What the owner says about the stream's end.
    package enum HeadVerdict: Equatable, Sendable, BitwiseCopyable {
        /// Of an older term or, in this one, of an older epoch.
        case stale
        /// Nothing is missing.
        case level
        /// The first answer: deliveries begin after this head.
        case began
        /// There is more in the log than was delivered.
        case behind
        case lost
    }

    /// Takes the owner's word on where the stream ends; `confirms` when it answers a registration.
    package mutating func learn(
        _ head: StreamHead,
        in term: Term,
        confirms: Bool
    ) -> HeadVerdict {
        guard term >= self.term, self.phase != .ending else { return .stale }
        if term == self.term, self.isPast(head.epoch) { return .stale }
        self.term = term
        self.named = head.epoch
        guard let position = self.delivered else {
            guard confirms else { return .stale }
            self.delivered = Position(epoch: head.epoch, offset: head.offset)
            self.known = max(self.known, head.offset)
            self.phase = .live
            return .began
        }
        guard position.epoch == head.epoch else { return .lost }
        if confirms, self.phase == .registering { self.phase = .live }
        self.known = max(self.known, head.offset)
        return self.isBehind ? .behind : .level
    }

    /// Whether this term's owner has begun a later epoch.
    package func isPast(_ epoch: Epoch) -> Bool { self.named?.follows(epoch) ?? false }

    /// Whether the log is known to hold more than was delivered.
    package var isBehind: Bool {
        guard let position = self.delivered else { return false }
        return self.known > position.offset
    }

    /// Starts closing a hole, if there is one and nobody is at it.
    package mutating func beginClosing() -> Bool {
        guard self.phase == .live, self.isBehind else { return false }
        self.phase = .closingHole
        return true
    }

    /// The hole has been closed up to `offset`, or not at all if `nil`.
    package mutating func closed(through offset: Offset?) {
        if self.phase == .closingHole { self.phase = .live }
        guard let offset, let position = self.delivered, offset > position.offset else { return }
        self.delivered = Position(epoch: position.epoch, offset: offset)
        self.known = max(self.known, offset)
    }

    /// The stream is another one: what was delivered means nothing any more.
    package mutating func forget() {
        self.delivered = nil
        self.known = .start
        self.phase = .ending
    }

    /// Registers anew, after everybody has been told.
    package mutating func beginAgain() {
        precondition(self.phase == .ending, "a feed begins again when its stream has ended")
        self.phase = .registering
    }
}
