package import Kernel
import BasicContainers

/// The composite machine that a host drives: the rows of one event loop and the routes between them.
///
/// A shard serves the roles of its configuration. Gateway and conversation roles talk by peer messages
/// even inside one shard, so that a law which holds here holds on many nodes. A host must grant at
/// least `effectReserve` free effects at each step; work that would not fit stays due and is taken up
/// at the next deadline, which is then `now`.
package struct Shard: ~Copyable, StateMachine {
    /// More effects than any single event emits, short of one for each interested gateway shard.
    package static var effectReserve: Int { 4096 }

    package let id: ShardID
    let configurations: UniqueArray<ShardConfiguration>
    /// Tells a restarted shard from its predecessor; grows.
    package let incarnation: UInt64
    let random: KeyedRandom

    var counts: UniqueArray<ShardStatistics>
    var deadlines = DeadlineHeap<Deadline>()
    var staged: UniqueArray<ConnectionHandle>
    var requests = Slab<PendingRequest>()
    /// Unix milliseconds at the shard's instant zero.
    var wallClockOrigin: UInt64 = 0

    // Gateway role.
    var connections: UniqueArray<Connection>
    var connectionCount: UInt32 = 0
    var gated = Slab<GatedCommand>()
    var subscriptions = Slab<Subscription>()
    var joins = Slab<Join>()
    /// Live subscriptions whose clients are too slow for them.
    var lags = Slab<Lag>()
    /// When the credentials of subscriptions end, of the few whose do.
    var expiries = Slab<Expiry>()
    var feeds = Slab<Feed>()
    var feedIndex = SlotIndex()
    var held = Slab<HeldDelivery>()
    var feedIncarnations: UInt64 = 0
    /// The first slot whose feed's interest is renewed next.
    var renewalStart: UInt32 = 0
    /// In feeds times pauses: what has become due and was not renewed.
    var renewalsDue: UInt64 = 0
    var isRenewing = false
    var placement: [(term: Term, owner: ShardID?)]
    /// The first feed of each partition.
    var partitionFeeds: [UInt32]
    var pingSlots: PingSlots
    var drain = Drain.serving
    /// How long the oldest event of the last round had waited.
    var lag = Interval.zero
    /// Who is sent away when it has been answered.
    var leaving: [Leaving] = []
    /// What the publishes take that owners have not answered.
    var openBytes: UInt64 = 0
    var publishers = PublisherRates()

    // Conversation role.
    var conversations = Slab<OwnedConversation>()
    var conversationIndex = SlotIndex()
    /// The first conversation of each partition.
    var partitionConversations: [UInt32]
    var messages = Slab<OwnedMessage>()
    /// What the messages take that have not been answered.
    var keptBytes: UInt64 = 0
    var repeats = Slab<RepeatedMessage>()
    var recent: RecentMessages
    var asked = Slab<AskedOperation>()
    var members: MemberCache
    /// Conversations whose heads the next round announces.
    var moved: [MovedHead] = []
    /// Those that the present round has not come to, the next one last.
    var announcing: [MovedHead] = []
    /// The first slot that the next sweep for ended interest looks at.
    var sweepStart: UInt32 = 0

    // Apart from the rest: what the compiler does to check a machine that cannot be copied grows with the
    // square of the fields that lie in it.
    var presences: UniqueArray<GatewayPresence>
    var owners: UniqueArray<OwnerPresence>
    var inboxes: UniqueArray<Inbox>
    /// The instant of the present step.
    var now = Instant.zero

    package init(
        id: ShardID,
        configuration: ShardConfiguration,
        seed: UInt64,
        incarnation: UInt64
    ) {
        precondition(!configuration.namespaces.isEmpty, "there must be a default namespace")
        precondition(
            configuration.namespaces.allSatisfy { $0.hasLog || !$0.isMembersOnly },
            "members' conversations have a log"
        )
        precondition(configuration.pongTimeout < configuration.pingInterval)
        precondition(configuration.backlog.isOrdered, "who falls behind can catch up")
        precondition(
            configuration.presence.followsUsers || !configuration.hintsMembers,
            "only users who are followed can be hinted"
        )
        self.id = id
        var configurations = UniqueArray<ShardConfiguration>(minimumCapacity: 1)
        configurations.append(configuration)
        self.configurations = configurations
        self.counts = UniqueArray(minimumCapacity: 1)
        self.counts.append(ShardStatistics())
        self.incarnation = incarnation
        self.random = KeyedRandom(seed: seed)
        self.staged = UniqueArray()
        self.connections = UniqueArray()
        self.placement = Array(
            repeating: (term: .none, owner: nil),
            count: 2 * Int(configuration.partitionCount)
        )
        self.presences = UniqueArray(minimumCapacity: 1)
        self.presences.append(GatewayPresence(configuration.presence))
        self.owners = UniqueArray(minimumCapacity: 1)
        self.owners.append(OwnerPresence(partitionCount: configuration.partitionCount))
        self.inboxes = UniqueArray(minimumCapacity: 1)
        self.inboxes.append(Inbox())
        self.partitionFeeds = Array(repeating: noSlot, count: Int(configuration.partitionCount))
        self.partitionConversations = self.partitionFeeds
        self.pingSlots = PingSlots(
            interval: configuration.pingInterval,
            timeout: configuration.pongTimeout
        )
        self.recent = RecentMessages(
            limit: configuration.recentMessageLimit,
            seed: seed
        )
        self.members = MemberCache(limit: configuration.memberCacheLimit)
        self.deadlines.schedule(.leases, at: .zero)
        if configuration.roles.contains(.conversation) {
            self.deadlines.schedule(.heads, at: .zero + configuration.headInterval)
        }
    }

    package var configuration: ShardConfiguration { _read { yield self.configurations[0] } }

    var counters: ShardStatistics {
        _read { yield self.counts[0] }
        _modify { yield &self.counts[0] }
    }

    var presence: GatewayPresence {
        _read { yield self.presences[0] }
        _modify { yield &self.presences[0] }
    }

    var owner: OwnerPresence {
        _read { yield self.owners[0] }
        _modify { yield &self.owners[0] }
    }

    var inbox: Inbox {
        _read { yield self.inboxes[0] }
        _modify { yield &self.inboxes[0] }
    }

    package var nextDeadline: Instant? { self.deadlines.earliest }

    package var statistics: ShardStatistics {
        var statistics = self.counters
        statistics.connections = UInt64(self.connectionCount)
        statistics.subscriptions = UInt64(self.subscriptions.count)
        statistics.conversations = UInt64(self.conversations.count)
        statistics.feeds = UInt64(self.feeds.count)
        statistics.pendingMessages = UInt64(
            self.messages.count + self.repeats.count + self.asked.count
        )
        statistics.lagging = UInt64(self.lags.count)
        statistics.heldDeliveries = UInt64(self.held.count)
        statistics.deadlines = UInt64(self.deadlines.count)
        statistics.requests = UInt64(self.requests.count)
        return statistics
    }

    /// Calls `body` with each conversation that is looked at here: its id, its name, which is lent, and
    /// how many subscriptions are live.
    package func forEachFeed(_ body: (ConversationID, PayloadHandle, Int) -> Void) {
        for slot in 0..<self.feeds.slotCount where self.feeds.isOccupied(slot) {
            guard !self.feeds[slot].targets.isEmpty else { continue }
            body(self.feeds[slot].id, self.feeds[slot].name, Int(self.feeds[slot].targets.count))
        }
    }

    /// Adds a connection to the targets of the next event; returns its index there.
    package mutating func stage(_ connection: ConnectionHandle) -> UInt32 {
        self.staged.append(connection)
        return UInt32(truncatingIfNeeded: self.staged.count - 1)
    }

    package mutating func handle(
        _ event: ShardEvent,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.counters.events += 1
        self.now = now
        switch event {
        case .wallClock(let unixMilliseconds):
            self.wallClockOrigin = unixMilliseconds &- now.nanoseconds / 1_000_000
        case .opened(let handle, let id):
            self.onOpened(handle, id, at: now, into: &effects)
        case .closed(let handle):
            self.onClosed(handle, into: &effects)
        case .command(let handle, let id, let command):
            self.onCommand(handle, id, command, at: now, into: &effects)
        case .grant(let handle, let reference, let since, let attendee):
            self.onGrant(handle, reference, since: since, as: attendee, at: now, into: &effects)
        case .asked(let id, let request):
            self.onAsked(id, request, at: now, into: &effects)
        case .authenticated(let handle, let outcome):
            self.onAuthenticated(handle, outcome, at: now, into: &effects)
        case .pongs(let range):
            self.onPongs(range, into: &effects)
        case .violated(let handle, let code):
            self.close(handle, code, into: &effects)
        case .peer(let sender, let message):
            self.onPeer(message, from: sender, at: now, into: &effects)
        case .stored(let token, let outcome):
            self.onStored(token, outcome, at: now, into: &effects)
        case .lease(let partition, let term, let owner):
            self.onLease(partition, term, owner, at: now)
        case .drain(let duration):
            self.onDrain(over: duration, at: now, into: &effects)
        case .load(let lag):
            self.onLoad(lag: lag)
        case .revoked(let handle, let conversation):
            self.onRevoked(handle, conversation, into: &effects)
        case .backlog(let handle, let bytes):
            self.onBacklog(handle, bytes: bytes, at: now, into: &effects)
        case .dropped(let handle, let conversation, let offset):
            self.onDropped(handle, conversation, after: offset)
        }
        self.staged.removeAll()
        self.finishDrainIfEmpty(into: &effects)
    }

    package mutating func handleDeadline(
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.now = now
        while effects.freeCapacity >= Self.effectReserve / 2,
            let deadline = self.deadlines.next(dueAt: now)
        {
            self.fire(deadline, at: now, into: &effects)
        }
        self.finishDrainIfEmpty(into: &effects)
    }

    private mutating func fire(
        _ deadline: Deadline,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch deadline {
        case .connect(let handle): self.closeIfNeverConnected(handle, into: &effects)
        case .expire(let handle): self.lookAtExpiry(of: handle, at: now, into: &effects)
        case .subscriptionExpiry(let slot, let generation):
            guard self.subscriptions.holds(slot, generation: generation) else { return }
            self.lookAtExpiry(ofSubscription: slot, at: now, into: &effects)
        case .request(let token): self.expireRequest(token, into: &effects)
        case .subscription(let slot, let generation):
            guard self.subscriptions.holds(slot, generation: generation) else { return }
            self.expireSubscription(slot, into: &effects)
        case .renewals: self.renewSome(at: now, into: &effects)
        case .registration(let feed, let generation):
            guard self.feeds.holds(feed, generation: generation) else { return }
            self.registerAgain(feed, at: now, into: &effects)
        case .joining(let feed, let generation):
            guard self.feeds.holds(feed, generation: generation) else { return }
            self.joinWaiting(of: feed, at: now, into: &effects)
        case .ending(let feed, let generation):
            guard self.feeds.holds(feed, generation: generation) else { return }
            self.endSome(of: feed, at: now, into: &effects)
        case .hole(let feed, let generation):
            guard self.feeds.holds(feed, generation: generation) else { return }
            self.closeHole(of: feed, into: &effects)
        case .storeRetry(let conversation, let generation):
            guard self.conversations.holds(conversation, generation: generation) else { return }
            self.retryReading(conversation, into: &effects)
        case .pings: self.pingSlot(at: now, into: &effects)
        case .heads: self.announceHeads(at: now, into: &effects)
        case .leases: self.renewLeases(at: now, into: &effects)
        case .drain: self.drainSome(at: now, into: &effects)
        case .presence(let deadline): self.fire(deadline, at: now, into: &effects)
        case .hints(let deadline): self.fire(deadline, at: now, into: &effects)
        case .feeding(let handle): self.feedAgain(handle, at: now, into: &effects)
        }
    }

    private mutating func renewLeases(
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        var roles = self.configuration.roles
        if !self.configuration.presence.followsUsers { roles.remove(.user) }
        self.ask(.leases(roles), for: .leases, into: &effects)
        self.deadlines.schedule(.leases, at: now + self.configuration.leaseInterval)
    }

    /// Sends a request to the store; the answer comes back with the purpose.
    mutating func ask(
        _ request: StoreRequest,
        for purpose: PendingRequest,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        effects.emit(.store(self.token(for: purpose), request))
    }

    /// Packs slot (24 bits), generation (24) and incarnation (16), because an answer on its way to a
    /// shard that has since restarted must not meet a request of its successor.
    mutating func token(for purpose: PendingRequest) -> RequestToken {
        let slot = self.requests.insert(purpose)
        precondition(slot < 1 << 24, "a shard has fewer than 2^24 requests under way")
        let generation = UInt64(self.requests.generation(of: slot) & 0xff_ffff)
        let incarnation = (self.incarnation & 0xffff) << 48
        return RequestToken(rawValue: incarnation | generation << 24 | UInt64(slot))
    }

    /// The slot of a token of this incarnation whose request has not ended.
    func slot(of token: RequestToken) -> UInt32? {
        let slot = UInt32(token.rawValue & 0xff_ffff)
        let generation = UInt32(token.rawValue >> 24 & 0xff_ffff)
        guard token.rawValue >> 48 == self.incarnation & 0xffff, self.requests.isOccupied(slot),
            self.requests.generation(of: slot) & 0xff_ffff == generation
        else { return nil }
        return slot
    }

    /// Ends a request; `nil` if it has ended before.
    mutating func take(_ token: RequestToken) -> PendingRequest? {
        guard let slot = self.slot(of: token) else { return nil }
        let purpose = self.requests[slot]
        self.requests.remove(slot, leaving: .vacant)
        return purpose
    }

    mutating func release(_ handle: PayloadHandle, into effects: inout EffectBuffer<ShardEffect>) {
        guard handle != .none else { return }
        effects.emit(.release(handle))
    }

    func partition(of conversation: ConversationID) -> PartitionID {
        PartitionID(of: conversation, count: self.configuration.partitionCount)
    }

    func namespace(_ index: UInt8) -> Namespace { self.configuration.namespaces[Int(index)] }
}

extension RandomPurpose {
    static var pingSlot: Self { Self(1) }
}
