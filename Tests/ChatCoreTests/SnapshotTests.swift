import ChatCore
import Kernel
import Testing

@Suite struct SnapshotTests {
    private static func run(_ layout: Layout, seed: UInt64, restarts: Bool) -> TestFleet {
        let chat = Chat(layout, seed: seed)
        let fleet = chat.fleet
        fleet.bus = .hostile
        fleet.twinEvery = 61
        fleet.appendFault = { _ in fleet.draw(below: 9) == 0 ? .unknownApplied : .none }
        _ = chat.run(restarts: restarts)
        return fleet
    }

    @Test(arguments: Layout.allCases, 1...4 as ClosedRange<UInt64>)
    func `a shard restored from its snapshot goes on as the shard does`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let fleet = Self.run(layout, seed: seed, restarts: seed % 2 == 0)
        #expect(fleet.twinDifferences == [])
        #expect(fleet.twinChecks > 20)
    }

    @Test func `a snapshot with a byte changed or cut off is refused`() throws {
        let snapshot = Self.run(.together, seed: 1, restarts: false).lastSnapshot
        #expect(try Shard.restored(from: snapshot).snapshot() == snapshot)
        for draw in 0..<400 as Range<UInt64> {
            let bits = KeyedRandom(seed: 1).draw(RandomPurpose(901), draw)
            let place = Int(KeyedRandom.below(UInt64(snapshot.count), bits))
            var damaged = snapshot
            damaged[place] ^= UInt8(truncatingIfNeeded: 1 << (bits & 7))
            #expect(throws: ByteError.self) { _ = try Shard.restored(from: damaged).snapshot() }
            let cut = Array(snapshot[..<place])
            #expect(throws: ByteError.self) { _ = try Shard.restored(from: cut).snapshot() }
        }
    }

    @Test func `damage under a fresh digest is refused or read, and never a trap`() throws {
        let snapshot = Self.run(.together, seed: 2, restarts: false).lastSnapshot
        let body = snapshot.dropLast(16)
        var refused = 0
        for draw in 0..<1_000 as Range<UInt64> {
            let bits = KeyedRandom(seed: 2).draw(RandomPurpose(902), draw)
            let place = Int(KeyedRandom.below(UInt64(body.count), bits))
            var damaged = Array(body)
            damaged[place] ^= UInt8(truncatingIfNeeded: 1 << (bits & 7))
            var writer = ByteWriter()
            writer.append(damaged[...])
            writer.value(Digest128(of: damaged[...]))
            do {
                let restored = try Shard.restored(from: writer.bytes)
                #expect(restored.snapshot() == writer.bytes, "one state has one encoding")
            } catch {
                refused += 1
            }
        }
        #expect(refused > 50)
    }

    @Test func `a twin that misses one event has another state`() {
        let stepper = ShardStepper()
        let twin = ShardStepper()
        _ = stepper.admit(slot: 0)
        _ = twin.admit(slot: 0)
        #expect(stepper.stateDigest == twin.stateDigest)
        _ = stepper.admit(slot: 1, user: 2)
        #expect(stepper.stateDigest != twin.stateDigest)
    }
}
