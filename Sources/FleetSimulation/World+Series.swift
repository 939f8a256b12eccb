import Kernel
import Measurement
import Workload

/// What a report needs to know of a scenario beside its files.
package struct RunSetting: Encodable, Sendable {
    package struct Fault: Encodable, Sendable {
        package var text: String
        package var beginMilliseconds: UInt64
        package var endMilliseconds: UInt64
    }

    package var users: UInt32
    package var nodes: Int
    package var shards: Int
    package var host: String
    /// How the host's costs were found: `estimated` or `fitted`.
    package var hostBasis: HostCosts.Basis
    package var workload: String
    package var sendingBeginsMilliseconds: UInt64
    package var sendingEndsMilliseconds: UInt64
    package var faults: [Fault]

    init(_ scenario: Scenario) {
        let sendingBegins = scenario.workload.rampUp.nanoseconds / 1_000_000
        self.users = scenario.workload.users
        self.nodes = scenario.nodeCount
        self.shards = scenario.groups.reduce(0) { $0 + Int($1.nodes) * Int($1.shards) }
        self.host = scenario.costs.name
        self.hostBasis = scenario.costs.basis
        self.workload = scenario.workload.name
        self.sendingBeginsMilliseconds = sendingBegins
        self.sendingEndsMilliseconds =
            sendingBegins + scenario.workload.duration.nanoseconds / 1_000_000
        let end = scenario.end
        self.faults = scenario.faults.filter { $0.start < end }.map { fault in
            Fault(
                text: fault.kind.text,
                beginMilliseconds: fault.start.nanoseconds / 1_000_000,
                endMilliseconds: min(fault.start + fault.lasts, end).nanoseconds / 1_000_000
            )
        }
    }
}

extension Scenario.Fault.Kind {
    fileprivate var text: String {
        switch self {
        case .crash(let node): "node \(node) is down"
        case .drain(let node): "node \(node) is drained"
        case .partition(let node, let peer, let isOneWay):
            isOneWay
                ? "node \(peer) does not hear node \(node)"
                : "nodes \(node) and \(peer) do not hear each other"
        case .pause(let node): "node \(node) is paused"
        case .stall: "the store stands still"
        case .cut(let node, let share):
            (share < 1_000_000 ? "\(share / 10_000) % of the" : "the") + " sockets"
                + (node.map { " of node \($0)" } ?? "") + " end"
        case .restore: "what the store commits will be lost"
        }
    }
}

extension Scenario {
    var seriesRecorder: SeriesRecorder {
        SeriesRecorder(
            end: self.end,
            devices: Int(self.workload.users),
            coresOfNodes: self.groups.flatMap {
                Array(repeating: Int($0.shards), count: Int($0.nodes))
            }
        )
    }
}
