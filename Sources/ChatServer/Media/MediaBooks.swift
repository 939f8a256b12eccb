import ChatCore
import ClientProtocol
import Kernel

/// Which conversation has which content, in a database of its own; and, from the log's, who is a member.
///
/// Used by one thread at a time.
final class MediaBooks {
    /// A content as a conversation has it.
    struct Entry: Equatable, Sendable {
        var size: UInt64
        var type: String
        /// Who has put it there.
        var user: UserID
    }

    private static let tables = """
        CREATE TABLE IF NOT EXISTS media(
            conversation BLOB NOT NULL, hash BLOB NOT NULL, user BLOB NOT NULL,
            size INTEGER NOT NULL, type TEXT NOT NULL, time INTEGER NOT NULL,
            PRIMARY KEY(conversation, hash)) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS media_by_hash ON media(hash);
        CREATE TABLE IF NOT EXISTS shares(
            user BLOB PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS secret(
            id INTEGER PRIMARY KEY CHECK(id = 0), key BLOB NOT NULL);
        """

    private let index: Database
    private let membership: MembershipTables
    private let find: Statement
    private let anywhere: Statement
    private let share: Statement
    private let insert: Statement
    private let delete: Statement
    private let charge: Statement

    /// `log` is the path of the log's database, `path` that of the one with the media.
    init(log: String, index path: String) throws(DatabaseError) {
        let members = try Database(path: log)
        try StoreSchema.configure(members)
        try StoreSchema.create(in: members)
        self.membership = try MembershipTables(database: members)
        let index = try Database(path: path)
        try StoreSchema.configure(index)
        try index.execute(Self.tables)
        self.index = index
        self.find = try index.prepare(
            "SELECT size, type, user FROM media WHERE conversation = ? AND hash = ?"
        )
        self.anywhere = try index.prepare("SELECT 1 FROM media WHERE hash = ? LIMIT 1")
        self.share = try index.prepare("SELECT bytes FROM shares WHERE user = ?")
        self.insert = try index.prepare("INSERT INTO media VALUES(?, ?, ?, ?, ?, ?)")
        self.delete = try index.prepare(
            "DELETE FROM media WHERE conversation = ? AND hash = ?"
        )
        self.charge = try index.prepare(
            """
            INSERT INTO shares VALUES(?, ?) ON CONFLICT(user) DO UPDATE SET bytes = excluded.bytes
            """
        )
    }

    /// The secret that signs URLs: `fresh` the first time, and the same ever after.
    func secret(fresh: [UInt8]) throws(DatabaseError) -> [UInt8] {
        let insert = try self.index.prepare("INSERT OR IGNORE INTO secret VALUES(0, ?)")
        insert.bind(1, fresh)
        try insert.run()
        let select = try self.index.prepare("SELECT key FROM secret WHERE id = 0")
        defer { select.reset() }
        return try select.step() ? select.bytes(0) : fresh
    }

    /// What the rules ask of a user in a conversation.
    func standing(
        of user: UserID,
        in conversation: ConversationID
    ) throws(DatabaseError) -> Standing {
        try self.membership.standing(
            Inquiry(conversation: conversation, user: user, message: nil, operation: .message)
        )
    }

    func entry(_ conversation: ConversationID, _ hash: ContentHash) throws(DatabaseError) -> Entry?
    {
        self.find.bind(1, conversation.high, conversation.low)
        self.find.bind(2, hash.bytes)
        defer { self.find.reset() }
        guard try self.find.step() else { return nil }
        let user = self.find.conversationID(2)
        return Entry(
            size: self.find.integer(0),
            type: self.find.string(1),
            user: UserID(high: user.high, low: user.low)
        )
    }

    /// Whether any conversation has the content.
    func holds(_ hash: ContentHash) throws(DatabaseError) -> Bool {
        self.anywhere.bind(1, hash.bytes)
        defer { self.anywhere.reset() }
        return try self.anywhere.step()
    }

    /// Bytes of a user's share that are taken.
    func share(of user: UserID) throws(DatabaseError) -> UInt64 {
        self.share.bind(1, user.high, user.low)
        defer { self.share.reset() }
        return try self.share.step() ? self.share.integer(0) : 0
    }

    /// Enters a content, whose file is durable; durable on return.
    func enter(
        _ entry: Entry,
        _ conversation: ConversationID,
        _ hash: ContentHash,
        unixMilliseconds: UInt64
    ) throws(DatabaseError) {
        try self.inTransaction { () throws(DatabaseError) in
            self.insert.bind(1, conversation.high, conversation.low)
            self.insert.bind(2, hash.bytes)
            self.insert.bind(3, entry.user.high, entry.user.low)
            self.insert.bind(4, entry.size)
            self.insert.bind(5, entry.type)
            self.insert.bind(6, unixMilliseconds)
            try self.insert.run()
            let share = try self.share(of: entry.user) + MediaPolicy.charge(of: entry.size)
            try self.set(share, of: entry.user)
        }
    }

    /// Takes a content out of a conversation; durable on return.
    func strike(
        _ entry: Entry,
        _ conversation: ConversationID,
        _ hash: ContentHash
    ) throws(DatabaseError) {
        try self.inTransaction { () throws(DatabaseError) in
            self.delete.bind(1, conversation.high, conversation.low)
            self.delete.bind(2, hash.bytes)
            try self.delete.run()
            let share = try self.share(of: entry.user)
            let charge = MediaPolicy.charge(of: entry.size)
            try self.set(share > charge ? share - charge : 0, of: entry.user)
        }
    }

    private func set(_ share: UInt64, of user: UserID) throws(DatabaseError) {
        self.charge.bind(1, user.high, user.low)
        self.charge.bind(2, share)
        try self.charge.run()
    }

    private func inTransaction(_ body: () throws(DatabaseError) -> Void) throws(DatabaseError) {
        try self.index.execute("BEGIN IMMEDIATE")
        do throws(DatabaseError) {
            try body()
            try self.index.execute("COMMIT")
        } catch {
            if self.index.isInTransaction { try self.index.execute("ROLLBACK") }
            throw error
        }
    }
}
