import PriorityQueueReference

/// What one size of the engine's benchmark came to.
package struct EngineBenchmarkResult: Sendable {
    /// Events pending throughout, which is also the number of entities.
    package var pending: Int

    /// Events that each side let happen in each timed repetition.
    package var eventsPerRepetition: Int

    package var repetitions: Int

    /// The calendar's median over the repetitions.
    package var eventsPerSecond: Double

    /// The median of `std::priority_queue` in C++ on the same workload.
    package var referenceEventsPerSecond: Double

    /// The median of the repetitions' ratios, each of two runs one right after the other.
    package var speedup: Double

    /// A hash of what every entity saw in which order.
    package var checksum: UInt64

    /// The reference's hash; another value than `checksum` means that one side is wrong.
    package var referenceChecksum: UInt64

    /// The calendar's memory, in bytes.
    package var reservedBytes: Int

    /// By how much that grew during the timed repetitions.
    package var reservedBytesGrowth: Int

    /// Whether both sides lived through the same history.
    package var agrees: Bool { self.checksum == self.referenceChecksum }
}

/// PHOLD over the calendar and over `std::priority_queue`, side by side.
///
/// All targets are remote, the lookahead is 0.1 s, increments are exponential of mean 1 s. Both sides run
/// in one process, in turns, with equal numbers and the same integer arithmetic.
package struct EngineBenchmark {
    private let repetitions: Int
    private let eventsPerRepetition: Int

    /// The pending events of the sizes that are reported.
    package static let reportedSizes: [UInt32] = [1_000, 100_000, 1_000_000]

    private static let seed: UInt64 = 42
    private static let lookahead: UInt64 = 100_000_000

    /// Prepares a benchmark of `repetitions` timed runs of each side, an odd number gives a true median.
    package init(repetitions: Int, eventsPerRepetition: Int) {
        precondition(repetitions > 0 && eventsPerRepetition > 0, "there is something to measure")
        self.repetitions = repetitions
        self.eventsPerRepetition = eventsPerRepetition
    }

    /// Measures one size.
    ///
    /// Both sides first run three events for each pending one, so that the queue has its steady shape.
    package func run(pending: UInt32) -> EngineBenchmarkResult {
        let draw = ExponentialDraw()
        var hold = CalendarHold(
            pending: pending,
            seed: Self.seed,
            lookahead: Self.lookahead,
            draw: draw
        )
        // `draw` outlives the reference: it is used below, after the last call to `reference`.
        let reference = unsafe ReferenceHold(
            pending: pending,
            seed: Self.seed,
            lookahead: Self.lookahead,
            logarithms: draw.logarithms
        )
        let warmUp = 3 * Int(pending)
        hold.run(events: warmUp, draw: draw)
        reference.run(events: warmUp)

        let reservedBefore = hold.reservedBytes
        var rates: [Double] = []
        var referenceRates: [Double] = []
        var ratios: [Double] = []
        for _ in 0..<self.repetitions {
            let rate = self.rate { hold.run(events: self.eventsPerRepetition, draw: draw) }
            let referenceRate = self.rate { reference.run(events: self.eventsPerRepetition) }
            rates.append(rate)
            referenceRates.append(referenceRate)
            ratios.append(rate / referenceRate)
        }
        return EngineBenchmarkResult(
            pending: Int(pending),
            eventsPerRepetition: self.eventsPerRepetition,
            repetitions: self.repetitions,
            eventsPerSecond: Self.median(rates),
            referenceEventsPerSecond: Self.median(referenceRates),
            speedup: Self.median(ratios),
            checksum: hold.checksum,
            referenceChecksum: reference.checksum,
            reservedBytes: hold.reservedBytes,
            reservedBytesGrowth: hold.reservedBytes - reservedBefore
        )
    }

    private func rate(of run: () -> Void) -> Double {
        let elapsed = ContinuousClock().measure(run)
        return Double(self.eventsPerRepetition) / (elapsed / .seconds(1))
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2)
            ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

/// The C++ side of the benchmark.
@safe private struct ReferenceHold: ~Copyable {
    // Owned: made in `init`, destroyed in `deinit`, never shared.
    private let hold: OpaquePointer

    @unsafe init(
        pending: UInt32,
        seed: UInt64,
        lookahead: UInt64,
        logarithms: UnsafePointer<UInt32>
    ) {
        unsafe self.hold = priority_queue_hold_create(pending, seed, lookahead, logarithms)
    }

    deinit { unsafe priority_queue_hold_destroy(self.hold) }

    func run(events: Int) { unsafe priority_queue_hold_run(self.hold, UInt64(events)) }

    var checksum: UInt64 { unsafe priority_queue_hold_checksum(self.hold) }
}
