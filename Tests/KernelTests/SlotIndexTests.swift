import Kernel
import Testing

struct SlotIndexTests {
    /// Keys by slot, of which few hash differently: every probe runs long.
    private struct Table: ~Copyable {
        var index = SlotIndex()
        var keys: [UInt64] = []

        init() {}

        static func hash(_ key: UInt64, _ spread: UInt64) -> UInt32 {
            UInt32(truncatingIfNeeded: KeyedRandom.mix(key) % spread)
        }

        func find(_ key: UInt64, _ spread: UInt64) -> UInt32? {
            self.index.find(Self.hash(key, spread)) { self.keys[Int($0)] == key }
        }
    }

    @Test(arguments: [1, 3, 40, 1 << 32] as [UInt64], [1, 2, 3] as [UInt64])
    func `it finds what a dictionary finds, however keys collide`(spread: UInt64, seed: UInt64) {
        let random = KeyedRandom(seed: seed)
        var table = Table()
        var model: [UInt64: UInt32] = [:]
        for step in 0..<3_000 as Range<UInt64> {
            let bits = random.draw(RandomPurpose(1), step)
            let key = bits >> 8 % 200
            let found = table.find(key, spread)
            #expect(found == model[key])
            if let slot = found {
                guard bits & 1 == 0 else { continue }
                table.index.remove(slot, Table.hash(key, spread))
                model[key] = nil
            } else {
                let slot = UInt32(table.keys.count)
                table.keys.append(key)
                table.index.insert(slot, Table.hash(key, spread))
                model[key] = slot
            }
            #expect(table.index.count == model.count)
        }
        for key in 0..<200 as Range<UInt64> {
            #expect(table.find(key, spread) == model[key])
        }
    }

    @Test func `an empty index finds nothing`() {
        let index = SlotIndex()
        #expect(index.find(0) { _ in true } == nil)
    }
}
