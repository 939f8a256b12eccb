import ArgumentParser
import FleetSimulation
import Foundation
import Kernel

/// `parley bench simulate`: what one core makes of simulated fleets.
struct SimulateBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Measure deliveries a second and memory for a user in simulated fleets.",
        discussion: """
            Every delivery goes through the full core: client machine, gateway shard, peer message, \
            conversation shard, store and back, with the oracle watching. The command fails with exit \
            code 1 if a run did not deliver everything that it owed.
            """
    )

    @Flag(help: "Print JSON: one object.")
    var json = false

    @Option(help: "Users of the runs in groups.")
    var groupUsers: UInt32 = 20_000

    @Option(help: "Numbers of users online in the standard workload, ascending; may be repeated.")
    var online: [UInt32] = [100_000, 1_000_000]

    @Option(help: "Decides who talks to whom and when.")
    var seed: UInt64 = 1

    func validate() throws {
        guard (1_000...1_000_000).contains(self.groupUsers) else {
            throw ValidationError("--group-users \(self.groupUsers): expected 1000 to 1000000")
        }
        guard self.online.allSatisfy({ (1_000...4_000_000).contains($0) }) else {
            throw ValidationError("--online: expected 1000 to 4000000 users")
        }
        guard self.online == self.online.sorted() else {
            throw ValidationError(
                "--online: expected ascending numbers, because memory once taken stays"
            )
        }
    }

    func run() throws {
        var report = SimulateBenchReport(seed: self.seed)
        // Memory first and by size: what a run gave back would hide what the next one takes.
        for users in self.online {
            let row = try OnlineBench(users: users, seed: self.seed).measure()
            if !self.json { print(row.text) }
            report.online.append(row)
        }
        for members in [10, 1_000] as [UInt32] {
            let bench = GroupBench(members: members, users: self.groupUsers, seed: self.seed)
            let row = try bench.measure()
            if !self.json { print(row.text) }
            report.groups.append(row)
        }
        if self.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        }
        guard report.isComplete else {
            FileHandle.standardError.write(
                Data("bench simulate: a run did not deliver what it owed\n".utf8)
            )
            throw ExitCode(1)
        }
    }
}

/// Everything that the benchmark found.
struct SimulateBenchReport: Encodable {
    let seed: UInt64
    var groups: [GroupBench.Row] = []
    var online: [OnlineBench.Row] = []

    init(seed: UInt64) { self.seed = seed }

    /// Whether every run was judged to have kept its promises, and delivered all of it.
    var isComplete: Bool {
        self.groups.allSatisfy(\.isComplete) && self.online.allSatisfy(\.isComplete)
    }
}

/// A figure beside the one that was aimed at.
struct BenchGoal: Encodable {
    var goal: Double
    var reached: Double
    var isMet: Bool

    init(atLeast goal: Double, reached: Double) {
        self.goal = goal
        self.reached = reached.rounded()
        self.isMet = reached >= goal
    }

    init(atMost goal: Double, reached: Double) {
        self.goal = goal
        self.reached = reached
        self.isMet = reached <= goal
    }

    var text: String { "goal \(self.goal) \(self.isMet ? "met" : "missed")" }
}
