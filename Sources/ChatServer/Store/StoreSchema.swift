import ChatCore
package import Kernel

/// The tables of the embedded store.
enum StoreSchema {
    /// Raised when a newer program writes what an older one cannot read.
    static let version: UInt64 = 1

    private static let tables = """
        CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS conversations(
            id BLOB PRIMARY KEY, name TEXT NOT NULL,
            generation INTEGER NOT NULL, head INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS messages(
            conversation BLOB NOT NULL, offset INTEGER NOT NULL, time INTEGER NOT NULL,
            user TEXT NOT NULL, client TEXT NOT NULL, message_id TEXT, body BLOB NOT NULL,
            PRIMARY KEY(conversation, offset)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS message_ids(
            conversation BLOB NOT NULL, user BLOB NOT NULL, message BLOB NOT NULL,
            offset INTEGER NOT NULL, time INTEGER NOT NULL,
            PRIMARY KEY(conversation, user, message)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS leases(
            partition INTEGER PRIMARY KEY, term INTEGER NOT NULL, owner INTEGER,
            incarnation INTEGER NOT NULL);
        """

    /// Sets a connection to keep what it acknowledges.
    static func configure(_ database: Database) throws(DatabaseError) {
        try database.execute("PRAGMA journal_mode=WAL")
        try database.execute("PRAGMA synchronous=FULL")
        try database.execute("PRAGMA cache_size=-65536")
    }

    static func create(in database: Database) throws(DatabaseError) {
        try database.execute("BEGIN IMMEDIATE")
        try database.execute(self.tables)
        try database.execute("COMMIT")
    }

    /// A stored number, which `initial` gives the first time.
    static func number(
        _ key: String,
        in database: Database,
        initial: UInt64
    ) throws(DatabaseError) -> UInt64 {
        let insert = try database.prepare("INSERT OR IGNORE INTO meta VALUES(?, ?)")
        insert.bind(1, key)
        insert.bind(2, initial)
        try insert.run()
        let select = try database.prepare("SELECT value FROM meta WHERE key = ?")
        select.bind(1, key)
        defer { select.reset() }
        return try select.step() ? select.integer(0) : initial
    }

    static func set(_ key: String, _ value: UInt64, in database: Database) throws(DatabaseError) {
        let update = try database.prepare("UPDATE meta SET value = ? WHERE key = ?")
        update.bind(1, value)
        update.bind(2, key)
        try update.run()
    }
}

/// What makes an epoch: the store's incarnation and a conversation's generation, and nothing else.
///
/// With the generation it counts upwards, so that gateways know the newer of two.
package struct EpochSource: Sendable {
    package var incarnation: UInt64

    package init(incarnation: UInt64) { self.incarnation = incarnation }

    package func epoch(of conversation: ConversationID, generation: UInt64) -> Epoch {
        var word = KeyedRandom.mix(self.incarnation &+ 0x9e37_79b9_7f4a_7c15)
        word = KeyedRandom.mix(word ^ conversation.high)
        word = KeyedRandom.mix(word &+ conversation.low)
        let first = max(1, UInt32(truncatingIfNeeded: KeyedRandom.mix(word) >> 32))
        let step = UInt32(truncatingIfNeeded: generation)
        let (sum, hasWrapped) = first.addingReportingOverflow(step)
        // 0 is kept for texts that name no epoch of ours.
        return Epoch(hasWrapped ? sum + 1 : sum)
    }
}
