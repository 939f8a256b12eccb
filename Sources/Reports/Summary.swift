/// What `report.json` holds: the report's figures without the series, for other programs.
struct Summary: Encodable {
    /// A model file of a run.
    struct Model: Encodable {
        var file: String
        /// Of the file's bytes, in hexadecimal.
        var sha256: String
    }

    struct Run: Encodable {
        var name: String
        var kind: String
        var verdict: String
        var violationCount: UInt64
        var violations: [String]
        var checks: [RunDocument.LawCount]
        var seed: UInt64
        var users: UInt64
        var nodes: Int
        var sent: UInt64
        var acknowledged: UInt64
        var deliveries: UInt64
        var messagesPerSecond: Double
        var deliveriesPerSecond: Double
        var sendToAck: RunDocument.Percentiles
        var sendToDelivery: RunDocument.Percentiles
        var utilisation: [RunDocument.NodeUse]
        var plans: RunDocument.Plans?
        var faults: [RunDocument.Fault]
        var presence: RunDocument.Presence?
        /// A figure for many nodes, which have never run live.
        var notValidatedLive: Bool
        /// The costs of the hosts are estimates, not fitted to measurements.
        var costsEstimated: Bool
        var digest: String?
        var models: [Model]
        var command: String
        var version: String
    }

    var version: String
    var command: String
    var verdict: String
    var runs: [Run]

    init(_ report: Report) {
        self.version = report.version
        self.command = report.command
        self.verdict = report.isHeld ? "held" : report.isBroken ? "violated" : "unproven"
        self.runs = report.runs.map { files in
            let run = files.run
            return Run(
                name: run.name,
                kind: run.kind.rawValue,
                verdict: run.verdict,
                violationCount: run.violationCount,
                violations: run.violations,
                checks: run.checks ?? [],
                seed: run.seed,
                users: run.userCount,
                nodes: run.nodeCount,
                sent: run.sentCount,
                acknowledged: run.acknowledgedCount,
                deliveries: run.deliveryCount,
                messagesPerSecond: run.messagesPerSecond,
                deliveriesPerSecond: run.deliveriesPerSecond,
                sendToAck: run.sendToAck,
                sendToDelivery: run.sendToDelivery,
                utilisation: run.utilisation ?? [],
                plans: run.plans,
                faults: run.faults,
                presence: run.presence,
                notValidatedLive: run.isNotValidatedLive,
                costsEstimated: run.setting?.hostBasis == "estimated",
                digest: run.digest,
                models: files.models.map { Model(file: $0.name, sha256: $0.digest) },
                command: run.command,
                version: run.version
            )
        }
    }
}
