import ChatCore
import ClientProtocol
import Kernel

/// Reads the log over a connection of its own; each read sees one snapshot.
final class LogReader {
    /// A page ends with the message that reaches this many bytes of bodies, so that its reply fits the
    /// queue of a connection.
    static let pageByteLimit = 1 << 19

    private let database: Database
    private let epochs: EpochSource
    private let conversation: Statement
    private let forward: Statement
    private let backward: Statement
    private let messageID: Statement
    private let membership: MembershipTables
    private let moment: Statement

    init(database: Database, epochs: EpochSource) throws(DatabaseError) {
        self.database = database
        self.epochs = epochs
        self.conversation = try database.prepare(
            "SELECT head, generation, name, count, members FROM conversations WHERE id = ?"
        )
        self.membership = try MembershipTables(database: database)
        let columns =
            "SELECT offset, time, user, client, message_id, body, kind, subject, detail, count,"
            + " extra"
            + " FROM messages"
        self.forward = try database.prepare(
            "\(columns) WHERE conversation = ? AND offset > ? ORDER BY offset LIMIT ?"
        )
        self.backward = try database.prepare(
            """
            \(columns) WHERE conversation = ? AND offset < ? AND offset > ?
            ORDER BY offset DESC LIMIT ?
            """
        )
        self.moment = try database.prepare(
            "SELECT time FROM messages WHERE conversation = ? AND offset = ?"
        )
        self.messageID = try database.prepare(
            "SELECT offset, time FROM message_ids WHERE conversation = ? AND user = ? AND message = ?"
        )
    }

    func head(of id: ConversationID) throws(DatabaseError) -> StreamHead {
        try self.end(of: id).head
    }

    /// Where a log ends, and how many members its conversation has.
    func outcome(ofHead id: ConversationID) throws(DatabaseError) -> StoreOutcome {
        let end = try self.end(of: id)
        return .head(end.head, members: end.members)
    }

    /// Where a user's message stands, by its id.
    func find(
        _ message: MessageID,
        of user: UserID,
        in conversation: ConversationID
    ) throws(DatabaseError) -> (offset: Offset, unixMilliseconds: UInt64)? {
        self.messageID.bind(1, conversation.high, conversation.low)
        self.messageID.bind(2, user.high, user.low)
        self.messageID.bind(3, message.high, message.low)
        defer { self.messageID.reset() }
        guard try self.messageID.step() else { return nil }
        return (Offset(self.messageID.integer(0)), self.messageID.integer(1))
    }

    /// The page that a request asks for, its handle owned by the caller; `nil` if its reader may not.
    func page(_ request: ReadRequest) throws(DatabaseError) -> Page? {
        try self.inSnapshot { () throws(DatabaseError) in try self.pageInTransaction(request) }
    }

    /// The window that a request asks for, its handle owned by the caller.
    func window(
        _ request: ListRequest,
        known: KnownConversations
    ) throws(DatabaseError) -> ListPage {
        try self.inSnapshot { () throws(DatabaseError) in
            let (window, next) = try self.membership.window(
                request,
                known: known,
                epochs: self.epochs
            )
            return ListPage(
                handle: window.retained(),
                count: UInt32(truncatingIfNeeded: window.changed.count),
                next: next
            )
        }
    }

    /// The parts of the answer to who the members are; the name in the first is owned by the caller.
    func audience(_ request: AudienceRequest) throws(DatabaseError) -> [AudiencePart] {
        try self.inSnapshot { () throws(DatabaseError) in
            let end = try self.end(of: request.conversation)
            let parts = try self.membership.audience(request, count: end.head.count)
            guard parts.count > 1 else { return parts }
            let position = Position(epoch: end.head.epoch, offset: end.head.offset)
            return [.begins(name: ConversationName(end.name).retained(), position)] + parts
        }
    }

    private func inSnapshot<Result>(
        _ body: () throws(DatabaseError) -> Result
    ) throws(DatabaseError) -> Result {
        try self.database.execute("BEGIN")
        do throws(DatabaseError) {
            let result = try body()
            try self.database.execute("COMMIT")
            return result
        } catch {
            if self.database.isInTransaction { try self.database.execute("ROLLBACK") }
            throw error
        }
    }

