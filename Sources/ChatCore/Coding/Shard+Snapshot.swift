import BasicContainers
package import Kernel

/// Everything of a shard that decides what it does next, in a canonical encoding.
extension Shard {
    private static var snapshotVersion: UInt64 { 4 }

    /// Id, configuration, seed, incarnation and all rows.
    ///
    /// O(rows). Taken between two steps only.
    package borrowing func snapshot() -> [UInt8] {
        precondition(self.staged.isEmpty, "a snapshot is taken between two steps")
        var writer = ByteWriter()
        writer.word(Self.snapshotVersion)
        writer.value(self.id)
        writer.value(self.configuration)
        writer.fixed(self.random.seed)
        writer.word(self.incarnation)
        writer.value(self.counters)
        self.deadlines.write(to: &writer)
        self.requests.write(to: &writer)
        writer.word(self.wallClockOrigin)
        self.writeGateway(to: &writer)
        self.conversations.write(to: &writer)
        self.messages.write(to: &writer)
        self.repeats.write(to: &writer)
        self.recent.write(to: &writer)
        self.asked.write(to: &writer)
        self.members.write(to: &writer)
        writer.list(self.moved)
        writer.list(self.announcing)
        writer.word(self.sweepStart)
        for slot in self.partitionConversations { writer.word(slot) }
        self.writePresence(to: &writer)
        self.writeInbox(to: &writer)
        writer.value(Digest128(of: writer.bytes[...]))
        return writer.bytes
    }

    private borrowing func writeGateway(to writer: inout ByteWriter) {
        writer.word(UInt64(self.connections.count))
        for slot in 0..<self.connections.count { writer.value(self.connections[slot]) }
        self.gated.write(to: &writer)
        self.subscriptions.write(to: &writer)
        self.joins.write(to: &writer)
        self.expiries.write(to: &writer)
        self.lags.write(to: &writer)
        self.feeds.write(to: &writer)
        self.held.write(to: &writer)
        writer.word(self.feedIncarnations)
        writer.word(self.renewalStart)
        writer.word(self.renewalsDue)
        writer.flag(self.isRenewing)
        for lease in self.placement {
            writer.value(lease.term)
            writer.optional(lease.owner)
        }
        writer.flag(self.pingSlots.isTurning)
        for slot in self.pingSlots.slots { writer.list(slot) }
        for slot in self.partitionFeeds { writer.word(slot) }
        writer.value(self.drain)
        writer.value(self.lag)
        writer.list(self.leaving)
        self.publishers.rows.write(to: &writer)
        writer.word(self.publishers.hand)
    }

    /// Continues where the snapshot was taken; handles of payloads become 1, "some bytes".
    package static func restored(from bytes: [UInt8]) throws(ByteError) -> Shard {
        var reader = try Self.reader(of: bytes)
        var shard = Shard(
            id: try reader.value(),
            configuration: try reader.value(),
            seed: try reader.fixed(),
            incarnation: try reader.word()
        )
        shard.counters = try reader.value()
        shard.deadlines = try DeadlineHeap(from: &reader)
        shard.requests = try Slab(from: &reader, blank: .vacant)
        shard.wallClockOrigin = try reader.word()
        try shard.readGateway(from: &reader)
        try shard.readConversations(from: &reader)
        try shard.readPresence(from: &reader)
        try shard.readInbox(from: &reader)
        shard.listConnectionsAgain()
        try reader.finish()
        guard shard.areLinksWhole(), shard.addUpBytes() else {
            throw reader.refusal("rows that name rows")
        }
        return shard
    }

    /// The part before the digest, if the digest is its.
    private static func reader(of bytes: [UInt8]) throws(ByteError) -> ByteReader {
        guard bytes.count > 16 else {
            throw ByteError(position: bytes.count, expected: "a snapshot of more than 16 bytes")
        }
        let end = bytes.count - 16
        var ending = ByteReader(bytes, from: end, to: bytes.count)
        guard try ending.value(Digest128.self) == Digest128(of: bytes[..<end]) else {
            throw ByteError(position: end, expected: "the digest of the bytes before it")
        }
        var reader = ByteReader(bytes, from: 0, to: end)
        guard try reader.word() == Self.snapshotVersion else {
            throw ByteError(position: 0, expected: "snapshot version \(Self.snapshotVersion)")
        }
        return reader
    }

