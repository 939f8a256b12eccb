import FleetSimulation
import Testing
import Workload

/// Users who watch each other in simulated fleets, judged by the oracle of presence.
struct PresenceWorldTests {
    static func scenario(
        users: Int = 60,
        presence: String = "{ watches: 10, dropsPerSecond: 4, leavesPerSecond: 0.3 }",
        budget: Int = 100,
        faults: String = "[]",
        busLoss: String = "0.02",
        groups: String = """
        [{ nodes: 2, shards: 1, roles: [gateway] },
         { nodes: 1, shards: 1, roles: [conversation] },
         { nodes: 2, shards: 1, roles: [user] }]
        """,
        duration: Int = 40,
        settle: Int = 100
    ) -> String {
        """
        name: presence
        host: reference
        fleet:
          partitions: 8
          groups: \(groups.replacing("\n", with: " "))
        network:
          client: [5 ms, 20 ms, 60 ms]
          bus: [100 us, 200 us, 5 ms]
          busLoss: \(busLoss)
          busRepeat: 0.02
        server: { presenceBudget: \(budget) }
        store: { commit: [1 ms, 3 ms], read: [200 us, 1 ms], failed: 0, unknown: 0 }
        workload:
          name: presence
          users: \(users)
          messagesPerSecond: 0.05
          bodyBytes: 128
          rampUp: 5 s
          duration: \(duration) s
          settle: \(settle) s
          presence: \(presence)
          conversations: [{ members: 10, perUser: 1 }]
          cohorts: [{ name: sdk, share: 1, reconnectMaximum: 2 s }]
        faults: \(faults.replacing("\n", with: " "))
        """
    }

    /// One of two gateways dies for good, and its users come back to the other one at their leisure.
    static let loss = Self.scenario(
        users: 200,
        presence: "{ watches: 10 }",
        budget: 20_000,
        faults: "[{ kind: crash, node: 0, at: 20 s, lasts: 100 s }]",
        settle: 100
    ).replacing("reconnectMaximum: 2 s", with: "reconnectMaximum: 8 s, backoffMinimum: 2 s")

    /// A user whom everybody watches comes online, and gateways may tell few in a second.
    static let celebrity = Self.scenario(
        users: 401,
        presence: "{ watches: 1, celebrities: 1 }",
        budget: 50,
        settle: 60
    )

    static let laws: Set<String> = [
        "shortDropUnseen", "offlineInTime", "onlineInTime", "onceInWindow", "withinBudget",
        "presenceConvergence",
    ]

    private func expectHeld(_ result: RunResult) {
        let presence = result.checks.filter { Self.laws.contains($0.law) }
        #expect(result.violations == [])
        #expect(presence.count == Self.laws.count)
    }

    @Test(arguments: UInt64(1)...12)
    func `the guarantee holds while sockets drop and devices leave`(seed: UInt64) throws {
        let result = try WorldTests.run(Self.scenario(), seed: seed, bug: nil)
        self.expectHeld(result)
        #expect(result.checks.allSatisfy { !Self.laws.contains($0.law) || $0.checks > 0 })
    }

    @Test(arguments: UInt64(1)...12)
    func `the guarantee holds when nodes die, stop and cannot hear each other`(
        seed: UInt64
    ) throws {
        let node = Int(seed % 5)
        let other = Int((seed + 2) % 5)
        let scenario = Self.scenario(
            faults: """
                [{ kind: crash, node: \(node), at: 12 s, lasts: 3 s },
                 { kind: pause, node: \(other), at: 25 s, lasts: 9 s },
                 { kind: partition, node: \(node), peer: \(other), at: 38 s, lasts: 3 s }]
                """,
            settle: 180
        )
        self.expectHeld(try WorldTests.run(scenario, seed: seed, bug: nil))
    }

    @Test(arguments: UInt64(1)...3)
    func `a mass disconnect and return within the grace is seen by nobody`(seed: UInt64) throws {
        let scenario = Self.scenario(
            users: 400,
            presence: "{ watches: 10 }",
            budget: 20_000,
            faults: """
                [{ kind: cut, node: 0, at: 20 s, lasts: 1 s },
                 { kind: cut, node: 1, at: 20 s, lasts: 1 s }]
                """,
            busLoss: "0",
            settle: 40
        )
        let result = try WorldTests.run(scenario, seed: seed, bug: nil)
        self.expectHeld(result)
        let calm = try WorldTests.run(
            Self.scenario(
                users: 400,
                presence: "{ watches: 10 }",
                budget: 20_000,
                busLoss: "0",
                settle: 40
            ),
            seed: seed,
            bug: nil
        )
        #expect(result.counts.disconnects >= 400)
        #expect(result.presence?.told == calm.presence?.told, "none beyond those of the ramp-up")
    }

    @Test(arguments: UInt64(1)...3)
    func `users of a lost gateway who return within the longer grace were never gone`(
        seed: UInt64
    ) throws {
        let faults = "[{ kind: crash, node: 0, at: 20 s, lasts: 30 s }]"
        let scenario = Self.scenario(
            users: 200,
            presence: "{ watches: 10 }",
            budget: 20_000,
            faults: faults,
            settle: 100
        )
        let result = try WorldTests.run(scenario, seed: seed, bug: nil)
        self.expectHeld(result)
        let departures = result.checks.first { $0.law == "offlineInTime" }
        #expect(departures?.checks == 0, "nobody was told of a departure")
    }

    @Test(arguments: UInt64(1)...3)
    func `users of a gateway that is lost for good may take their time within the longer grace`(
        seed: UInt64
    ) throws {
        let result = try WorldTests.run(Self.loss, seed: seed, bug: nil)
        self.expectHeld(result)
        #expect(result.presence?.gone == 0, "nobody was told of a departure")
        #expect(result.counts.recovered >= 80, "half of the users came back")
    }

    @Test(arguments: UInt64(1)...3)
    func `whoever watches a celebrity hears of it, within the budget and a wider window`(
        seed: UInt64
    ) throws {
        let result = try WorldTests.run(Self.celebrity, seed: seed, bug: nil)
        self.expectHeld(result)
        // Who is watched may hear of itself, or know it from the answer.
        #expect((400...401).contains(result.presence?.told ?? 0), "each of the others once")
        let window = result.presence?.widestWindowSeconds ?? 0
        // 200 watchers at each gateway, 40 to 50 of them in a second.
        #expect(window > 4 && window < 6.5, "\(window) s")
        let budget = result.checks.first { $0.law == "withinBudget" }
        #expect((budget?.checks ?? 0) > 0)
    }
}
