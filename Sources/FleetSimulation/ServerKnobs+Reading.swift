import ChatCore
import Kernel
import Workload

extension ShardConfiguration {
    /// Reads the knobs of a scenario's shards; what is not set keeps its default.
    init(_ node: StrictNode) throws(ModelError) {
        self.init()
        var mapping = try node.mapping()
        func time(_ key: String, _ path: WritableKeyPath<Self, Interval>) throws(ModelError) {
            guard let value = mapping.optional(key) else { return }
            let slot = Interval.milliseconds(100)
            let time = try value.duration(in: slot ... .seconds(3600))
            guard time.nanoseconds.isMultiple(of: slot.nanoseconds) else {
                throw value.refused("is no multiple of 100 ms", expected: "whole slots of 100 ms")
            }
            self[keyPath: path] = time
        }
        try time("pingInterval", \.pingInterval)
        try time("pongTimeout", \.pongTimeout)
        try time("headInterval", \.headInterval)
        try time("interestRenewal", \.interestRenewal)
        try time("interestLease", \.interestLease)
        if let value = mapping.optional("recoveryLimit") {
            self.recoveryLimit = UInt32(try value.integer(in: 1...65_536))
        }
        if let value = mapping.optional("historyLimit") {
            self.historyLimit = UInt32(try value.integer(in: 1...65_536))
        }
        if let value = mapping.optional("pendingLimit") {
            self.pendingLimit = UInt32(try value.integer(in: 1...65_536))
        }
        if let value = mapping.optional("heldLimit") {
            self.heldLimit = UInt32(try value.integer(in: 1...65_536))
        }
        if let value = mapping.optional("historyRequests") {
            self.historyRequestLimit = UInt16(try value.integer(in: 1...65_535))
        }
        if let value = mapping.optional("publishBytes") {
            self.shardPublishBytes = try value.integer(in: 1...(1 << 40))
        }
        if let value = mapping.optional("recentMessages") {
            self.recentMessageLimit = Int(try value.integer(in: 0...1_000_000))
        }
        if let value = mapping.optional("admission") {
            self.overload = try OverloadPolicy.reading(value)
        }
        if let value = mapping.optional("hints") { self.hintsMembers = try value.boolean() }
        self.presence.followsUsers = self.hintsMembers
        try self.readLimits(&mapping)
        if let value = mapping.optional("fanOut") { self.fanOut = try FanOutPolicy.reading(value) }
        if let value = mapping.optional("backlog") {
            self.backlog = try BacklogPolicy(value)
        }
        if let value = mapping.optional("presenceBudget") {
            self.presence.budget = UInt32(try value.integer(in: 10...10_000_000))
        }
        guard self.pongTimeout < self.pingInterval else {
            throw node.refused(
                "waits for a pong as long as for the next ping",
                expected: "pongTimeout below pingInterval"
            )
        }
        try mapping.finish()
    }

    private mutating func readLimits(_ mapping: inout StrictMapping) throws(ModelError) {
        self.commandRate = try RateLimit.reading(
            perSecond: mapping.optional("commandsPerSecond"),
            burst: mapping.optional("commandBurst"),
            usual: self.commandRate
        )
        self.publishRate = try RateLimit.reading(
            perSecond: mapping.optional("publishesPerSecond"),
            burst: mapping.optional("publishBurst"),
            usual: self.publishRate
        )
        if let value = mapping.optional("publishers") {
            self.publisherLimit = Int(try value.integer(in: 1...1_000_000))
        }
        if let value = mapping.optional("userConnections") {
            self.userConnectionLimit = UInt32(try value.integer(in: 1...1_000))
        }
    }
}

extension BacklogPolicy {
    /// Reads the marks of one connection's backlog; what is not set keeps its default.
    init(_ node: StrictNode) throws(ModelError) {
        self.init()
        var mapping = try node.mapping()
        func bytes(_ key: String, _ path: WritableKeyPath<Self, UInt32>) throws(ModelError) {
            guard let value = mapping.optional(key) else { return }
            self[keyPath: path] = UInt32(try value.integer(in: 1...(1 << 30)))
        }
        try bytes("low", \.low)
        try bytes("high", \.high)
        try bytes("bound", \.bound)
        try bytes("page", \.page)
        guard self.isOrdered else {
            throw node.refused("has its marks out of order", expected: "low below high below bound")
        }
        try mapping.finish()
    }
}
