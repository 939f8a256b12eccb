import Kernel

/// The revocations on the disk: a database of their own, so that putting the log back from a copy makes no
/// token good again.
final class RevocationTable {
    private static let tokenKind: UInt64 = 0
    private static let userKind: UInt64 = 1

    private let database: Database
    private let replace: Statement
    private let select: Statement
    private let delete: Statement

    init(path: String) throws(DatabaseError) {
        self.database = try Database(path: path)
        try StoreSchema.configure(self.database)
        try self.database.execute(
            """
            CREATE TABLE IF NOT EXISTS revocations(
                kind INTEGER NOT NULL, id BLOB NOT NULL, issued_before INTEGER NOT NULL,
                expiry INTEGER NOT NULL, PRIMARY KEY(kind, id)) WITHOUT ROWID
            """
        )
        self.replace = try self.database.prepare("REPLACE INTO revocations VALUES(?, ?, ?, ?)")
        self.select = try self.database.prepare(
            "SELECT kind, id, issued_before, expiry FROM revocations"
        )
        self.delete = try self.database.prepare("DELETE FROM revocations WHERE expiry <= ?")
    }

    /// Durable when this returns.
    func keep(_ revocation: Revocation) throws(DatabaseError) {
        switch revocation.subject {
        case .token(let id):
            self.replace.bind(1, Self.tokenKind)
            self.replace.bind(2, id.high, id.low)
            self.replace.bind(3, 0)
        case .user(let user, let issuedBefore):
            self.replace.bind(1, Self.userKind)
            self.replace.bind(2, user.high, user.low)
            self.replace.bind(3, issuedBefore)
        }
        self.replace.bind(4, revocation.expiry)
        try self.replace.run()
    }

    func all() throws(DatabaseError) -> [Revocation] {
        defer { self.select.reset() }
        var all: [Revocation] = []
        while try self.select.step() {
            let id = self.select.conversationID(1)
            let subject: Revocation.Subject =
                self.select.integer(0) == Self.tokenKind
                ? .token(TokenID(high: id.high, low: id.low))
                : .user(
                    UserID(high: id.high, low: id.low),
                    issuedBefore: self.select.integer(2)
                )
            all.append(Revocation(subject, until: self.select.integer(3)))
        }
        return all
    }

    func forget(before now: UInt64) throws(DatabaseError) {
        self.delete.bind(1, now)
        try self.delete.run()
    }
}
