import FleetSimulation
import Foundation
import Kernel
import Measurement
import Testing
import Workload

struct WorldTests {
    static let host = """
        name: test
        wakeUp: 4 us
        event: 2 us
        command: 6 us
        connect: 60 us
        target: 1 us
        kilobyte: 500 ns
        eventsPerWakeUp: 64
        """

    static func scenario(
        faults: String = "[]",
        roles: String = "[{ nodes: 2, shards: 1, roles: [gateway, conversation] }]",
        errors: String = "0",
        chat: Bool = false
    ) -> String {
        let mix = """
            { replies: 0.1, edits: 0.15, deletions: 0.1, reactions: 0.1, churn: 0.2, marks: 0.3 }
            """
        return """
            name: test
            host: test
            fleet:
              partitions: 8
              groups: \(roles)
            network:
              client: [5 ms, 20 ms, 80 ms]
              bus: [100 us, 1 ms]
              busLoss: \(errors)
              busRepeat: \(errors)
            store:
              commit: [1 ms, 5 ms]
              read: [200 us, 2 ms]
              failed: \(errors)
              unknown: \(errors)
            workload:
              name: test
              users: 20
              messagesPerSecond: 0.5
              bodyBytes: 64
              rampUp: 1 s
              duration: 15 s
              settle: 45 s
              conversations: [{ members: 4, perUser: 2 }]
              cohorts: [{ name: sdk, share: 1 }]
            \(chat ? "  chat: \(mix)" : "")
            faults: \(faults)
            """
    }

    static func run(
        _ yaml: String,
        seed: UInt64,
        bug: PlantedBug? = nil
    ) throws -> RunResult {
        let costs = try HostCosts(StrictNode(yaml: Self.host, file: "host.yaml"))
        let node = try StrictNode(yaml: yaml, file: "scenario.yaml")
        var world = World(try Scenario(node, costs: costs), seed: seed, bug: bug)
        return world.run()
    }

    @Test func `one seed gives one run and another seed another`() throws {
        let first = try Self.run(Self.scenario(), seed: 1)
        #expect(try Self.run(Self.scenario(), seed: 1).digest == first.digest)
        #expect(try Self.run(Self.scenario(), seed: 2).digest != first.digest)
    }

    @Test func `the steps of a run add up to its counts`() throws {
        let faults = "[{ kind: crash, node: 1, at: 5 s, lasts: 2 s }]"
        let result = try Self.run(Self.scenario(faults: faults), seed: 1)
        let series = result.series
        #expect(series.sent.reduce(0, +) == result.counts.sent)
        #expect(series.acknowledged.reduce(0, +) == result.counts.acknowledged)
        #expect(series.deliveries.reduce(0, +) == result.counts.deliveries)
        #expect(result.sendToAckSpread.counts.reduce(0, +) == result.counts.acknowledged)
        #expect(series.online.last == 20)
        #expect(series.storeQueue.contains { $0 > 0 })
        for (node, steps) in series.busyNodes.enumerated() {
            let mean = Double(steps.reduce(0, +)) / Double(steps.count) / 1e6
            #expect(abs(mean - result.utilisation[node].mean) < 0.000_01)
        }
        // Node 1 is down from 5 s to 7 s, in steps of half a second.
        #expect(series.stepMilliseconds == 500)
        #expect(series.busyNodes[1][11...13].allSatisfy { $0 == 0 })
        #expect(result.setting.faults.map(\.beginMilliseconds) == [5_000])
    }

    @Test func `progress is told in the order of time`() throws {
        let costs = try HostCosts(StrictNode(yaml: Self.host, file: "host.yaml"))
        let yaml = Self.scenario().replacing("users: 20", with: "users: 2000")
        let scenario = try Scenario(StrictNode(yaml: yaml, file: "scenario.yaml"), costs: costs)
        var told: [UInt64] = []
        var world = World(scenario, seed: 1)
        _ = world.run { told.append($0.nanoseconds) }
        #expect(told.count > 1 && told == told.sorted())
    }

