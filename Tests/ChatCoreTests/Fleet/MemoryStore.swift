import ChatCore
import Kernel

/// A log in memory with the contract of the real stores, and faults on demand.
final class MemoryStore {
    struct Entry {
        var user: UserID
        var message: MessageID?
        var unixMilliseconds: UInt64
        var body: Body
        var term: Term
        var operation: ChatAction
        var count: UInt64
    }

    struct Log {
        var generation: UInt32 = 0
        var entries: [Entry] = []
        var roster = Roster()
        var changed: UInt64 = 0
    }

    /// What happens to an append beside what it asks for.
    enum Fault {
        case none
        /// Refused, certainly not applied.
        case failed
        case unknownNotApplied
        case unknownApplied
    }

    /// A defect that an oracle must catch.
    enum PlantedBug {
        case none
        /// The unique index on message ids is missing.
        case acceptsRepeatedIDs
        /// Acknowledges without keeping.
        case forgetsAppends
        /// Does not look at who blocks whom.
        case ignoresBlocks
        /// Lets strangers have files.
        case ignoresMembershipOfMedia
        /// Hands a key out and leaves it in the directory.
        case keepsClaimedKeys
    }

    var logs: [ConversationID: Log] = [:]
    var leases: LeaseTable
    var blocks = BlockLists()
    /// One-time keys that nobody has claimed, and the greatest that each user has ever published.
    var keys: [UserID: (left: [UInt64], published: UInt64)] = [:]
    /// What the handles of notes and answers about keys name.
    var keyNotes: [UInt64: [UInt64]] = [:]
    var bug = PlantedBug.none
    private(set) var pages: [UInt64: (first: UInt64, bodies: [Body])] = [:]
    private var nextPage: UInt64 = 1 << 40

    var plans: PlanCursors
    /// What the store says of plans, if not the truth.
    var forgetsPlans = false

    init(partitionCount: UInt16) {
        self.leases = LeaseTable(partitionCount: partitionCount)
        self.plans = PlanCursors(partitionCount: partitionCount)
    }

    func head(of conversation: ConversationID) -> StreamHead {
        let log = self.logs[conversation] ?? Log()
        return StreamHead(
            epoch: Epoch(UInt32(truncatingIfNeeded: conversation.low) &* 31 &+ log.generation),
            offset: Offset(UInt64(log.entries.count)),
            count: log.entries.last?.count ?? 0
        )
    }

    func memberCount(of conversation: ConversationID) -> UInt64 {
        UInt64(self.logs[conversation]?.roster.members.count ?? 0)
    }

    func append(_ append: Append, _ fault: Fault) -> AppendOutcome {
        switch fault {
        case .none: return self.apply(append)
        case .failed: return .failed
        case .unknownNotApplied: return .unknown
        case .unknownApplied:
            _ = self.apply(append)
            return .unknown
        }
    }

    private func apply(_ append: Append) -> AppendOutcome {
        let lease = self.leases.rows[Int(append.partition.rawValue)]
        guard lease.term == append.term else { return .fenced }
        let entries = self.logs[append.conversation]?.entries ?? []
        if let message = append.message, self.bug != .acceptsRepeatedIDs,
            let index = entries.firstIndex(where: {
                $0.message == message && $0.user == append.user
            })
        {
            let first = Offset(UInt64(index + 1))
            return .duplicate(first, unixMilliseconds: entries[index].unixMilliseconds)
        }
        guard append.offset.rawValue == UInt64(entries.count) + 1 else {
            return .failed
        }
        if append.isMembersOnly,
            let code = self.refusal(
                of: append.operation,
                by: append.user,
                in: append.conversation
            )
        {
            return .refused(code)
        }
        guard self.bug != .forgetsAppends else { return .done }
        self.write(
            append,
            count: (entries.last?.count ?? 0) + (append.operation.isCountable ? 1 : 0)
        )
        return .done
    }

