import ChatServer
import Kernel
import NIOCore
import Testing

/// What connections are to get: the plain list of bytes for each, beside the shared tree of frames.
struct OutboundTests {
    /// What a run wrote to each connection, and what it should have.
    private struct Written {
        var got: [UInt32: [UInt8]] = [:]
        var expected: [UInt32: [UInt8]] = [:]
        var frames = 0

        /// Whoever got something else than it was sent.
        var wronged: [UInt32] {
            self.expected.keys.sorted().filter { self.expected[$0] != self.got[$0, default: []] }
        }
    }

    private static func frame(_ number: UInt64, _ bits: UInt64) -> ByteBuffer {
        let size = Int(KeyedRandom.below(40, bits)) + 1
        return ByteBuffer(
            bytes: (0..<size).map { UInt8(truncatingIfNeeded: number &* 31 + UInt64($0)) }
        )
    }

    private static func dialect(_ slot: UInt32) -> Dialect {
        Dialect.all[Int(slot) % Dialect.count]
    }

    /// The frame as one dialect has it: with the dialect's place behind it.
    private static func spoken(_ frame: ByteBuffer, in dialect: Dialect) -> ByteBuffer {
        ByteBuffer(bytes: Array(frame.readableBytesView) + [UInt8(dialect.index)])
    }

