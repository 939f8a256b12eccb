package import ChatCore
package import Kernel

/// The rolling hash of a run: every step of every shard, in the order in which the steps were made.
///
/// Stable ids and byte counts go in; slots, generations, request tokens and payload handles stay out,
/// so that a host may number its rows as it likes. Each connection is known by the id that it was
/// opened with. One step costs a few multiplications for each event and effect and allocates nothing.
package struct TraceDigest: Sendable {
    package private(set) var value = Digest128()
    /// Steps digested so far.
    package private(set) var stepCount: UInt64 = 0
    /// The connection ids of each shard's slots.
    private var names: [[UInt64]]

    /// Knows the shards with dense indices below `shardCount`.
    package init(shardCount: Int) {
        self.names = Array(repeating: [], count: shardCount)
    }

    /// Begins with a shard's state and knows its open connections; the shard is the run's only one.
    package init(goingOnFrom shard: borrowing Shard) {
        self.init(shardCount: 1)
        shard.combineState(into: &self.value)
        self.names[0] = shard.connectionNames()
    }

    /// Combines a step's cause: `shard` is its dense index in the run.
    package mutating func combine(
        _ event: ShardEvent,
        at now: Instant,
        shard: Int
    ) {
        self.stepCount += 1
        self.word(now.nanoseconds)
        self.word(UInt64(shard))
        if case .opened(let handle, let id) = event {
            while self.names[shard].count <= Int(handle.slot) { self.names[shard].append(0) }
            self.names[shard][Int(handle.slot)] = id.rawValue
        }
        self.digest(event, shard: shard)
    }

    /// Combines a step that a deadline caused.
    package mutating func combineDeadline(at now: Instant, shard: Int) {
        self.stepCount += 1
        self.word(now.nanoseconds)
        self.word(UInt64(shard))
        self.word(0)
    }

    /// Combines the effects of the step that was combined last.
    package mutating func combine(
        _ effects: borrowing EffectBuffer<ShardEffect>,
        shard: Int
    ) {
        self.word(UInt64(effects.count))
        for index in 0..<effects.count {
            self.digest(effects[effect: index], effects, shard: shard)
        }
    }

    /// A shard's state goes into the digest whenever it has taken so many events.
    package static let eventsPerState: UInt32 = 1 << 16

    /// Combines the state that a shard's steps have led to; O(rows).
    package mutating func combineState(of shard: borrowing Shard) {
        shard.combineState(into: &self.value)
    }

    mutating func word(_ word: UInt64) { self.value.combine(word) }

    mutating func connection(_ handle: ConnectionHandle, shard: Int) {
        let names = self.names[shard]
        self.word(Int(handle.slot) < names.count ? names[Int(handle.slot)] : .max)
    }

    mutating func targets(
        _ range: TargetRange,
        _ effects: borrowing EffectBuffer<ShardEffect>,
        shard: Int
    ) {
        self.word(UInt64(range.count))
        for index in range.start..<(range.start + range.count) {
            self.connection(effects[target: index], shard: shard)
        }
    }

    mutating func conversation(_ id: ConversationID) {
        self.word(id.high)
        self.word(id.low)
    }

    mutating func user(_ id: UserID) {
        self.word(id.high)
        self.word(id.low)
    }

    mutating func message(_ id: MessageID?) {
        self.word(id == nil ? 0 : 1)
        self.word(id?.high ?? 0)
        self.word(id?.low ?? 0)
    }

    mutating func head(_ head: StreamHead) {
        self.word(UInt64(head.epoch.rawValue))
        self.word(head.offset.rawValue)
        self.word(head.count)
    }
}
