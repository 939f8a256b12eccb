import Kernel

/// One presence as a gateway shard has it and tells it to the owner.
struct LocalPresence: BitwiseCopyable {
    var subject: PresenceSubject
    var user: UserID
    var partition: PartitionID
    var namespace: UInt8 = 0
    var info = PayloadHandle.none
    var ordinal: UInt64 = 0
    var standing = Announcement.Standing.present
    var choice = PresenceChoice.active
    var chosenAt: UInt64 = 0
    /// Connections of a user; 1 for a member that is present.
    var connectionCount: UInt32 = 0
    /// Of a member, its connection.
    var connection = ConnectionHandle(slot: 0, generation: 0)
    var answeredTerm = Term.none
    /// Whether the present ordinal was answered since the owner last changed or asked.
    var isAnswered = false
    /// Whether the row is in the list of what is sent again.
    var isListed = false
    var sentAt = Instant.zero
    /// Of a user whose connections are limited or hinted, the one that came last; not a part of snapshots.
    var firstConnection = noSlot

    static var blank: Self {
        let nobody = UserID(high: 0, low: 0)
        return Self(subject: .user(nobody), user: nobody, partition: PartitionID(0))
    }
}

/// A row as long as it is the same one.
struct RowReference: BitwiseCopyable, Equatable {
    var slot: UInt32
    var generation: UInt32
}

/// A user whom connections of this gateway shard watch.
struct WatchedUser: BitwiseCopyable {
    var user: UserReference
    var partition: PartitionID
    var incarnation: UInt64
    var term = Term.none
    var version: UInt64 = 0
    /// `nil` until it was first known.
    var state: PresenceState?
    var firstWatch = noSlot
    var isAnswered = false
    var isListed = false
    var sentAt = Instant.zero
    /// Whether the watchers are being put in line, and the watch that comes next.
    var isSpreading = false
    var nextSpread = noSlot

    static var blank: Self {
        Self(
            user: UserReference(id: UserID(high: 0, low: 0), name: .none),
            partition: PartitionID(0),
            incarnation: 0
        )
    }
}

/// One connection that watches one user.
struct Watch: BitwiseCopyable {
    var user: UInt32
    var watcher: UInt32
    var nextOfWatcher: UInt32
    var nextOfUser: UInt32
    var previousOfUser = noSlot
    /// What the connection was told; `nil` before the first time.
    var shown: PresenceState?
    var shownAt = Instant.zero
    /// Whether the connection's open request waits for this user's state.
    var isAwaited = false
    /// Whether that state is counted among those that are not known yet.
    var isMissing = false

    static var blank: Self {
        Self(user: noSlot, watcher: noSlot, nextOfWatcher: noSlot, nextOfUser: noSlot)
    }
}

/// A connection that watches.
struct Watcher: BitwiseCopyable {
    var connection: ConnectionHandle
    var firstWatch = noSlot
    var count: UInt16 = 0
    /// Whether it stands in line to be told, or has a time at which it will.
    var isWaiting = false
    /// A `presence.watch` that has not been answered.
    var request: CommandID?
    var awaited: UInt16 = 0
    var requestDue = Instant.never
    var isRequestWhole = false
    var isRefused = false

    static var blank: Self { Self(connection: ConnectionHandle(slot: 0, generation: 0)) }
}

/// A question about who is in a conversation, on its way to the owner and back.
struct GatheringQuestion {
    enum Asker: BitwiseCopyable {
        case client(ConnectionHandle, CommandID)
        case server(ServerRequestID)
    }

    var asker: Asker
    var conversation: ConversationID
    var wantsMembers: Bool
    /// What has come, by index; `.none` where it has not.
    var entries: [GatheringEntry?] = []
    var missing: UInt32 = 0

    static var blank: Self {
        Self(
            asker: .server(ServerRequestID(0)),
            conversation: ConversationID(high: 0, low: 0),
            wantsMembers: false
        )
    }
}

/// One user as the owner of the user's partition keeps it.
struct Person {
    var id: UserID
    var partition: PartitionID
    var debouncer = PresenceDebouncer()
    var firstSession = noSlot
    var presentCount: UInt16 = 0
    var choice = PresenceChoice.active
    var chosenAt: UInt64 = 0
    /// What watchers were last told, and as which version.
    var told: PresenceState?
    var version: UInt64 = 0
    var toldAt: Instant?
    var watches: [GatewayWatch] = []
    var isListed = false
    /// When the row's own deadline comes; `.never` if it has none.
    var timer = Instant.never

    static var blank: Self { Self(id: UserID(high: 0, low: 0), partition: PartitionID(0)) }
}

/// A gateway shard that watches a user for its connections.
struct GatewayWatch: BitwiseCopyable {
    var gateway: ShardID
    var incarnation: UInt64
    var hasSeen: Bool
}

/// A user at one gateway shard.
struct PersonSession: BitwiseCopyable {
    var gateway: ShardID
    var ordinal: UInt64
    var isPresent: Bool
    /// As the gateway has announced them, less those that it was told to close.
    var connections: UInt32
    var next: UInt32
}

