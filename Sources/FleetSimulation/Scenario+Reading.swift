import ChatCore
import Kernel
package import Workload

extension Scenario {
    /// The name of the host model that a scenario file asks for, with its place.
    package static func hostName(_ node: StrictNode) throws(ModelError) -> StrictNode {
        var mapping = try node.mapping()
        return try mapping.required("host", expected: "the name of a host model")
    }

    /// The name of the workload file that a scenario file asks for, with its place; `nil` if it brings its own.
    package static func workloadName(_ node: StrictNode) throws(ModelError) -> StrictNode? {
        var mapping = try node.mapping()
        let workload = try mapping.required("workload", expected: "a workload or the name of one")
        return workload.isMapping ? nil : workload
    }

    /// Reads a scenario whose host model, and the workload that it names, were read before.
    package init(
        _ node: StrictNode,
        costs: HostCosts,
        workload named: Workload? = nil
    ) throws(ModelError) {
        var mapping = try node.mapping()
        self.name = try mapping.required("name", expected: "text").text()
        _ = mapping.optional("host")
        self.costs = costs
        var fleet = try mapping.required("fleet", expected: "a mapping").mapping()
        self.partitionCount = UInt16(
            try fleet.required("partitions", expected: "a whole number").integer(in: 1...4096)
        )
        let groups = try fleet.required("groups", expected: "a list of node groups")
        self.groups = []
        for item in try groups.items() { self.groups.append(try NodeGroup(item)) }
        try fleet.finish()
        for (role, name) in [(RoleSet.gateway, "gateway"), (.conversation, "conversation")] {
            guard self.groups.contains(where: { $0.roles.contains(role) }) else {
                throw groups.refused("has no \(name)", expected: "a group with the role \(name)")
            }
        }
        self.network = try Network(mapping.required("network", expected: "a mapping"))
        self.store = try Store(mapping.required("store", expected: "a mapping"))
        let workload = try mapping.required("workload", expected: "a workload or the name of one")
        self.workload = if let named { named } else { try Workload(workload) }
        if let value = mapping.optional("server") {
            self.server = try ShardConfiguration(value)
        }
        guard
            self.workload.presence == nil && self.server.userConnectionLimit == nil
                || self.groups.contains(where: { $0.roles.contains(.user) })
        else { throw groups.refused("has no user", expected: "a group with the role user") }
        self.faults = []
        let nodes = self.groups.reduce(0) { $0 + Int($1.nodes) }
        guard nodes <= 1024 else {
            throw groups.refused("makes \(nodes) nodes", expected: "at most 1024")
        }
        if let faults = mapping.optional("faults") {
            for item in try faults.items() {
                let fault = try Fault(item, nodes: nodes)
                if case .restore = fault.kind, self.workload.chat != nil {
                    throw item.refused(
                        "takes back who is a member, which no law judges",
                        expected: "a workload without chat"
                    )
                }
                guard fault.start < self.end else {
                    throw item.refused("begins when the run is over", expected: "an earlier 'at'")
                }
                self.faults.append(fault)
            }
        }
        if let value = mapping.optional("comeback") {
            self.comeback = try Comeback(value)
            guard self.faults.contains(where: { $0.start > .zero + self.workload.rampUp }) else {
                throw value.refused("has nothing before it", expected: "a fault after the ramp-up")
            }
        }
        try mapping.finish()
    }
}

extension Scenario.Comeback {
    init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        let hour = Interval.seconds(3_600)
        self.within = try mapping.required("within", expected: "a time with its unit")
            .duration(in: .zero...hour)
        self.patience = try mapping.required("patience", expected: "a time with its unit")
            .duration(in: .milliseconds(1)...hour)
        self.goodputMillionths = try mapping.required("goodput", expected: "a part of 1")
            .millionths(in: 0...1_000_000)
        self.latencyFactor = try mapping.required("latency", expected: "a whole number")
            .integer(in: 1...1_000)
        try mapping.finish()
    }
}

extension Scenario.NodeGroup {
    init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        self.nodes = UInt16(
            try mapping.required("nodes", expected: "a whole number").integer(in: 1...1024)
        )
        self.shards = UInt16(
            try mapping.required("shards", expected: "a whole number").integer(in: 1...256)
        )
        if let value = mapping.optional("cores") {
            let cores = try value.integer(in: 1...1024)
            guard UInt64(self.shards) <= cores else {
                throw value.refused(
                    "is less than \(self.shards) shards, which are busy threads",
                    expected: "a core for each"
                )
            }
        }
        self.roles = []
        let roles = try mapping.required("roles", expected: "a list of roles")
        for item in try roles.items() {
            let role: RoleSet =
                switch try item.text() {
                case "gateway": .gateway
                case "conversation": .conversation
                case "user": .user
                case let other:
                    throw item.refused(
                        "'\(other)' is no role",
                        expected: "gateway, conversation or user"
                    )
                }
            guard self.roles.isDisjoint(with: role) else {
                throw item.refused("is there twice", expected: "each role once")
            }
            self.roles.insert(role)
        }
        guard !self.roles.isEmpty else { throw roles.refused("is empty", expected: "a role") }
        try mapping.finish()
    }
}

