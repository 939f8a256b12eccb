import ChatServer
import Foundation
import Kernel
import Logging
import Testing

@Suite struct RecordFilesTests {
    private static func names(_ folder: URL) throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
    }

    @Test func `the oldest segments go at the limit, and numbers go on after a restart`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        let shard = ShardID(node: NodeID(0), index: 2)
        let log = Logger(label: "test")
        let part = [UInt8](repeating: 7, count: 1 << 20)
        for life in 0..<2 {
            let files = try RecordFiles(folder: folder, shard: shard, mebibytes: 4, log: log)
            #expect(files.segmentLimit == 1 << 20)
            for _ in 0..<6 { files.begin(part) }
            files.finish()
            #expect(files.takesSegment)
            let last = 6 * (life + 1)
            let kept = Set((last - 3...last).map { "shard-2.\($0).record" })
            #expect(try Self.names(folder) == kept)
        }
    }

    @Test func `more than may wait for the disk is not taken`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        let shard = ShardID(node: NodeID(0), index: 0)
        let files = try RecordFiles(
            folder: folder,
            shard: shard,
            mebibytes: 4,
            log: Logger(label: "test")
        )
        files.begin([1])
        #expect(!files.append([UInt8](repeating: 0, count: RecordFiles.waitingLimit + 1)))
        #expect(files.append([2]))
        files.finish()
        let file = folder.appending(path: "shard-0.1.record")
        #expect(try Data(contentsOf: file) == Data([1, 2]))
    }
}
