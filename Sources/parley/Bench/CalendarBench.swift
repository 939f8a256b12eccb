import ArgumentParser
import EngineBenchmark
import Foundation

/// `parley bench engine`: PHOLD on the calendar, beside `std::priority_queue` in C++.
struct CalendarBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine",
        abstract:
            "Run PHOLD on the event calendar, beside a C++ priority queue on the same workload.",
        discussion: """
            Both sides run in turns in this process and must live through the same history; the \
            command fails with exit code 70 if they do not. Figures are medians over the repetitions.
            """
    )

    @Flag(help: "Print JSON: a list with one object for each number of pending events.")
    var json = false

    @Option(help: "Timed repetitions of each side.")
    var repetitions = 5

    @Option(help: "Events in each repetition.")
    var events = 2_000_000

    func validate() throws {
        guard self.repetitions >= 1 else {
            throw ValidationError("--repetitions \(self.repetitions): expected at least 1")
        }
        guard self.events >= 1_000 else {
            throw ValidationError("--events \(self.events): expected at least 1000")
        }
    }

    func run() throws {
        let benchmark = EngineBenchmark(
            repetitions: self.repetitions,
            eventsPerRepetition: self.events
        )
        var rows: [Row] = []
        for pending in EngineBenchmark.reportedSizes {
            let result = benchmark.run(pending: pending)
            guard result.agrees else {
                FileHandle.standardError.write(
                    Data("bench engine: the two sides lived through different histories\n".utf8)
                )
                throw ExitCode(70)
            }
            rows.append(Row(result))
            if !self.json { print(rows[rows.count - 1].text) }
        }
        guard self.json else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(rows), as: UTF8.self))
    }
}

/// One line of the output.
private struct Row: Encodable {
    var pending: Int
    var eventsPerSecond: Double
    var referenceEventsPerSecond: Double
    var speedup: Double
    var checksum: String
    var reservedBytes: Int
    var reservedBytesGrowth: Int

    init(_ result: EngineBenchmarkResult) {
        self.pending = result.pending
        self.eventsPerSecond = result.eventsPerSecond.rounded()
        self.referenceEventsPerSecond = result.referenceEventsPerSecond.rounded()
        self.speedup = (result.speedup * 100).rounded() / 100
        self.checksum = String(result.checksum, radix: 16)
        self.reservedBytes = result.reservedBytes
        self.reservedBytesGrowth = result.reservedBytesGrowth
    }

    var text: String {
        let millions = { (rate: Double) in String(format: "%.1f", rate / 1_000_000) }
        return "\(self.pending) pending: \(millions(self.eventsPerSecond)) M events/s, "
            + "reference \(millions(self.referenceEventsPerSecond)) M, ratio \(self.speedup), "
            + "checksum \(self.checksum)"
    }
}
