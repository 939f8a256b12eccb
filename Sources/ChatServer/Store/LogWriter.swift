import ChatCore
import ClientProtocol
import Kernel

/// What one transaction of the writer is made of.
enum StoredWrite: Sendable {
    /// A conditional append with the bytes that its handle names.
    case append(Append, Message)
    case mark(MarkRequest)
    case account(AccountRequest, AccountNote)

    /// How the write ended with its group; the rest is asked again by whoever wants it.
    func outcome(_ outcome: AppendOutcome) -> StoreOutcome {
        switch self {
        case .append: .appended(outcome)
        case .mark, .account: .unavailable
        }
    }
}

/// Appends to the log, many conversations in one transaction.
///
/// An append that is refused (fenced, repeated, at a wrong offset) changes nothing and leaves its
/// neighbours alone. If the transaction fails before its commit, nothing was applied; if the commit
/// itself fails, everything is of unknown fate.
final class LogWriter {
    /// With more heads than this in memory, all are read anew.
    private static let headLimit = 1 << 16

    private struct KnownHead {
        var head: StreamHead
        var isMoved: Bool
    }

    let database: Database
    private let epochs: EpochSource
    private let reader: LogReader
    private let membership: MembershipWriter
    private let accounts: AccountWriter
    private let insertMessage: Statement
    private let insertID: Statement
    private let firstHead: Statement
    private let moveHead: Statement
    private let renew: Statement
    private let begin: Statement
    private let commit: Statement
    private let countCommit: Statement
    private let witness: CommitWitness
    private(set) var commits: UInt64
    /// Heads as the last transaction left them, or as the open one does; nobody else moves heads.
    private var heads: [ConversationID: KnownHead] = [:]
    /// Conversations whose rows have not been told yet where the open transaction moved their heads.
    private var moved: [ConversationID] = []

