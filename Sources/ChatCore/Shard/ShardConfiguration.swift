package import Kernel

/// What a shard serves.
package struct RoleSet: OptionSet, Sendable, Hashable, BitwiseCopyable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Connections and subscriptions.
    package static let gateway = Self(rawValue: 1)
    /// Sequencing and fan-out planning of the partitions that it leases.
    package static let conversation = Self(rawValue: 2)
    /// Presence of the users of the partitions that it leases.
    package static let user = Self(rawValue: 4)
    package static let all: Self = [.gateway, .conversation, .user]
}

/// The knobs of a shard; every shard of a fleet has the same, but for its roles.
package struct ShardConfiguration: Equatable, Sendable {
    package var roles: RoleSet = .all
    /// Fixed for the life of a store.
    package var partitionCount: UInt16 = 64
    /// Index 0 is the default namespace.
    package var namespaces: [Namespace] = [Namespace()]
    /// A multiple of 100 ms.
    package var pingInterval: Interval = .seconds(25)
    /// A multiple of 100 ms, shorter than the ping interval.
    package var pongTimeout: Interval = .seconds(8)
    /// From the open socket to the `connect` command.
    package var connectTimeout: Interval = .seconds(10)
    /// How long a gateway waits for an owner or the store before it answers with error 100; shorter than
    /// the clients' own 5 s.
    package var requestTimeout: Interval = .seconds(4)
    package var headInterval: Interval = .seconds(5)
    package var leaseInterval: Interval = .seconds(1)
    package var interestRetry: Interval = .seconds(1)
    package var interestRenewal: Interval = .seconds(60)
    /// Two and a half renewals, so that one may be lost.
    package var interestLease: Interval = .seconds(150)
    package var storeRetry: Interval = .milliseconds(200)
    /// How long an expired token is tolerated.
    package var expiryGrace: Interval = .seconds(25)
    /// The most messages that a subscribe reply recovers.
    package var recoveryLimit: UInt32 = 300
    /// The most messages in a history page.
    package var historyLimit: UInt32 = 300
    /// Pages of history that one connection may wait for at once.
    package var historyRequestLimit: UInt16 = 32
    package var subscriptionLimit: UInt16 = 128
    /// Messages of one conversation that wait for the store.
    package var pendingLimit: UInt32 = 1024
    /// Bytes of the publishes that one connection has under way; more get error 111.
    package var connectionPublishBytes: UInt32 = 1 << 20
    /// Bytes of the publishes that a gateway shard has under way, and that an owner's shard keeps until
    /// the store has answered; more get error 111.
    package var shardPublishBytes: UInt64 = 64 << 20
    /// Deliveries that a gateway keeps for one conversation while it reads the log.
    package var heldLimit: UInt32 = 256
    /// Commands that may arrive while the credentials of `connect` are being checked; with more the
    /// connection is closed with 3013.
    package var gatedLimit: UInt32 = 64
    /// Message ids that an owner remembers to answer repeats without the store.
    package var recentMessageLimit: Int = 65_536
    /// Members that an owner remembers to take their messages without asking the store.
    package var memberCacheLimit: Int = 65_536
    /// How long after one word of typing the next of the same device is passed on.
    package var typingInterval: Interval = .seconds(3)
    /// The most conversations in one window of a user's list.
    package var listLimit: UInt32 = 200
    /// Commands of one connection; more get error 111, and more than twice as many close it with 3013.
    ///
    /// `nil` takes all.
    package var commandRate: RateLimit? = RateLimit(perSecond: 1_000, burst: 10_000)
    /// Messages of one user at one gateway shard; more get error 111, and `nil` takes all.
    package var publishRate: RateLimit? = RateLimit(perSecond: 1_000, burst: 10_000)
    /// Users whose messages a gateway shard counts at a time; those of further ones get error 111.
    package var publisherLimit: Int = 65_536
    /// Connections of one user anywhere; the newest beyond it are closed with 3504.
    ///
    /// `nil` takes all. Owners of users count them, so that users must be followed.
    package var userConnectionLimit: UInt32?
    /// Whom nobody can tell apart, and who therefore has no rate and no limit of connections.
    package var anonymous: UserID?
    package var presence = PresenceConfiguration()
    package var fanOut = FanOutPolicy()
    /// Whether members are hinted who do not look; users must be followed for it.
    package var hintsMembers = false
    /// A device is hinted of a conversation at most once in this time.
    package var hintWindow: Interval = .seconds(1)
    /// Conversations of which a user shard tells its users at a time.
    package var noticeLimit: Int = 262_144
    /// Pairs of user and conversation of which a gateway shard knows what it told last.
    package var toldLimit: Int = 262_144
    /// `nil` takes everything, however late.
    package var overload: OverloadPolicy? = OverloadPolicy()
    package var backlog = BacklogPolicy()

    package init() {}
}