extension Scenario.Network {
    init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        self.client = try QuantileTable(mapping.required("client", expected: "latencies"))
        self.bus = try QuantileTable(mapping.required("bus", expected: "latencies"))
        self.busLossMillionths = try mapping.required("busLoss", expected: "a part of 1")
            .millionths(in: 0...1_000_000)
        self.busRepeatMillionths = try mapping.required("busRepeat", expected: "a part of 1")
            .millionths(in: 0...1_000_000)
        if let value = mapping.optional("clientLoss") {
            self.clientLossMillionths = try value.millionths(in: 0...500_000)
        }
        if let value = mapping.optional("retransmission") {
            self.retransmission = try value.duration(in: .milliseconds(1) ... .seconds(10))
        }
        if let value = mapping.optional("bandwidth") {
            self.bandwidth = try value.integer(in: 1_000...1_000_000_000_000)
        }
        if let value = mapping.optional("frameBytes") {
            self.frameBytes = UInt32(try value.integer(in: 0...65_536))
        }
        try mapping.finish()
    }
}

extension Scenario.Store {
    init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        self.commit = try QuantileTable(mapping.required("commit", expected: "latencies"))
        self.read = try QuantileTable(mapping.required("read", expected: "latencies"))
        self.failedMillionths = try mapping.required("failed", expected: "a part of 1")
            .millionths(in: 0...500_000)
        self.unknownMillionths = try mapping.required("unknown", expected: "a part of 1")
            .millionths(in: 0...500_000)
        if let value = mapping.optional("unreadable") {
            self.unreadableMillionths = try value.millionths(in: 0...500_000)
        }
        if let value = mapping.optional("append") {
            self.append = try value.duration(in: .zero ... .seconds(1))
        }
        if let value = mapping.optional("group") {
            self.groupLimit = Int(try value.integer(in: 1...65_536))
        }
        if let value = mapping.optional("deadline") {
            self.deadline = try value.duration(in: .milliseconds(1) ... .seconds(86_400))
        }
        try mapping.finish()
    }
}

extension Scenario.Fault {
    private static let kinds = "crash, cut, drain, partition, pause, restore or stall"

    init(_ node: StrictNode, nodes: Int) throws(ModelError) {
        var mapping = try node.mapping()
        let kind = try mapping.required("kind", expected: Self.kinds)
        let day = Interval.seconds(86_400)
        self.start =
            .zero
            + (try mapping.required("at", expected: "a time with its unit").duration(
                in: .zero...day
            ))
        self.lasts = try mapping.required("lasts", expected: "a time with its unit")
            .duration(in: .milliseconds(1)...day)
        let last = UInt64(nodes - 1)
        switch try kind.text() {
        case "crash":
            let value = try mapping.required("node", expected: "a node's number")
            self.kind = .crash(node: Int(try value.integer(in: 0...last)))
        case "drain":
            let value = try mapping.required("node", expected: "a node's number")
            self.kind = .drain(node: Int(try value.integer(in: 0...last)))
        case "pause":
            let value = try mapping.required("node", expected: "a node's number")
            self.kind = .pause(node: Int(try value.integer(in: 0...last)))
        case "partition":
            let value = try mapping.required("node", expected: "a node's number")
            let other = try mapping.required("peer", expected: "another node's number")
            let pair = (try value.integer(in: 0...last), try other.integer(in: 0...last))
            guard pair.0 != pair.1 else {
                throw other.refused("is the same node", expected: "another node's number")
            }
            let isOneWay = try mapping.optional("oneWay")?.boolean() ?? false
            self.kind = .partition(
                node: Int(pair.0),
                peer: Int(pair.1),
                isOneWay: isOneWay
            )
        case "restore":
            let isNoticed = try mapping.optional("noticed")?.boolean() ?? true
            self.kind = .restore(isNoticed: isNoticed)
        case "stall": self.kind = .stall
        case "cut":
            let node = try mapping.optional("node").map { value throws(ModelError) in
                Int(try value.integer(in: 0...last))
            }
            let share = try mapping.optional("share")?.millionths(in: 1...1_000_000) ?? 1_000_000
            self.kind = .cut(node: node, shareMillionths: share)
        case let text:
            throw kind.refused("'\(text)' is no fault", expected: Self.kinds)
        }
        try mapping.finish()
    }
}

extension QuantileTable {
    init(_ node: StrictNode) throws(ModelError) {
        self.points = []
        for item in try node.items() {
            let point = try item.duration(in: .zero ... .seconds(3600)).nanoseconds
            if let last = self.points.last, point < last {
                throw item.refused("is less than the one before", expected: "ascending latencies")
            }
            self.points.append(point)
        }
        guard !self.points.isEmpty else {
            throw node.refused("is empty", expected: "at least one latency")
        }
    }
}

extension HostCosts {
    /// Reads a host model's file.
    package init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        self.name = try mapping.required("name", expected: "text").text()
        // Costs that do not say where they come from are nobody's measurement.
        self.basis =
            try mapping.optional("basis")?.choice(["estimated": .estimated, "fitted": .fitted])
            ?? .estimated
        func time(_ key: String) throws(ModelError) -> Interval {
            try mapping.required(key, expected: "a time with its unit")
                .duration(in: .zero ... .seconds(1))
        }
        self.wakeUp = try time("wakeUp")
        self.event = try time("event")
        self.command = try time("command")
        self.connect = try time("connect")
        self.target = try time("target")
        self.kilobyte = try time("kilobyte")
        if let value = mapping.optional("peer") {
            self.peer = try value.duration(in: .zero ... .seconds(1))
        }
        self.eventsPerWakeUp = Int(
            try mapping.required("eventsPerWakeUp", expected: "a whole number")
                .integer(in: 1...65_536)
        )
        try mapping.finish()
    }
}
