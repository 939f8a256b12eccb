import FleetSimulation
import Testing
import Workload

/// Most clients are cut off at once: live traffic is as good as before, soon after.
struct StormTests {
    private static func run(
        _ seed: UInt64,
        _ change: (String) -> String = { $0 }
    ) throws -> RunResult {
        let host = try ScenarioFileTests.text("small", in: "hosts")
        let costs = try HostCosts(StrictNode(yaml: host, file: "small.yaml"))
        let yaml = change(try ScenarioFileTests.text("storm"))
        let scenario = try Scenario(StrictNode(yaml: yaml, file: "storm.yaml"), costs: costs)
        var world = World(scenario, seed: seed)
        return world.run()
    }

    @Test(arguments: UInt64(1)...2)
    func `goodput returns after a storm, and nobody connected is starved`(seed: UInt64) throws {
        let result = try Self.run(seed)
        #expect(result.verdict == "held", "\(result.violations)")
        for law in ["goodput", "latency", "starvation"] {
            #expect(result.checks.contains { $0.law == law && $0.checks > 0 })
        }
        #expect(result.counts.disconnects > 2_500)
    }

    @Test(arguments: UInt64(1)...3)
    func `a deploy of one gateway after the other is seen by nobody, and costs no message its time`(
        seed: UInt64
    ) throws {
        let result = try WorldTests.run(ScenarioFileTests.text("deploy"), seed: seed)
        #expect(result.verdict == "held", "\(result.violations)")
        #expect(result.counts.disconnects >= 300)
        #expect(result.counts.acknowledged == result.counts.sent)
        #expect(try #require(result.presence).gone == 0)
        #expect(result.sendToAck.p99 < 1_000, "p99 \(result.sendToAck.p99) ms")
    }

    @Test func `a storm that a fleet without admission cannot bear is caught`() throws {
        let result = try Self.run(1) {
            $0.replacing("workload:", with: "server:\n  admission: false\nworkload:")
                .replacing("users: 3000", with: "users: 6000")
        }
        // A shard that is far behind breaks more than this.
        #expect(result.verdict != "held")
        for law in ["goodput", "latency"] {
            #expect(result.checks.contains { $0.law == law && $0.violations > 0 })
        }
    }
}