    /// Sends, takes, mutes and closes at random; in the end everything is taken.
    private static func run(_ seed: UInt64, connections: UInt32 = 12) -> (Written, Outbound) {
        let random = KeyedRandom(seed: seed)
        var outbound = Outbound()
        var effects = EffectBuffer<UInt8>(capacity: 1)
        var written = Written()
        var pending: [UInt32: [UInt8]] = [:]
        var muted: Set<UInt32> = []
        let handles = (0..<connections).map { ConnectionHandle(slot: $0, generation: 1) }
        for handle in handles { outbound.open(handle, Self.dialect(handle.slot)) }
        func take(_ slot: UInt32) {
            guard let bytes = outbound.take(slot) else { return }
            written.got[slot, default: []] += Array(bytes.readableBytesView)
            written.expected[slot, default: []] += pending.removeValue(forKey: slot) ?? []
        }
        for step in 0..<600 as Range<UInt64> {
            let bits = random.draw(RandomPurpose(1), step)
            let slot = UInt32(KeyedRandom.below(UInt64(connections), KeyedRandom.mix(bits)))
            let frame = Self.frame(step, bits)
            let bytes = Array(frame.readableBytesView)
            switch bits & 15 {
            case 0...5:
                outbound.send(frame, to: handles[Int(slot)])
                if !muted.contains(slot) { pending[slot, default: []] += bytes }
            case 6...10:
                effects.removeAll()
                for handle in handles where bits >> (8 + handle.slot) & 1 == 1 {
                    effects.appendTarget(handle)
                    if !muted.contains(handle.slot) {
                        pending[handle.slot, default: []] +=
                            Self.spoken(
                                frame,
                                in: Self.dialect(handle.slot)
                            ).readableBytesView
                    }
                }
                let range = TargetRange(start: 0, count: effects.targetCount)
                outbound.send(to: range, of: effects) { Self.spoken(frame, in: $0) }
            case 11...13: take(slot)
            case 14:
                guard step % 50 == 0 else { continue }
                outbound.mute(handles[Int(slot)])
                muted.insert(slot)
            default:
                // Of another life of the slot: nobody gets it.
                outbound.send(frame, to: ConnectionHandle(slot: slot, generation: 2))
            }
            written.frames = max(written.frames, outbound.frameCount)
        }
        while let slot = outbound.nextInLine() { take(slot) }
        return (written, outbound)
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `everybody gets what was sent, once and in order, however it is shared`(_ seed: UInt64) {
        let (written, outbound) = Self.run(seed)
        #expect(written.wronged == [])
        #expect(written.expected.values.reduce(0) { $0 + $1.count } > 2_000)
        #expect(written.frames > 10)
        #expect(outbound.frameCount == 0, "no frame stays behind")
    }

    /// Ways to deliver wrongly.
    enum Fault: CaseIterable {
        case lost
        case repeated
        case reordered
    }

    @Test(arguments: Fault.allCases)
    func `a frame that is lost, repeated or out of order is seen`(_ fault: Fault) {
        var (written, _) = Self.run(1)
        guard var bytes = written.got[3], bytes.count > 4, bytes[1] != bytes[2] else {
            Issue.record("connection 3 got nothing")
            return
        }
        switch fault {
        case .lost: bytes.remove(at: 1)
        case .repeated: bytes.insert(bytes[1], at: 1)
        case .reordered: bytes.swapAt(1, 2)
        }
        written.got[3] = bytes
        #expect(written.wronged == [3])
    }

    @Test
    func `a connection that closes leaves nothing behind, and its slot's next one gets its own`() {
        var outbound = Outbound()
        let first = ConnectionHandle(slot: 0, generation: 1)
        outbound.open(first, Dialect.all[0])
        outbound.send(ByteBuffer(string: "old"), to: first)
        outbound.close(first)
        #expect(outbound.frameCount == 0)
        let second = ConnectionHandle(slot: 0, generation: 2)
        outbound.open(second, Dialect.all[1])
        outbound.send(ByteBuffer(string: "older"), to: first)
        outbound.send(ByteBuffer(string: "new"), to: second)
        #expect(outbound.take(0) == ByteBuffer(string: "new"))
        #expect(outbound.take(0) == nil)
    }

    @Test func `who has much pending does not wait in line`() {
        var outbound = Outbound()
        let handle = ConnectionHandle(slot: 0, generation: 1)
        outbound.open(handle, Dialect.all[0])
        outbound.send(ByteBuffer(repeating: 1, count: Outbound.gatherLimit), to: handle)
        #expect(outbound.nextOverfull() == nil)
        outbound.send(ByteBuffer(repeating: 2, count: 1), to: handle)
        #expect(outbound.nextOverfull() == 0)
        #expect(outbound.take(0)?.readableBytes == Outbound.gatherLimit + 1)
    }

    @Test func `a fan-out costs one frame however many get it, and paths part where they must`() {
        var frames = PendingFrames()
        var places = [Int32](repeating: PendingFrames.none, count: 100)
        for round in 0..<3 as Range<UInt8> {
            frames.beginFanOut()
            for index in places.indices {
                places[index] = frames.extend(places[index], by: ByteBuffer(bytes: [round]))
            }
        }
        #expect(frames.count == 3)
        frames.beginFanOut()
        places[7] = frames.extend(places[7], by: ByteBuffer(bytes: [9]))
        #expect(frames.count == 4 && frames.byteCount(places[7]) == 4)
        #expect(frames.take(places[7]) == ByteBuffer(bytes: [0, 1, 2, 9]))
        frames.leave(places[8])
        for index in places.indices where index != 7 && index != 8 {
            #expect(frames.take(places[index]) == ByteBuffer(bytes: [0, 1, 2]))
        }
        #expect(frames.count == 0)
    }

    private static let handle = ConnectionHandle(slot: 0, generation: 1)

    private static func publication(_ offset: UInt64, in conversation: UInt64) -> FrameKind {
        .publications(ConversationID(high: 0, low: conversation), after: Offset(offset - 1))
    }

    /// One connection that was sent frames, one byte each, of these kinds.
    private static func sent(_ kinds: [FrameKind], others: UInt32 = 0) -> Outbound {
        var outbound = Outbound()
        var effects = EffectBuffer<UInt8>(capacity: 1)
        for slot in 0...others {
            let handle = ConnectionHandle(slot: slot, generation: 1)
            outbound.open(handle, Dialect.all[0])
            effects.appendTarget(handle)
        }
        let range = TargetRange(start: 0, count: effects.targetCount)
        for (index, kind) in kinds.enumerated() {
            outbound.send(to: range, of: effects, as: kind) { _ in
                ByteBuffer(bytes: [UInt8(index)])
            }
        }
        return outbound
    }

    @Test func `publications go that no reply follows, and each conversation's first is named`() {
        var outbound = Self.sent(
            [
                Self.publication(4, in: 1), .lasting, Self.publication(5, in: 1), .ping,
                Self.publication(9, in: 2), Self.publication(6, in: 1), .ping,
                .publications(ConversationID(high: 0, low: 3), after: nil),
            ],
            others: 1
        )
        let dropped = outbound.dropPublications(of: Self.handle)
        #expect(dropped.map(\.conversation.low).sorted() == [1, 2])
        #expect(dropped.first { $0.conversation.low == 1 }?.after == Offset(4))
        #expect(dropped.first { $0.conversation.low == 2 }?.after == Offset(8))
        #expect(outbound.pendingBytes(0) == 4)
        #expect(outbound.take(0).map { Array($0.readableBytesView) } == [0, 1, 3, 6])
        #expect(outbound.take(1).map { Array($0.readableBytesView) } == Array(0..<8))
        #expect(outbound.frameCount == 0)
    }

    @Test func `who has nothing pending, or another life of the slot, loses nothing`() {
        var outbound = Self.sent([.lasting, Self.publication(1, in: 1)])
        let later = ConnectionHandle(slot: 0, generation: 2)
        #expect(outbound.dropPublications(of: later).isEmpty)
        #expect(outbound.pendingBytes(0) == 2)
        _ = outbound.take(0)
        #expect(outbound.dropPublications(of: Self.handle).isEmpty)
        #expect(outbound.take(0) == nil && outbound.frameCount == 0)
    }
}
