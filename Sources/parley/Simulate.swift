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
        result.version = parleyVersion
        if let out = self.out { try run.write(result, to: out) }
        try ScenarioRun.show(result, asJSON: self.json)
        switch result.verdict {
        case "held": break
        case "violated": throw ExitCode(3)
        case "unconverged": throw ExitCode(4)
        default: throw ExitCode(1)
        }
    }
}

/// A scenario with its host model, as text and as read.
struct ScenarioRun {
    let scenarioText: String
    let hostText: String
    /// Of the workload file that the scenario names, if it names one.
    let workloadText: String?
    let scenario: Scenario
    let seed: UInt64

    /// What a recorded run keeps beside its model files.
    struct Record: Codable {
        var seed: UInt64
        var digest: String
        var command: String
    }

    /// Reads the scenario and, from `hosts` and `workloads` beside its folder, what it names.
    init(file: String, seed: UInt64) throws {
        let url = URL(fileURLWithPath: file)
        let models = url.deletingLastPathComponent().deletingLastPathComponent()
        try self.init(url, seed: seed) { kind, name in
            models.appendingPathComponent("\(kind)s/\(name).yaml")
        }
    }

    /// Reads what `write` left in a folder.
    init(folder: URL, seed: UInt64) throws {
        try self.init(folder.appendingPathComponent("scenario.yaml"), seed: seed) { kind, _ in
            folder.appendingPathComponent("\(kind).yaml")
        }
    }

    private init(
        _ scenario: URL,
        seed: UInt64,
        model: (_ kind: String, _ name: String) -> URL
    ) throws {
        let text = try Self.read(scenario)
        let node = try Self.reporting { try StrictNode(yaml: text, file: scenario.relativePath) }
        let (host, hostText) = try Self.reporting {
            try Self.read("host", named: Scenario.hostName(node), model)
        }
        let (workload, workloadText) =
            try Self.reporting {
                try Scenario.workloadName(node).map { try Self.read("workload", named: $0, model) }
            } ?? (nil, nil)
        self.scenarioText = text
        self.hostText = hostText
        self.workloadText = workloadText
        self.seed = seed
        self.scenario = try Self.reporting {
            let costs = try HostCosts(StrictNode(yaml: hostText, file: host.relativePath))
            var named: Workload?
            if let workload, let workloadText {
                named = try Workload(yaml: workloadText, file: workload.relativePath)
            }
            return try Scenario(node, costs: costs, workload: named)
        }
    }

    /// Reads the model that a scenario names.
    private static func read(
        _ kind: String,
        named node: StrictNode,
        _ model: (_ kind: String, _ name: String) -> URL
    ) throws -> (URL, String) {
        let url = model(kind, try node.text())
        do {
            return (url, try String(contentsOf: url, encoding: .utf8))
        } catch {
            throw node.refused(
                "names '\(url.relativePath)', which cannot be read",
                expected: "the name of a text file in that folder, without .yaml"
            )
        }
    }

    static func read(_ url: URL) throws -> String {
        do {
            return try String(contentsOf: url, encoding: .utf8)
        } catch {
            throw refusal("\(url.relativePath): cannot be read; expected a text file")
        }
    }

    private static func reporting<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let error as ModelError {
            throw refusal(error.description)
        }
    }

    func result() -> RunResult {
        var progress = SimulationProgress(end: self.scenario.end)
        var world = World(self.scenario, seed: self.seed)
        let result = world.run { progress.note($0) }
        progress.finish()
        return result
    }

    func write(_ result: RunResult, to path: String) throws {
        let record = Record(
            seed: self.seed,
            digest: result.digest,
            command: result.command
        )
        try RunFolder.write(
            [
                "scenario.yaml": Data(self.scenarioText.utf8),
                "host.yaml": Data(self.hostText.utf8),
                "record.json": RunFolder.json(record),
                "run.json": RunFolder.json(result),
            ],
            to: path
        )
        if let workload = self.workloadText {
            try RunFolder.write(["workload.yaml": Data(workload.utf8)], to: path)
        }
    }

    private static func percent(_ part: Double) -> String { String(format: "%.2f %%", part * 100) }

    static func show(_ result: RunResult, asJSON: Bool) throws {
        guard !asJSON else {
            print(try RunFolder.readableJSON(result))
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
        if let presence = result.presence {
            let window = String(format: "%.1f", presence.widestWindowSeconds)
            print(
                "presence told     \(presence.told), of these gone \(presence.gone),"
                    + " widest W in force \(window) s"
            )
        }
        let plans = result.plans
        print(
            "plans             direct \(plans.direct), grouped \(plans.grouped),"
                + " broadcast \(plans.broadcast); by relays \(plans.relayed)"
        )
        print(
            "hints             told \(plans.hints), coalesced \(plans.hintsCoalesced),"
                + " shed \(plans.hintsShed)"
        )
        for use in result.utilisation {
            let shards = use.shards.map(Self.percent).joined(separator: ", ")
            print("node \(use.node) utilisation \(Self.percent(use.mean)) (by shard: \(shards))")
        }
        for violation in result.violations { print("violation: \(violation)") }
        if result.violationCount > 0 {
            print(
                "\(result.violationCount) violations in all; to see them again: \(result.command)"
            )
        }
    }
}
