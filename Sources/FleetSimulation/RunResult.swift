import BasicContainers
import Workload
import ChatCore
import EventTrace
import DiscreteEvents
import Histogram
import Kernel
package import Measurement
import Oracles

/// What clients and the store counted in a run.
package struct RunCounts: Encodable, Sendable {
    package var sent: UInt64 = 0
    package var acknowledged: UInt64 = 0
    package var appended: UInt64 = 0
    package var deliveries: UInt64 = 0
    package var connects: UInt64 = 0
    package var disconnects: UInt64 = 0
    package var recovered: UInt64 = 0
    package var unrecovered: UInt64 = 0
    package var epochsChanged: UInt64 = 0
    package var refused: UInt64 = 0
    /// Sockets that an overloaded gateway did not take.
    package var turnedAway: UInt64 = 0
    /// Connections for which too much waited.
    package var fellBehind: UInt64 = 0
}

/// Which plans messages got in a run.
package struct PlanCounts: Encodable, Equatable, Sendable {
    package var direct: UInt64 = 0
    package var grouped: UInt64 = 0
    package var broadcast: UInt64 = 0
    /// Of all of those, the ones whose deliveries went by relays.
    package var relayed: UInt64 = 0
    /// Deliveries that relays passed on, each gateway shard counted.
    package var passedOn: UInt64 = 0
    /// Hints told to devices, each device counted.
    package var hints: UInt64 = 0
    /// Hints that gave way to a later one before they were told.
    package var hintsCoalesced: UInt64 = 0
    /// Hints that were put off, or not taken.
    package var hintsShed: UInt64 = 0

    mutating func add(_ statistics: ShardStatistics) {
        self.direct += statistics.plansDirect
        self.grouped += statistics.plansGrouped
        self.broadcast += statistics.plansBroadcast
        self.relayed += statistics.plansRelayed
        self.passedOn += statistics.relayed
        self.hints += statistics.hints
        self.hintsCoalesced += statistics.hintsCoalesced
        self.hintsShed += statistics.hintsShed
    }
}

/// What watchers were told of users in a run.
package struct PresenceCounts: Encodable, Sendable {
    /// Each user and connection counted.
    package var told: UInt64
    /// Of those, that a user has gone.
    package var gone: UInt64
    /// The widest W that was in force.
    package var widestWindowSeconds: Double
}

/// Everything that a run says of itself; the same for one scenario and seed, to the last digit.
package struct RunResult: Encodable, Sendable {
    /// In milliseconds.
    package struct Percentiles: Encodable, Sendable {
        package var p50: Double
        package var p90: Double
        package var p99: Double
        package var p999: Double

        init(_ microseconds: Histogram<UInt64>) {
            self.p50 = Double(microseconds.valueAtPercentile(50)) / 1_000
            self.p90 = Double(microseconds.valueAtPercentile(90)) / 1_000
            self.p99 = Double(microseconds.valueAtPercentile(99)) / 1_000
            self.p999 = Double(microseconds.valueAtPercentile(99.9)) / 1_000
        }
    }

    /// The busy part of a node's cores over the whole run.
    package struct NodeUse: Encodable, Sendable {
        package var node: Int
        package var mean: Double
        package var shards: [Double]
    }

    package struct LawCount: Encodable, Sendable {
        package var law: String
        package var checks: UInt64
        package var violations: UInt64
    }

    /// What makes the run again, and the tool's version; set by whoever knows them.
    package var command = ""
    package var version = ""
    /// As opposed to `live`.
    package var kind = "simulated"
    package var scenario: String
    package var seed: UInt64
    package var digest: String
    /// `held`, `violated`, `unconverged` when what heals did not heal in time, or `unproven` when a
    /// law was never put to the test.
    package var verdict: String
    package var violations: [String]
    package var violationCount: UInt64
    package var checks: [LawCount]
    package var counts: RunCounts
    package var simulatedSeconds: Double
    package var plans: PlanCounts
    /// What watchers were told of users; `nil` if nobody watched.
    package var presence: PresenceCounts?
    /// Over the time in which users send.
    package var deliveriesPerSecond: Double
    package var messagesPerSecond: Double
    package var sendToAck: Percentiles
    package var sendToDelivery: Percentiles
    package var utilisation: [NodeUse]
    package var calendarEvents: UInt64
    package var steps: UInt64
    package var setting: RunSetting
    package var series: Series
    package var sendToAckSpread: Distribution
    package var sendToDeliverySpread: Distribution
}