/// Who is in one conversation, at its owner.
struct Gathering: BitwiseCopyable {
    var id: ConversationID
    var partition: PartitionID
    var term: Term
    var namespace: UInt8
    var firstMember = noSlot
    var memberCount: UInt32 = 0
    var userCount: UInt32 = 0

    static var blank: Self {
        Self(
            id: ConversationID(high: 0, low: 0),
            partition: PartitionID(0),
            term: .none,
            namespace: 0
        )
    }
}

/// One session in a conversation: a connection, and those that have taken its place since.
struct Member: BitwiseCopyable {
    var gathering: UInt32
    var user: UserID
    /// The connection at present, or the last one.
    var connection: ConnectionID
    var gateway: ShardID
    var ordinal: UInt64
    /// Of the first connection: what others know the session by.
    var info: PayloadHandle
    var debouncer: PresenceDebouncer
    /// The row that the user's sessions in this conversation share, and the next of them.
    var attendance: UInt32
    var nextOfUser = noSlot
    var nextInGathering = noSlot
    var previousInGathering = noSlot

    static var blank: Self {
        Self(
            gathering: noSlot,
            user: UserID(high: 0, low: 0),
            connection: ConnectionID(0),
            gateway: ShardID(rawValue: 0),
            ordinal: 0,
            info: .none,
            debouncer: PresenceDebouncer(),
            attendance: noSlot
        )
    }
}

/// A user's sessions in one conversation.
struct UserAttendance: BitwiseCopyable {
    var gathering: UInt32
    var user: UserID
    var firstMember = noSlot

    static var blank: Self { Self(gathering: noSlot, user: UserID(high: 0, low: 0)) }
}

/// A gateway shard as an owner knows it.
struct KnownGateway: BitwiseCopyable {
    var shard: ShardID
    var incarnation: UInt64
    var heard: Instant
    var isLost = false
}

/// The rows of a lost gateway, looked at in parts.
struct LostSweep: BitwiseCopyable {
    var shard: ShardID
    /// This one and those before it.
    var incarnation: UInt64
    var until: Instant
    var nextPerson: UInt32 = 0
    var nextMember: UInt32 = 0
}

/// What waits for its time in a shard's presence.
enum PresenceDeadline: BitwiseCopyable {
    case beacon
    /// What owners have not answered.
    case resend
    /// Presences whose partition has another owner are announced again, in parts.
    case reannounce
    case watchReply(watcher: UInt32, generation: UInt32)
    case batch
    /// Gateways that have been silent too long, and the rows of those that are lost.
    case gateways
    case lost
    /// Gatherings of former terms go, in parts.
    case gatherings
    case person(UInt32, generation: UInt32)
    case member(UInt32, generation: UInt32)
    /// Statuses that gateways have not seen.
    case statuses
    /// A watcher may be told again.
    case watcher(UInt32, generation: UInt32)
}

/// What a gateway shard keeps of presence.
struct GatewayPresence: ~Copyable {
    var rows = Slab<LocalPresence>()
    var index = SlotIndex()
    var ordinals: UInt64 = 0
    /// Whether owners are told that this gateway lives: while it has something that concerns them.
    var isBeaconing = false
    /// Rows that the owner has not answered.
    var unanswered: [RowReference] = []
    var isResending = false
    /// The next row of the sweep after an owner has changed.
    var sweep = noSlot
    var users = Slab<WatchedUser>()
    var userIndex = SlotIndex()
    var watches = Slab<Watch>()
    var watchers = Slab<Watcher>()
    var watcherIndex = SlotIndex()
    /// Watched users whose owner has not answered.
    var unansweredUsers: [RowReference] = []
    /// Users whose watchers are being put in line.
    var spreading: [RowReference] = []
    var questions = Slab<GatheringQuestion>()
    var budget: PresenceBudget
    var isBatching = false

    init(_ configuration: PresenceConfiguration) { self.budget = PresenceBudget(configuration) }
}

/// What an owner shard keeps of presence.
struct OwnerPresence: ~Copyable {
    var gateways: [KnownGateway] = []
    /// Whether a time is set to look for silent ones: while there is one that is not held to be lost.
    var isWatching = false
    var lost: [LostSweep] = []
    var people = Slab<Person>()
    var peopleIndex = SlotIndex()
    var sessions = Slab<PersonSession>()
    var versions: UInt64 = 0
    /// People of whom some gateway has not seen the last status.
    var unseen: [RowReference] = []
    var isResending = false
    /// By user partition, when everybody who is there has been heard of.
    var settles: [Instant]
    /// By user partition, the term of which the people are; none without any.
    var terms: [Term]
    var gatherings = Slab<Gathering>()
    var gatheringIndex = SlotIndex()
    var members = Slab<Member>()
    var memberIndex = SlotIndex()
    var attendances = Slab<UserAttendance>()
    var attendanceIndex = SlotIndex()
    /// The next member of the sweep after a partition was lost.
    var gatheringSweep = noSlot

    init(partitionCount: UInt16) {
        self.settles = Array(repeating: .zero, count: Int(partitionCount))
        self.terms = Array(repeating: .none, count: Int(partitionCount))
    }
}
