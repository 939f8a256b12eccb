import ClientProtocol
import Crypto
import Foundation
import Synchronization

/// The files of media below the data directory.
///
/// `media/files` has each content once, under its SHA-256; `media/uploads` what is on its way there. An
/// upload keeps its second name until its row is written, so after a sudden end whatever is left of
/// uploads tells which contents may lack a row.
struct MediaFiles: Sendable {
    private let root: String

    /// Makes the folders where they are missing.
    init(root: String) throws {
        self.root = root
        for folder in [root, root + "/files", root + "/uploads"] {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true
            )
        }
    }

    func path(of hash: ContentHash) -> String {
        "\(self.root)/files/\(hash.text.prefix(2))/\(hash.text)"
    }

    /// A path for an upload that nobody has; it begins with its content's name.
    func uploadPath(of hash: ContentHash) -> String {
        "\(self.root)/uploads/\(hash.text)-\(UUID().uuidString)"
    }

    /// What uploads have left behind, with the contents that they were to become.
    func leftovers() throws -> [(path: String, hash: ContentHash?)] {
        let folder = self.root + "/uploads"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
            ("\(folder)/\(name)", ContentHash(name.prefix(ContentHash.byteCount * 2)))
        }
    }

    /// Bytes that are free for uploads: what is left of the disk but for a reserve, so that messages can
    /// be written when no file can.
    func freeBytes() throws(DiskError) -> UInt64 {
        var facts = statvfs()
        guard unsafe statvfs(self.root, &facts) == 0 else {
            throw DiskError(code: errno, operation: "statvfs")
        }
        let free = UInt64(facts.f_bavail) * UInt64(facts.f_frsize)
        let size = UInt64(facts.f_blocks) * UInt64(facts.f_frsize)
        let reserve = min(64 << 20, size / 16)
        return free > reserve ? free - reserve : 0
    }

    /// Gives an upload that is on the disk the name of its content, beside its own; durable on return.
    func name(_ upload: String, _ hash: ContentHash) throws(DiskError) {
        let path = self.path(of: hash)
        let folder = String(path.dropLast(hash.text.count + 1))
        let made = unsafe mkdir(folder, 0o755)
        guard made == 0 || errno == EEXIST else { throw DiskError(code: errno, operation: "mkdir") }
        if made == 0 { try Self.synchronize(folder: self.root + "/files") }
        // A content that is there already is the same.
        guard unsafe link(upload, path) == 0 || errno == EEXIST else {
            throw DiskError(code: errno, operation: "link")
        }
        try Self.synchronize(folder: folder)
    }

    private static func synchronize(folder: String) throws(DiskError) {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskError(code: errno, operation: "open \(folder)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw DiskError(code: errno, operation: "fsync") }
    }

    /// Takes a name away, if it is there.
    static func remove(_ path: String) throws(DiskError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw DiskError(code: errno, operation: "unlink \(path)")
        }
    }
}

/// A file that is being written, with the hash of what has been; its calls come one after the other.
final class UploadFile: Sendable {
    private struct State {
        /// Below 0 when it is closed.
        var descriptor: Int32
        var hash = SHA256()
        var count: UInt64 = 0
    }

    let path: String
    private let state: Mutex<State>

    init(path: String) throws(DiskError) {
        self.path = path
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DiskError(code: errno, operation: "open \(path)") }
        self.state = Mutex(State(descriptor: descriptor))
    }

    var count: UInt64 { self.state.withLock { $0.count } }

    func append(_ bytes: [UInt8]) throws(DiskError) {
        try self.state.withLock { (state) throws(DiskError) in
            state.hash.update(data: bytes)
            state.count += UInt64(bytes.count)
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = unsafe rest.withUnsafeBytes {
                    unsafe write(state.descriptor, $0.baseAddress, $0.count)
                }
                guard count > 0 || errno == EINTR else {
                    throw DiskError(code: errno, operation: "write")
                }
                rest = rest.dropFirst(max(0, count))
            }
        }
    }

    /// The hash of all of it, once that is on the disk.
    func finish() throws(DiskError) -> ContentHash {
        try self.state.withLock { (state) throws(DiskError) in
            guard fsync(state.descriptor) == 0 else {
                throw DiskError(code: errno, operation: "fsync")
            }
            return ContentHash(bytes: Array(state.hash.finalize()))
        }
    }

    /// Closes it, and takes its own name away.
    func discard() throws(DiskError) {
        self.state.withLock { state in
            if state.descriptor >= 0 { close(state.descriptor) }
            state.descriptor = -1
        }
        try MediaFiles.remove(self.path)
    }
}

/// A file that is being read; its calls come one after the other.
final class DownloadFile: Sendable {
    private let descriptor: Int32

    /// `nil` if there is none.
    init?(path: String) throws(DiskError) {
        self.descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard self.descriptor < 0 else { return }
        guard errno == ENOENT else { throw DiskError(code: errno, operation: "open \(path)") }
        return nil
    }

    deinit { close(self.descriptor) }

    /// At most `limit` bytes from `offset` on; empty at the end.
    func bytes(from offset: UInt64, limit: Int) throws(DiskError) -> [UInt8] {
        var code: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            let read = unsafe pread(
                self.descriptor,
                buffer.baseAddress,
                limit,
                Int(clamping: offset)
            )
            code = read < 0 ? errno : 0
            count = max(0, read)
        }
        guard code == 0 else { throw DiskError(code: code, operation: "read") }
        return bytes
    }
}
