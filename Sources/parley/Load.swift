import ArgumentParser
import Foundation
import LoadGenerator
import Workload

/// Drives a server with a workload, over real sockets.
struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Drive a server with a workload over real sockets, and check what it promised.",
        discussion: "SIGTERM or SIGINT ends the run early: it prints what there is, a shortfall."
    )

    @Argument(help: "A workload file, as in models/workloads/.")
    var file: String

    @Option(help: "Where the server listens: ws://host:port/connection/websocket, or wss://….")
    var url: String

    @Option(help: "A PEM file with the authorities whose word is taken for a wss:// server's name.")
    var tlsCa: String?

    @Option(help: "The secret with which the users' tokens are signed.")
    var tokenHmacSecret: String

    @Option(help: "Decides who talks to whom and when.")
    var seed: UInt64 = 1

    @Option(help: "Event loops, one thread each.")
    var loops: Int = 1

    @Option(help: "A folder for the run's record: run.json and the workload file.")
    var out: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        guard let endpoint = Endpoint(self.url) else {
            throw refusal(
                "--url: '\(self.url)' is no address; expected ws://host:port/path or wss://…"
            )
        }
        guard (1...64).contains(self.loops) else {
            throw refusal("--loops: \(self.loops) is out of range; expected 1 to 64")
        }
        let trust = try self.trust(endpoint)
        let (workload, text) = try self.workload()
        let signals = EndSignals()
        let sources = signals.listen {}
        var options = LoadOptions(
            workload: workload,
            endpoint: endpoint,
            secret: self.tokenHmacSecret,
            seed: self.seed,
            run: "r" + String(UInt32.random(in: 0...UInt32.max), radix: 36),
            loops: self.loops
        )
        options.trust = trust
        var report = try await LoadRun.run(
            options,
            onProgress: Self.show,
            isCutShort: { signals.haveCome }
        )
        withExtendedLifetime(sources) {}
        if isatty(STDERR_FILENO) == 1 { FileHandle.standardError.write(Data("\n".utf8)) }
        report.command =
            "parley load \(self.file) --url \(self.url) --token-hmac-secret … --seed \(self.seed)"
        report.version = parleyVersion
        if let out = self.out {
            try RunFolder.write(
                ["run.json": RunFolder.json(report), "workload.yaml": Data(text.utf8)],
                to: out
            )
        }
        if self.json {
            print(try RunFolder.readableJSON(report))
        } else {
            self.printSummary(report)
        }
        throw ExitCode(report.verdict.exitCode)
    }

    private func trust(_ endpoint: Endpoint) throws -> ServerTrust? {
        guard endpoint.isSecure else {
            guard self.tlsCa == nil else {
                throw refusal("--tls-ca: \(self.url) has no TLS; expected wss://host:port/path")
            }
            return nil
        }
        do {
            return try ServerTrust(authorities: self.tlsCa)
        } catch {
            throw refusal("--tls-ca: \(error)")
        }
    }

    private func workload() throws -> (Workload, text: String) {
        let text: String
        do {
            text = try String(contentsOfFile: self.file, encoding: .utf8)
        } catch {
            throw refusal("\(self.file): cannot be read; expected a workload file")
        }
        do {
            let node = try StrictNode(yaml: text, file: self.file)
            let workload = try Workload(node)
            guard workload.cohorts.allSatisfy({ $0.bytesPerSecond == nil }) else {
                throw refusal(
                    "\(self.file): slow readers are simulated alone; expected no bytesPerSecond"
                )
            }
            guard workload.chat == nil else {
                var mapping = try node.mapping()
                throw try mapping.required("chat", expected: "a mapping")
                    .refused("is simulated alone", expected: "no such key")
            }
            return (workload, text)
        } catch let error as ModelError {
            throw refusal(error.description)
        }
    }

    private func refusal(_ text: String) -> ExitCode {
        FileHandle.standardError.write(Data("parley load: \(text)\n".utf8))
        return ExitCode(2)
    }

    @Sendable private static func show(_ progress: LoadProgress) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        let line =
            "\r\(progress.seconds) s  online \(progress.online)  sent \(progress.sent)"
            + "  acknowledged \(progress.acknowledged)  received \(progress.received)  "
        FileHandle.standardError.write(Data(line.utf8))
    }

    private func printSummary(_ report: LoadReport) {
        func line(_ name: String, _ value: String) {
            print(name.padding(toLength: 22, withPad: " ", startingAt: 0) + value)
        }
        func show(_ percentiles: LoadReport.Percentiles) -> String {
            "p50 \(percentiles.p50)  p90 \(percentiles.p90)  p99 \(percentiles.p99)"
                + "  p99.9 \(percentiles.p999) ms"
        }
        line("workload", "\(report.workload), seed \(report.seed), \(report.url)")
        line("users", "\(report.users), online at the end \(report.connected)")
        line("sent", "\(report.sent), acknowledged \(report.acknowledged)")
        line("duplicates", "\(report.duplicates), resent \(report.resent)")
        line("deliveries", "\(report.deliveriesReceived) of \(report.deliveriesExpected)")
        line("deliveries a second", String(format: "%.0f", report.deliveriesPerSecond))
        line("reconnects", "\(report.reconnects)")
        for (reason, count) in report.troubles.sorted(by: { $0.key < $1.key }) {
            line("sockets in trouble", "\(count): \(reason)")
        }
        line("send to ack", show(report.sendToAck))
        line("send to delivery", show(report.sendToDelivery))
        line("generator late by", show(report.generatorLateness))
        line("verdict", report.verdict.rawValue + (report.wasCutShort ? ", cut short" : ""))
        for violation in report.violations { line("  violation", violation) }
    }
}