    private func pageInTransaction(_ request: ReadRequest) throws(DatabaseError) -> Page? {
        if let reader = request.reader, try self.isDenied(reader, request) { return nil }
        let end = try self.end(of: request.conversation)
        let statement = try self.bound(request, head: end.head.offset)
        defer { statement.reset() }
        var entries: [MessagePage.Entry] = []
        var byteCount = 0
        var hasDepartures = false
        let byteLimit = min(request.byteLimit.map { Int($0) } ?? .max, Self.pageByteLimit)
        while byteCount < byteLimit, try statement.step() {
            let message = try Self.message(statement, in: end.name)
            if message.note.kind.isDeparture { hasDepartures = true }
            byteCount += message.byteCount
            entries.append(
                MessagePage.Entry(
                    offset: Offset(statement.integer(0)),
                    unixMilliseconds: statement.integer(1),
                    count: statement.integer(9),
                    message: message
                )
            )
        }
        let first = request.isReversed ? entries.last?.offset : entries.first?.offset
        return Page(
            handle: MessagePage(entries).retained(),
            first: first ?? .start,
            count: UInt32(truncatingIfNeeded: entries.count),
            byteCount: UInt32(truncatingIfNeeded: byteCount),
            hasDepartures: hasDepartures,
            head: end.head
        )
    }

    /// The statement that reads what a request asks for, in a log that ends at `head`.
    private func bound(
        _ request: ReadRequest,
        head: Offset
    ) throws(DatabaseError) -> Statement {
        let floor = try self.floor(of: request, below: head)
        let statement = request.isReversed ? self.backward : self.forward
        // From the stream's end there is nothing forward, and everything in reverse.
        let from = request.from ?? head + (request.isReversed ? 1 : 0)
        statement.bind(1, request.conversation.high, request.conversation.low)
        if request.isReversed {
            statement.bind(2, min(from.rawValue, UInt64(Int64.max)))
            statement.bind(3, floor.rawValue)
        } else {
            statement.bind(2, min(max(from, floor).rawValue, UInt64(Int64.max)))
        }
        statement.bind(request.isReversed ? 4 : 3, UInt64(request.limit))
        return statement
    }

    /// The offset after which messages are in a request's reach: found by bisection, for a long log
    /// must not be walked, and times grow with offsets as far as the clock does.
    private func floor(
        of request: ReadRequest,
        below head: Offset
    ) throws(DatabaseError) -> Offset {
        var low = request.floor(below: head).rawValue
        guard let oldest = request.notBefore else { return Offset(low) }
        var high = head.rawValue
        while low < high {
            let middle = low + (high - low) / 2 + 1
            if try self.time(at: Offset(middle), of: request.conversation) < oldest {
                low = middle
            } else {
                high = middle - 1
            }
        }
        return Offset(low)
    }

    private func time(
        at offset: Offset,
        of conversation: ConversationID
    ) throws(DatabaseError) -> UInt64 {
        self.moment.bind(1, conversation.high, conversation.low)
        self.moment.bind(2, offset.rawValue)
        defer { self.moment.reset() }
        return try self.moment.step() ? self.moment.integer(0) : 0
    }

    private func isDenied(_ reader: UserID, _ read: ReadRequest) throws(DatabaseError) -> Bool {
        guard read.isSpeaking else {
            return try self.membership.role(of: reader, in: read.conversation) == nil
        }
        let inquiry = Inquiry(
            conversation: read.conversation,
            user: reader,
            message: nil,
            operation: .message
        )
        let standing = try self.membership.standing(inquiry)
        return MembershipRules.refusal(of: .message, by: reader, standing) != nil
    }

    private static func message(
        _ statement: Statement,
        in conversation: String
    ) throws(DatabaseError) -> Message {
        var extra = MessageExtra()
        if !statement.isNull(10) {
            let json = statement.bytes(10)
            do throws(FrameError) {
                extra = try MessageExtra(parsing: json.span)
            } catch {
                throw DatabaseError(
                    code: 0,
                    message: "\(error)",
                    operation: "read a message's extra"
                )
            }
        }
        return Message(
            body: statement.bytes(5),
            messageID: statement.isNull(4) ? nil : statement.string(4),
            user: statement.string(2),
            client: statement.string(3),
            conversation: conversation,
            note: EntryNote(
                kind: EntryNote.Kind(rawValue: statement.integer(6)) ?? .message,
                subject: statement.string(7),
                detail: statement.integer(8)
            ),
            extra: extra
        )
    }

    private func end(
        of id: ConversationID
    ) throws(DatabaseError) -> (head: StreamHead, name: String, members: UInt64) {
        self.conversation.bind(1, id.high, id.low)
        defer { self.conversation.reset() }
        guard try self.conversation.step() else {
            let epoch = self.epochs.epoch(of: id, generation: 0)
            return (StreamHead(epoch: epoch, offset: .start), "", 0)
        }
        let epoch = self.epochs.epoch(of: id, generation: self.conversation.integer(1))
        let offset = Offset(self.conversation.integer(0))
        let head = StreamHead(epoch: epoch, offset: offset, count: self.conversation.integer(3))
        return (head, self.conversation.string(2), self.conversation.integer(4))
    }
}
