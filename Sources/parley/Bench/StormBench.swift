import ArgumentParser
import Foundation
import LoadGenerator

/// `parley bench storm`: most clients of the live server are cut off at once.
struct StormBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storm",
        abstract: "Cut most clients of the live server off at once, and see them return.",
        discussion: """
            Starts `serve` with one shard as a process on the first core, and drives it from the last \
            one with the SDK's own client machine: tokens, full jitter, recovery. Some clients stay \
            and send meanwhile. Runs with admission and without unless told which. A client that does \
            not come back with all that it missed, or another fault, makes the exit code 1; a missed \
            bound does not.
            """
    )

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(help: "Clients in all.")
    var connections = StormBenchmark.Size().connections

    @Option(help: "Clients that stay connected and send.")
    var live = StormBenchmark.Size().live

    @Option(help: "Messages a second of those who stay.")
    var messagesPerSecond = StormBenchmark.Size().messagesPerSecond

    @Option(
        help: "Whether the server refuses what waits too long: on or off (default: each in turn)."
    )
    var admission: Switch?

    @Option(help: "Decides how the clients draw their waits.")
    var seed = StormBenchmark.Size().seed

    @Option(help: "Where to put the server's data for the time of the run.")
    var data = FileManager.default.temporaryDirectory.path

    func validate() throws {
        let limit = ServerBenchmark.socketLimit
        guard 100...limit ~= self.connections else {
            throw ValidationError("--connections \(self.connections): expected 100 to \(limit)")
        }
        guard 2...self.connections / 2 ~= self.live else {
            throw ValidationError("--live \(self.live): expected 2 to half of --connections")
        }
        guard 1...10_000 ~= self.messagesPerSecond else {
            throw ValidationError(
                "--messages-per-second \(self.messagesPerSecond): expected 1 to 10000"
            )
        }
    }

    private struct Output: Encodable {
        var command = CommandLine.arguments.joined(separator: " ")
        var version = parleyVersion
        var machine: MachineFacts
        var storms: [StormResult] = []
    }

    func run() async throws {
        var size = StormBenchmark.Size()
        size.connections = self.connections
        size.live = self.live
        size.messagesPerSecond = self.messagesPerSecond
        size.seed = self.seed
        var output = Output(machine: try MachineFacts.current())
        let users = StormBenchmark.users(size)
        let tokens = try await UserTokens.signed(for: users, secret: StormBenchmark.secret)
        let folder = URL(filePath: self.data)
            .appending(path: "parley-storm-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let benchmark = StormBenchmark(
            size,
            command: URL(filePath: "/proc/self/exe").resolvingSymlinksInPath(),
            folder: folder.path,
            onProgress: ServerBench.show
        )
        let outcome = Result {
            try (self.admission.map { [$0] } ?? Switch.allCases).map { admission in
                let storm = try benchmark.run(isAdmitting: admission == .on, tokens: tokens)
                ServerBench.show("")
                if !self.json { Self.summarise(storm) }
                return storm
            }
        }
        try FileManager.default.removeItem(at: folder)
        output.storms = try outcome.get()
        if self.json { print(try RunFolder.readableJSON(output)) }
        if output.storms.contains(where: { $0.faultCount > 0 }) { throw ExitCode(1) }
    }

    private static func summarise(_ storm: StormResult) {
        func line(_ name: String, _ value: String) {
            print(name.padding(toLength: 26, withPad: " ", startingAt: 0) + value)
        }
        func text(_ value: Double) -> String { String(format: "%.2f", value) }
        func text(_ times: StormResult.Times) -> String {
            "50 % \(text(times.half))  99 % \(text(times.ninetyNinePercent))"
                + "  100 % \(text(times.all)) s"
                + (times.missing > 0 ? ", \(times.missing) never" : "")
        }
        func text(_ latencies: StormResult.Latencies) -> String {
            "p50 \(text(latencies.p50))  p99 \(text(latencies.p99))  most \(text(latencies.most)) ms"
                + " of \(latencies.deliveries) deliveries"
        }
        line("admission", storm.isAdmitting ? "on" : "off")
        line("  connects a second", String(format: "%.0f", storm.connectsPerSecond))
        line("  cut off", "\(storm.cut) of \(storm.connections)")
        line("  reconnected", text(storm.reconnected))
        line("  and recovered", text(storm.recovered))
        line(
            storm.isWithinBound ? "  met" : "  missed",
            "99 % recovered within \(text(storm.boundSeconds)) s"
        )
        line("  refused with 503", "\(storm.refused)")
        line("  failed, given up", "\(storm.failed), \(storm.patienceEnded)")
        for (code, count) in storm.closes.sorted(by: { $0.key < $1.key }) {
            line("  closed with \(code)", "\(count)")
        }
        line("  live before", text(storm.liveBefore))
        line("  live meanwhile", text(storm.liveMeanwhile))
        line("  live lost", "\(storm.liveLost)")
        line(
            "  deliveries",
            "\(storm.deliveriesReceived) of \(storm.deliveriesExpected), \(storm.paged) paged"
        )
        line("  busy", "server \(text(storm.serverShare)), clients \(text(storm.clientShare))")
        for fault in storm.faults { line("  fault", fault) }
    }
}
