import Foundation
import Synchronization

/// Why a data directory cannot be used.
package struct DataDirectoryError: Error, Equatable, Sendable, CustomStringConvertible {
    package var path: String
    package var reason: String

    package var description: String { "data directory \(self.path): \(self.reason)" }
}

/// The directory that one server process has for itself.
package final class DataDirectory: Sendable {
    package let path: String
    /// Holds the lock until it is closed, by us or by the end of the process; below 0 when it is.
    private let lockFile: Mutex<Int32>

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
        let file = unsafe open(path + "/parley.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        self.lockFile = Mutex(file)
        guard file >= 0 else {
            throw DataDirectoryError(path: path, reason: unsafe String(cString: strerror(errno)))
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let reason =
                errno == EWOULDBLOCK
                ? "locked by another parley process, expected none"
                : unsafe String(cString: strerror(errno))
            throw DataDirectoryError(path: path, reason: reason)
        }
    }

    /// Lets another process have the directory; once it is given up, nothing more happens.
    package func unlock() {
        self.lockFile.withLock { file in
            if file >= 0 { close(file) }
            file = -1
        }
    }

    deinit { self.unlock() }

    package var databasePath: String { self.path + "/parley.sqlite" }

    /// Stays when the database is put back from a copy.
    package var witnessPath: String { self.path + "/parley.commits" }

    /// Stays too, so that no token becomes good again.
    package var revocationsPath: String { self.path + "/parley.revocations.sqlite" }
}
