import ArgumentParser
import Foundation
import LoadGenerator

/// `parley bench serve`: the live server over real sockets.
struct ServerBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Measure the live server over real sockets: memory, rates and latency.",
        discussion: """
            Starts `serve` with one shard as a process on the first core and drives it from the last \
            one; then a bare loop in C that keeps nothing, with the same clients. Counted is what clients received, checked for order, holes and repeats; a fault or a \
            shortfall makes the exit code 1, a missed goal does not.
            """
    )

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Idle connections.")
    var idle = ServerBenchmark.Size().idle

    @Option(help: "Subscribers of the group.")
    var group = ServerBenchmark.Size().group

    @Option(help: "Conversations of ten.")
    var smallGroups = ServerBenchmark.Size().smallGroups

    @Option(help: "Conversations of two.")
    var pairs = ServerBenchmark.Size().pairs

    @Option(help: "Seconds of each measured phase.")
    var seconds = ServerBenchmark.Size().seconds

    @Option(help: "Where to put the server's data for the time of the run.")
    var data = FileManager.default.temporaryDirectory.path

    func validate() throws {
        let limit = ServerBenchmark.socketLimit
        try Self.check("--idle", self.idle, 200...limit)
        try Self.check("--group", self.group, 2...limit)
        try Self.check("--small-groups", self.smallGroups, 1...limit / 10)
        try Self.check("--pairs", self.pairs, 1...limit / 2)
        try Self.check("--seconds", self.seconds, 1...600)
    }

    private static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            let bounds = "\(range.lowerBound) to \(range.upperBound)"
            throw ValidationError("\(name) \(value): expected \(bounds)")
        }
    }

    func run() async throws {
        var size = ServerBenchmark.Size()
        size.idle = self.idle
        size.group = self.group
        size.smallGroups = self.smallGroups
        size.pairs = self.pairs
        size.seconds = self.seconds
        let folder = URL(filePath: self.data)
            .appending(path: "parley-bench-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let outcome: Result<ServerBenchmarkResult, any Error>
        do {
            var benchmark = try ServerBenchmark(
                size,
                command: URL(filePath: "/proc/self/exe").resolvingSymlinksInPath(),
                folder: folder.path,
                onProgress: Self.show
            )
            let users = (0..<benchmark.userCount).map { ServerBenchmark.user($0) }
            let tokens = try await UserTokens.signed(for: users, secret: benchmark.secret)
            outcome = .success(try benchmark.run(tokens: tokens))
        } catch {
            outcome = .failure(error)
        }
        try FileManager.default.removeItem(at: folder)
        Self.show("")
        let result = try outcome.get()
        if self.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(result), as: UTF8.self))
        } else {
            Self.summarise(result)
        }
        if result.faultCount > 0 { throw ExitCode(1) }
    }

    static func show(_ step: String) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        let line = "\r" + step.padding(toLength: 40, withPad: " ", startingAt: 0)
        FileHandle.standardError.write(Data(line.utf8))
    }

    private static func summarise(_ result: ServerBenchmarkResult) {
        let machine = result.machine
        self.line(
            "machine",
            "\(machine.cores) cores, \(machine.processor), Linux \(machine.kernel)"
        )
        let disk = result.disk
        self.line(
            "fdatasync",
            "p50 \(whole(disk.fsyncP50Microseconds)) p99 \(whole(disk.fsyncP99Microseconds)) µs"
        )
        for note in result.notes { self.line("note", note) }
        self.summarise("parley serve", result.server)
        self.summarise("bare C, nothing kept", result.reference)
        for phase in result.phases {
            self.line(
                "  busy in \(phase.name)",
                "\(phase.contender) \(hundredths(phase.serverShare)),"
                    + " clients \(hundredths(phase.clientShare)),"
                    + " others \(hundredths(phase.othersShare)), limit: \(phase.saturated),"
                    + " deliveries a read \(hundredths(phase.deliveriesPerRead))"
            )
        }
        for goal in result.goals {
            self.line(
                goal.isMet ? "met" : "missed",
                "\(goal.name): \(hundredths(goal.reached)) \(goal.unit), goal \(whole(goal.goal))"
            )
        }
        for fault in result.faults { self.line("fault", fault) }
    }

    private static func summarise(_ name: String, _ figures: ServerFigures) {
        print(name)
        self.line("  connects a second", whole(figures.connectsPerSecond))
        self.line(
            "  idle connection",
            "\(whole(figures.idleBytesPerConnection)) bytes, \(figures.idleConnections) connections"
        )
        self.summarise("  one group", figures.group)
        self.line(
            "  at half of its rate",
            "\(whole(figures.halfRate)) deliveries a second,"
                + " p50 \(hundredths(figures.p50AtHalfRateMilliseconds))"
                + " p99 \(hundredths(figures.p99AtHalfRateMilliseconds)) ms"
        )
        self.summarise("  small groups", figures.smallGroups)
        self.summarise("  direct", figures.direct)
    }

    private static func summarise(_ name: String, _ fanOut: FanOutFigures) {
        self.line(
            name,
            "\(whole(fanOut.messagesPerSecond)) messages,"
                + " \(whole(fanOut.deliveriesPerSecond)) deliveries a second,"
                + " p50 \(hundredths(fanOut.p50Milliseconds))"
                + " p99 \(hundredths(fanOut.p99Milliseconds)) ms;"
                + " \(fanOut.conversations) × \(fanOut.subscribers),"
                + " \(fanOut.window) under way in each,"
                + " \(hundredths(fanOut.appendsPerMessage)) appends a message"
        )
    }

    private static func line(_ name: String, _ value: String) {
        print(name.padding(toLength: 26, withPad: " ", startingAt: 0) + value)
    }

    private static func whole(_ value: Double) -> String { String(format: "%.0f", value) }

    private static func hundredths(_ value: Double) -> String { String(format: "%.2f", value) }
}