    /// In its place: a copy of a large roster would cost as much as its members.
    private func write(_ append: Append, count: UInt64) {
        if append.isMembersOnly {
            self.logs[append.conversation, default: Log()].changed = self.plans.commit()
            self.logs[append.conversation, default: Log()].roster.apply(
                append.operation,
                by: append.user,
                people: [],
                blockers: self.blockers(of: append.user),
                at: append.offset,
                count: count
            )
        }
        self.logs[append.conversation, default: Log()].entries.append(
            Entry(
                user: append.user,
                message: append.message,
                unixMilliseconds: append.unixMilliseconds,
                body: append.body,
                term: append.term,
                operation: append.operation,
                count: count
            )
        )
    }

    func lookUp(
        _ conversation: ConversationID,
        _ user: UserID,
        _ message: MessageID
    ) -> StoreOutcome {
        let entries = self.logs[conversation]?.entries ?? []
        guard
            let index = entries.firstIndex(where: { $0.message == message && $0.user == user })
        else { return .notFound }
        let first = Offset(UInt64(index + 1))
        return .found(first, unixMilliseconds: entries[index].unixMilliseconds)
    }

    func refusal(
        of operation: ChatAction,
        by performer: UserID,
        in conversation: ConversationID
    ) -> ErrorCode? {
        let log = self.logs[conversation] ?? Log()
        var standing = log.roster.standing(
            of: performer,
            for: operation,
            blockers: self.blockers(of: performer)
        )
        if let offset = operation.entry, offset > .start,
            offset.rawValue <= UInt64(log.entries.count)
        {
            let entry = log.entries[Int(offset.rawValue - 1)]
            standing.entry = Standing.NamedEntry(
                isMessage: entry.operation.isCountable,
                isDeleted: log.entries.contains { $0.operation == .delete(offset) },
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

    private func blockers(of user: UserID) -> [UserID] {
        self.bug == .ignoresBlocks ? [] : self.blocks.blockers(of: user)
    }

    private func refusal(
        of action: MediaAction,
        by user: UserID,
        in conversation: ConversationID
    ) -> ErrorCode? {
        guard self.bug != .ignoresMembershipOfMedia else { return nil }
        let standing = (self.logs[conversation] ?? Log()).roster.standing(
            of: user,
            for: .message,
            blockers: self.blockers(of: user)
        )
        return MembershipRules.refusal(of: action, standing, isOwn: false)
    }

    /// `isLost` is a change that is made and whose answer does not come.
    func account(_ request: AccountRequest, isLost: Bool) -> StoreOutcome {
        var told: PayloadHandle?
        let user = request.user
        switch request.action {
        case .block(let other): self.blocks.set(true, user, other)
        case .unblock(let other): self.blocks.set(false, user, other)
        case .publishKeys:
            let greatest = self.keys[user]?.published ?? 0
            let new = (self.keyNotes[request.note.rawValue] ?? []).filter { $0 > greatest }
            self.keys[user, default: ([], 0)].left += new
            self.keys[user]?.published = max(greatest, new.max() ?? 0)
        case .claimKeys(let owner):
            let key = self.keys[owner]?.left.first
            if key != nil, self.bug != .keepsClaimedKeys { self.keys[owner]?.left.removeFirst() }
            self.nextPage += 1
            self.keyNotes[self.nextPage] = key.map { [$0] } ?? []
            told = PayloadHandle(rawValue: self.nextPage)
        case .media(let action, let conversation, _):
            if let code = self.refusal(of: action, by: user, in: conversation) {
                return isLost ? .unavailable : .account(.refused(code))
            }
        case .blocks, .countKeys, .dropKeys: return .account(.refused(.notAvailable))
        }
        if isLost { return .unavailable }
        return .account(told.map { .told($0) } ?? .done)
    }

    /// The parts of the answer to who the members are; `name` makes what the first one lends.
    func audience(
        _ request: AudienceRequest,
        name: () -> PayloadHandle
    ) -> [StoreOutcome] {
        let head = self.head(of: request.conversation)
        let parts =
            self.logs[request.conversation]?.roster.audience(request, head: head)
            ?? [.ends(next: nil)]
        guard parts.count > 1 else { return parts.map { .audience($0) } }
        let position = Position(epoch: head.epoch, offset: head.offset)
        return [.audience(.begins(name: name(), position))] + parts.map { .audience($0) }
    }

    func plans(_ request: PlanRequest, of shard: ShardID) -> [StoreOutcome] {
        switch request {
        case .note(let through, let fence):
            let part = self.plans.note(
                through: through,
                fence: fence,
                by: shard,
                leases: self.leases
            )
            return [.plans(part)]
        case .read(let after, let limit):
            guard !self.forgetsPlans else { return [.plans(.ends(next: nil))] }
            let changes = self.logs.keys.sorted().map { ($0, self.logs[$0]?.changed ?? 0) }
            return self.plans.owed(
                to: shard,
                after: after,
                limit: limit,
                leases: self.leases,
                changes: changes
            ).map { .plans($0) }
        }
    }

    func mark(_ request: MarkRequest) -> StoreOutcome {
        let head = self.head(of: request.conversation)
        guard var log = self.logs[request.conversation] else { return .denied }
        let entries = log.entries
        let reply = log.roster.mark(request.user, request.markers, head: head) {
            $0 > .start ? entries[Int($0.rawValue - 1)].count : 0
        }
        self.logs[request.conversation] = log
        return reply.map { .marked($0) } ?? .denied
    }

    func read(_ request: ReadRequest) -> StoreOutcome {
        if let reader = request.reader,
            self.logs[request.conversation]?.roster.holds(reader) != true
                || request.isSpeaking
                    && self.refusal(of: .message, by: reader, in: request.conversation) != nil
        {
            return .denied
        }
        let entries = self.logs[request.conversation]?.entries ?? []
        let count = UInt64(entries.count)
        var floor = request.floor(below: Offset(count)).rawValue
        if let oldest = request.notBefore {
            while floor < count, entries[Int(floor)].unixMilliseconds < oldest { floor += 1 }
        }
        let first: UInt64
        var last: UInt64
        if request.isReversed {
            last = min(count, (request.from?.rawValue).map { $0 - 1 } ?? count)
            let newest = last > UInt64(request.limit) ? last - UInt64(request.limit) + 1 : 1
            first = max(newest, floor + 1)
        } else {
            first = max(request.from?.rawValue ?? 0, floor) + 1
            last = min(count, first + UInt64(request.limit) - 1)
        }
        if let limit = request.byteLimit {
            var bytes: UInt32 = 0
            var kept = first - 1
            while kept < last, bytes < limit {
                bytes += entries[Int(kept)].body.byteCount
                kept += 1
            }
            last = min(last, kept)
        }
        let bodies =
            first <= last ? (first...last).map { entries[Int($0 - 1)].body } : []
        self.nextPage += 1
        self.pages[self.nextPage] = (first, bodies)
        return .page(
            Page(
                handle: PayloadHandle(rawValue: self.nextPage),
                first: Offset(first),
                count: UInt32(bodies.count),
                byteCount: bodies.reduce(0) { $0 + $1.byteCount },
                hasDepartures: first <= last
                    && (first...last).contains {
                        let entry = entries[Int($0 - 1)]
                        return entry.operation.departing(by: entry.user) != nil
                    },
                head: self.head(of: request.conversation)
            )
        )
    }

    func renewEpoch(
        _ conversation: ConversationID,
        _ partition: PartitionID,
        _ term: Term
    )
        -> StoreOutcome
    {
        guard self.leases.rows[Int(partition.rawValue)].term == term else { return .unavailable }
        self.logs[conversation, default: Log()].generation += 1
        return .head(self.head(of: conversation), members: self.memberCount(of: conversation))
    }
}