    private mutating func readGateway(from reader: inout ByteReader) throws(ByteError) {
        for _ in 0..<(try reader.count()) {
            let connection: Connection = try reader.value()
            if connection.phase != .vacant { self.connectionCount += 1 }
            self.connections.append(connection)
        }
        let nobody = GatedCommand(id: CommandID(0), command: .connect, next: noSlot)
        self.gated = try Slab(from: &reader, blank: nobody)
        self.subscriptions = try Slab(from: &reader, blank: .blank)
        self.joins = try Slab(from: &reader, blank: .blank)
        self.expiries = try Slab(from: &reader, blank: Expiry())
        self.lags = try Slab(from: &reader, blank: .blank)
        self.feeds = try Slab(from: &reader, blank: .blank)
        for slot in 0..<self.feeds.slotCount where self.feeds.isOccupied(slot) {
            self.indexFeed(slot)
        }
        self.held = try Slab(from: &reader, blank: .blank)
        self.feedIncarnations = try reader.word()
        self.renewalStart = try reader.integer()
        self.renewalsDue = try reader.word()
        self.isRenewing = try reader.flag()
        for partition in self.placement.indices {
            self.placement[partition] = (try reader.value(), try reader.optional())
        }
        self.pingSlots.isTurning = try reader.flag()
        for slot in self.pingSlots.slots.indices {
            self.pingSlots.slots[slot] = try reader.list()
        }
        for partition in self.partitionFeeds.indices {
            self.partitionFeeds[partition] = try reader.integer()
        }
        self.drain = try reader.value()
        self.lag = try reader.value()
        self.leaving = try reader.list()
        self.publishers.rows = try Slab(from: &reader, blank: .blank)
        self.publishers.hand = try reader.integer()
        for slot in 0..<self.publishers.rows.slotCount
        where self.publishers.rows.isOccupied(slot) {
            self.publishers.enter(slot, self.hash(self.publishers.rows[slot].user))
        }
    }

    private mutating func readConversations(from reader: inout ByteReader) throws(ByteError) {
        self.conversations = try Slab(from: &reader, blank: .blank)
        for slot in 0..<self.conversations.slotCount where self.conversations.isOccupied(slot) {
            self.indexConversation(slot)
        }
        self.messages = try Slab(from: &reader, blank: .blank)
        let nobody = RepeatedMessage(
            token: RequestToken(rawValue: 0),
            gateway: self.id,
            next: noSlot
        )
        self.repeats = try Slab(from: &reader, blank: nobody)
        self.recent = try RecentMessages(
            from: &reader,
            limit: self.configuration.recentMessageLimit,
            seed: self.random.seed
        )
        self.asked = try Slab(from: &reader, blank: .blank)
        self.members = try MemberCache(
            from: &reader,
            limit: self.configuration.memberCacheLimit
        )
        for slot in 0..<self.asked.slotCount where self.asked.isOccupied(slot) {
            let request = self.asked[slot].request
            self.members.asked(request.conversation, request.user)
        }
        self.moved = try reader.list()
        self.announcing = try reader.list()
        self.sweepStart = try reader.integer()
        for partition in self.partitionConversations.indices {
            self.partitionConversations[partition] = try reader.integer()
        }
    }
}

extension HeldDelivery {
    static var blank: Self {
        let delivery = Delivery(
            conversation: ConversationID(high: 0, low: 0),
            term: .none,
            epoch: Epoch(0),
            offset: .start,
            unixMilliseconds: 0,
            body: Body(handle: .none, byteCount: 0)
        )
        return Self(delivery: delivery, next: noSlot)
    }
}

extension PublishRequest {
    static var blank: Self {
        Self(
            token: RequestToken(rawValue: 0),
            conversation: ConversationID(high: 0, low: 0),
            namespace: 0,
            user: UserID(high: 0, low: 0),
            message: nil,
            body: Body(handle: .none, byteCount: 0)
        )
    }
}

extension AskedOperation {
    static var blank: Self { Self(request: .blank, gateway: ShardID(rawValue: 0)) }
}

extension OwnedMessage {
    static var blank: Self {
        Self(
            request: .blank,
            gateway: ShardID(rawValue: 0),
            unixMilliseconds: 0,
            fate: .waiting,
            next: noSlot,
            previous: noSlot,
            firstRepeat: noSlot
        )
    }
}

extension RecentMessages {
    /// The ids in the order in which they will be forgotten, each with its reply.
    func write(to writer: inout ByteWriter) {
        writer.word(UInt64(self.oldest))
        writer.word(UInt64(self.order.count))
        for key in self.order {
            writer.value(key)
            guard let reply = self.reply(to: key) else {
                preconditionFailure("each id that is remembered has its reply")
            }
            writer.value(reply)
        }
    }

    init(from reader: inout ByteReader, limit: Int, seed: UInt64) throws(ByteError) {
        self.init(limit: limit, seed: seed)
        let oldest: Int = try reader.integer()
        for _ in 0..<(try reader.count()) {
            let key: Key = try reader.value()
            let reply: SendReply = try reader.value()
            guard self.order.count < limit, self.remember(reply, for: key) else {
                throw reader.refusal("each id once, and at most \(limit) of them")
            }
        }
        guard oldest == 0 || oldest < self.order.count else {
            throw reader.refusal("the oldest of the ids")
        }
        self.oldest = oldest
    }
}
