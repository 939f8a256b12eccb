import CSQLite
import Kernel

/// Why SQLite refused, and at what.
package struct DatabaseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// SQLite's extended result code.
    package var code: Int32
    package var message: String
    package var operation: String

    package var description: String {
        "\(self.operation): \(self.message) (SQLite code \(self.code))"
    }
}

/// One SQLite connection; used by one thread at a time.
@safe final class Database {
    // Invariant: open from `init` to `deinit`, and every statement is finalised before it closes,
    // because each keeps its database alive.
    private let connection: OpaquePointer

    /// SQLite's count of all its memory, which nobody reads, would cost every allocation a lock.
    private static let isWithoutMemoryCount: Bool =
        sqlite_without_memory_count() == SQLITE_OK

    init(path: String) throws(DatabaseError) {
        _ = Self.isWithoutMemoryCount
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let connection = unsafe opened else {
            let message = unsafe String(cString: sqlite3_errstr(code))
            unsafe sqlite3_close_v2(opened)
            throw DatabaseError(code: code, message: message, operation: "open \(path)")
        }
        unsafe self.connection = connection
        unsafe sqlite3_extended_result_codes(connection, 1)
        unsafe sqlite3_busy_timeout(connection, 2_000)
    }

    deinit { unsafe sqlite3_close_v2(self.connection) }

    func execute(_ text: String) throws(DatabaseError) {
        let code = unsafe sqlite3_exec(self.connection, text, nil, nil, nil)
        guard code == SQLITE_OK else { throw self.error(code, text) }
    }

    func prepare(_ text: String) throws(DatabaseError) -> Statement {
        var prepared: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        let code = unsafe sqlite3_prepare_v3(self.connection, text, -1, flags, &prepared, nil)
        guard code == SQLITE_OK, let statement = unsafe prepared else {
            throw self.error(code, text)
        }
        return unsafe Statement(statement, text: text, of: self)
    }

    func error(_ code: Int32, _ operation: String) -> DatabaseError {
        let message = unsafe String(cString: sqlite3_errmsg(self.connection))
        return DatabaseError(code: code, message: message, operation: operation)
    }

    /// Rows that the last finished INSERT, UPDATE or DELETE changed.
    var changedRows: Int { Int(unsafe sqlite3_changes(self.connection)) }

    /// Whether a transaction is open.
    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(self.connection) == 0 }
}

/// A prepared statement, reused; its columns hold until the next `step` or `reset`.
@safe final class Statement {
    /// Bytes of one row's texts and blobs that are bound without a copy of SQLite's own for each.
    private static let keptLimit = 1_024

    // Invariant: valid until `deinit`; `database` keeps its connection open until then.
    private let statement: OpaquePointer
    private let text: String
    private let database: Database
    // Invariant: allocated in `init`, freed after the statement; what was bound from `kept` stays as it
    // is until `reset` takes the bindings away.
    private let kept: UnsafeMutableRawBufferPointer
    private var keptCount = 0

    init(_ statement: OpaquePointer, text: String, of database: Database) {
        unsafe self.statement = statement
        self.text = text
        self.database = database
        unsafe self.kept = .allocate(byteCount: Self.keptLimit, alignment: 1)
    }

    deinit {
        unsafe sqlite3_finalize(self.statement)
        unsafe self.kept.deallocate()
    }

    /// True while there is a row.
    func step() throws(DatabaseError) -> Bool {
        let code = unsafe sqlite3_step(self.statement)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let error = self.database.error(code, self.text)
            self.reset()
            throw error
        }
    }

    /// Runs a statement that yields no rows.
    func run() throws(DatabaseError) {
        while try self.step() {}
        self.reset()
    }

    func reset() {
        unsafe sqlite3_reset(self.statement)
        unsafe sqlite3_clear_bindings(self.statement)
        self.keptCount = 0
    }

    /// Where bytes stay until the next `reset`; `nil` if there is no room for them.
    private func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawPointer? {
        guard bytes.count <= Self.keptLimit - self.keptCount else { return nil }
        let place = unsafe UnsafeMutableRawBufferPointer(rebasing: self.kept[self.keptCount...])
        unsafe place.copyMemory(from: bytes)
        self.keptCount += bytes.count
        return UnsafeRawPointer(place.baseAddress)
    }

    func bind(_ index: Int32, _ value: UInt64) {
        unsafe sqlite3_bind_int64(self.statement, index, Int64(bitPattern: value))
    }

    func bind(_ index: Int32, _ value: String) {
        var value = value
        value.withUTF8 { text in
            let bytes = UnsafeRawBufferPointer(text)
            let place = unsafe self.keep(bytes)
            // A null address would bind NULL, so an empty text without room is bound from a literal.
            guard let base = unsafe place ?? bytes.baseAddress else {
                unsafe sqlite3_bind_text64(self.statement, index, "", 0, copied, UInt8(SQLITE_UTF8))
                return
            }
            unsafe sqlite3_bind_text64(
                self.statement,
                index,
                base.assumingMemoryBound(to: CChar.self),
                UInt64(bytes.count),
                place == nil ? copied : nil,
                UInt8(SQLITE_UTF8)
            )
        }
    }

    func bind(_ index: Int32, _ value: [UInt8]) {
        guard !value.isEmpty else {
            unsafe sqlite3_bind_zeroblob(self.statement, index, 0)
            return
        }
        unsafe value.withUnsafeBytes { unsafe self.bind(index, blob: $0) }
    }

    /// A 128-bit id as a 16-byte blob, big-endian, so that its order is the id's.
    func bind(_ index: Int32, _ high: UInt64, _ low: UInt64) {
        var words = (high.bigEndian, low.bigEndian)
        unsafe withUnsafeBytes(of: &words) { unsafe self.bind(index, blob: $0) }
    }

    private func bind(_ index: Int32, blob bytes: UnsafeRawBufferPointer) {
        let place = unsafe self.keep(bytes)
        unsafe sqlite3_bind_blob64(
            self.statement,
            index,
            place ?? bytes.baseAddress,
            UInt64(bytes.count),
            place == nil ? copied : nil
        )
    }

    func integer(_ column: Int32) -> UInt64 {
        UInt64(bitPattern: unsafe sqlite3_column_int64(self.statement, column))
    }

    func isNull(_ column: Int32) -> Bool {
        unsafe sqlite3_column_type(self.statement, column) == SQLITE_NULL
    }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let base = unsafe sqlite3_column_blob(self.statement, column) else { return [] }
        let count = Int(unsafe sqlite3_column_bytes(self.statement, column))
        // The column's memory holds until the next step; it is copied here.
        return unsafe Array(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// An id that was bound as a blob of 16 bytes.
    func conversationID(_ column: Int32) -> ConversationID {
        let bytes = self.bytes(column)
        precondition(bytes.count == 16, "an id is stored as 16 bytes")
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
        return ConversationID(high: word(bytes[..<8]), low: word(bytes[8...]))
    }

    func userID(_ column: Int32) -> UserID {
        let id = self.conversationID(column)
        return UserID(high: id.high, low: id.low)
    }

    func string(_ column: Int32) -> String { String(decoding: self.bytes(column), as: UTF8.self) }
}

/// SQLITE_TRANSIENT: SQLite copies what is bound before the call returns.
private var copied: sqlite3_destructor_type? {
    // SQLite documents the address -1 as this marker; it is never called.
    unsafe unsafeBitCast(-1, to: sqlite3_destructor_type?.self)
}
