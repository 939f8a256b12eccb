package import Kernel

/// What a shard asks of the durable store.
///
/// Each request is answered once, by an event that echoes
/// its token, or where it says so by several in a row; requests of one shard for one conversation are carried out in the order they were made.
package enum StoreRequest: Equatable, Sendable, BitwiseCopyable {
    case append(Append)
    /// Where does the log end?
    case head(ConversationID)
    /// Is this message in the log, and where?
    case lookUp(ConversationID, UserID, MessageID)
    /// Messages with offset > `after` (or, reversed, < `before`), at most `limit`.
    case read(ReadRequest)
    /// May this be done? The answer says what the store holds now, not what an append under way makes.
    case standing(Inquiry)
    case mark(MarkRequest)
    case list(ListRequest)
    case account(AccountRequest)
    /// Starts a new epoch, because the log was shown to have lost its end.
    case renewEpoch(ConversationID, PartitionID, Term)
    /// Renews this shard's leases, takes what it is due, and reports what changed.
    case leases(RoleSet)
    /// Answered in parts.
    case audience(AudienceRequest)
    /// Answered in parts.
    case plans(PlanRequest)
}

/// A conditional append: it applies only if `term` is the partition's and `offset` is head + 1, and in a
/// members' conversation if the rules of membership allow it.
package struct Append: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationID
    package var partition: PartitionID
    package var term: Term
    package var offset: Offset
    package var user: UserID
    package var message: MessageID?
    package var unixMilliseconds: UInt64
    package var operation: ChatAction
    /// Whether the conversation belongs to its members.
    package var isMembersOnly: Bool
    package var body: Body

    package init(
        conversation: ConversationID,
        partition: PartitionID,
        term: Term,
        offset: Offset,
        user: UserID,
        message: MessageID?,
        unixMilliseconds: UInt64,
        operation: ChatAction = .message,
        isMembersOnly: Bool = false,
        body: Body
    ) {
        self.conversation = conversation
        self.partition = partition
        self.term = term
        self.offset = offset
        self.user = user
        self.message = message
        self.unixMilliseconds = unixMilliseconds
        self.operation = operation
        self.isMembersOnly = isMembersOnly
        self.body = body
    }
}

/// Which messages to read from a log.
package struct ReadRequest: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationID
    /// Exclusive: forward from here up, reversed from here down; `nil` is the stream's end.
    package var from: Offset?
    package var limit: UInt32
    package var isReversed: Bool
    /// Reaches no message that lies further from the head: at most this many are seen at all.
    package var newest: UInt32?
    /// Reaches no message that is older than this instant, in milliseconds since 1970.
    package var notBefore: UInt64?
    /// Who reads, where only members may; others are denied in the snapshot of the read.
    package var reader: UserID?
    /// Whether the reader wishes to be heard: who is blocked in a direct conversation is denied as well.
    package var isSpeaking: Bool
    /// The page ends with the message that reaches this many bytes of bodies.
    package var byteLimit: UInt32?

    package init(
        conversation: ConversationID,
        from: Offset?,
        limit: UInt32,
        isReversed: Bool,
        newest: UInt32? = nil,
        notBefore: UInt64? = nil,
        reader: UserID? = nil,
        isSpeaking: Bool = false,
        byteLimit: UInt32? = nil
    ) {
        self.conversation = conversation
        self.from = from
        self.limit = limit
        self.isReversed = isReversed
        self.newest = newest
        self.notBefore = notBefore
        self.reader = reader
        self.isSpeaking = isSpeaking
        self.byteLimit = byteLimit
    }

    /// The offset after which messages are in reach, in a log that ends at `head`.
    package func floor(below head: Offset) -> Offset {
        guard let newest = self.newest, head.rawValue > UInt64(newest) else { return .start }
        return Offset(head.rawValue - UInt64(newest))
    }
}

/// How a store request ended.
///
/// *Unknown* means that it may or may not have been applied.
package enum StoreOutcome: Equatable, Sendable, BitwiseCopyable {
    case appended(AppendOutcome)
    /// Where the log ends, and how many members there are in the same snapshot.
    case head(StreamHead, members: UInt64 = 0)
    case found(Offset, unixMilliseconds: UInt64)
    case notFound
    case page(Page)
    /// The answer to an inquiry, and where the log ends in the same snapshot.
    case ruling(Ruling, StreamHead)
    case marked(MarkReply)
    case listed(ListPage)
    case account(AccountAnswer)
    /// Not a member, or there is no such conversation.
    case denied
    /// A read or a lease round that certainly did nothing.
    case unavailable
    /// The lease round is over; its changes came before it as lease events.
    case leased
    case audience(AudiencePart)
    case plans(PlanPart)
}

/// How an append ended.
package enum AppendOutcome: Equatable, Sendable, BitwiseCopyable {
    /// Durable at the offset that was asked for.
    case done
    /// Not applied: the same user's message id stands in the log already, from then.
    case duplicate(Offset, unixMilliseconds: UInt64)
    /// Not applied: the rules of membership forbid it.
    case refused(ErrorCode)
    /// Not applied: another term holds the partition.
    case fenced
    /// Not applied: the head was not where the owner believed, or the store refused.
    case failed
    /// Perhaps applied.
    case unknown
}

/// Messages read from a log, kept by the host.
package struct Page: Equatable, Sendable, BitwiseCopyable {
    package var handle: PayloadHandle
    /// The lowest offset in the page; meaningless when it is empty.
    package var first: Offset
    package var count: UInt32
    package var byteCount: UInt32
    /// Whether somebody's membership ends in it.
    package var hasDepartures: Bool
    /// Where the log ended in the same snapshot.
    package var head: StreamHead

    package init(
        handle: PayloadHandle,
        first: Offset,
        count: UInt32,
        byteCount: UInt32,
        hasDepartures: Bool = false,
        head: StreamHead
    ) {
        self.handle = handle
        self.first = first
        self.count = count
        self.byteCount = byteCount
        self.hasDepartures = hasDepartures
        self.head = head
    }

    /// The highest offset in the page; traps when it is empty.
    package var last: Offset {
        precondition(self.count > 0, "an empty page has no last offset")
        return self.first + UInt64(self.count - 1)
    }
}
