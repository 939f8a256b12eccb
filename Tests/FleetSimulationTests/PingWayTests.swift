import FleetSimulation
import Foundation
import Testing
import Workload

/// Idle clients cost no events of their own, and nobody could tell from a run's results.
struct PingWayTests {
    /// Clients some of whom lose their gateway, and some of whom hear nothing from it so long that they
    /// take it for dead.
    private static func scenario(users: Int) -> String {
        """
        name: pings
        host: test
        fleet:
          partitions: 8
          groups:
            - { nodes: 2, shards: 2, roles: [gateway] }
            - { nodes: 1, shards: 1, roles: [conversation] }
        network:
          client: [5 ms, 20 ms, 80 ms]
          bus: [100 us, 1 ms]
          busLoss: 0
          busRepeat: 0
        store:
          commit: [1 ms, 5 ms]
          read: [200 us, 2 ms]
          failed: 0
          unknown: 0
        workload:
          name: pings
          users: \(users)
          messagesPerSecond: 0.005
          bodyBytes: 64
          rampUp: 5 s
          duration: 55 s
          settle: 40 s
          conversations: [{ members: 4, perUser: 1 }]
          cohorts: [{ name: sdk, share: 1 }, { name: hasty, share: 1, pingSlack: 2 s }]
        faults:
          [{ kind: pause, node: 0, at: 20 s, lasts: 25 s },
           { kind: crash, node: 1, at: 50 s, lasts: 3 s }]
        """
    }

    private static func run(_ way: PingWay, users: Int) throws -> RunResult {
        let costs = try HostCosts(StrictNode(yaml: WorldTests.host, file: "host.yaml"))
        let node = try StrictNode(yaml: Self.scenario(users: users), file: "scenario.yaml")
        var world = World(try Scenario(node, costs: costs), seed: 11, pings: way)
        return world.run()
    }

    /// Everything that a run says of itself but how many events its calendar had.
    private static func everything(of result: RunResult) throws -> Data {
        var result = result
        result.calendarEvents = 0
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try encoder.encode(result)
    }

    @Test func `grouped pings are equal to individual ones in all that a run says`() throws {
        let grouped = try Self.run(.grouped, users: 10_000)
        let individual = try Self.run(.individual, users: 10_000)
        #expect(grouped.verdict == "held", "\(grouped.violations)")
        #expect(grouped.counts.disconnects > 6_000, "clients lose their gateway, or give it up")
        #expect(grouped.digest == individual.digest)
        #expect(try Self.everything(of: grouped) == Self.everything(of: individual))
        #expect(grouped.calendarEvents + 20_000 < individual.calendarEvents)
    }

    @Test func `clients who overlook that pings stay away are told from those who do not`() throws {
        let overlooked = try Self.run(.overlooked, users: 400)
        let individual = try Self.run(.individual, users: 400)
        #expect(overlooked.digest != individual.digest)
        #expect(overlooked.counts.disconnects < individual.counts.disconnects)
    }
}
