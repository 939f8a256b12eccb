import FleetSimulation
import Testing
import Workload

/// Conversations that many gateways look at, in the simulated world.
struct CrowdWorldTests {
    static func scenario(
        gateways: Int = 24,
        relayDegree: Int = 4,
        faults: String = "[]",
        errors: String = "0",
        chat: Bool = false
    ) -> String {
        """
        name: crowd
        host: networked
        fleet:
          partitions: 8
          groups:
            - { nodes: 2, shards: 1, roles: [conversation] }
            - { nodes: \(gateways), shards: 1, roles: [gateway] }
        network:
          client: [5 ms, 20 ms, 60 ms]
          bus: [100 us, 200 us, 2 ms]
          busLoss: \(errors)
          busRepeat: \(errors)
        server:
          fanOut: { directMembers: 3, groupedMembers: 30, relayDegree: \(relayDegree) }
        store: { commit: [1 ms, 3 ms], read: [200 us, 1 ms], failed: \(errors), unknown: \(errors) }
        workload:
          name: crowd
          users: 96
          messagesPerSecond: 0.3
          bodyBytes: 128
          rampUp: 2 s
          duration: 12 s
          settle: 70 s
          conversations:
            - { members: 96, perUser: 1 }
            - { members: 12, perUser: 1 }
            - { members: 3, perUser: 1 }
          cohorts: [{ name: sdk, share: 1, reconnectMaximum: 2 s }]
        \(chat ? "  chat: { reactions: 0.1, churn: 0.1, marks: 0.2 }" : "")
        faults: \(faults)
        """
    }

    static let host = WorldTests.host + "\npeer: 5 us"

    static func run(_ yaml: String, seed: UInt64) throws -> RunResult {
        let costs = try HostCosts(StrictNode(yaml: Self.host, file: "host.yaml"))
        let node = try StrictNode(yaml: yaml, file: "scenario.yaml")
        var world = World(try Scenario(node, costs: costs), seed: seed)
        return world.run()
    }

    @Test(
        arguments: [
            "[]", "[{ kind: crash, node: 5, at: 5 s, lasts: 4 s }]",
            "[{ kind: partition, node: 0, peer: 7, at: 4 s, lasts: 5 s }]",
            "[{ kind: crash, node: 1, at: 5 s, lasts: 1 s }, { kind: pause, node: 9, at: 6 s, lasts: 4 s }]",
            "[{ kind: drain, node: 3, at: 4 s, lasts: 6 s }]",
        ],
        UInt64(1)...3
    )
    func `the promises hold over relays, whatever dies, with members and without`(
        faults: String,
        seed: UInt64
    ) throws {
        for chat in [false, true] {
            let result = try Self.run(
                Self.scenario(faults: faults, errors: "0.01", chat: chat),
                seed: seed
            )
            #expect(result.verdict == "held", "\(result.violations)")
            #expect(result.plans.relayed > 50)
            #expect(result.plans.passedOn > result.plans.relayed * 10)
            let isMixed = result.plans.grouped > 20 && result.plans.broadcast > 20
            #expect(isMixed == chat, "\(result.plans)")
        }
    }

    @Test func `relays take most of the sending from an owner`() throws {
        let relayed = try Self.run(Self.scenario(), seed: 5)
        let direct = try Self.run(Self.scenario(relayDegree: 1000), seed: 5)
        #expect(relayed.verdict == "held" && direct.verdict == "held")
        #expect(direct.plans.relayed == 0 && direct.plans.passedOn == 0)
        func busiest(_ result: RunResult) -> Double {
            result.utilisation.prefix(2).map(\.mean).max() ?? 0
        }
        #expect(busiest(relayed) < busiest(direct) * 0.7)
        #expect(relayed.counts.deliveries == direct.counts.deliveries)
        // One more hop or two of 2 ms at most, and each relay's own wake-up.
        #expect(relayed.sendToDelivery.p99 < direct.sendToDelivery.p99 + 8)
    }

    @Test func `messages are counted by their plan over shards that died too`() throws {
        let faults = "[{ kind: crash, node: 0, at: 8 s, lasts: 1 s }]"
        let result = try Self.run(Self.scenario(faults: faults, chat: true), seed: 2)
        let planned = result.plans.direct + result.plans.grouped + result.plans.broadcast
        // One that was written and whose shard died before it was told is not fanned out.
        #expect(planned <= result.counts.appended)
        #expect(planned + 20 > result.counts.appended)
    }

    @Test(arguments: [
        ("{ relayDegree: 1 }", "relayDegree: 1 is out of range"),
        ("{ directMembers: 11, groupedMembers: 10 }", "hints 11 members directly and 10 at all"),
        ("{ direct: 3 }", "unknown key"),
    ])
    func `impossible thresholds are refused with file, line and what was expected`(
        policy: String,
        reason: String
    ) throws {
        let yaml = Self.scenario().replacing(
            #/fanOut: .*/#,
            with: "fanOut: \(policy)"
        )
        let error = try #require(throws: ModelError.self) { try Self.run(yaml, seed: 1) }
        #expect(error.description.contains("scenario.yaml:"))
        #expect(error.description.contains(reason), "\(error)")
    }
}
