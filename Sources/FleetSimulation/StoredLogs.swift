import ChatCore
import Kernel

/// The durable store's state: what survives every crash, with the contract of the live stores.
struct StoredLogs {
    struct Entry: BitwiseCopyable {
        var user: UserID
        var message: MessageID?
        var body: Body
        var unixMilliseconds: UInt64
        var operation: ChatAction
        /// Countable entries up to this one.
        var count: UInt64
        var isDeleted = false
    }

    struct Key: Hashable {
        var user: UserID
        var message: MessageID
    }

    struct Log {
        var generation: UInt32 = 0
        var entries: [Entry] = []
        var index: [Key: Offset] = [:]
        var roster = Roster()

        mutating func loseTail() {
            guard let entry = self.entries.popLast(), let message = entry.message else { return }
            self.index[Key(user: entry.user, message: message)] = nil
        }
    }

    var logs: [ConversationID: Log] = [:]
    var leases: LeaseTable

    let bug: PlantedBug?

    init(partitionCount: UInt16, bug: PlantedBug?) {
        self.leases = LeaseTable(partitionCount: partitionCount)
        self.bug = bug
    }

    /// A planted bug: what was acknowledged goes, and its offset will be taken again.
    mutating func loseTail(of conversation: ConversationID) {
        self.logs[conversation]?.loseTail()
    }

    func entry(_ conversation: ConversationID, at offset: Offset) -> Entry? {
        guard let log = self.logs[conversation], offset > .start,
            offset.rawValue <= UInt64(log.entries.count)
        else { return nil }
        return log.entries[Int(offset.rawValue - 1)]
    }

    func head(of conversation: ConversationID) -> StreamHead {
        let log = self.logs[conversation]
        let generation = log?.generation ?? 0
        return StreamHead(
            epoch: Epoch(UInt32(truncatingIfNeeded: conversation.high) &+ generation),
            offset: Offset(UInt64(log?.entries.count ?? 0)),
            count: log?.entries.last?.count ?? 0
        )
    }

    /// `people` are those whom the entry makes members, or mentions.
    mutating func append(_ append: Append, people: [UserID] = []) -> AppendOutcome {
        let lease = self.leases.rows[Int(append.partition.rawValue)]
        guard lease.term == append.term || self.bug == .ignoresTerms else { return .fenced }
        if let message = append.message,
            case .found(let offset, let time) = self.lookUp(
                append.conversation,
                append.user,
                message
            )
        {
            return .duplicate(offset, unixMilliseconds: time)
        }
        let head = self.head(of: append.conversation)
        guard append.offset == head.offset.next else { return .failed }
        if append.isMembersOnly,
            let code = self.refusal(
                of: append.operation,
                by: append.user,
                in: append.conversation
            )
        {
            return .refused(code)
        }
        let count = head.count + (append.operation.isCountable ? 1 : 0)
        let entry = Entry(
            user: append.user,
            message: append.message,
            body: append.body,
            unixMilliseconds: append.unixMilliseconds,
            operation: append.operation,
            count: count
        )
        self.logs[append.conversation, default: Log()].entries.append(entry)
        if append.isMembersOnly { self.apply(append, people: people, count: count) }
        if let message = append.message {
            let key = Key(user: append.user, message: message)
            self.logs[append.conversation]?.index[key] = append.offset
        }
        return .done
    }

    func lookUp(
        _ conversation: ConversationID,
        _ user: UserID,
        _ message: MessageID
    ) -> StoreOutcome {
        guard self.bug != .acceptsRepeatedIDs, let log = self.logs[conversation],
            let offset = log.index[Key(user: user, message: message)]
        else { return .notFound }
        let entry = log.entries[Int(offset.rawValue - 1)]
        return .found(offset, unixMilliseconds: entry.unixMilliseconds)
    }

    func read(_ request: ReadRequest, handle: PayloadHandle) -> Page {
        let head = self.head(of: request.conversation)
        let count = head.offset.rawValue
        var floor = request.floor(below: head.offset).rawValue
        if let oldest = request.notBefore {
            while floor < count,
                let entry = self.entry(request.conversation, at: Offset(floor + 1)),
                entry.unixMilliseconds < oldest
            { floor += 1 }
        }
        let first: UInt64
        let last: UInt64
        if request.isReversed {
            let end = request.from.map { $0.rawValue == 0 ? 0 : $0.rawValue - 1 }
            last = min(count, end ?? count)
            let newest = last > UInt64(request.limit) ? last - UInt64(request.limit) + 1 : 1
            first = max(newest, floor + 1)
        } else {
            first = max(request.from?.rawValue ?? 0, floor) + 1
            last = min(count, first + UInt64(request.limit) - 1)
        }
        let size = last >= first ? last - first + 1 : 0
        var byteCount: UInt32 = 0
        var hasDepartures = false
        for offset in first..<(first + size) {
            guard let entry = self.entry(request.conversation, at: Offset(offset)) else { continue }
            byteCount &+= entry.body.byteCount
            if entry.operation.departing(by: entry.user) != nil { hasDepartures = true }
        }
        return Page(
            handle: handle,
            first: Offset(first),
            count: UInt32(size),
            byteCount: byteCount,
            hasDepartures: hasDepartures,
            head: head
        )
    }

    mutating func renewEpoch(
        _ conversation: ConversationID,
        _ partition: PartitionID,
        _ term: Term
    ) -> StoreOutcome {
        guard self.leases.rows[Int(partition.rawValue)].term == term else { return .unavailable }
        self.logs[conversation, default: Log()].generation += 1
        return .head(self.head(of: conversation))
    }
}
