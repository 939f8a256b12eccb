import FleetSimulation
import Testing
import Workload

/// Defects at the seams of the simulated world, and the law that must catch each.
struct PlantedBugTests {
    /// Which law must catch a bug.
    static func law(against bug: PlantedBug) -> String {
        switch bug {
        case .acknowledgesBeforeCommit, .acknowledgesWrongOffset: "durability"
        case .losesTailAtCrash: "agreement"
        case .acceptsRepeatedIDs: "uniqueness"
        case .ignoresTerms: "singleWriter"
        case .deliversOverHole, .deliversTwice, .recoversWithHole: "deviceOrder"
        case .deniesDuplicates: "truthfulness"
        case .hidesHeads: "convergence"
        case .subscribesBeyondHead, .forgetsAbsence: "subscription"
        case .ignoresMembership: "authority"
        case .hidesLoss: "declaration"
        case .miscountsUnread: "view"
        case .keepsRemoved: "privacy"
        case .forgetsGrace, .forgetsLostGrace: "shortDropUnseen"
        case .dawdlesOverDepartures: "offlineInTime"
        case .dawdlesOverBatches: "onlineInTime"
        case .forgetsWindow: "onceInWindow"
        case .forgetsBudget: "withinBudget"
        case .losesStatuses, .dropsBeyondBudget: "presenceConvergence"
        case .forgetsDropped: "deviceOrder"
        case .forgetsRoom: "convergence"
        case .overlooksBacklogs: "bounds"
        case .forgetsHintWindow: "onceInHintWindow"
        case .miscountsHints: "hintTruth"
        case .losesHints: "hintConvergence"
        case .hintsStrangers: "hintPrivacy"
        case .hintsBackwards: "hintOrder"
        case .hintsEverybody: "broadcastSilence"
        }
    }

    /// Whether the bug is one of presence, which is looked for where users watch each other.
    static func isOfPresence(_ bug: PlantedBug) -> Bool {
        switch bug {
        case .forgetsGrace, .dawdlesOverDepartures, .dawdlesOverBatches, .forgetsWindow,
            .forgetsBudget, .losesStatuses, .forgetsLostGrace, .dropsBeyondBudget:
            true
        case .acknowledgesBeforeCommit, .acknowledgesWrongOffset, .losesTailAtCrash,
            .acceptsRepeatedIDs, .ignoresTerms, .deliversOverHole, .deliversTwice,
            .recoversWithHole, .deniesDuplicates, .hidesHeads, .subscribesBeyondHead,
            .forgetsAbsence, .ignoresMembership, .hidesLoss, .miscountsUnread, .keepsRemoved,
            .forgetsDropped, .forgetsRoom, .overlooksBacklogs, .forgetsHintWindow,
            .miscountsHints, .losesHints, .hintsStrangers, .hintsBackwards, .hintsEverybody:
            false
        }
    }

    private static func isOfSlowReaders(_ bug: PlantedBug) -> Bool {
        bug == .forgetsDropped || bug == .forgetsRoom || bug == .overlooksBacklogs
    }

    private static func isOfHints(_ bug: PlantedBug) -> Bool {
        switch Self.law(against: bug) {
        case "onceInHintWindow", "hintTruth", "hintConvergence", "hintPrivacy", "hintOrder",
            "broadcastSilence":
            true
        default: false
        }
    }

    private static func isAboutMembers(_ bug: PlantedBug?) -> Bool {
        bug == .ignoresMembership || bug == .miscountsUnread || bug == .keepsRemoved
    }

