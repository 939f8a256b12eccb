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
    /// A page of history whose client has been told to ask again.
    case lateHistory(ConnectionHandle)
    case load(conversation: UInt32)
    case append(message: UInt32)
    case lookUp(message: UInt32)
    case readBack(conversation: UInt32)
    case leases
    /// Who is in a conversation, asked of its owner.
    case roster(question: UInt32)
}

/// What waits for its time in a shard.
enum Deadline: BitwiseCopyable {
    case connect(ConnectionHandle)
    case expire(ConnectionHandle)
    case request(RequestToken)
    /// A subscription that nobody has answered is refused.
    case subscription(subscription: UInt32, generation: UInt32)
    /// A feed's lease on its owner's attention is renewed.
    case interest(feed: UInt32, generation: UInt32)
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
}

/// A command that waits until the credentials of its connection have been checked.
struct GatedCommand: BitwiseCopyable {
    var id: CommandID
    var command: Command
    var next: UInt32
}

/// One connection's membership in one feed.
struct Subscription: BitwiseCopyable {
    enum Phase: BitwiseCopyable {
        case vacant
        /// The feed does not know yet where deliveries begin.
        case waiting(CommandID, RecoveryRequest?)
        /// What the client missed is being read.
        case recovering(CommandID, RecoveryRequest)
        /// A target of the feed, at this index of its list.
        case live(target: UInt32)
    }

    var connection: ConnectionHandle
    var feed: UInt32
    var nextInConnection: UInt32
    var nextInFeed: UInt32
    var previousInFeed: UInt32
    var phase: Phase
    /// Who subscribes, until the subscription is live.
    var info = PayloadHandle.none
    /// Whether the subscriber asked to hear who joins and leaves.
    var hearsAttendance = false

    static var blank: Self {
        Self(
            connection: ConnectionHandle(slot: 0, generation: 0),
            feed: noSlot,
            nextInConnection: noSlot,
            nextInFeed: noSlot,
            previousInFeed: noSlot,
            phase: .vacant
        )
    }
}

/// A delivery kept until the messages before it, or the subscribers who need it, have been served.
struct HeldDelivery: BitwiseCopyable {
    var delivery: Delivery
    var next: UInt32
}

/// One conversation as a gateway shard serves it to its subscribers.
struct Feed {
    var id: ConversationID
    var partition: PartitionID
    var namespace: UInt8
    var name: PayloadHandle
    var incarnation: UInt64
    var position = FeedPosition()
    /// Subscriptions that are not live, in order of arrival.
    var firstJoining = noSlot
    var lastJoining = noSlot
    /// Whether a `registration` waits for its time.
    var isRegistering = false
    /// Live subscribers and their subscription rows, side by side.
    var targets: [ConnectionHandle] = []
    var targetSubscriptions: [UInt32] = []
    /// Kept deliveries, in ascending offset.
    var firstHeld = noSlot
    var heldCount: UInt32 = 0
    /// Subscriptions that are reading what they missed.
    var recovering: UInt32 = 0
    var nextInPartition = noSlot
    var previousInPartition = noSlot

    static var blank: Self {
        Self(
            id: ConversationID(high: 0, low: 0),
            partition: PartitionID(0),
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
    var id: ConversationID
    var partition: PartitionID
    var namespace: UInt8
    var term: Term
    var sequencer = Sequencer()
    var planner = FanOutPlanner()
    /// Messages not yet answered, in order of arrival.
    var firstMessage = noSlot
    var lastMessage = noSlot
    var messageCount: UInt32 = 0
    /// Repeats that wait for the outcome of one of those messages.
    var repeatCount: UInt32 = 0
    /// Store requests about the log's end that have not been answered.
    var openReads: UInt32 = 0
    /// Whether an answer about the log's end is missing, so that it must be asked again.
    var readFailed = false
    /// Announcement rounds left for the current head.
    var roundsToAnnounce: UInt8 = 0
    var nextInPartition = noSlot
    var previousInPartition = noSlot

    static var blank: Self {
        Self(
            id: ConversationID(high: 0, low: 0),
            partition: PartitionID(0),
            namespace: 0,
            term: .none
        )
    }
}
