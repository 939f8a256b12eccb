import ChatCore
import Kernel

/// Members and markers beside the simulated logs, with the contract of the live store.
extension StoredLogs {
    /// Makes a conversation before the run begins, without an entry: the first of `members` is its owner.
    mutating func found(_ conversation: ConversationID, members: [UserID]) {
        guard let creator = members.first else { return }
        let log = self.makeLog(of: conversation)
        self.logs[log].roster.apply(
            .create(isPublic: false),
            by: creator,
            people: members,
            at: .start,
            count: 0
        )
    }

    func isMember(_ user: UserID, of conversation: ConversationID) -> Bool {
        self.log(of: conversation).map { self.logs[$0].roster.holds(user) } ?? false
    }

    func memberCount(of conversation: ConversationID) -> UInt64 {
        self.log(of: conversation).map { UInt64(self.logs[$0].roster.members.count) } ?? 0
    }

    /// Whether a page may be read by who asks for it.
    func mayRead(_ reader: UserID, _ read: ReadRequest) -> Bool {
        guard read.isSpeaking else { return self.isMember(reader, of: read.conversation) }
        return self.refusal(of: .message, by: reader, in: read.conversation) == nil
    }

    /// Why the rules refuse an operation at this moment; `people` are those whom a creation makes members.
    func refusal(
        of operation: ChatAction,
        by performer: UserID,
        in conversation: ConversationID,
        people: [UserID] = []
    ) -> ErrorCode? {
        guard self.bug != .ignoresMembership else { return nil }
        let roster = self.log(of: conversation).map { self.logs[$0].roster } ?? Roster()
        var standing = roster.standing(
            of: performer,
            for: operation,
            people: people,
            blockers: self.blocks.blockers(of: performer)
        )
        if let offset = operation.entry, let entry = self.entry(conversation, at: offset) {
            standing.entry = Standing.NamedEntry(
                isMessage: entry.operation.isCountable,
                isDeleted: entry.isDeleted,
                isOwn: entry.user == performer
            )
        }
        return MembershipRules.refusal(of: operation, by: performer, standing)
    }

    func ruling(on inquiry: Inquiry) -> StoreOutcome {
        let head = self.head(of: inquiry.conversation)
        if let message = inquiry.message,
            case .found(let offset, let time) = self.lookUp(
                inquiry.conversation,
                inquiry.user,
                message
            )
        {
            return .ruling(.repeated(offset, unixMilliseconds: time), head)
        }
        let code = self.refusal(
            of: inquiry.operation,
            by: inquiry.user,
            in: inquiry.conversation
        )
        return .ruling(code.map { .refused($0) } ?? .allowed, head)
    }

    /// Takes an entry that has just been written.
    mutating func apply(_ append: Append, to log: Int, people: [UserID], count: UInt64) {
        self.logs[log].roster.apply(
            append.operation,
            by: append.user,
            people: people,
            blockers: self.blocks.blockers(of: append.user),
            at: append.offset,
            count: count
        )
        if case .delete(let offset) = append.operation {
            self.logs[log].entries[Int(offset.rawValue - 1)].isDeleted = true
        }
    }

    /// Blocks are kept; the simulated clients have no keys and no files.
    mutating func account(_ request: AccountRequest) -> StoreOutcome {
        switch request.action {
        case .block(let user): self.blocks.set(true, request.user, user)
        case .unblock(let user): self.blocks.set(false, request.user, user)
        case .blocks, .publishKeys, .countKeys, .claimKeys, .dropKeys, .media:
            return .account(.refused(.notAvailable))
        }
        return .account(.done)
    }

    mutating func mark(_ request: MarkRequest) -> StoreOutcome {
        let conversation = request.conversation
        let head = self.head(of: conversation)
        guard let log = self.log(of: conversation) else { return .denied }
        let entries = self.logs[log].entries
        // In its place, since a copy of a large roster would cost as much as its members.
        let reply = self.logs[log].roster.mark(request.user, request.markers, head: head) {
            offset in
            offset > .start && offset.rawValue <= UInt64(entries.count)
                ? entries[Int(offset.rawValue - 1)].count : 0
        }
        return reply.map { .marked($0) } ?? .denied
    }

    /// Where a member stands in a conversation; `nil` for a stranger.
    func state(of user: UserID, in conversation: ConversationID) -> MarkReply? {
        let head = self.head(of: conversation)
        guard let log = self.log(of: conversation),
            var state = self.logs[log].roster.state(of: user, head: head)
        else { return nil }
        if self.bug == .miscountsUnread { state.unread += 1 }
        return state
    }
}
