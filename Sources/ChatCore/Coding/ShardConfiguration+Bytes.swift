package import Kernel

extension ShardConfiguration: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.byte(self.roles.rawValue)
        writer.word(self.partitionCount)
        writer.list(self.namespaces)
        writer.value(self.pingInterval)
        writer.value(self.pongTimeout)
        writer.value(self.connectTimeout)
        writer.value(self.requestTimeout)
        writer.value(self.headInterval)
        writer.value(self.leaseInterval)
        writer.value(self.interestRetry)
        writer.value(self.interestRenewal)
        writer.value(self.interestLease)
        writer.value(self.storeRetry)
        writer.value(self.expiryGrace)
        writer.word(self.recoveryLimit)
        writer.word(self.historyLimit)
        writer.word(self.historyRequestLimit)
        writer.word(self.subscriptionLimit)
        writer.word(self.pendingLimit)
        writer.word(self.connectionPublishBytes)
        writer.word(self.shardPublishBytes)
        writer.word(self.heldLimit)
        writer.word(self.gatedLimit)
        writer.word(UInt64(self.recentMessageLimit))
        writer.word(UInt64(self.memberCacheLimit))
        writer.word(self.listLimit)
        writer.value(self.typingInterval)
        writer.optional(self.commandRate)
        writer.optional(self.publishRate)
        writer.word(UInt64(self.publisherLimit))
        writer.flag(self.userConnectionLimit != nil)
        writer.word(self.userConnectionLimit ?? 0)
        writer.optional(self.anonymous)
        writer.optional(self.overload)
        writer.value(self.backlog)
        writer.value(self.presence)
        writer.value(self.fanOut)
        writer.flag(self.hintsMembers)
        writer.value(self.hintWindow)
        writer.word(UInt64(self.noticeLimit))
        writer.word(UInt64(self.toldLimit))
    }

    /// Refuses what no shard can run with.
    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.roles = RoleSet(rawValue: try reader.byte())
        self.partitionCount = try reader.integer()
        self.namespaces = try reader.list()
        self.pingInterval = try reader.value()
        self.pongTimeout = try reader.value()
        self.connectTimeout = try reader.value()
        self.requestTimeout = try reader.value()
        self.headInterval = try reader.value()
        self.leaseInterval = try reader.value()
        self.interestRetry = try reader.value()
        self.interestRenewal = try reader.value()
        self.interestLease = try reader.value()
        self.storeRetry = try reader.value()
        self.expiryGrace = try reader.value()
        self.recoveryLimit = try reader.integer()
        self.historyLimit = try reader.integer()
        self.historyRequestLimit = try reader.integer()
        self.subscriptionLimit = try reader.integer()
        self.pendingLimit = try reader.integer()
        self.connectionPublishBytes = try reader.integer()
        self.shardPublishBytes = try reader.integer()
        self.heldLimit = try reader.integer()
        self.gatedLimit = try reader.integer()
        self.recentMessageLimit = try reader.integer()
        self.memberCacheLimit = try reader.integer()
        self.listLimit = try reader.integer()
        self.typingInterval = try reader.value()
        self.commandRate = try reader.optional()
        self.publishRate = try reader.optional()
        self.publisherLimit = try reader.integer()
        let limitsConnections = try reader.flag()
        let connections: UInt32 = try reader.integer()
        guard limitsConnections || connections == 0 else {
            throw reader.refusal("a limit that is meant")
        }
        self.userConnectionLimit = limitsConnections ? connections : nil
        self.anonymous = try reader.optional()
        self.overload = try reader.optional()
        self.backlog = try reader.value()
        self.presence = try reader.value()
        self.fanOut = try reader.value()
        self.hintsMembers = try reader.flag()
        self.hintWindow = try reader.value()
        self.noticeLimit = try reader.integer()
        self.toldLimit = try reader.integer()
        guard !self.namespaces.isEmpty, self.partitionCount > 0, self.partitionCount <= 1 << 15,
            self.pongTimeout < self.pingInterval,
            self.namespaces.allSatisfy({ $0.hasLog || !$0.isMembersOnly }),
            self.presence.followsUsers || !self.hintsMembers,
            (.milliseconds(200) ... .seconds(86_400)).contains(self.pingInterval)
        else { throw reader.refusal("a configuration that a shard can run with") }
    }
}

extension FanOutPolicy: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.word(self.directMembers)
        writer.word(self.groupedMembers)
        writer.word(self.relayDegree)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.directMembers = try reader.integer()
        self.groupedMembers = try reader.integer()
        self.relayDegree = try reader.integer()
        guard self.isSound else { throw reader.refusal("thresholds of plans in their order") }
    }
}

extension BacklogPolicy: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.word(self.high)
        writer.word(self.low)
        writer.word(self.bound)
        writer.word(self.page)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.high = try reader.integer()
        self.low = try reader.integer()
        self.bound = try reader.integer()
        self.page = try reader.integer()
        guard self.isOrdered else { throw reader.refusal("marks of a backlog in their order") }
    }
}

extension OverloadPolicy: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.leastTold)
        writer.value(self.held)
        writer.value(self.history)
        writer.value(self.connections)
        writer.value(self.messages)
        writer.value(self.everything)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.leastTold = try reader.value()
        self.held = try reader.value()
        self.history = try reader.value()
        self.connections = try reader.value()
        self.messages = try reader.value()
        self.everything = try reader.value()
        guard self.isOrdered else { throw reader.refusal("waits in the order of shedding") }
    }
}