/// What a shard has done since it started.
package struct ShardStatistics: Equatable, Sendable {
    package var events: UInt64 = 0
    package var connectionsOpened: UInt64 = 0
    package var connectionsClosed: UInt64 = 0
    package var commands: UInt64 = 0
    package var errors: UInt64 = 0
    /// Commands and connects that were refused because the queue was long.
    package var shed: UInt64 = 0
    /// Commands that were refused, and connections that were closed, because of their rate.
    package var limited: UInt64 = 0
    package var appends: UInt64 = 0
    package var appendsDone: UInt64 = 0
    package var appendsDuplicate: UInt64 = 0
    package var appendsFailed: UInt64 = 0
    package var appendsUnknown: UInt64 = 0
    package var recoveriesOfSequence: UInt64 = 0
    package var deliveries: UInt64 = 0
    package var deliveriesStale: UInt64 = 0
    package var holes: UInt64 = 0
    package var recovered: UInt64 = 0
    package var unrecovered: UInt64 = 0
    package var epochsRenewed: UInt64 = 0
    package var pings: UInt64 = 0
    package var pongs: UInt64 = 0
    /// Users' states told to watching connections, each user and connection counted.
    package var statuses: UInt64 = 0
    /// Messages that were fanned out, by their plan.
    package var plansDirect: UInt64 = 0
    package var plansGrouped: UInt64 = 0
    package var plansBroadcast: UInt64 = 0
    /// Of all of those, the ones whose deliveries went by relays.
    package var plansRelayed: UInt64 = 0
    /// Deliveries that were passed on to other gateway shards, each shard counted.
    package var relayed: UInt64 = 0
    /// Hints told to devices, each device counted.
    package var hints: UInt64 = 0
    /// Hints that gave way to a later one before they were told.
    package var hintsCoalesced: UInt64 = 0
    /// Hints that were put off because a shard was behind, or not taken because too many waited.
    package var hintsShed: UInt64 = 0
    /// Connections for which too much waited.
    package var fellBehind: UInt64 = 0
    /// Messages that those were given from the log.
    package var fed: UInt64 = 0
    /// Subscriptions that ended because what they missed was beyond the window.
    package var leftBehind: UInt64 = 0
    /// Rows in use at the moment.
    package var connections: UInt64 = 0
    package var subscriptions: UInt64 = 0
    package var conversations: UInt64 = 0
    package var feeds: UInt64 = 0
    /// Messages that owners have not answered.
    package var pendingMessages: UInt64 = 0
    /// Subscriptions whose clients are too slow for them at the moment.
    package var lagging: UInt64 = 0
    /// Deliveries that gateways keep beyond a hole or for those who join.
    package var heldDeliveries: UInt64 = 0
    /// Things that wait for their time.
    package var deadlines: UInt64 = 0
    /// What owners and the store have been asked and have not answered.
    package var requests: UInt64 = 0

    package init() {}
}
