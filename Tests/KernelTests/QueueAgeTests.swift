import Kernel
import Testing

@Suite struct QueueAgeTests {
    @Test func `an empty queue has no age`() {
        var age = QueueAge(step: .milliseconds(5))
        #expect(age.age(at: .zero + .seconds(9)) == .zero)
        age.add(at: .zero + .seconds(1))
        age.take()
        #expect(age.age(at: .zero + .seconds(9)) == .zero)
    }

    @Test func `what came after the clock was read has not waited`() {
        var age = QueueAge(step: .milliseconds(5))
        age.add(at: .zero + .seconds(2))
        #expect(age.age(at: .zero + .seconds(1)) == .zero)
        #expect(age.age(at: .zero + .seconds(3)) == .seconds(1))
    }

    /// Beside a queue that keeps every instant.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func `the age is true to within a step, never less`(seed: UInt64) {
        let random = KeyedRandom(seed: seed)
        let step = Interval.milliseconds(5)
        var age = QueueAge(step: step)
        var instants: [Instant] = []
        var now = Instant.zero
        for n in 0..<2_000 as Range<UInt64> {
            let bits = random.draw(RandomPurpose(1), n)
            now = now + .microseconds(bits % 3_000)
            // Long tides, so that the queue both grows far and runs dry.
            let grows = n / 200 % 2 == 0 ? bits >> 32 % 4 != 0 : bits >> 32 % 4 == 0
            if grows || instants.isEmpty {
                instants.append(now)
                age.add(at: now)
            } else {
                instants.removeFirst()
                age.take()
            }
            let truth = instants.first.map { now - $0 } ?? .zero
            let seen = age.age(at: now)
            #expect(seen >= truth && seen < truth + step, "seed \(seed), step \(n)")
        }
    }

    @Test func `a queue that never runs dry keeps a true age`() {
        let step = Interval.milliseconds(5)
        var age = QueueAge(step: step)
        // One comes and one goes each millisecond; each waits for 700 ms.
        for millisecond in 0..<100_000 as Range<UInt64> {
            let now = Instant.zero + .milliseconds(millisecond)
            age.add(at: now)
            guard millisecond >= 700 else { continue }
            age.take()
            let seen = age.age(at: now)
            #expect(seen >= .milliseconds(699) && seen < .milliseconds(699) + step)
        }
    }
}
