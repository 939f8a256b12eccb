package import ChatCore
import Kernel

/// A conditional append with the bytes that its handle names.
package struct StoredAppend: Sendable {
    package var request: Append
    package var message: Message

    package init(request: Append, message: Message) {
        self.request = request
        self.message = message
    }
}

/// Appends to the log, many conversations in one transaction.
///
/// An append that is refused (fenced, repeated, at a wrong offset) changes nothing and leaves its
/// neighbours alone. If the transaction fails before its commit, nothing was applied; if the commit
/// itself fails, everything is of unknown fate.
final class LogWriter {
    private let database: Database
    private let epochs: EpochSource
    private let reader: LogReader
    private let insertMessage: Statement
    private let insertID: Statement
    private let firstHead: Statement
    private let moveHead: Statement
    private let renew: Statement
    /// The heads that the open transaction has looked at, as it leaves them.
    private var heads: [ConversationID: Offset] = [:]

    init(database: Database, epochs: EpochSource) throws(DatabaseError) {
        self.database = database
        self.epochs = epochs
        self.reader = try LogReader(database: database, epochs: epochs)
        self.insertMessage = try database.prepare(
            "INSERT INTO messages VALUES(?, ?, ?, ?, ?, ?, ?)"
        )
        self.insertID = try database.prepare("INSERT INTO message_ids VALUES(?, ?, ?, ?, ?)")
        self.firstHead = try database.prepare(
            """
            INSERT INTO conversations VALUES(?, ?, 0, ?)
            ON CONFLICT(id) DO UPDATE SET head = excluded.head, name = excluded.name
            """
        )
        self.moveHead = try database.prepare("UPDATE conversations SET head = ? WHERE id = ?")
        self.renew = try database.prepare(
            """
            INSERT INTO conversations VALUES(?, '', 1, 0)
            ON CONFLICT(id) DO UPDATE SET generation = generation + 1
            """
        )
    }

    func head(of id: ConversationID) throws(DatabaseError) -> StreamHead {
        try self.reader.head(of: id)
    }

    func find(
        _ message: MessageID,
        of user: UserID,
        in conversation: ConversationID
    ) throws(DatabaseError) -> (offset: Offset, unixMilliseconds: UInt64)? {
        try self.reader.find(message, of: user, in: conversation)
    }

    /// Commits one group; the outcomes stand in the order of the appends.
    func append(
        _ appends: [StoredAppend],
        isOwner: (PartitionID, Term) -> Bool,
        report: (DatabaseError) -> Void
    ) -> [AppendOutcome] {
        var outcomes: [AppendOutcome] = []
        outcomes.reserveCapacity(appends.count)
        self.heads.removeAll(keepingCapacity: true)
        do throws(DatabaseError) {
            try self.database.execute("BEGIN IMMEDIATE")
            for append in appends {
                outcomes.append(try self.apply(append, isOwner: isOwner))
            }
        } catch {
            report(error)
            self.rollBack(report: report)
            return Array(repeating: .failed, count: appends.count)
        }
        do throws(DatabaseError) {
            try self.database.execute("COMMIT")
        } catch {
            report(error)
            self.rollBack(report: report)
            return outcomes.map { $0 == .done ? .unknown : .failed }
        }
        return outcomes
    }

    private func apply(
        _ append: StoredAppend,
        isOwner: (PartitionID, Term) -> Bool
    ) throws(DatabaseError) -> AppendOutcome {
        let request = append.request
        guard isOwner(request.partition, request.term) else { return .fenced }
        let conversation = request.conversation
        if let id = request.message,
            let first = try self.reader.find(id, of: request.user, in: conversation)
        {
            return .duplicate(first.offset, unixMilliseconds: first.unixMilliseconds)
        }
        let head =
            if let known = self.heads[conversation] {
                known
            } else {
                try self.reader.head(of: conversation).offset
            }
        guard head.next == request.offset else { return .failed }
        let message = append.message
        self.insertMessage.bind(1, conversation.high, conversation.low)
        self.insertMessage.bind(2, request.offset.rawValue)
        self.insertMessage.bind(3, request.unixMilliseconds)
        self.insertMessage.bind(4, message.user)
        self.insertMessage.bind(5, message.client)
        if let id = message.messageID { self.insertMessage.bind(6, id) }
        self.insertMessage.bind(7, message.body)
        try self.insertMessage.run()
        if let id = request.message {
            self.insertID.bind(1, conversation.high, conversation.low)
            self.insertID.bind(2, request.user.high, request.user.low)
            self.insertID.bind(3, id.high, id.low)
            self.insertID.bind(4, request.offset.rawValue)
            self.insertID.bind(5, request.unixMilliseconds)
            try self.insertID.run()
        }
        try self.move(conversation, named: message.conversation, from: head, to: request.offset)
        return .done
    }

    private func move(
        _ conversation: ConversationID,
        named name: String,
        from head: Offset,
        to offset: Offset
    ) throws(DatabaseError) {
        if head == .start {
            self.firstHead.bind(1, conversation.high, conversation.low)
            self.firstHead.bind(2, name)
            self.firstHead.bind(3, offset.rawValue)
            try self.firstHead.run()
        } else {
            // Whoever wrote the first message gave the row its name.
            self.moveHead.bind(1, offset.rawValue)
            self.moveHead.bind(2, conversation.high, conversation.low)
            try self.moveHead.run()
        }
        self.heads[conversation] = offset
    }

    /// Starts the conversation's next epoch; the head's offset stays.
    func renewEpoch(of conversation: ConversationID) throws(DatabaseError) -> StreamHead {
        self.renew.bind(1, conversation.high, conversation.low)
        try self.renew.run()
        return try self.reader.head(of: conversation)
    }

    private func rollBack(report: (DatabaseError) -> Void) {
        guard self.database.isInTransaction else { return }
        do throws(DatabaseError) {
            try self.database.execute("ROLLBACK")
        } catch {
            report(error)
        }
    }
}
