import Foundation

/// Why a data directory cannot be used.
package struct DataDirectoryError: Error, Equatable, Sendable, CustomStringConvertible {
    package var path: String
    package var reason: String

    package var description: String { "data directory \(self.path): \(self.reason)" }
}

/// The directory that one server process has for itself.
package final class DataDirectory: Sendable {
    package let path: String
    /// Holds the lock until it is closed, by us or by the end of the process.
    private let lockFile: Int32

    /// Creates the directory if need be, and locks it; a second process is refused.
    package init(path: String) throws(DataDirectoryError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
        } catch {
            throw DataDirectoryError(path: path, reason: error.localizedDescription)
        }
        self.path = path
        self.lockFile = unsafe open(path + "/parley.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard self.lockFile >= 0 else {
            throw DataDirectoryError(path: path, reason: unsafe String(cString: strerror(errno)))
        }
        guard flock(self.lockFile, LOCK_EX | LOCK_NB) == 0 else {
            let reason =
                errno == EWOULDBLOCK
                ? "locked by another parley process, expected none"
                : unsafe String(cString: strerror(errno))
            close(self.lockFile)
            throw DataDirectoryError(path: path, reason: reason)
        }
    }

    deinit { close(self.lockFile) }

    /// Lets another have it; whoever unlocks it writes there no more.
    package func unlock() { flock(self.lockFile, LOCK_UN) }

    package var databasePath: String { self.path + "/parley.sqlite" }
}
