package import Kernel
import Dispatch
package import Foundation
package import Logging
import Synchronization

/// The files of one shard's record, written in order by a thread of their own.
///
/// `shard-N.K.record` is the shard's K-th segment, counted on over restarts. Together they stay near the
/// limit: with each new segment the oldest ones go.
package final class RecordFiles: Sendable {
    /// Bytes that may wait for the disk.
    package static let waitingLimit = 8 << 20

    private struct State {
        var number: Int
        var file: FileHandle?
        var sizes: [(number: Int, bytes: Int)]
    }

    /// A segment of as many bytes is followed by another.
    package let segmentLimit: Int
    private let limit: Int
    private let folder: URL
    private let name: String
    private let log: Logger
    private let queue: DispatchQueue
    private let state: Mutex<State>
    private let waiting = Atomic<Int>(0)
    private let isBroken = Atomic<Bool>(false)

    /// One for each shard; none if nothing is to be recorded.
    static func open(
        _ shards: [ShardID],
        _ configuration: ServerConfiguration,
        log: Logger
    ) throws -> [ShardID: RecordFiles] {
        guard let path = configuration.recordPath else { return [:] }
        let folder = URL(fileURLWithPath: path, isDirectory: true)
        do {
            return try Dictionary(
                uniqueKeysWithValues: shards.map { shard in
                    let limit = configuration.recordMebibytes
                    let files = try RecordFiles(
                        folder: folder,
                        shard: shard,
                        mebibytes: limit,
                        log: log
                    )
                    return (shard, files)
                }
            )
        } catch {
            throw StartError("\(path): no record can be written there; expected a folder")
        }
    }

    /// Creates the folder where it is missing, and goes on behind the segments that are there.
    package init(folder: URL, shard: ShardID, mebibytes: Int, log: Logger) throws {
        self.folder = folder
        self.name = "shard-\(shard.index)"
        self.limit = mebibytes << 20
        self.segmentLimit = self.limit / 4
        self.log = log
        self.queue = DispatchQueue(label: "record of \(self.name)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var sizes: [(number: Int, bytes: Int)] = []
        for file in try FileManager.default.contentsOfDirectory(
            at: folder,
            includingPropertiesForKeys: [.fileSizeKey]
        ) {
            let parts = file.lastPathComponent.split(separator: ".")
            guard parts.count == 3, parts[0] == self.name, parts[2] == "record",
                let number = Int(parts[1])
            else { continue }
            let bytes = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
            sizes.append((number, bytes))
        }
        sizes.sort { $0.number < $1.number }
        self.state = Mutex(State(number: sizes.last?.number ?? 0, file: nil, sizes: sizes))
    }

    /// Whether a new segment may begin: the disk works and has caught up.
    package var takesSegment: Bool {
        !self.isBroken.load(ordering: .relaxed)
            && self.waiting.load(ordering: .relaxed) < Self.waitingLimit / 2
    }

    /// Has a new segment begin with these bytes.
    package func begin(_ bytes: [UInt8]) { self.write(bytes, beginsSegment: true) }

    /// Has the bytes written at the end; false if too many wait already, or the disk has failed.
    package func append(_ bytes: [UInt8]) -> Bool {
        guard !self.isBroken.load(ordering: .relaxed),
            self.waiting.load(ordering: .relaxed) + bytes.count <= Self.waitingLimit
        else { return false }
        self.write(bytes, beginsSegment: false)
        return true
    }

    /// Waits until everything is written, and closes.
    package func finish() {
        self.queue.sync {
            self.state.withLock { state in
                self.reporting { try state.file?.close() }
                state.file = nil
            }
        }
    }

    private func write(_ bytes: [UInt8], beginsSegment: Bool) {
        self.waiting.add(bytes.count, ordering: .relaxed)
        self.queue.async {
            self.state.withLock { state in
                self.reporting {
                    if beginsSegment { try self.open(&state) }
                    try state.file?.write(contentsOf: Data(bytes))
                    state.sizes[state.sizes.count - 1].bytes += bytes.count
                }
            }
            self.waiting.subtract(bytes.count, ordering: .relaxed)
        }
    }

    /// After an error nothing is recorded any more; the server goes on.
    private func reporting(_ body: () throws -> Void) {
        guard !self.isBroken.load(ordering: .relaxed) else { return }
        do {
            try body()
        } catch {
            self.isBroken.store(true, ordering: .relaxed)
            self.log.error("recording ends", metadata: ["error": "\(error)"])
        }
    }

    private func url(_ number: Int) -> URL {
        self.folder.appendingPathComponent("\(self.name).\(number).record")
    }

    private func open(_ state: inout State) throws {
        try state.file?.close()
        state.file = nil
        while let oldest = state.sizes.first,
            state.sizes.reduce(0, { $0 + $1.bytes }) > self.limit - self.segmentLimit
        {
            try FileManager.default.removeItem(at: self.url(oldest.number))
            state.sizes.removeFirst()
        }
        state.number += 1
        let url = self.url(state.number)
        try Data().write(to: url, options: .withoutOverwriting)
        state.file = try FileHandle(forWritingTo: url)
        state.sizes.append((state.number, 0))
    }
}
