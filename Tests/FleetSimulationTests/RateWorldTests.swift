import FleetSimulation
import Testing
import Workload

/// Rates and limits in a simulated fleet: whoever is refused comes again, and nothing is lost.
struct RateWorldTests {
    private static func run(_ server: String, roles: String, seed: UInt64) throws -> RunResult {
        let yaml = WorldTests.scenario(roles: roles)
            .replacing("messagesPerSecond: 0.5", with: "messagesPerSecond: 3")
            .replacing("workload:\n", with: "server: \(server)\nworkload:\n")
        return try WorldTests.run(yaml, seed: seed)
    }

    private static let together = "[{ nodes: 2, shards: 1, roles: [gateway, conversation] }]"
    private static let apart = """
        [{ nodes: 2, shards: 1, roles: [gateway] }, { nodes: 2, shards: 1, roles: [conversation] }, \
        { nodes: 1, shards: 1, roles: [user] }]
        """

    @Test(arguments: [Self.together, Self.apart], 1...3 as ClosedRange<UInt64>)
    func `a rate below what users send delays them, and breaks no promise`(
        roles: String,
        seed: UInt64
    ) throws {
        let free = try Self.run("{ publishesPerSecond: 0 }", roles: roles, seed: seed)
        #expect(free.verdict == "held" && free.counts.sent > 500)
        let slow = "{ publishesPerSecond: 2, publishBurst: 1, commandsPerSecond: 20 }"
        let limited = try Self.run(slow, roles: roles, seed: seed)
        #expect(limited.verdict == "held", "\(limited.violations)")
        #expect(limited.counts.acknowledged == limited.counts.sent)
        // At most so many a second and user, over the run with its settling.
        #expect(limited.sendToAck.p99 > 10 * free.sendToAck.p99, "a rate that is felt")
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `a limit that no user comes to changes nothing for anybody`(seed: UInt64) throws {
        let result = try Self.run("{ userConnections: 2 }", roles: Self.apart, seed: seed)
        #expect(result.verdict == "held", "\(result.violations)")
    }

    @Test func `a limit on users' connections wants somebody who counts them`() throws {
        let error = try #require(throws: ModelError.self) {
            try Self.run("{ userConnections: 2 }", roles: Self.together, seed: 1)
        }
        #expect(error.description.contains("expected a group with the role user"))
    }
}