    @Test func `a scenario may name its workload's file`() throws {
        let costs = try HostCosts(StrictNode(yaml: Self.host, file: "host.yaml"))
        let own = Self.scenario()
        let start = try #require(own.range(of: "workload:\n"))
        let end = try #require(own.range(of: "faults:"))
        let text = own[start.upperBound..<end.lowerBound]
        let named = own.replacingCharacters(
            in: start.lowerBound..<end.lowerBound,
            with: "workload: test\n"
        )
        let node = try StrictNode(yaml: named, file: "scenario.yaml")
        #expect(try Scenario.workloadName(node)?.text() == "test")
        #expect(
            try Scenario.workloadName(StrictNode(yaml: own, file: "scenario.yaml"))?.text() == nil
        )
        let workload = try Workload(yaml: String(text), file: "test.yaml")
        #expect(
            try Scenario(node, costs: costs, workload: workload)
                == Scenario(StrictNode(yaml: own, file: "scenario.yaml"), costs: costs)
        )
        #expect(throws: ModelError.self) { try Scenario(node, costs: costs) }
    }

    @Test(arguments: [
        "[]",
        "[{ kind: crash, node: 1, at: 5 s, lasts: 2 s }]",
        "[{ kind: partition, node: 0, peer: 1, at: 5 s, lasts: 4 s }]",
        "[{ kind: partition, node: 0, peer: 1, oneWay: true, at: 5 s, lasts: 4 s }]",
        "[{ kind: partition, node: 1, peer: 0, oneWay: true, at: 5 s, lasts: 4 s }]",
        "[{ kind: stall, at: 5 s, lasts: 3 s }]",
        "[{ kind: crash, node: 1, at: 5 s, lasts: 1 s }, { kind: stall, at: 5500 ms, lasts: 9 s }]",
        "[{ kind: pause, node: 1, at: 5 s, lasts: 9 s }]",
    ])
    func `the promises hold through each fault, with roles together and apart`(
        faults: String
    ) throws {
        let apart =
            "[{ nodes: 1, shards: 1, roles: [gateway] },"
            + " { nodes: 1, shards: 1, roles: [conversation] }]"
        for seed in UInt64(1)...3 {
            let together = try Self.run(
                Self.scenario(faults: faults, errors: "0.01"),
                seed: seed
            )
            #expect(together.verdict == "held", "\(together.violations)")
            let divided = try Self.run(
                Self.scenario(faults: faults, roles: apart, errors: "0.01"),
                seed: seed
            )
            #expect(divided.verdict == "held", "\(divided.violations)")
        }
    }

    /// The clients' own patience is 5 s: whoever waited longer for an answer would give its socket up.
    @Test(arguments: UInt64(1)...3)
    func `clients that subscribe while the store stalls are told in time and keep their sockets`(
        seed: UInt64
    ) throws {
        let result = try Self.run(
            Self.scenario(faults: "[{ kind: stall, at: 1 ms, lasts: 13 s }]"),
            seed: seed
        )
        #expect(result.verdict == "held", "\(result.violations)")
        #expect(result.counts.connects == 20)
        #expect(result.counts.disconnects == 0)
        #expect(result.counts.acknowledged == result.counts.sent)
    }

    @Test(arguments: [
        ("[{ kind: flood, at: 5 s, lasts: 2 s }]", "'flood' is no fault"),
        ("[{ kind: crash, node: 2, at: 5 s, lasts: 2 s }]", "out of range"),
        ("[{ kind: stall, at: 5 s, lasts: 2 s, hard: yes }]", "unknown key"),
        ("[{ kind: stall, at: 600 s, lasts: 2 s }]", "begins when the run is over"),
        ("[{ kind: partition, node: 1, peer: 1, at: 1 s, lasts: 1 s }]", "is the same node"),
    ])
    func `an impossible scenario is refused with file, line and what was expected`(
        faults: String,
        reason: String
    ) throws {
        let error = try #require(throws: ModelError.self) {
            try Self.run(Self.scenario(faults: faults), seed: 1)
        }
        #expect(error.description.contains("scenario.yaml:"))
        #expect(error.description.contains(reason))
    }
}
