import FleetSimulation
import Kernel
import Testing
import Workload

/// What happens to one entity is drawn by its own keys, whatever happens elsewhere.
struct DrawTests {
    static let fleet = """
        [{ nodes: 2, shards: 1, roles: [gateway] }, { nodes: 1, shards: 1, roles: [conversation] }]
        """

    private static func sent(_ yaml: String, seed: UInt64) throws -> [World.SentSoFar] {
        let costs = try HostCosts(StrictNode(yaml: WorldTests.host, file: "host.yaml"))
        let scenario = try Scenario(StrictNode(yaml: yaml, file: "scenario.yaml"), costs: costs)
        var world = World(scenario, seed: seed)
        world.run(until: scenario.end)
        return world.sent(toShard: 0)
    }

    @Test(arguments: [
        ("[{ kind: crash, node: 1, at: 5 s, lasts: 60 s }]", "0"),
        ("[{ kind: partition, node: 1, peer: 2, at: 5 s, lasts: 4 s }]", "0"),
        ("[{ kind: partition, node: 1, peer: 2, oneWay: true, at: 5 s, lasts: 4 s }]", "0"),
        ("[]", "0.5"),
    ])
    func `a fault at one node moves no draw at another`(faults: String, repeats: String) throws {
        for seed in UInt64(1)...3 {
            let calm = try Self.sent(WorldTests.scenario(roles: Self.fleet), seed: seed)
            let yaml = WorldTests.scenario(faults: faults, roles: Self.fleet)
                .replacing("busRepeat: 0", with: "busRepeat: \(repeats)")
            let faulty = try Self.sent(yaml, seed: seed)
            #expect(calm.count > 2)
            // Clients that the crashed node had may have come over; those that were here all along count.
            let stayed = faulty.filter { row in calm.contains { $0.client == row.client } }
            #expect(stayed == calm, "seed \(seed)")
        }
    }

    @Test func `another seed moves every draw`() throws {
        let yaml = WorldTests.scenario(roles: Self.fleet)
        let first = try Self.sent(yaml, seed: 1).map(\.arrival)
        let second = try Self.sent(yaml, seed: 2).map(\.arrival)
        #expect(Set(first).isDisjoint(with: second))
    }
}
