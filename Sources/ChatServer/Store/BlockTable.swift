import ChatCore
import ClientProtocol
import Kernel

/// Who blocks whom, inside the transactions of the log's writer and readers.
final class BlockTable {
    private let find: Statement
    private let count: Statement
    private let insert: Statement
    private let delete: Statement
    private let window: Statement
    private let other: Statement

    init(database: Database) throws(DatabaseError) {
        self.find = try database.prepare("SELECT 1 FROM blocks WHERE user = ? AND blocked = ?")
        self.count = try database.prepare("SELECT COUNT(*) FROM blocks WHERE user = ?")
        self.insert = try database.prepare("INSERT OR IGNORE INTO blocks VALUES(?, ?, ?)")
        self.delete = try database.prepare("DELETE FROM blocks WHERE user = ? AND blocked = ?")
        self.window = try database.prepare(
            "SELECT blocked, name FROM blocks WHERE user = ? AND blocked > ? ORDER BY blocked LIMIT ?"
        )
        self.other = try database.prepare(
            """
            SELECT 1 FROM members m JOIN blocks b ON b.user = m.user AND b.blocked = ?
            WHERE m.conversation = ? LIMIT 1
            """
        )
    }

    /// Whether `user` blocks `other`.
    func holds(_ user: UserID, _ other: UserID) throws(DatabaseError) -> Bool {
        self.find.bind(1, user.high, user.low)
        self.find.bind(2, other.high, other.low)
        defer { self.find.reset() }
        return try self.find.step()
    }

    /// Whether a member of the conversation blocks `user`; O(members).
    func isBlocked(_ user: UserID, in conversation: ConversationID) throws(DatabaseError) -> Bool {
        self.other.bind(1, user.high, user.low)
        self.other.bind(2, conversation.high, conversation.low)
        defer { self.other.reset() }
        return try self.other.step()
    }

    func block(
        _ other: UserID,
        named name: String,
        by user: UserID
    ) throws(DatabaseError)
        -> AccountAnswer
    {
        if try self.holds(user, other) { return .done }
        self.count.bind(1, user.high, user.low)
        defer { self.count.reset() }
        guard try self.count.step(), self.count.integer(0) < AccountLimits.blocks else {
            return .refused(.limitExceeded)
        }
        self.insert.bind(1, user.high, user.low)
        self.insert.bind(2, other.high, other.low)
        self.insert.bind(3, name)
        try self.insert.run()
        return .done
    }

    func unblock(_ other: UserID, by user: UserID) throws(DatabaseError) -> AccountAnswer {
        self.delete.bind(1, user.high, user.low)
        self.delete.bind(2, other.high, other.low)
        try self.delete.run()
        return .done
    }

    /// A window of a user's list, as the wire has it.
    func list(
        of user: UserID,
        after: UserID?,
        limit: UInt32
    ) throws(DatabaseError) -> [UInt8] {
        self.window.bind(1, user.high, user.low)
        if let after { self.window.bind(2, after.high, after.low) } else { self.window.bind(2, []) }
        self.window.bind(3, UInt64(limit) + 1)
        defer { self.window.reset() }
        var names: [String] = []
        var last: ConversationID?
        while try self.window.step() {
            guard names.count < Int(limit) else {
                return AccountResults.blocks(names, cursor: last?.cursor ?? "")
            }
            names.append(self.window.string(1))
            last = self.window.conversationID(0)
        }
        return AccountResults.blocks(names, cursor: "")
    }
}
