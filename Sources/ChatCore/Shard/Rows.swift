import Kernel

/// No slot: the end of a list of rows.
let noSlot = UInt32.max

/// What a request to the store or to an owner was for; its slot and generation are the token.
enum PendingRequest: BitwiseCopyable {
    case vacant
    /// `cost` is what it takes of the limits on publishes under way, in bytes.
    case publish(ConnectionHandle, CommandID, isSend: Bool, cost: UInt32)
    case subscribePage(subscription: UInt32, generation: UInt32)
    case holePage(feed: UInt32, generation: UInt32)
    case history(ConnectionHandle, CommandID, HistoryRequest)
    case serverPublish(ServerRequestID, cost: UInt32)
    case serverHistory(ServerRequestID, HistoryRequest)
    /// A page of history whose client has been told to ask again.
    case lateHistory(ConnectionHandle)
    /// The same of an application server.
    case lateServerHistory
    case load(conversation: UInt32)
    case append(message: UInt32)
    case lookUp(message: UInt32)
    case readBack(conversation: UInt32)
    case leases
    /// A publish whose answer names the new conversation.
    case create(ConversationReference, ConnectionHandle, CommandID, cost: UInt32)
    /// Whether a subscriber is a member.
    case admission(subscription: UInt32, generation: UInt32)
    case standing(inquiry: UInt32)
    case mark(ConnectionHandle, CommandID, ConversationID)
    case list(ConnectionHandle, CommandID)
    case account(ConnectionHandle, CommandID)
    /// Whether somebody may be heard who types.
    case typing(ConnectionHandle, ConversationID, Body)
    /// Who is in a conversation, asked of its owner.
    case gathering(question: UInt32)
    /// How many members a conversation has that was just made.
    case census(conversation: UInt32, generation: UInt32)
    /// What a subscription missed whose client was too slow.
    case lagPage(subscription: UInt32, generation: UInt32)
    /// Which members of what has moved are this shard's.
    case audience(notice: UInt32, generation: UInt32)
    case plans

    /// Which client's publish it is, if a client's, and what that takes of the limits.
    var publish: (ConnectionHandle?, cost: UInt32)? {
        switch self {
        case .publish(let handle, _, _, let cost), .create(_, let handle, _, let cost):
            (handle, cost)
        case .serverPublish(_, let cost): (nil, cost)
        case .vacant, .subscribePage, .holePage, .history, .serverHistory, .lateHistory,
            .lateServerHistory, .load, .append, .lookUp, .readBack, .leases, .admission, .standing,
            .mark, .list,
            .account, .typing, .gathering, .census, .lagPage, .audience, .plans:
            nil
        }
    }
}

/// What waits for its time in a shard.
enum Deadline: BitwiseCopyable {
    case connect(ConnectionHandle)
    case expire(ConnectionHandle)
    case subscriptionExpiry(subscription: UInt32, generation: UInt32)
    case request(RequestToken)
    /// A subscription that nobody has answered is refused.
    case subscription(subscription: UInt32, generation: UInt32)
    /// Some feeds' leases on their owners' attention are renewed.
    case renewals
    /// A feed whose owner has not answered registers again.
    case registration(feed: UInt32, generation: UInt32)
    /// More join a feed than one step may answer.
    case joining(feed: UInt32, generation: UInt32)
    /// More leave a feed whose stream is another one than one step may tell.
    case ending(feed: UInt32, generation: UInt32)
    case hole(feed: UInt32, generation: UInt32)
    case storeRetry(conversation: UInt32, generation: UInt32)
    case pings
    case heads
    case leases
    case drain
    case presence(PresenceDeadline)
    case hints(HintDeadline)
    /// A connection that fell behind is given what it missed, when that could not be read before.
    case feeding(ConnectionHandle)
}

/// A command that waits until the credentials of its connection have been checked.
struct GatedCommand: BitwiseCopyable {
    var id: CommandID
    var command: Command
    var next: UInt32
}

/// One connection's membership in one feed: 40 bytes, because users have many.
struct Subscription: BitwiseCopyable {
    var connection: ConnectionHandle
    var feed: UInt32
    var nextInConnection: UInt32
    /// An index of the feed's targets, or a row of those who join with the highest bit set; the next bits
    /// say whether the server has made it, and whether the subscriber hears who joins and leaves.
    private(set) var place: UInt32
    /// The row that says when its credentials end, if they do.
    var expiry: UInt32
    /// Where the log ended when the user was last seen to be a member.
    var vouched: Offset
    /// Words of typing are not passed on before.
    var mayTypeFrom: Instant

    private static let joins = UInt32(1) << 31
    private static let serverSide = UInt32(1) << 30
    private static let hears = UInt32(1) << 29

