package import ChatCore
package import Kernel

/// Writes one segment of a shard's record: its state, and then its steps in blocks.
///
/// Each block ends with the running digest, which began with the state. Of payloads only the count of
/// bytes goes in. A step is appended to memory that is reused; nothing is written anywhere.
package struct SegmentEncoder: Sendable {
    private var steps = ByteWriter()
    private var stepCount: UInt64 = 0
    private var lastInstant: UInt64 = 0
    private var digest: TraceDigest
    private var finished = ByteWriter()

    /// Begins between two steps; `effectCapacity` is what the host grants to each.
    ///
    /// O(rows of the shard).
    package init(_ shard: borrowing Shard, effectCapacity: Int) {
        self.digest = TraceDigest(goingOnFrom: shard)
        var head = ByteWriter()
        head.word(RecordFrame.version)
        head.word(UInt64(effectCapacity))
        head.append(shard.snapshot()[...])
        self.finished.fixed(RecordFrame.mark)
        RecordFrame.write(head.bytes, to: &self.finished)
    }

    /// Bytes of the block that has not ended.
    package var openBytes: Int { self.steps.bytes.count }

    package var digestValue: Digest128 { self.digest.value }

    /// Adds an event with the effects that it had; `targets` are the connections staged for it.
    package mutating func add(
        _ event: ShardEvent,
        _ targets: ArraySlice<ConnectionHandle>,
        at now: Instant,
        _ effects: borrowing EffectBuffer<ShardEffect>
    ) {
        self.begin(now, isEvent: true)
        self.steps.value(event)
        self.steps.word(UInt64(targets.count))
        for target in targets { self.steps.value(target) }
        self.digest.combine(event, at: now, shard: 0)
        self.digest.combine(effects, shard: 0)
    }

    /// Adds a call for what was due, with its effects.
    package mutating func addDeadline(
        at now: Instant,
        _ effects: borrowing EffectBuffer<ShardEffect>
    ) {
        self.begin(now, isEvent: false)
        self.digest.combineDeadline(at: now, shard: 0)
        self.digest.combine(effects, shard: 0)
    }

    private mutating func begin(_ now: Instant, isEvent: Bool) {
        self.stepCount += 1
        self.steps.flag(isEvent)
        self.steps.word(now.nanoseconds &- self.lastInstant)
        self.lastInstant = now.nanoseconds
    }

    /// Ends the block; one without steps is none.
    package mutating func endBlock() {
        guard self.stepCount > 0 else { return }
        var block = ByteWriter()
        block.word(self.stepCount)
        block.append(self.steps.bytes[...])
        block.value(self.digest.value)
        RecordFrame.write(block.bytes, to: &self.finished)
        self.steps.removeAll()
        self.stepCount = 0
    }

    /// Gives what has been finished since the last time.
    package mutating func take() -> [UInt8] {
        defer { self.finished = ByteWriter() }
        return self.finished.bytes
    }
}
