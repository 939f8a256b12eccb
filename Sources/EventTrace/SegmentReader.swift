package import ChatCore
package import Kernel

/// One step of a shard as its record has it.
package enum RecordedStep: Sendable {
    case event(ShardEvent, targets: [ConnectionHandle], at: Instant)
    case deadline(at: Instant)
}

/// Some steps, and the running digest after them.
package struct RecordedBlock: Sendable {
    package var steps: [RecordedStep]
    package var digest: Digest128
}

/// Reads one segment of a record; damage is an error with its place, never a trap.
package struct SegmentReader: Sendable {
    private let bytes: [UInt8]
    private var position: Int
    private var lastInstant: UInt64 = 0
    /// How many effects the host granted to each step.
    package let effectCapacity: Int
    /// The state at the start, for `Shard.restored(from:)`.
    package let snapshot: [UInt8]

    /// Gives `nil` for a segment whose writer ended before the whole state was there.
    package init?(_ bytes: [UInt8]) throws(ByteError) {
        guard bytes.count >= 8 else { return nil }
        var head = ByteReader(bytes)
        guard try head.fixed() == RecordFrame.mark else {
            throw ByteError(position: 0, expected: "the mark of a record")
        }
        self.bytes = bytes
        self.position = head.position
        guard var start = try RecordFrame.next(of: bytes, at: &self.position) else { return nil }
        guard try start.word() == RecordFrame.version else {
            throw start.refusal("record version \(RecordFrame.version)")
        }
        self.effectCapacity = try start.integer()
        guard Shard.effectReserve...(1 << 20) ~= self.effectCapacity else {
            throw start.refusal("room for \(Shard.effectReserve) to \(1 << 20) effects")
        }
        self.snapshot = Array(bytes[start.position..<self.position])
    }

    /// How many bytes at the end are no whole block, once `next` has given `nil`.
    package var tornBytes: Int { self.bytes.count - self.position }

    /// The next whole block; `nil` after the last.
    package mutating func next() throws(ByteError) -> RecordedBlock? {
        guard var block = try RecordFrame.next(of: self.bytes, at: &self.position) else {
            return nil
        }
        var steps: [RecordedStep] = []
        for _ in 0..<(try block.count()) { steps.append(try self.step(&block)) }
        let digest: Digest128 = try block.value()
        try block.finish()
        return RecordedBlock(steps: steps, digest: digest)
    }

    private mutating func step(_ block: inout ByteReader) throws(ByteError) -> RecordedStep {
        let isEvent = try block.flag()
        self.lastInstant &+= try block.word()
        let now = Instant(nanoseconds: self.lastInstant)
        guard isEvent else { return .deadline(at: now) }
        let event: ShardEvent = try block.value()
        let targets: [ConnectionHandle] = try block.list()
        if case .pongs(let range) = event,
            UInt64(range.start) + UInt64(range.count) > UInt64(targets.count)
        {
            throw block.refusal("a range of \(targets.count) targets")
        }
        return .event(event, targets: targets, at: now)
    }
}
