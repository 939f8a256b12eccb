import CSQLite
import Foundation

/// A second look at the log's file, past all of the server's code.
@safe final class LogFile {
    // Invariant: open from `init` to `deinit`.
    private let connection: OpaquePointer

    init(path: String) throws {
        var opened: OpaquePointer?
        let code = unsafe sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE, nil)
        guard code == SQLITE_OK, let connection = unsafe opened else {
            throw Broken(description: "the log opens: \(code)")
        }
        unsafe self.connection = connection
    }

    deinit { unsafe sqlite3_close_v2(self.connection) }

    func execute(_ text: String) throws {
        let code = unsafe sqlite3_exec(self.connection, text, nil, nil, nil)
        try hold(code == SQLITE_OK, "\(text): \(code)")
    }

    /// The one number that a query yields.
    func number(_ query: String) throws -> Int {
        var prepared: OpaquePointer?
        let code = unsafe sqlite3_prepare_v2(self.connection, query, -1, &prepared, nil)
        defer { unsafe sqlite3_finalize(prepared) }
        try hold(code == SQLITE_OK, "\(query): \(code)")
        let step = unsafe sqlite3_step(prepared)
        try hold(step == SQLITE_ROW, "\(query) yields a row: \(step)")
        return Int(unsafe sqlite3_column_int64(prepared, 0))
    }

    /// What is wrong with the log as a whole, each with how often.
    func faults() throws -> [String: Int] {
        let questions = [
            "offsets that are not dense":
                """
            SELECT COUNT(*) FROM (SELECT conversation FROM messages GROUP BY conversation
            HAVING COUNT(*) != MAX(offset) OR MIN(offset) != 1)
            """,
            "heads that are not the last offset":
                """
            SELECT COUNT(*) FROM conversations c WHERE head != (SELECT IFNULL(MAX(offset), 0)
            FROM messages WHERE conversation = c.id)
            """,
            "message ids that stand twice":
                """
            SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE message_id IS NOT NULL
            GROUP BY conversation, user, message_id HAVING COUNT(*) > 1)
            """,
            "message ids without an entry":
                """
            SELECT COUNT(*) FROM messages m WHERE message_id IS NOT NULL AND NOT EXISTS (SELECT 1
            FROM message_ids i WHERE i.conversation = m.conversation AND i.offset = m.offset)
            """,
        ]
        var faults: [String: Int] = [:]
        for (name, question) in questions {
            let count = try self.number(question)
            if count > 0 { faults[name] = count }
        }
        return faults
    }

    var messageCount: Int {
        get throws { try self.number("SELECT COUNT(*) FROM messages") }
    }
}
