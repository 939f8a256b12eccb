import Foundation
import Logging

/// A file beside the database that says how many commits the database has reached.
///
/// It is written after each commit, so it never runs ahead of a database that kept what it acknowledged:
/// a database with fewer commits than this is an older copy, or its disk has lost some.
final class CommitWitness {
    private let file: FileHandle
    private let log: Logger
    /// What the file said when it was opened; `nil` if there was none.
    let found: UInt64?

    /// Opens the file, or makes it, and keeps on the disk that it is there.
    init(path: String, log: Logger) throws(DatabaseError) {
        self.log = log
        do {
            let isNew = !FileManager.default.fileExists(atPath: path)
            if isNew, !FileManager.default.createFile(atPath: path, contents: Data(count: 8)) {
                throw CocoaError(.fileWriteUnknown)
            }
            let file = try FileHandle(forUpdating: URL(filePath: path))
            let bytes = try file.readToEnd() ?? Data()
            self.found =
                isNew || bytes.count < 8
                ? nil : bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
            if isNew { try file.synchronize() }
            self.file = file
        } catch {
            throw DatabaseError(
                code: 0,
                message: error.localizedDescription,
                operation: "open \(path)"
            )
        }
    }

    /// The database has reached so many commits; not synced, because being behind harms nothing.
    func note(_ commits: UInt64) {
        var bytes = Data(capacity: 8)
        for shift in 0..<UInt64(8) {
            bytes.append(UInt8(truncatingIfNeeded: commits >> (shift * 8)))
        }
        do {
            try self.file.seek(toOffset: 0)
            try self.file.write(contentsOf: bytes)
        } catch {
            self.log.error("the commit witness cannot be written", metadata: ["error": "\(error)"])
        }
    }
}
