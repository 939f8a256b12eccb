import ChatCore
package import Kernel

/// What came of running a recorded segment again.
package struct SegmentReplay: Sendable {
    /// Steps that were run, up to the end of the first block that differs.
    package private(set) var steps: UInt64 = 0
    /// The running digest after the last of them.
    package private(set) var digest: Digest128
    /// Whether each block ended in the digest that was recorded.
    package private(set) var held = true
    /// Bytes at the end that were no whole block.
    package private(set) var tornBytes = 0

    /// Restores the state and repeats the steps; `nil` for a segment that never had its whole state.
    package init?(_ bytes: [UInt8]) throws(ByteError) {
        guard var reader = try SegmentReader(bytes) else { return nil }
        var shard = try Shard.restored(from: reader.snapshot)
        var trace = TraceDigest(goingOnFrom: shard)
        var effects = EffectBuffer<ShardEffect>(capacity: reader.effectCapacity)
        self.digest = trace.value
        while let block = try reader.next() {
            for step in block.steps {
                switch step {
                case .event(let event, let targets, let now):
                    for target in targets { _ = shard.stage(target) }
                    shard.handle(event, at: now, into: &effects)
                    trace.combine(event, at: now, shard: 0)
                case .deadline(let now):
                    shard.handleDeadline(at: now, into: &effects)
                    trace.combineDeadline(at: now, shard: 0)
                }
                trace.combine(effects, shard: 0)
                effects.removeAll()
            }
            self.steps += UInt64(block.steps.count)
            self.digest = trace.value
            guard trace.value == block.digest else {
                self.held = false
                return
            }
        }
        self.tornBytes = reader.tornBytes
    }
}
