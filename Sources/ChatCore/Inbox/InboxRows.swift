import Kernel

/// A conversation of which a user shard tells its users, as long as its owner may repeat itself.
struct Notice: BitwiseCopyable {
    var conversation: ConversationID
    /// Whose markers have moved; `nil` where the conversation has, which concerns all its members.
    var user: UserID?
    /// The farthest that was heard of.
    var head: Position
    /// When the last question to the store left.
    var askedAt = Instant.zero
    /// Whether the store is being asked.
    var isReading = false
    /// Whether there is something that was heard after the last question.
    var isNews = true
    /// Whether a time is set at which it is looked at again.
    var waits = false
    /// Which question to the store the last one was.
    var attempt: UInt32 = 0
    /// Questions since something was heard.
    var repeats: UInt8 = 0
    /// The marks of the hints that gateways have not received, added bit by bit: 0 if there are none.
    var open: UInt64 = 0
    /// The first of the user partitions that the present question is about.
    var window: UInt16 = 0
    /// As the present answer has begun.
    var name = PayloadHandle.none
    var answered = Position(epoch: Epoch(0), offset: .start)

    static var blank: Self {
        Self(
            conversation: ConversationID(high: 0, low: 0),
            user: nil,
            head: Position(epoch: Epoch(0), offset: .start)
        )
    }
}

/// What a user's devices at a gateway shard were last told of a conversation.
struct ToldHint: BitwiseCopyable {
    var user: UserID
    /// The last that came; its name is kept while it is owed.
    var hint: Hint
    var toldAt = Instant.zero
    /// Whether the devices have yet to be told of it.
    var isOwed = true
    /// Whether a time is set at which they are.
    var isTimed = false

    static var blank: Self {
        let nobody = UserID(high: 0, low: 0)
        let standing = MemberStanding(user: nobody, read: .start, unread: 0, mentions: 0)
        let hint = Hint(
            conversation: ConversationID(high: 0, low: 0),
            name: .none,
            head: Position(epoch: Epoch(0), offset: .start),
            standing: standing
        )
        return Self(user: nobody, hint: hint)
    }
}

/// What waits for its time for members who do not look.
enum HintDeadline: BitwiseCopyable {
    /// Conversations whose hints are grouped.
    case gathered
    /// What former owners may not have planned is read.
    case plans
    case notice(UInt32, generation: UInt32)
    /// What has been heard is forgotten, if it was long ago.
    case heard(UInt32, generation: UInt32)
    /// What is owed to a user's devices is told.
    case owed(UInt32, generation: UInt32)
    /// What they were told is forgotten, if it was long ago.
    case told(UInt32, generation: UInt32)
}

/// What a shard keeps for members who do not look.
struct Inbox: ~Copyable {
    // As an owner of conversations.
    /// Who owns partitions of users, in ascending order.
    var userShards: [ShardID] = []
    /// Conversations whose hints leave together.
    var gathered: [MovedHead] = []
    /// Whether former owners of this shard's partitions may have left something unplanned.
    var owesPlans = false
    var isReadingPlans = false
    var isPlanTimed = false
    /// How many commits the store had told of one cycle ago and two; 0 if it has not said so far.
    var heard: UInt64 = 0
    var planned: UInt64 = 0
    /// Whether the store has yet to answer a note.
    var isNoting = false

    // As an owner of users.
    var notices = Slab<Notice>()
    var noticeIndex = SlotIndex()
    /// When somebody has last come to a gateway where the user was not known to be.
    var arrivedAt = Instant.zero

    // As a gateway.
    var told = Slab<ToldHint>()
    var toldIndex = SlotIndex()

    init() {}
}
