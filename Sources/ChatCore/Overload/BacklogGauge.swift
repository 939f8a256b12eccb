/// A host's side of one connection's backlog, the same on both: when to stop handing over, and when to
/// tell the shard.
///
/// At most one word is under way to the shard, so that none speaks of bytes that the answer to the one
/// before has let go.
package struct BacklogGauge: Sendable, BitwiseCopyable {
    /// Whether so much waits that nothing more is handed over.
    package private(set) var isBlocked = false
    private var isBlockTold = false
    private var awaitsRoom = false
    private var isUnderWay = false

    package init() {}

    /// Whether the shard may have to be told something.
    package var isOfInterest: Bool { self.isBlocked || self.awaitsRoom }

    package mutating func block() { self.isBlocked = true }

    /// At most the low mark's bytes wait; true if that changes anything.
    package mutating func foundRoom() -> Bool {
        guard self.isOfInterest else { return false }
        self.isBlocked = false
        self.isBlockTold = false
        return true
    }

    /// Follows the shard's `awaitRoom`.
    package mutating func awaitRoom() { self.awaitsRoom = true }

    /// Whether to tell the shard now that so many bytes wait; `hasRoom` says that they are at most the
    /// low mark's.
    package mutating func tells(bytes: Int, hasRoom: Bool, _ policy: BacklogPolicy) -> Bool {
        guard !self.isUnderWay else { return false }
        if self.isBlocked {
            guard !self.isBlockTold || bytes > Int(policy.bound) else { return false }
            self.isBlockTold = true
        } else {
            guard self.awaitsRoom, hasRoom else { return false }
            self.awaitsRoom = false
        }
        self.isUnderWay = true
        return true
    }

    /// The shard has taken what it was told; there may be more to tell.
    package mutating func taken() { self.isUnderWay = false }
}
