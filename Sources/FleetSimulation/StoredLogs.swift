import ChatCore
import Kernel

/// The durable store's state: what survives every crash, with the contract of the live stores.
struct StoredLogs: ~Copyable {
    struct Entry: BitwiseCopyable {
        var user: UserID
        var message: MessageID?
        var body: Body
        var unixMilliseconds: UInt64
    }

    private struct Log {
        var id: ConversationID
        var generation: UInt32 = 0
        var entries: [Entry] = []
    }

    /// Where a message with an id stands.
    private struct Standing: BitwiseCopyable {
        var log: UInt32
        /// Counted from 0.
        var place: UInt32
    }

    private var logs: [Log] = []
    private var logIndex = SlotIndex()
    private var standings: [Standing] = []
    private var messageIndex = SlotIndex()
    var leases: LeaseTable

    private let bug: PlantedBug?

    init(partitionCount: UInt16, bug: PlantedBug?) {
        self.leases = LeaseTable(partitionCount: partitionCount)
        self.bug = bug
    }

    private func log(of id: ConversationID) -> Int? {
        self.logIndex.find(Self.hash(id)) { self.logs[Int($0)].id == id }.map { Int($0) }
    }

    /// The log of a conversation, an empty one if it has none.
    private mutating func makeLog(of id: ConversationID) -> Int {
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

    /// The row of `standings` of a message.
    private func standing(_ log: Int, _ user: UserID, _ message: MessageID) -> UInt32? {
        self.messageIndex.find(Self.hash(log, user, message)) {
            let standing = self.standings[Int($0)]
            guard Int(standing.log) == log else { return false }
            let entry = self.logs[log].entries[Int(standing.place)]
            return entry.user == user && entry.message == message
        }
    }

    /// A planted bug: what was acknowledged goes, and its offset will be taken again.
    mutating func loseTail(of conversation: ConversationID) {
        guard let log = self.log(of: conversation), let entry = self.logs[log].entries.last else {
            return
        }
        if let message = entry.message, let row = self.standing(log, entry.user, message) {
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
            epoch: Epoch(UInt32(truncatingIfNeeded: conversation.high) &+ generation),
            offset: Offset(UInt64(log.map { self.logs[$0].entries.count } ?? 0))
        )
    }

    mutating func append(_ append: Append) -> AppendOutcome {
        let lease = self.leases.rows[Int(append.partition.rawValue)]
        guard lease.term == append.term || self.bug == .ignoresTerms else { return .fenced }
        let log = self.makeLog(of: append.conversation)
        if self.bug != .acceptsRepeatedIDs, let message = append.message,
            let row = self.standing(log, append.user, message)
        {
            let place = Int(self.standings[Int(row)].place)
            let time = self.logs[log].entries[place].unixMilliseconds
            return .duplicate(Offset(UInt64(place) + 1), unixMilliseconds: time)
        }
        let place = self.logs[log].entries.count
        guard append.offset == Offset(UInt64(place) + 1) else { return .failed }
        let entry = Entry(
            user: append.user,
            message: append.message,
            body: append.body,
            unixMilliseconds: append.unixMilliseconds
        )
        self.logs[log].entries.append(entry)
        if let message = append.message {
            let row = UInt32(self.standings.count)
            self.standings.append(Standing(log: UInt32(log), place: UInt32(place)))
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
            let row = self.standing(log, user, message)
        else { return .notFound }
        let place = Int(self.standings[Int(row)].place)
        let time = self.logs[log].entries[place].unixMilliseconds
        return .found(Offset(UInt64(place) + 1), unixMilliseconds: time)
    }

    func read(_ request: ReadRequest, handle: PayloadHandle) -> Page {
        let head = self.head(of: request.conversation)
        let count = head.offset.rawValue
        let first: UInt64
        let last: UInt64
        if request.isReversed {
            let end = request.from.map { $0.rawValue == 0 ? 0 : $0.rawValue - 1 }
            last = min(count, end ?? count)
            first = last > UInt64(request.limit) ? last - UInt64(request.limit) + 1 : 1
        } else {
            first = (request.from?.rawValue ?? 0) + 1
            last = min(count, first + UInt64(request.limit) - 1)
        }
        let size = last >= first ? last - first + 1 : 0
        var byteCount: UInt32 = 0
        for offset in first..<(first + size) {
            byteCount &+= self.entry(request.conversation, at: Offset(offset))?.body.byteCount ?? 0
        }
        return Page(
            handle: handle,
            first: Offset(first),
            count: UInt32(size),
            byteCount: byteCount,
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
        self.logs[log].generation += 1
        return .head(self.head(of: conversation))
    }
}
