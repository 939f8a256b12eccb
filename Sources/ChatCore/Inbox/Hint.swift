package import Kernel

/// What a member who does not look is told of a conversation: where it ends, and what is unread there.
///
/// Absolute, so that one which was lost is made good by the next, and one which is repeated does no harm.
package struct Hint: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationID
    /// The wire name, kept by the host.
    package var name: PayloadHandle
    package var head: Position
    /// What the store said of the member in the same snapshot.
    package var standing: MemberStanding

    package init(
        conversation: ConversationID,
        name: PayloadHandle,
        head: Position,
        standing: MemberStanding
    ) {
        self.conversation = conversation
        self.name = name
        self.head = head
        self.standing = standing
    }

    /// Whether it says more than another one of the same member and conversation.
    ///
    /// In an epoch the head and the read marker only rise, and the counts follow from the two.
    func isNews(after other: Self) -> Bool {
        guard self.head.epoch == other.head.epoch else {
            return self.head.epoch.follows(other.head.epoch)
        }
        let hasRisen =
            self.head.offset > other.head.offset || self.standing.read > other.standing.read
        return hasRisen && self.head.offset >= other.head.offset
            && self.standing.read >= other.standing.read
    }
}

/// How a member stands in a conversation, as the store has it in one snapshot.
package struct MemberStanding: Equatable, Sendable, BitwiseCopyable {
    package var user: UserID
    package var read: Offset
    /// Countable entries after the read marker.
    package var unread: UInt64
    /// Entries after the read marker that mention the member.
    package var mentions: UInt64

    package init(user: UserID, read: Offset, unread: UInt64, mentions: UInt64) {
        self.user = user
        self.read = read
        self.unread = unread
        self.mentions = mentions
    }
}

/// What shards say to each other for members who do not look.
package enum InboxMessage: Equatable, Sendable, BitwiseCopyable {
    /// Owner of a conversation to user shards: it ends here, and its members are to be hinted.
    case moved(ConversationID, Position)
    /// Gateway to the user's owner: the user's markers have moved; `hasOthers` says whether the user has
    /// more than one connection there.
    case marked(UserID, ConversationID, hasOthers: Bool)
    /// The user's owner to a gateway where the user is; again until the receipt has come.
    case hint(Hint, HintReceipt)
    /// Gateway to the user's owner: the hint has come.
    case received(UserID, ConversationID, HintReceipt)

    /// The bytes that the message carries a reference to.
    package var payload: PayloadHandle {
        switch self {
        case .moved, .marked, .received: .none
        case .hint(let hint, _): hint.name
        }
    }
}

/// What a gateway sends back of a hint, for its sender to know which it was.
package struct HintReceipt: Equatable, Sendable, BitwiseCopyable {
    /// Whether it was about the user's markers, and not about the conversation.
    package var isOwn: Bool
    /// Which of the questions to the store the hint was made from.
    package var attempt: UInt32
    package var mark: UInt64

    package init(isOwn: Bool, attempt: UInt32, mark: UInt64) {
        self.isOwn = isOwn
        self.attempt = attempt
        self.mark = mark
    }
}

/// A question to the store about who the members of a conversation are, and how they stand.
package struct AudienceRequest: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationID
    /// This member alone; `nil` asks for all within `partitions`.
    package var user: UserID?
    package var partitions: PartitionWindow
    /// Exclusive, in the order of ids; `nil` is the first page.
    package var after: UserID?
    /// The most members that the store looks at, whether they are within `partitions` or not.
    package var limit: UInt32

    package init(
        conversation: ConversationID,
        user: UserID?,
        partitions: PartitionWindow,
        after: UserID?,
        limit: UInt32
    ) {
        self.conversation = conversation
        self.user = user
        self.partitions = partitions
        self.after = after
        self.limit = limit
    }

    /// Whether a member belongs to the answer.
    package func wants(_ user: UserID) -> Bool {
        self.user.map { $0 == user } ?? self.partitions.holds(user)
    }
}

/// Some of 128 partitions of users in a row: what one question asks about.
package struct PartitionWindow: Equatable, Sendable, BitwiseCopyable {
    package static let span: UInt16 = 128

    /// Partitions of conversations, and so of users as well.
    package private(set) var count: UInt16
    /// The first of the row, counted among those of users.
    package private(set) var first: UInt16
    /// From the first on, the lowest bit first.
    package private(set) var low: UInt64 = 0
    package private(set) var high: UInt64 = 0

    /// A row of which none is named yet.
    package init(from first: UInt16, of count: UInt16) {
        self.first = first
        self.count = count
    }

    /// As it was before, or from a record.
    package init(first: UInt16, count: UInt16, low: UInt64, high: UInt64) {
        self.init(from: first, of: count)
        self.low = low
        self.high = high
    }

    package var isEmpty: Bool { self.low | self.high == 0 }

    /// Names a partition of the row, counted among those of users.
    mutating func insert(_ partition: UInt16) {
        precondition(
            partition >= self.first && partition - self.first < Self.span,
            "a window holds the partitions of its row"
        )
        let place = partition - self.first
        if place < 64 {
            self.low |= 1 << UInt64(place)
        } else {
            self.high |= 1 << UInt64(place - 64)
        }
    }

    /// Whether the user's partition is named.
    package func holds(_ user: UserID) -> Bool {
        let partition = PartitionID(of: user, count: self.count).rawValue - self.count
        guard partition >= self.first, partition - self.first < Self.span else { return false }
        let place = partition - self.first
        return place < 64
            ? self.low >> UInt64(place) & 1 == 1 : self.high >> UInt64(place - 64) & 1 == 1
    }
}

/// A part of the store's answer about members; the parts come in this order, all in one snapshot.
package enum AudiencePart: Equatable, Sendable, BitwiseCopyable {
    /// The conversation's wire name, kept by the host, and its head.
    case begins(name: PayloadHandle, Position)
    case member(MemberStanding)
    /// Where the next page begins; `nil` after the last.
    case ends(next: UserID?)

    /// Whether no other part follows.
    var isLast: Bool {
        switch self {
        case .begins, .member: false
        case .ends: true
        }
    }
}

/// What an owner asks of the cursors that say how far its partitions have been planned.
package enum PlanRequest: Equatable, Sendable, BitwiseCopyable {
    /// Asks how many commits there are.
    ///
    /// All that was committed up to `through` has been planned, if the store has the asking shard's leases
    /// as `fence` says.
    case note(through: UInt64, fence: UInt64)
    /// Asks which conversations of this shard's partitions have changed since they were planned, in
    /// commits after this one.
    case read(after: UInt64, limit: UInt32)
}

/// A part of the store's answer about plans.
package enum PlanPart: Equatable, Sendable, BitwiseCopyable {
    /// The one answer to `note`: outcomes of all these commits have been told before.
    case commits(UInt64)
    /// A conversation that has changed.
    case owed(ConversationID)
    /// The last answer to `read`; after which commit the next page begins, `nil` after the last.
    case ends(next: UInt64?)

    /// Whether no other part follows.
    var isLast: Bool {
        switch self {
        case .owed: false
        case .commits, .ends: true
        }
    }
}
