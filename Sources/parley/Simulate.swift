import ArgumentParser
import FleetSimulation
import Foundation
import Workload

/// `parley simulate`: runs a scenario in virtual time and judges it.
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a fleet scenario in virtual time and check the promises."
    )

    @Argument(help: "The scenario's file.")
    var file: String

    @Option(help: "One seed gives one run.")
    var seed: UInt64 = 1

    @Option(help: "A folder for the run's record: run.json and the model files.")
    var out: String?

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        let run = try ScenarioRun(file: self.file, seed: self.seed)
        var result = run.result()
        result.command = "parley simulate \(self.file) --seed \(self.seed)"
        if let out = self.out { try run.write(result, to: out) }
        try ScenarioRun.show(result, asJSON: self.json)
        guard result.verdict == "held" else {
            throw ExitCode(result.verdict == "violated" ? 3 : 1)
        }
    }
}

/// A scenario with its host model, as text and as read.
struct ScenarioRun {
    let scenarioText: String
    let hostText: String
    let scenario: Scenario
    let seed: UInt64

    /// What a recorded run keeps beside its model files.
    struct Record: Codable {
        var seed: UInt64
        var digest: String
        var command: String
    }

    /// Reads the scenario and, from `hosts` beside its folder, the host model that it names.
    init(file: String, seed: UInt64) throws {
        let url = URL(fileURLWithPath: file)
        let text = try Self.read(url)
        let name = try Self.reporting { try Scenario.hostName(StrictNode(yaml: text, file: file)) }
        let host = url.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("hosts/\(name).yaml")
        try self.init(text, file: file, host: Self.read(host), hostFile: host.path, seed: seed)
    }

    init(
        _ text: String,
        file: String,
        host: String,
        hostFile: String,
        seed: UInt64
    ) throws {
        self.scenarioText = text
        self.hostText = host
        self.seed = seed
        self.scenario = try Self.reporting {
            let costs = try HostCosts(StrictNode(yaml: host, file: hostFile))
            return try Scenario(StrictNode(yaml: text, file: file), costs: costs)
        }
    }

    static func read(_ url: URL) throws -> String {
        do {
            return try String(contentsOf: url, encoding: .utf8)
        } catch {
            throw ValidationError("\(url.path): cannot be read; expected a text file")
        }
    }

    private static func reporting<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let error as ModelError {
            throw ValidationError(error.description)
        }
    }

    func result() -> RunResult {
        var world = World(self.scenario, seed: self.seed)
        return world.run()
    }

    func write(_ result: RunResult, to path: String) throws {
        let folder = URL(fileURLWithPath: path, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let record = Record(
            seed: self.seed,
            digest: result.digest,
            command: result.command
        )
        try Data(self.scenarioText.utf8).write(to: folder.appendingPathComponent("scenario.yaml"))
        try Data(self.hostText.utf8).write(to: folder.appendingPathComponent("host.yaml"))
        try Self.encoded(record).write(to: folder.appendingPathComponent("record.json"))
        try Self.encoded(result).write(to: folder.appendingPathComponent("run.json"))
    }

    private static func encoded(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(value)
    }

    static func show(_ result: RunResult, asJSON: Bool) throws {
        guard !asJSON else {
            print(String(decoding: try Self.encoded(result), as: UTF8.self))
            return
        }
        print("\(result.scenario), seed \(result.seed): \(result.verdict)")
        print("digest            \(result.digest)")
        for (name, value) in [
            ("send to ack", result.sendToAck), ("send to delivery", result.sendToDelivery),
        ] {
            print(
                "\(name): p50 \(value.p50) p90 \(value.p90) p99 \(value.p99) p99.9 \(value.p999) ms"
            )
        }
        print("deliveries/s      \(result.deliveriesPerSecond)")
        print("messages/s        \(result.messagesPerSecond)")
        for use in result.utilisation {
            print("node \(use.node) utilisation \(use.mean)")
        }
        for violation in result.violations { print("violation: \(violation)") }
    }
}
