import ChatCore
import Kernel

/// The durable store's state: what survives every crash, with the contract of the live stores.
struct StoredLogs: ~Copyable {
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

    struct Log {
        var id: ConversationID
        var generation: UInt32 = 0
        var entries: [Entry] = []
        var roster = Roster()
        /// In which commit it has last changed, if it belongs to its members.
        var changed: UInt64 = 0
    }

    /// Where a message with an id stands.
    private struct Place: BitwiseCopyable {
        var log: UInt32
        /// Counted from 0.
        var index: UInt32
    }

    var logs: [Log] = []
    private var logIndex = SlotIndex()
    private var places: [Place] = []
    private var messageIndex = SlotIndex()
    var leases: LeaseTable
    /// Changes when commits were lost, and every epoch with it.
    var incarnation: UInt32 = 0
    /// Streams whose end was lost, as they were: a page that was read before is still on its way.
    var formerEntries: [FormerStream: [Entry]] = [:]
    var blocks = BlockLists()
    var plans: PlanCursors

    let bug: PlantedBug?

    init(partitionCount: UInt16, bug: PlantedBug?) {
        self.leases = LeaseTable(partitionCount: partitionCount)
        self.plans = PlanCursors(partitionCount: partitionCount)
        self.bug = bug
    }

    func log(of id: ConversationID) -> Int? {
        self.logIndex.find(Self.hash(id)) { self.logs[Int($0)].id == id }.map { Int($0) }
    }

    /// The log of a conversation, an empty one if it has none.
    mutating func makeLog(of id: ConversationID) -> Int {
        if let log = self.log(of: id) { return log }
        self.logIndex.insert(UInt32(self.logs.count), Self.hash(id))
        self.logs.append(Log(id: id))
        return self.logs.count - 1
    }

    private static func hash(_ id: ConversationID) -> UInt32 {
        UInt32(truncatingIfNeeded: KeyedRandom.mix(id.high ^ id.low))
    }

    private static func hash(_ log: Int, _ user: UserID, _ message: MessageID) -> UInt32 {
        let word = KeyedRandom.mix(user.high ^ message.high ^ UInt64(log) << 32 ^ message.low)
        return UInt32(truncatingIfNeeded: word)
    }

    /// The row of `places` of a message.
    private func place(_ log: Int, _ user: UserID, _ message: MessageID) -> UInt32? {
        self.messageIndex.find(Self.hash(log, user, message)) {
            let place = self.places[Int($0)]
            guard Int(place.log) == log else { return false }
            let entry = self.logs[log].entries[Int(place.index)]
            return entry.user == user && entry.message == message
        }
    }

    /// A planted bug: what was acknowledged goes, and its offset will be taken again.
    mutating func loseTail(of conversation: ConversationID) {
        if let log = self.log(of: conversation) { self.removeLast(of: log) }
    }

    /// Takes the last entry out of a log, if there is one, and its message out of the index.
    mutating func removeLast(of log: Int) {
        guard let entry = self.logs[log].entries.last else { return }
        if let message = entry.message, let row = self.place(log, entry.user, message) {
            self.messageIndex.remove(row, Self.hash(log, entry.user, message))
        }
        self.logs[log].entries.removeLast()
    }

    func entry(_ conversation: ConversationID, at offset: Offset) -> Entry? {
        guard let log = self.log(of: conversation), offset > .start,
            offset.rawValue <= UInt64(self.logs[log].entries.count)
        else { return nil }
        return self.logs[log].entries[Int(offset.rawValue - 1)]
    }

    func head(of conversation: ConversationID) -> StreamHead {
        self.head(of: conversation, self.log(of: conversation))
    }

    private func head(of conversation: ConversationID, _ log: Int?) -> StreamHead {
        let generation = log.map { self.logs[$0].generation } ?? 0
        return StreamHead(
            epoch: self.firstEpoch(of: conversation, plus: generation),
            offset: Offset(UInt64(log.map { self.logs[$0].entries.count } ?? 0)),
            count: log.flatMap { self.logs[$0].entries.last?.count } ?? 0
        )
    }

    /// `people` are those whom the entry makes members, or mentions.
    mutating func append(_ append: Append, people: [UserID] = []) -> AppendOutcome {
        let lease = self.leases.rows[Int(append.partition.rawValue)]
        guard lease.term == append.term || self.bug == .ignoresTerms else { return .fenced }
        let log = self.makeLog(of: append.conversation)
        if self.bug != .acceptsRepeatedIDs, let message = append.message,
            let row = self.place(log, append.user, message)
        {
            let index = Int(self.places[Int(row)].index)
            let time = self.logs[log].entries[index].unixMilliseconds
            return .duplicate(Offset(UInt64(index) + 1), unixMilliseconds: time)
        }
        let head = self.head(of: append.conversation, log)
        guard append.offset == head.offset.next else { return .failed }
        if append.isMembersOnly,
            let code = self.refusal(
                of: append.operation,
                by: append.user,
                in: append.conversation,
                people: people
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
        self.logs[log].entries.append(entry)
        if append.isMembersOnly {
            self.logs[log].changed = self.plans.commit()
            self.apply(append, to: log, people: people, count: count)
        }
        if let message = append.message {
            let row = UInt32(self.places.count)
            let index = UInt32(self.logs[log].entries.count - 1)
            self.places.append(Place(log: UInt32(log), index: index))
            self.messageIndex.insert(row, Self.hash(log, append.user, message))
        }
        return .done
    }

    func lookUp(
        _ conversation: ConversationID,
        _ user: UserID,
        _ message: MessageID
    ) -> StoreOutcome {
        guard self.bug != .acceptsRepeatedIDs, let log = self.log(of: conversation),
            let row = self.place(log, user, message)
        else { return .notFound }
        let index = Int(self.places[Int(row)].index)
        let time = self.logs[log].entries[index].unixMilliseconds
        return .found(Offset(UInt64(index) + 1), unixMilliseconds: time)
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
        var size = last >= first ? last - first + 1 : 0
        var byteCount: UInt32 = 0
        var hasDepartures = false
        for offset in first..<(first + size) {
            guard byteCount < request.byteLimit ?? .max else {
                size = offset - first
                break
            }
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
        let log = self.makeLog(of: conversation)
        if self.bug != .hidesLoss { self.logs[log].generation += 1 }
        return .head(self.head(of: conversation), members: self.memberCount(of: conversation))
    }
}