    /// Where it stands in its feed.
    enum Place: BitwiseCopyable {
        /// Among the feed's targets, at this index.
        case live(target: UInt32)
        /// Not live yet: its row of those who join.
        case joining(UInt32)
    }

    init(
        connection: ConnectionHandle,
        feed: UInt32,
        nextInConnection: UInt32,
        place: UInt32,
        vouched: Offset = .start,
        mayTypeFrom: Instant = .zero,
        expiry: UInt32 = noSlot
    ) {
        self.connection = connection
        self.feed = feed
        self.nextInConnection = nextInConnection
        self.place = place
        self.vouched = vouched
        self.mayTypeFrom = mayTypeFrom
        self.expiry = expiry
    }

    init(
        connection: ConnectionHandle,
        feed: UInt32,
        nextInConnection: UInt32,
        join: UInt32,
        hearsAttendance: Bool = false,
        isServerSide: Bool = false
    ) {
        let place = (hearsAttendance ? Self.hears : 0) | (isServerSide ? Self.serverSide : 0)
        self.init(
            connection: connection,
            feed: feed,
            nextInConnection: nextInConnection,
            place: place
        )
        self.standing = .joining(join)
    }

    /// Whether the subscriber asked to hear who joins and leaves.
    var hearsAttendance: Bool { self.place & Self.hears != 0 }
    /// Whether the server has made it: its client cannot make it again on its own.
    var isServerSide: Bool { self.place & Self.serverSide != 0 }

    var standing: Place {
        get {
            let number = self.place & (Self.hears - 1)
            return self.place & Self.joins == 0 ? .live(target: number) : .joining(number)
        }
        set {
            let flags = self.place & (Self.serverSide | Self.hears)
            switch newValue {
            case .live(let target):
                precondition(target < Self.hears, "a feed has fewer than 2^29 targets")
                self.place = flags | target
            case .joining(let row):
                precondition(row < Self.hears, "fewer than 2^29 join at a time")
                self.place = Self.joins | flags | row
            }
        }
    }

    static var blank: Self {
        Self(
            connection: ConnectionHandle(slot: 0, generation: 0),
            feed: noSlot,
            nextInConnection: noSlot,
            join: 0,
            isServerSide: false
        )
    }
}

/// What a subscription needs until it is live.
struct Join: BitwiseCopyable {
    enum Phase: BitwiseCopyable {
        /// Whether the user is a member is being read.
        case checking(RecoveryRequest?)
        /// The feed does not know yet where deliveries begin.
        case waiting(RecoveryRequest?)
        /// What the client missed is being read.
        case recovering(RecoveryRequest)
        /// Told as a part of the answer to `connect`, as far as this position.
        case covered(Position)
        /// What came after this position, until the answer was complete, is being read.
        case catchingUp(Position)
    }

    var command: CommandID
    var phase: Phase
    /// How long its credentials will hold.
    var timeToLive: Interval?
    /// The subscriptions that join the same feed after and before this one.
    var next = noSlot
    var previous = noSlot
    /// Who subscribes, as others will see it.
    var info = PayloadHandle.none

    static var blank: Self { Self(command: CommandID(0), phase: .waiting(nil)) }

    /// Whether the client has not been told yet.
    var isOwedAnswer: Bool {
        switch self.phase {
        case .checking, .waiting, .recovering: true
        case .covered, .catchingUp: false
        }
    }

    /// Whether its feed keeps deliveries until a page has been read.
    var isReading: Bool {
        switch self.phase {
        case .recovering, .catchingUp: true
        case .checking, .waiting, .covered: false
        }
    }
}

/// A live subscriber of a feed and its subscription's row.
struct Target: BitwiseCopyable {
    var connection: ConnectionHandle
    var subscription: UInt32

    static var blank: Self {
        Self(connection: ConnectionHandle(slot: 0, generation: 0), subscription: noSlot)
    }
}

/// A live subscription whose client is too slow for it.
struct Lag: BitwiseCopyable {
    var subscription: UInt32
    /// Of the same connection.
    var next: UInt32
    /// Up to here the client gets everything; meaningless without a log.
    var offset: Offset
    /// Whether publications of it were dropped on their way when it fell behind.
    var mayHaveDropped: Bool
    /// Whether a page of what it missed is on its way.
    var isReading = false

    static var blank: Self {
        Self(subscription: noSlot, next: noSlot, offset: .start, mayHaveDropped: false)
    }
}

/// A delivery kept until the messages before it, or the subscribers who need it, have been served.
struct HeldDelivery: BitwiseCopyable {
    var delivery: Delivery
    var next: UInt32
}