    /// `witness` is told of each commit.
    init(
        database: Database,
        epochs: EpochSource,
        witness: CommitWitness
    ) throws(DatabaseError) {
        self.database = database
        self.epochs = epochs
        self.witness = witness
        self.commits = try StoreSchema.number("commits", in: database, initial: 0)
        self.countCommit = try database.prepare(
            "UPDATE meta SET value = ? WHERE key = 'commits'"
        )
        self.reader = try LogReader(database: database, epochs: epochs)
        self.membership = try MembershipWriter(database: database)
        self.begin = try database.prepare("BEGIN IMMEDIATE")
        self.commit = try database.prepare("COMMIT")
        self.accounts = try AccountWriter(database: database)
        self.insertMessage = try database.prepare(
            """
            INSERT INTO messages(conversation, offset, time, user, client, message_id, body,
                kind, subject, detail, count, extra) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        )
        self.insertID = try database.prepare(
            "INSERT INTO message_ids VALUES(?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        self.firstHead = try database.prepare(
            """
            INSERT INTO conversations(id, name, generation, head, count, changed)
            VALUES(?, ?, 0, ?, ?, ?)
            ON CONFLICT(id) DO UPDATE SET head = excluded.head, name = excluded.name,
                count = excluded.count, changed = excluded.changed
            """
        )
        self.moveHead = try database.prepare(
            "UPDATE conversations SET head = ?, count = ?, changed = ? WHERE id = ?"
        )
        self.renew = try database.prepare(
            """
            INSERT INTO conversations(id, name, generation, head) VALUES(?, '', 1, 0)
            ON CONFLICT(id) DO UPDATE SET generation = generation + 1
            """
        )
    }

    func outcome(ofHead id: ConversationID) throws(DatabaseError) -> StoreOutcome {
        try self.reader.outcome(ofHead: id)
    }

    func find(
        _ message: MessageID,
        of user: UserID,
        in conversation: ConversationID
    ) throws(DatabaseError) -> (offset: Offset, unixMilliseconds: UInt64)? {
        try self.reader.find(message, of: user, in: conversation)
    }

    /// Whether an operation is allowed, by what is committed.
    func ruling(on inquiry: Inquiry) throws(DatabaseError) -> StoreOutcome {
        let head = try self.reader.head(of: inquiry.conversation)
        if let message = inquiry.message,
            let first = try self.find(message, of: inquiry.user, in: inquiry.conversation)
        {
            return .ruling(
                .repeated(first.offset, unixMilliseconds: first.unixMilliseconds),
                head
            )
        }
        let standing = try self.membership.tables.standing(inquiry)
        let code = MembershipRules.refusal(of: inquiry.operation, by: inquiry.user, standing)
        return .ruling(code.map { .refused($0) } ?? .allowed, head)
    }

    /// Commits one group; the outcomes stand in the order of the writes.
    func write(
        _ writes: [StoredWrite],
        isOwner: (PartitionID, Term) -> Bool,
        report: (DatabaseError) -> Void
    ) -> [StoreOutcome] {
        var outcomes: [StoreOutcome] = []
        outcomes.reserveCapacity(writes.count)
        if self.heads.count > Self.headLimit { self.heads.removeAll(keepingCapacity: true) }
        do throws(DatabaseError) {
            try self.begin.run()
            for write in writes {
                outcomes.append(try self.apply(write, isOwner: isOwner))
            }
            try self.moveHeads()
            self.countCommit.bind(1, self.commits + 1)
            try self.countCommit.run()
        } catch {
            report(error)
            for outcome in outcomes { outcome.discard() }
            self.rollBack(report: report)
            return writes.map { $0.outcome(.failed) }
        }
        do throws(DatabaseError) {
            try self.commit.run()
        } catch {
            report(error)
            self.rollBack(report: report)
            return zip(writes, outcomes).map { write, outcome in
                outcome.discard()
                return write.outcome(outcome == .appended(.done) ? .unknown : .failed)
            }
        }
        self.commits += 1
        self.witness.note(self.commits)
        return outcomes
    }

    private func apply(
        _ write: StoredWrite,
        isOwner: (PartitionID, Term) -> Bool
    ) throws(DatabaseError) -> StoreOutcome {
        switch write {
        case .append(let append, let message):
            return .appended(try self.apply(append, message, isOwner: isOwner))
        case .mark(let mark):
            let head = try self.knownHead(of: mark.conversation)
            return try self.membership.mark(mark, head: head).map { .marked($0) } ?? .denied
        case .account(let request, let note):
            return .account(try self.accounts.apply(request, note.content))
        }
    }

    private func apply(
        _ request: Append,
        _ message: Message,
        isOwner: (PartitionID, Term) -> Bool
    ) throws(DatabaseError) -> AppendOutcome {
        guard isOwner(request.partition, request.term) else { return .fenced }
        let conversation = request.conversation
        let head = try self.knownHead(of: conversation)
        // The index itself refuses a repeat; it is asked first only where the refusal has another name.
        let isPlain = head.offset.next == request.offset && !request.isMembersOnly
        if !isPlain, let first = try self.first(request) { return first }
        guard head.offset.next == request.offset else { return .failed }
        if request.isMembersOnly, let code = try self.refusal(of: request, message.people) {
            return .refused(code)
        }
        guard try self.claimID(request) else {
            guard let first = try self.first(request) else {
                preconditionFailure("an id that is taken has its message")
            }
            return first
        }
        let count = head.count + (request.operation.isCountable ? 1 : 0)
        try self.insert(request, message, count)
        let moved = StreamHead(epoch: head.epoch, offset: request.offset, count: count)
        try self.move(conversation, named: message.conversation, from: head, to: moved)
        if request.isMembersOnly {
            try self.membership.apply(request, people: message.people, count: count)
        }
        return .done
    }

    /// The message that had an append's id before it.
    private func first(_ request: Append) throws(DatabaseError) -> AppendOutcome? {
        guard let id = request.message,
            let first = try self.reader.find(id, of: request.user, in: request.conversation)
        else { return nil }
        return .duplicate(first.offset, unixMilliseconds: first.unixMilliseconds)
    }

    private func knownHead(of conversation: ConversationID) throws(DatabaseError) -> StreamHead {
        if let known = self.heads[conversation] { return known.head }
        let head = try self.reader.head(of: conversation)
        self.heads[conversation] = KnownHead(head: head, isMoved: false)
        return head
    }

    private func refusal(
        of append: Append,
        _ people: [String]
    ) throws(DatabaseError) -> ErrorCode? {
        let inquiry = Inquiry(
            conversation: append.conversation,
            user: append.user,
            message: append.message,
            operation: append.operation
        )
        let standing = try self.membership.tables.standing(inquiry, people: people)
        return MembershipRules.refusal(of: append.operation, by: append.user, standing)
    }

    private func insert(
        _ request: Append,
        _ message: Message,
        _ count: UInt64
    ) throws(DatabaseError) {
        let conversation = request.conversation
        self.insertMessage.bind(1, conversation.high, conversation.low)
        self.insertMessage.bind(2, request.offset.rawValue)
        self.insertMessage.bind(3, request.unixMilliseconds)
        self.insertMessage.bind(4, message.user)
        self.insertMessage.bind(5, message.client)
        if let id = message.messageID { self.insertMessage.bind(6, id) }
        self.insertMessage.bind(7, message.body)
        self.insertMessage.bind(8, message.note.kind.rawValue)
        self.insertMessage.bind(9, message.note.subject)
        self.insertMessage.bind(10, message.note.detail)
        self.insertMessage.bind(11, count)
        if !message.extra.isEmpty { self.insertMessage.bind(12, message.extra.json) }
        try self.insertMessage.run()
    }

    /// Enters an append's id into the index; false if it stands there already.
    private func claimID(_ request: Append) throws(DatabaseError) -> Bool {
        guard let id = request.message else { return true }
        self.insertID.bind(1, request.conversation.high, request.conversation.low)
        self.insertID.bind(2, request.user.high, request.user.low)
        self.insertID.bind(3, id.high, id.low)
        self.insertID.bind(4, request.offset.rawValue)
        self.insertID.bind(5, request.unixMilliseconds)
        try self.insertID.run()
        return self.database.changedRows > 0
    }

    private func move(
        _ conversation: ConversationID,
        named name: String,
        from head: StreamHead,
        to moved: StreamHead
    ) throws(DatabaseError) {
        guard head.offset == .start else {
            // Whoever wrote the first message gave the row its name.
            if self.heads[conversation]?.isMoved != true { self.moved.append(conversation) }
            self.heads[conversation] = KnownHead(head: moved, isMoved: true)
            return
        }
        self.firstHead.bind(1, conversation.high, conversation.low)
        self.firstHead.bind(2, name)
        self.firstHead.bind(3, moved.offset.rawValue)
        self.firstHead.bind(4, moved.count)
        self.firstHead.bind(5, self.commits + 1)
        try self.firstHead.run()
        self.heads[conversation] = KnownHead(head: moved, isMoved: false)
    }

    /// Tells the rows of conversations where their heads are, each once in a transaction.
    private func moveHeads() throws(DatabaseError) {
        for conversation in self.moved {
            guard let known = self.heads[conversation] else {
                preconditionFailure("a head that moved is known")
            }
            self.moveHead.bind(1, known.head.offset.rawValue)
            self.moveHead.bind(2, known.head.count)
            self.moveHead.bind(3, self.commits + 1)
            self.moveHead.bind(4, conversation.high, conversation.low)
            try self.moveHead.run()
            self.heads[conversation]?.isMoved = false
        }
        self.moved.removeAll(keepingCapacity: true)
    }

    /// Starts the conversation's next epoch; the head's offset stays.
    func renewEpoch(of conversation: ConversationID) throws(DatabaseError) -> StoreOutcome {
        self.renew.bind(1, conversation.high, conversation.low)
        self.heads[conversation] = nil
        try self.renew.run()
        return try self.reader.outcome(ofHead: conversation)
    }

    /// Has all heads read anew: those in memory are not what the rows say.
    func forgetHeads() {
        self.heads.removeAll(keepingCapacity: true)
        self.moved.removeAll(keepingCapacity: true)
    }

    private func rollBack(report: (DatabaseError) -> Void) {
        self.forgetHeads()
        guard self.database.isInTransaction else { return }
        do throws(DatabaseError) {
            try self.database.execute("ROLLBACK")
        } catch {
            report(error)
        }
    }
}