extension World {
    /// The worst of the oracles' verdicts.
    private var verdict: PromiseOracle.Verdict {
        var verdicts = [self.oracle.verdict]
        if self.isChatting { verdicts.append(self.membership.verdict) }
        if let hinting = self.hinting { verdicts.append(hinting.verdict) }
        if let presence = self.watching?.oracle {
            let broken = PresenceOracle.Law.allCases.filter { presence.violationCount(of: $0) > 0 }
            if broken.contains(where: { !$0.isLiveness }) { verdicts.append(.violated) }
            if !broken.isEmpty { verdicts.append(.unconverged) }
        }
        if let goodput = self.goodput, goodput.violationCount > 0 { verdicts.append(.unconverged) }
        return [.violated, .unconverged, .unproven].first { verdicts.contains($0) } ?? .held
    }

    private var violations: [String] {
        func text(_ law: String, _ instant: Instant, _ text: String) -> String {
            "\(law) at \(instant.nanoseconds / 1_000_000) ms: \(text)"
        }
        return self.oracle.violations.map { text("\($0.law)", $0.instant, $0.text) }
            + self.membership.violations.map { text("\($0.law)", $0.instant, $0.text) }
            + (self.hinting?.violations ?? []).map { text("\($0.law)", $0.instant, $0.text) }
            + (self.watching?.oracle.violations ?? [])
            .map { text("\($0.law)", $0.instant, $0.text) }
            + (self.goodput?.violations ?? []).map { text("\($0.law)", $0.instant, $0.text) }
    }

    /// The laws of membership are judged where conversations belong to their members, those of presence
    /// where users watch each other.
    private var lawCounts: [RunResult.LawCount] {
        var counts = PromiseOracle.Law.allCases.map {
            RunResult.LawCount(
                law: "\($0)",
                checks: self.oracle.checkCount(of: $0),
                violations: self.oracle.violationCount(of: $0)
            )
        }
        if self.isChatting {
            counts += MembershipOracle.Law.allCases.map {
                RunResult.LawCount(
                    law: "\($0)",
                    checks: self.membership.checkCount(of: $0),
                    violations: self.membership.violationCount(of: $0)
                )
            }
        }
        if let hinting = self.hinting {
            counts += HintOracle.Law.allCases.map {
                RunResult.LawCount(
                    law: "\($0)",
                    checks: hinting.checkCount(of: $0),
                    violations: hinting.violationCount(of: $0)
                )
            }
        }
        if let presence = self.watching?.oracle {
            counts += PresenceOracle.Law.allCases.map {
                RunResult.LawCount(
                    law: $0 == .convergence ? "presenceConvergence" : "\($0)",
                    checks: presence.checkCount(of: $0),
                    violations: presence.violationCount(of: $0)
                )
            }
        }
        if let goodput = self.goodput {
            counts += GoodputOracle.Law.allCases.map {
                RunResult.LawCount(
                    law: "\($0)",
                    checks: goodput.checkCount(of: $0),
                    violations: goodput.violationCount(of: $0)
                )
            }
        }
        return counts
    }

    func result() -> RunResult {
        let seconds = Double(self.scenario.end.nanoseconds) / 1e9
        let sending = Double(self.scenario.workload.duration.nanoseconds) / 1e9
        var uses: [RunResult.NodeUse] = []
        for node in 0..<self.scenario.nodeCount {
            var shards: [Double] = []
            for index in 0..<self.shards.count where self.shards[index].node == node {
                shards.append(Double(self.shards[index].busy.nanoseconds) / 1e9 / seconds)
            }
            let mean = shards.reduce(0, +) / Double(shards.count)
            uses.append(RunResult.NodeUse(node: node, mean: mean, shards: shards))
        }
        return RunResult(
            scenario: self.scenario.name,
            seed: self.seed,
            digest: self.digest.value.hexadecimal,
            verdict: "\(self.verdict)",
            violations: self.violations,
            violationCount: self.oracle.violationCount + self.membership.violationCount
                + (self.hinting?.violationCount ?? 0)
                + (self.watching?.oracle.violationCount ?? 0)
                + (self.goodput?.violationCount ?? 0),
            checks: self.lawCounts,
            counts: self.counts,
            simulatedSeconds: seconds,
            plans: self.plans,
            presence: self.watching.map {
                PresenceCounts(
                    told: $0.oracle.toldCount,
                    gone: $0.oracle.goneCount,
                    widestWindowSeconds: Double($0.oracle.widestWindow.nanoseconds) / 1e9
                )
            },
            deliveriesPerSecond: Double(self.counts.deliveries) / sending,
            messagesPerSecond: Double(self.counts.acknowledged) / sending,
            sendToAck: RunResult.Percentiles(self.sendToAck),
            sendToDelivery: RunResult.Percentiles(self.sendToDelivery),
            utilisation: uses,
            calendarEvents: self.calendar.eventCount,
            steps: self.digest.stepCount,
            setting: RunSetting(self.scenario),
            series: self.series.series(until: self.scenario.end),
            sendToAckSpread: self.series.acknowledgements,
            sendToDeliverySpread: self.series.arrivals
        )
    }
}
