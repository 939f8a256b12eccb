package import Measurement

/// What `run.json` says of one run, simulated or live: the part of it that a report shows.
package struct RunDocument: Decodable, Sendable {
    package enum Kind: String, Decodable, Sendable {
        case simulated
        case live
    }

    /// In milliseconds.
    package struct Percentiles: Codable, Equatable, Sendable {
        package var p50: Double
        package var p90: Double
        package var p99: Double
        package var p999: Double
    }

    package struct LawCount: Codable, Sendable {
        package var law: String
        package var checks: UInt64
    }

    package struct Fault: Codable, Sendable {
        package var text: String
        package var beginMilliseconds: UInt64
        package var endMilliseconds: UInt64
    }

    package struct NodeUse: Codable, Sendable {
        package var node: Int
        package var mean: Double
    }

    package struct Setting: Decodable, Sendable {
        package var users: UInt64
        package var nodes: Int
        package var shards: Int
        package var host: String
        package var hostBasis: String
        package var workload: String
        package var sendingBeginsMilliseconds: UInt64
        package var sendingEndsMilliseconds: UInt64
        package var faults: [Fault]
    }

    /// What watchers were told of users; each user and connection counted.
    package struct Presence: Codable, Sendable {
        package var told: UInt64
        /// Of those, that a user has gone.
        package var gone: UInt64
        /// The widest W that was in force.
        package var widestWindowSeconds: Double
    }

    /// Which plans messages got.
    package struct Plans: Codable, Equatable, Sendable {
        package var direct: UInt64
        package var grouped: UInt64
        package var broadcast: UInt64
        package var relayed: UInt64
        package var passedOn: UInt64
        /// `nil` in documents of former versions.
        package var hints: UInt64?
    }

    struct Counts: Decodable, Sendable {
        var sent: UInt64
        var acknowledged: UInt64
        var deliveries: UInt64
    }

    package var kind: Kind
    package var command: String
    package var version: String
    package var seed: UInt64
    package var verdict: String
    package var violations: [String]
    package var violationCount: UInt64
    package var messagesPerSecond: Double
    package var deliveriesPerSecond: Double
    package var sendToAck: Percentiles
    package var sendToDelivery: Percentiles
    package var series: Series
    package var sendToAckSpread: Distribution
    package var sendToDeliverySpread: Distribution

    // Of simulated runs.
    package var scenario: String?
    package var digest: String?
    package var checks: [LawCount]?
    package var utilisation: [NodeUse]?
    /// `nil` if nobody watched.
    package var presence: Presence?
    package var plans: Plans?
    var counts: Counts?
    package var setting: Setting?

    // Of live runs.
    package var url: String?
    package var workload: String?
    var users: UInt64?
    var sent: UInt64?
    var acknowledged: UInt64?
    var deliveriesExpected: UInt64?
    var deliveriesReceived: UInt64?
    var generatorLateness: Percentiles?
    var sendingBeginsMilliseconds: UInt64?
    var sendingEndsMilliseconds: UInt64?
}

extension RunDocument {
    package var name: String { self.scenario ?? self.workload ?? "a run without a name" }
    package var workloadName: String { self.setting?.workload ?? self.workload ?? "unnamed" }
    package var userCount: UInt64 { self.setting?.users ?? self.users ?? 0 }
    package var nodeCount: Int { self.setting?.nodes ?? 1 }
    package var sentCount: UInt64 { self.counts?.sent ?? self.sent ?? 0 }
    package var acknowledgedCount: UInt64 { self.counts?.acknowledged ?? self.acknowledged ?? 0 }
    package var deliveryCount: UInt64 { self.counts?.deliveries ?? self.deliveriesReceived ?? 0 }
    package var faults: [Fault] { self.setting?.faults ?? [] }
    package var isHeld: Bool { self.verdict == "held" || self.verdict == "pass" }
    package var checkCount: UInt64 { (self.checks ?? []).reduce(0) { $0 + $1.checks } }

    package var sendingEnds: UInt64 {
        self.setting?.sendingEndsMilliseconds ?? self.sendingEndsMilliseconds ?? 0
    }

    package var sendingBegins: UInt64 {
        self.setting?.sendingBeginsMilliseconds ?? self.sendingBeginsMilliseconds ?? 0
    }

    /// Many nodes have never run live.
    package var isNotValidatedLive: Bool { self.kind == .simulated && self.nodeCount > 1 }
}
