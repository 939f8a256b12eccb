import ChatCore
package import Kernel

/// The tables of the embedded store.
enum StoreSchema {
    /// Raised when a newer program writes what an older one cannot read.
    static let version: UInt64 = 4

    /// Of a conversation that was created; 0 is one that belongs to nobody.
    static let privateVisibility: UInt64 = 1
    static let publicVisibility: UInt64 = 2

    private static let tables = """
        CREATE TABLE IF NOT EXISTS conversations(
            id BLOB PRIMARY KEY, name TEXT NOT NULL,
            generation INTEGER NOT NULL, head INTEGER NOT NULL,
            count INTEGER NOT NULL DEFAULT 0, visibility INTEGER NOT NULL DEFAULT 0,
            members INTEGER NOT NULL DEFAULT 0, owners INTEGER NOT NULL DEFAULT 0,
            changed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS changed_conversations ON conversations(changed)
            WHERE visibility > 0;
        CREATE TABLE IF NOT EXISTS plans(
            partition INTEGER PRIMARY KEY, through INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS messages(
            conversation BLOB NOT NULL, offset INTEGER NOT NULL, time INTEGER NOT NULL,
            user TEXT NOT NULL, client TEXT NOT NULL, message_id TEXT, body BLOB NOT NULL,
            kind INTEGER NOT NULL DEFAULT 0, subject TEXT NOT NULL DEFAULT '',
            detail INTEGER NOT NULL DEFAULT 0, count INTEGER NOT NULL DEFAULT 0,
            is_deleted INTEGER NOT NULL DEFAULT 0, extra BLOB,
            PRIMARY KEY(conversation, offset)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS message_ids(
            conversation BLOB NOT NULL, user BLOB NOT NULL, message BLOB NOT NULL,
            offset INTEGER NOT NULL, time INTEGER NOT NULL,
            PRIMARY KEY(conversation, user, message)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS members(
            user BLOB NOT NULL, conversation BLOB NOT NULL, role INTEGER NOT NULL,
            read INTEGER NOT NULL, received INTEGER NOT NULL, read_count INTEGER NOT NULL,
            PRIMARY KEY(user, conversation)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS mentions(
            user BLOB NOT NULL, conversation BLOB NOT NULL, offset INTEGER NOT NULL,
            PRIMARY KEY(user, conversation, offset)) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS members_of ON members(conversation);
        CREATE INDEX IF NOT EXISTS edits_of ON messages(conversation, detail)
            WHERE kind = \(EntryNote.Kind.edit.rawValue);
        CREATE TABLE IF NOT EXISTS blocks(
            user BLOB NOT NULL, blocked BLOB NOT NULL, name TEXT NOT NULL,
            PRIMARY KEY(user, blocked)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS devices(
            user BLOB NOT NULL, device TEXT NOT NULL, published INTEGER NOT NULL,
            identity BLOB, fallback_id INTEGER, fallback BLOB,
            PRIMARY KEY(user, device)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS one_time_keys(
            user BLOB NOT NULL, device TEXT NOT NULL, id INTEGER NOT NULL, key BLOB NOT NULL,
            PRIMARY KEY(user, device, id)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS leases(
            partition INTEGER PRIMARY KEY, term INTEGER NOT NULL, owner INTEGER,
            incarnation INTEGER NOT NULL);
        """

    private static let meta = """
        CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID
        """

    /// What version 1 lacks: all that it wrote were messages of conversations that belong to nobody.
    private static let fromVersion1 = """
        ALTER TABLE conversations ADD COLUMN count INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE conversations ADD COLUMN visibility INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE conversations ADD COLUMN members INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE conversations ADD COLUMN owners INTEGER NOT NULL DEFAULT 0;
        UPDATE conversations SET count = head;
        ALTER TABLE messages ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE messages ADD COLUMN subject TEXT NOT NULL DEFAULT '';
        ALTER TABLE messages ADD COLUMN detail INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE messages ADD COLUMN count INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE messages ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0;
        UPDATE messages SET count = offset;
        """

    /// What version 2 lacks: room for what few messages have.
    private static let fromVersion2 = "ALTER TABLE messages ADD COLUMN extra BLOB"

    /// What version 3 lacks: in which commit a conversation has changed last.
    private static let fromVersion3 =
        "ALTER TABLE conversations ADD COLUMN changed INTEGER NOT NULL DEFAULT 0"

    /// Sets a connection to keep what it acknowledges.
    static func configure(_ database: Database) throws(DatabaseError) {
        try database.execute("PRAGMA journal_mode=WAL")
        try database.execute("PRAGMA synchronous=FULL")
        try database.execute("PRAGMA cache_size=-65536")
        // 64 MiB: a busy page is written back to the database once for many commits.
        try database.execute("PRAGMA wal_autocheckpoint=16384")
    }

    /// Makes the tables, or brings them to this version; keeps what is in them.
    static func create(in database: Database) throws(DatabaseError) {
        try database.execute("BEGIN IMMEDIATE")
        try database.execute(self.meta)
        let steps: [String]
        switch try self.number("version", in: database, initial: self.version) {
        case self.version: steps = []
        case 1: steps = [self.fromVersion1, self.fromVersion2, self.fromVersion3]
        case 2: steps = [self.fromVersion2, self.fromVersion3]
        case 3: steps = [self.fromVersion3]
        default:
            throw DatabaseError(
                code: 0,
                message: "written by a newer parley, expected version \(self.version)",
                operation: "open the database"
            )
        }
        for step in steps { try database.execute(step) }
        if !steps.isEmpty { try self.set("version", self.version, in: database) }
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
