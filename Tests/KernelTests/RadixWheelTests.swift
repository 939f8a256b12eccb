import Kernel
import Testing

struct RadixWheelTests {
    /// Lets the wheel and the reference live through one workload and compares every answer.
    ///
    /// `pushShare` of 8 steps push, so that the queue grows above 4 and shrinks below.
    private func compare(
        spread: Spread,
        seed: UInt64,
        steps: Int,
        pushShare: UInt64,
        orders: UInt64
    ) -> Int {
        var compared = 0
        var random = SeededRandom(seed: seed)
        var wheel = RadixWheel<Tagged>()
        var reference = SortedReference()
        var now: UInt64 = 0
        for step in 0..<steps {
            if reference.count == 0 || random.below(8) < pushShare {
                let distance = spread.distance(step: step, random: &random)
                // Far enough ahead, time runs out: such a push comes due last, at the end of time.
                let time = now.addingReportingOverflow(distance)
                let element = Tagged(
                    time: time.overflow ? .max : time.partialValue,
                    order: random.below(orders),
                    label: UInt64(step)
                )
                wheel.push(element)
                reference.push(element)
            } else {
                let popped = wheel.pop()
                let expected = reference.pop()
                #expect(popped.time == expected.time && popped.order == expected.order)
                now = popped.time
            }
            if random.below(3) == 0 { #expect(wheel.nextTime() == reference.next?.time) }
            if let coming = wheel.ahead(0) { #expect(coming.time == reference.next?.time) }
            #expect(wheel.count == reference.count)
        }
        while !wheel.isEmpty {
            let popped = wheel.pop()
            let expected = reference.pop()
            compared += 1
            #expect(popped.time == expected.time && popped.order == expected.order)
        }
        #expect(reference.count == 0)
        #expect(wheel.nextTime() == nil)
        return compared
    }

    @Test(arguments: Spread.allCases, [1, 2, 3] as [UInt64])
    func `elements leave in the order that a sorted array gives`(spread: Spread, seed: UInt64) {
        #expect(
            self.compare(spread: spread, seed: seed, steps: 4_000, pushShare: 4, orders: .max) > 0
        )
    }

    @Test(arguments: Spread.allCases, [4, 5] as [UInt64])
    func `the order holds while the wheel fills`(spread: Spread, seed: UInt64) {
        #expect(
            self.compare(spread: spread, seed: seed, steps: 6_000, pushShare: 6, orders: .max) > 0
        )
    }

    @Test(arguments: Spread.allCases, [6, 7] as [UInt64])
    func `elements equal in both keys all leave`(spread: Spread, seed: UInt64) {
        #expect(self.compare(spread: spread, seed: seed, steps: 3_000, pushShare: 5, orders: 3) > 0)
    }

    @Test func `nothing is lost and nothing doubled`() {
        var random = SeededRandom(seed: 8)
        var wheel = RadixWheel<Tagged>()
        var popped: [UInt64] = []
        for label in 0..<20_000 as Range<UInt64> {
            let time = random.below(50)
            wheel.push(Tagged(time: time, order: random.below(3), label: label))
        }
        while !wheel.isEmpty { popped.append(wheel.pop().label) }
        let complete = popped.sorted() == Array(0..<20_000)
        #expect(complete)
    }

    @Test func `looking at a far deadline does not keep a nearer one out`() {
        var wheel = RadixWheel<Tagged>()
        wheel.push(Tagged(time: 25_000_000_000, order: 0, label: 0))
        #expect(wheel.nextTime() == 25_000_000_000)
        wheel.push(Tagged(time: 5, order: 0, label: 1))
        #expect(wheel.nextTime() == 5)
        #expect(wheel.pop().label == 1)
        wheel.push(Tagged(time: 5, order: 0, label: 2))
        #expect(wheel.pop().label == 2)
        #expect(wheel.pop().label == 0)
    }

    @Test func `a lower order pushed into the current instant leaves next`() {
        var wheel = RadixWheel<Tagged>()
        for order in [10, 20, 30] as [UInt64] {
            wheel.push(Tagged(time: 7, order: order, label: order))
        }
        #expect(wheel.pop().label == 10)
        wheel.push(Tagged(time: 7, order: 5, label: 5))
        #expect(wheel.pop().label == 5)
        #expect(wheel.pop().label == 20)
    }