/// One conversation as a gateway shard serves it to its subscribers.
struct Feed {
    // Ordered by size: there is one for each conversation and gateway shard.
    var id: ConversationID
    var name: PayloadHandle
    var incarnation: UInt64
    var position = FeedPosition()
    var namespace: UInt8
    /// Whether a `registration` waits for its time.
    var isRegistering = false
    /// Subscriptions that are not live, in order of arrival.
    var firstJoining = noSlot
    var lastJoining = noSlot
    /// Kept deliveries, in ascending offset.
    var firstHeld = noSlot
    var heldCount: UInt32 = 0
    /// Subscriptions that are reading what they missed.
    var recovering: UInt32 = 0
    /// How many of the last targets have fallen behind, and get no publications as they come.
    var lagging: UInt32 = 0
    /// Up to here somebody may have ceased to be a member: who was not seen to be one since, is checked.
    var departed = Offset.start
    var nextInPartition = noSlot
    var previousInPartition = noSlot
    /// Live subscribers.
    var targets = ShortList(blank: Target.blank)

    init(id: ConversationID, namespace: UInt8, name: PayloadHandle, incarnation: UInt64) {
        self.id = id
        self.namespace = namespace
        self.name = name
        self.incarnation = incarnation
    }

    /// How many of the first targets keep pace.
    var briskCount: Int { self.targets.count - Int(self.lagging) }

    static var blank: Self {
        Self(
            id: ConversationID(high: 0, low: 0),
            namespace: 0,
            name: .none,
            incarnation: 0
        )
    }
}

/// A message between its arrival at the owner and the answer to whoever sent it.
struct OwnedMessage: BitwiseCopyable {
    enum Fate: BitwiseCopyable {
        /// The conversation is being loaded.
        case waiting
        case appending(Offset)
        /// Its append did not end as an ordinary *done*; the log will tell.
        case parked(Offset, AppendOutcome)
        /// A duplicate is one that another append than this message's own has put there.
        case found(Offset, unixMilliseconds: UInt64, isDuplicate: Bool)
        case absent
        case refused(ErrorCode)
    }

    var request: PublishRequest
    var gateway: ShardID
    var unixMilliseconds: UInt64
    var fate: Fate
    var next: UInt32
    var previous: UInt32
    /// Repeats of this id that arrived while it was in flight.
    var firstRepeat: UInt32
}

/// An operation that waits for the store's word whether it is allowed.
struct AskedOperation: BitwiseCopyable {
    var request: PublishRequest
    var gateway: ShardID
}

/// A connection that is told to go when it has been answered, or at `due` at the latest.
struct Leaving: BitwiseCopyable {
    var connection: ConnectionHandle
    var due: Instant
}

/// Somebody who sent a message id that was already in flight.
struct RepeatedMessage: BitwiseCopyable {
    var token: RequestToken
    var gateway: ShardID
    var next: UInt32
}

/// A conversation whose head has moved, while the slot still holds it.
struct MovedHead: BitwiseCopyable {
    var slot: UInt32
    var generation: UInt32
}

/// One conversation as its owner keeps it.
struct OwnedConversation {
    // Ordered by size.
    var id: ConversationID
    var sequencer = Sequencer()
    private var packedTerm: PackedTerm
    var namespace: UInt8
    /// Whether an answer about the log's end is missing, so that it must be asked again.
    var readFailed = false
    /// Announcement rounds left for the current head.
    var roundsToAnnounce: UInt8 = 0
    /// Whether it is among those whose hints leave together.
    var isGathered = false
    /// Whether members are to be told where it ends, because a former owner may not have done so.
    var owesHints = false
    /// Messages not yet answered, in order of arrival.
    var firstMessage = noSlot
    var lastMessage = noSlot
    var messageCount: UInt32 = 0
    /// Repeats that wait for the outcome of one of those messages.
    var repeatCount: UInt32 = 0
    /// Operations of which the store has not said yet whether they are allowed.
    var askedCount: UInt32 = 0
    /// Store requests about the log's end that have not been answered.
    var openReads: UInt32 = 0
    /// As many as the store has said, and who came and went since; 0 if it belongs to nobody.
    var memberCount: UInt32 = 0
    var nextInPartition = noSlot
    var previousInPartition = noSlot
    var planner = FanOutPlanner()

    init(id: ConversationID, namespace: UInt8, term: Term) {
        self.id = id
        self.namespace = namespace
        self.packedTerm = PackedTerm(term)
    }

    /// Of the lease under which it was loaded.
    var term: Term { self.packedTerm.term }

    static var blank: Self {
        Self(id: ConversationID(high: 0, low: 0), namespace: 0, term: .none)
    }
}
