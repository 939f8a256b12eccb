import ChatCore
import EventTrace
import Kernel
import Testing

@Suite struct RecordTests {
    /// The start of a segment and three blocks.
    private static func segment() -> [[UInt8]] {
        var shard = RecordedShard()
        return (0..<3 as Range<UInt32>).map {
            shard.talk(4, from: 4 * $0)
            return shard.takeBlock()
        }
    }

    @Test func `a record that is run again has the same digest`() throws {
        let bytes = Self.segment().flatMap(\.self)
        let first = try #require(try SegmentReplay(bytes))
        #expect(first.held)
        #expect(first.steps > 80)
        #expect(first.tornBytes == 0)
        #expect(try SegmentReplay(bytes)?.digest == first.digest)
    }

    @Test func `a segment that begins in the middle goes on from there`() throws {
        var shard = RecordedShard()
        shard.talk(5)
        shard.beginSegment()
        shard.talk(5, from: 5)
        let replay = try #require(try SegmentReplay(shard.takeBlock()))
        #expect(replay.held)
        #expect(replay.steps > 30)
    }

    @Test func `an event is read back as it was written`() throws {
        var shard = RecordedShard()
        let targets = (0..<7).map { ConnectionHandle(slot: $0, generation: 9) }
        for event in EventExamples.all { shard.forge(event, targets) }
        var reader = try #require(try SegmentReader(shard.takeBlock()))
        let block = try #require(try reader.next())
        #expect(block.steps.count == EventExamples.all.count)
        for (step, event) in zip(block.steps, EventExamples.all) {
            guard case .event(let read, let staged, _) = step else {
                Issue.record("\(event) became a deadline")
                continue
            }
            #expect(read == event)
            #expect(staged == targets)
        }
        #expect(try reader.next() == nil)
    }

    @Test func `a handle of bytes leaves no trace in a record`() throws {
        func record(_ handle: UInt64) -> [UInt8] {
            var shard = RecordedShard()
            let name = PayloadHandle(rawValue: handle)
            let room = ConversationReference(
                id: ConversationID(high: 1, low: 2),
                namespace: 0,
                name: name
            )
            let body = Body(handle: name, byteCount: 12)
            let handle = ConnectionHandle(slot: 0, generation: 1)
            shard.forge(.command(handle, CommandID(1), .publish(room, body)))
            return shard.takeBlock()
        }
        #expect(record(0x7f01_0203_0405) == record(0x7f05_0403_0201))
    }

    @Test func `a record that was cut off is whole up to its last block`() throws {
        let parts = Self.segment()
        let bytes = parts.flatMap(\.self)
        let all = try #require(try SegmentReplay(bytes)).steps
        let start = try #require(try SegmentReplay(parts[0])).steps
        #expect(start < all)
        var seen: Set<UInt64> = []
        for draw in 0..<200 as Range<UInt64> {
            let bits = KeyedRandom(seed: 3).draw(RandomPurpose(903), draw)
            let place = Int(KeyedRandom.below(UInt64(bytes.count), bits))
            let cut = try SegmentReplay(Array(bytes[..<place]))
            #expect(cut?.held != false)
            seen.insert(cut?.steps ?? 0)
            let ends = [parts[0].count, parts[0].count + parts[1].count]
            #expect(cut?.steps != all)
            if place < ends[0] { #expect((cut?.steps ?? 0) == 0) }
        }
        #expect(seen.count == 3)
    }

    @Test func `a flipped bit anywhere is refused with its place`() {
        let bytes = Self.segment().flatMap(\.self)
        for draw in 0..<400 as Range<UInt64> {
            let bits = KeyedRandom(seed: 4).draw(RandomPurpose(904), draw)
            let place = Int(KeyedRandom.below(UInt64(bytes.count), bits))
            var damaged = bytes
            damaged[place] ^= UInt8(truncatingIfNeeded: 1 << (bits & 7))
            #expect(throws: ByteError.self, "byte \(place)") { _ = try SegmentReplay(damaged) }
        }
    }

    @Test func `a step that the shard was not told shows in the digest`() throws {
        var shard = RecordedShard()
        shard.talk(3)
        let start = shard.takeBlock()
        // Recorded with no effects, where the shard has some.
        shard.forge(.opened(ConnectionHandle(slot: 9, generation: 1), ConnectionID(10)))
        shard.forge(.command(ConnectionHandle(slot: 9, generation: 1), CommandID(1), .connect))
        let replay = try #require(try SegmentReplay(start + shard.takeBlock()))
        #expect(!replay.held)
        #expect(try #require(try SegmentReplay(start)).held)
    }
}