    @Test(arguments: [0, 1, 999, UInt64.max])
    func `a crowd at one instant leaves by its order`(instant: UInt64) {
        var random = SeededRandom(seed: 9)
        var wheel = RadixWheel<Tagged>()
        var reference = SortedReference()
        func element(_ label: UInt64) -> Tagged {
            Tagged(time: instant, order: random.next(), label: label)
        }
        for label in 0..<3_000 as Range<UInt64> {
            let newcomer = element(label)
            wheel.push(newcomer)
            reference.push(newcomer)
        }
        // Most of these land behind the reach of an insertion, among the latecomers.
        for label in 3_000..<6_000 as Range<UInt64> {
            #expect(wheel.pop().order == reference.pop().order)
            for copy in 0..<2 as Range<UInt64> {
                let newcomer = element(label * 2 + copy)
                wheel.push(newcomer)
                reference.push(newcomer)
            }
            #expect(wheel.nextTime() == instant)
        }
        while !wheel.isEmpty { #expect(wheel.pop().order == reference.pop().order) }
        #expect(reference.count == 0)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a crowd pushed into the span that is due leaves in order`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var wheel = RadixWheel<Tagged>()
        var reference = SortedReference()
        func push(time: UInt64, label: UInt64) {
            let element = Tagged(time: time, order: random.next(), label: label)
            wheel.push(element)
            reference.push(element)
        }
        // Few elements, so that a bucket of 64 instants is sorted as it is.
        for label in 0..<20 as Range<UInt64> { push(time: 1_000 + label, label: label) }
        for round in 1...8 as ClosedRange<UInt64> {
            let now = wheel.pop().time
            #expect(now == reference.pop().time)
            for label in 0..<600 as Range<UInt64> {
                push(time: now + random.below(4), label: round * 1_000 + label)
            }
        }
        while !wheel.isEmpty { #expect(wheel.pop().order == reference.pop().order) }
        #expect(reference.count == 0)
    }

    @Test(arguments: CraftedOrder.allCases)
    func `a crowd in a crafted order leaves by its order`(crafted: CraftedOrder) {
        let orders = crafted.orders(count: 20_000)
        var wheel = RadixWheel<Tagged>()
        for order in orders { wheel.push(Tagged(time: 1_000, order: order, label: 0)) }
        var popped: [UInt64] = []
        while !wheel.isEmpty { popped.append(wheel.pop().order) }
        let inOrder = popped == orders.sorted()
        #expect(inOrder)
    }

    @Test func `what lies ahead is told in order`() {
        var wheel = RadixWheel<Tagged>()
        for label in 0..<50 as Range<UInt64> {
            wheel.push(Tagged(time: 1_000 + 7 * label, order: 0, label: label))
        }
        #expect(wheel.pop().label == 0)
        for distance in 0..<3 { #expect(wheel.ahead(distance)?.label == UInt64(distance) + 1) }
        #expect(wheel.ahead(49) == nil)
    }
}

struct RadixWheelLimitsTests {
    @Test func `a push before the last element popped traps`() async {
        await #expect(processExitsWith: .failure) {
            var wheel = RadixWheel<Tagged>()
            wheel.push(Tagged(time: 10, order: 0, label: 0))
            _ = wheel.pop()
            wheel.push(Tagged(time: 9, order: 0, label: 0))
        }
    }

    @Test func `a pop from an empty wheel traps`() async {
        await #expect(processExitsWith: .failure) {
            var wheel = RadixWheel<Tagged>()
            wheel.push(Tagged(time: 10, order: 0, label: 0))
            _ = wheel.pop()
            _ = wheel.pop()
        }
    }

    @Test func `an empty wheel is small`() {
        let wheel = RadixWheel<Tagged>()
        #expect(wheel.reservedBytes + MemoryLayout<RadixWheel<Tagged>>.size <= 24 * 1_024)
    }

    @Test func `a steady state takes no more memory`() {
        var random = SeededRandom(seed: 10)
        var wheel = RadixWheel<Tagged>()
        for label in 0..<10_000 as Range<UInt64> {
            wheel.push(Tagged(time: random.below(1_000_000_000), order: label, label: label))
        }
        func turn(_ steps: Int) {
            for _ in 0..<steps {
                let element = wheel.pop()
                let time = element.time + 1 + random.below(2_000_000_000)
                wheel.push(Tagged(time: time, order: element.order, label: element.label))
            }
        }
        turn(100_000)
        let before = wheel.reservedBytes
        turn(200_000)
        // The chunks in use vary by what the occupied buckets hold, by less than one slab.
        #expect(wheel.reservedBytes <= before + before / 2)
        #expect(before < 3 * 10_000 * MemoryLayout<Tagged>.stride)
    }

    @Test func `one burst after another uses the same memory`() {
        var wheel = RadixWheel<Tagged>()
        var reserved: [Int] = []
        for round in 1...200 as ClosedRange<UInt64> {
            // Each burst goes to a bucket of its own and is larger than all that is sorted at once.
            let start = round * 70_000_000_000
            for label in 0..<5_000 as Range<UInt64> {
                wheel.push(Tagged(time: start + label * 1_000, order: 0, label: label))
            }
            while !wheel.isEmpty { _ = wheel.pop() }
            reserved.append(wheel.reservedBytes)
        }
        #expect(reserved.last == reserved.first)
    }

    @Test func `sorting a crowd keeps no more than its bound`() {
        var wheel = RadixWheel<Tagged>()
        for label in 0..<100_000 as Range<UInt64> {
            wheel.push(Tagged(time: 5, order: label, label: label))
        }
        while !wheel.isEmpty { _ = wheel.pop() }
        wheel.push(Tagged(time: 6, order: 0, label: 0))
        _ = wheel.pop()
        // Chunks for the crowd, and the sorted run's bound.
        let chunks = (100_000 / 42 + 2) * 1_024 * 3 / 2
        #expect(wheel.reservedBytes < 24 * 1_024 + chunks + 16_384 * MemoryLayout<Tagged>.stride)
    }
}
