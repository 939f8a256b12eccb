import Kernel
import Testing

@Suite struct DeadlineHeapTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `entries come out by instant and then as they were scheduled`(_ seed: UInt64) {
        let random = KeyedRandom(seed: seed)
        var heap = DeadlineHeap<UInt64>()
        var expected: [(Instant, UInt64)] = []
        for index in 0..<500 as Range<UInt64> {
            let draw = random.draw(RandomPurpose(1), index)
            let instant = Instant(nanoseconds: KeyedRandom.below(64, draw))
            heap.schedule(index, at: instant)
            expected.append((instant, index))
        }
        expected.sort { ($0.0, $0.1) < ($1.0, $1.1) }
        for (instant, index) in expected {
            #expect(heap.earliest == instant)
            #expect(heap.next(dueAt: instant) == index)
        }
        #expect(heap.earliest == nil)
    }

    @Test func `nothing comes out before it is due`() {
        var heap = DeadlineHeap<UInt64>()
        heap.schedule(7, at: Instant(nanoseconds: 10))
        #expect(heap.next(dueAt: Instant(nanoseconds: 9)) == nil)
        #expect(heap.next(dueAt: Instant(nanoseconds: 10)) == 7)
    }
}
