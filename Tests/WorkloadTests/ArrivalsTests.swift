import ClientModel
import Kernel
import Testing
import Workload

@Suite struct ArrivalsTests {
    private func arrivals(seed: UInt64, users: UInt32 = 1_000) throws -> (Arrivals, Population) {
        var workload = try Workload(yaml: sound, file: "w.yaml")
        workload.users = users
        let population = Population(workload, seed: seed)
        let start = Instant.zero + workload.rampUp
        return (Arrivals(workload, population: population, seed: seed, start: start), population)
    }

    @Test func `one seed gives one stream`() throws {
        var (one, _) = try self.arrivals(seed: 5)
        var (other, _) = try self.arrivals(seed: 5)
        while true {
            let first = one.next()
            let second = other.next()
            #expect(first?.sender == second?.sender)
            #expect(first?.message == second?.message)
            guard first != nil else { return }
        }
    }

    @Test func `messages come in order, inside the duration, to a conversation of the sender`()
        throws
    {
        var (arrivals, population) = try self.arrivals(seed: 6)
        var last = Instant.zero + .seconds(20)
        var ids: Set<UInt64> = []
        while let (sender, message) = arrivals.next() {
            #expect(message.intended >= last)
            #expect(message.intended < .zero + .seconds(80))
            #expect(population.conversations(of: sender).contains(message.conversation))
            #expect(ids.insert(message.id.low).inserted)
            #expect(message.byteCount == 128)
            last = message.intended
        }
        #expect(!ids.isEmpty)
    }

    /// Integers only: 1,000 users, 0.01 a second, 60 s make 600 on average for a seed.
    @Test func `the rate over seeds is the file's within five standard deviations`() throws {
        var total = 0
        var squares = 0
        for seed in UInt64(1)...100 {
            var (arrivals, _) = try self.arrivals(seed: seed)
            var count = 0
            while arrivals.next() != nil { count += 1 }
            total += count
            squares += (count - 600) * (count - 600)
        }
        // Poisson: the sum has variance 60,000; 5 · 245 = 1,225.
        #expect((58_775...61_225).contains(total))
        // The spread of a Poisson count is its mean; a fixed or uniform gap would show here. The sum
        // of 100 squares has mean 60,000 and standard deviation near 8,500.
        #expect((17_500...102_500).contains(squares))
    }

    @Test func `the first messages of a stream are pinned`() throws {
        var (arrivals, _) = try self.arrivals(seed: 1)
        var digest = Digest128()
        for _ in 0..<100 {
            let next = arrivals.next()
            let (sender, message) = try #require(next)
            digest.combine(UInt64(sender.rawValue))
            digest.combine(UInt64(message.conversation.rawValue))
            digest.combine(message.intended.nanoseconds)
        }
        #expect(digest.hexadecimal == "108f1fec2fd326f5c57d2e0d3d06255e")
    }
}
