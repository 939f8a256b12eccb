package import ChatCore
package import Kernel
package import Workload

/// A fleet, what users do to it, and what goes wrong: everything of a run but its seed.
package struct Scenario: Equatable, Sendable {
    package var name: String
    package var partitionCount: UInt16
    package var groups: [NodeGroup]
    package var network: Network
    package var store: Store
    /// The knobs of every shard, but for its roles and the number of partitions.
    package var server = ShardConfiguration()
    package var workload: Workload
    package var faults: [Fault]
    package var costs: HostCosts
    /// What live traffic must come back to after the faults; nothing is judged if `nil`.
    package var comeback: Comeback?

    /// Nodes that are alike; nodes are numbered through all groups from 0.
    package struct NodeGroup: Equatable, Sendable {
        package var nodes: UInt16
        /// Shards of each node: one core each.
        package var shards: UInt16
        /// What every shard of these nodes serves.
        package var roles: RoleSet
    }

    package struct Network: Equatable, Sendable {
        /// One way, between a client and its gateway.
        package var client: QuantileTable
        /// One way, between two nodes.
        package var bus: QuantileTable
        /// Of messages between two nodes, in millionths.
        package var busLossMillionths: UInt64
        package var busRepeatMillionths: UInt64
        /// Of messages between a client and its gateway, in millionths; each is sent again.
        package var clientLossMillionths: UInt64 = 0
        /// Until a lost message is sent again, doubled with each loss.
        package var retransmission = Interval.milliseconds(200)
        /// What a node sends in a second, in bytes; 0 sets no bound.
        package var bandwidth: UInt64 = 0
        /// What each message takes of the bandwidth beside its body, in bytes.
        package var frameBytes: UInt32 = 100
    }

    package struct Store: Equatable, Sendable {
        /// Of one group of writes.
        package var commit: QuantileTable
        package var read: QuantileTable
        /// What each write adds to its group's commit.
        package var append = Interval.zero
        /// The most writes of one group.
        package var groupLimit = 512
        /// A write that has waited longer when its group is committed is refused.
        package var deadline = Interval.seconds(86_400)
        /// Of appends, in millionths.
        package var failedMillionths: UInt64
        package var unknownMillionths: UInt64
        /// Of reads of pages, of log ends and of message ids, in millionths: certainly not answered.
        package var unreadableMillionths: UInt64 = 0
    }

    /// Something that goes wrong at an instant and heals after a while.
    package struct Fault: Equatable, Sendable {
        package var kind: Kind
        package var start: Instant
        package var lasts: Interval

        package enum Kind: Equatable, Sendable {
            /// The node loses everything that it did not store, and starts anew after the while.
            case crash(node: Int)
            /// The node sends its clients away over half of the while, and starts anew after it.
            case drain(node: Int)
            /// The node does nothing, and then goes on as if no time had passed.
            case pause(node: Int)
            /// The peer does not hear the node, nor, unless it is one way, the node the peer.
            case partition(node: Int, peer: Int, isOneWay: Bool)
            /// The store commits and answers nothing.
            case stall
            /// So many of the client sockets of the node, or of all, end.
            case cut(node: Int?, shareMillionths: UInt64)
            /// At the end, a copy of the store that was made at the start takes its place: what was
            /// committed meanwhile is lost, and the store knows it or does not.
            case restore(isNoticed: Bool)
        }
    }

    /// What live traffic must come back to when the last fault is over.
    package struct Comeback: Equatable, Sendable {
        package var within: Interval
        package var patience: Interval
        package var goodputMillionths: UInt64
        package var latencyFactor: UInt64
    }

    package var nodeCount: Int { self.groups.reduce(0) { $0 + Int($1.nodes) } }

    /// When the run ends.
    package var end: Instant {
        .zero + self.workload.rampUp + self.workload.duration + self.workload.settle
    }
}

/// Latencies at quantiles of equal distance, from the least to the greatest; between them, a line.
package struct QuantileTable: Equatable, Sendable {
    /// Ascending, in nanoseconds.
    package var points: [UInt64]

    /// Maps 64 random bits to a latency, in integers.
    package func draw(_ bits: UInt64) -> Interval {
        guard self.points.count > 1 else { return Interval(nanoseconds: self.points[0]) }
        let product = bits.multipliedFullWidth(by: UInt64(self.points.count - 1))
        let index = Int(product.high)
        let step = self.points[index + 1] - self.points[index]
        let part = step.multipliedFullWidth(by: product.low).high
        return Interval(nanoseconds: self.points[index] + part)
    }
}

/// What a shard's work costs on a host.
package struct HostCosts: Equatable, Sendable {
    package var name: String
    package var basis: Basis
    package var wakeUp: Interval
    /// Any event but those below.
    package var event: Interval
    package var command: Interval
    /// The `connect` command, with the check of its token.
    package var connect: Interval
    /// One connection that an effect goes to.
    package var target: Interval
    /// One message to another shard.
    package var peer = Interval.zero
    /// Bodies, for each connection that they go to.
    package var kilobyte: Interval
    /// The most events that one wake-up takes.
    package var eventsPerWakeUp: Int

    /// How the costs were found.
    package enum Basis: String, Encodable, Equatable, Sendable {
        case estimated
        /// To measurements of a live host.
        case fitted
    }
}