    /// Where a bug of presence shows.
    private static func presenceScenario(_ bug: PlantedBug) -> String {
        switch bug {
        case .forgetsBudget:
            PresenceWorldTests.scenario(
                presence: "{ watches: 10, leavesPerSecond: 3 }",
                budget: 10
            )
        case .forgetsLostGrace: PresenceWorldTests.loss
        case .dropsBeyondBudget: PresenceWorldTests.celebrity
        case .forgetsGrace, .dawdlesOverDepartures, .dawdlesOverBatches, .forgetsWindow,
            .losesStatuses, .acknowledgesBeforeCommit, .acknowledgesWrongOffset,
            .losesTailAtCrash, .acceptsRepeatedIDs, .ignoresTerms, .deliversOverHole,
            .deliversTwice, .recoversWithHole, .deniesDuplicates, .hidesHeads,
            .subscribesBeyondHead, .forgetsAbsence, .ignoresMembership, .hidesLoss,
            .miscountsUnread, .keepsRemoved, .forgetsDropped, .forgetsRoom, .overlooksBacklogs,
            .forgetsHintWindow, .miscountsHints, .losesHints, .hintsStrangers, .hintsBackwards,
            .hintsEverybody:
            PresenceWorldTests.scenario()
        }
    }

    private static func run(
        _ seed: UInt64,
        _ bug: PlantedBug?,
        isRestored: Bool = false
    ) throws -> RunResult {
        if let bug, Self.isOfPresence(bug) {
            return try WorldTests.run(Self.presenceScenario(bug), seed: seed, bug: bug)
        }
        if let bug, Self.isOfSlowReaders(bug) {
            return try WorldTests.run(ScenarioFileTests.text("slow"), seed: seed, bug: bug)
        }
        if let bug, Self.isOfHints(bug) {
            return try WorldTests.run(ScenarioFileTests.text("hints"), seed: seed, bug: bug)
        }
        let restore = "{ kind: restore, at: 6 s, lasts: 4 s },"
        let scenario = WorldTests.scenario(
            faults: """
                [{ kind: crash, node: 1, at: 3 s, lasts: 1 s },
                 { kind: pause, node: 0, at: 5 s, lasts: 8 s },
                 \(isRestored || bug == .hidesLoss ? restore : "")
                 { kind: stall, at: 14 s, lasts: 5 s }]
                """,
            errors: "0.1",
            chat: Self.isAboutMembers(bug)
        )
        return try WorldTests.run(scenario, seed: seed, bug: bug)
    }

    @Test(arguments: PlantedBug.allCases)
    func `a planted bug is caught by the law that it breaks`(bug: PlantedBug) throws {
        let law = Self.law(against: bug)
        var caught: [RunResult] = []
        for seed in UInt64(1)...20 where caught.isEmpty {
            let result = try Self.run(seed, bug)
            if result.checks.contains(where: { $0.law == law && $0.violations > 0 }) {
                caught.append(result)
            }
        }
        let result = try #require(caught.first, "\(law) did not catch \(bug)")
        let isLiveness = [
            "convergence", "view", "presenceConvergence", "hintConvergence",
        ].contains(law)
        // Whoever was not told of one state is told the same one twice later.
        // Answers pile up, too, where nothing tells that there is room.
        let breaksMore =
            law == "presenceConvergence" || bug == .forgetsRoom || Self.isOfHints(bug)
        let verdicts = breaksMore ? ["unconverged", "violated"] : []
        #expect(
            result.verdict == (isLiveness ? "unconverged" : "violated")
                || verdicts.contains(result.verdict)
        )
        let again = try Self.run(result.seed, bug)
        #expect(again.violations == result.violations, "the seed replays the verdict")
    }

    @Test(arguments: UInt64(1)...6)
    func `without a bug the same runs hold`(seed: UInt64) throws {
        let result = try Self.run(seed, nil)
        #expect(result.verdict == "held", "\(result.violations)")
    }

    @Test(arguments: UInt64(1)...6)
    func `a store that goes back to a copy declares what it lost`(seed: UInt64) throws {
        let result = try Self.run(seed, nil, isRestored: true)
        #expect(result.verdict == "held", "\(result.violations)")
        #expect(result.counts.epochsChanged > 0)
        #expect(result.checks.contains { $0.law == "declaration" && $0.checks > 0 })
    }
}
