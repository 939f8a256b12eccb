import EngineBenchmark
import Testing

struct EngineBenchmarkTests {
    @Test(arguments: [1, 50, 1_000, 20_000] as [UInt32])
    func `the calendar and the C++ queue live through the same history`(pending: UInt32) {
        let result = EngineBenchmark(repetitions: 3, eventsPerRepetition: 10_000)
            .run(pending: pending)
        #expect(result.agrees)
        #expect(result.pending == Int(pending))
        #expect(result.eventsPerSecond > 0 && result.referenceEventsPerSecond > 0)
    }

    @Test func `another history has another checksum`() {
        let shorter = EngineBenchmark(repetitions: 1, eventsPerRepetition: 1_000).run(pending: 100)
        let longer = EngineBenchmark(repetitions: 1, eventsPerRepetition: 1_001).run(pending: 100)
        #expect(shorter.checksum != longer.checksum)
    }
}
