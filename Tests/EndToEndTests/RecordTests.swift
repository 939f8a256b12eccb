import ChatCore
import EventTrace
import Foundation
import Kernel
import Testing

/// What `serve --record` leaves, and `replay` of it.
struct RecordTests {
    struct Replay: Decodable, Equatable {
        var digest: String
        var verdict: String
        var violations: [String]
        var segments: Int
        var steps: Int
    }

    static let workload = """
        name: record
        users: 20
        messagesPerSecond: 5
        bodyBytes: 64
        rampUp: 500 ms
        duration: 3 s
        settle: 2 s
        conversations:
          - { members: 2, perUser: 1 }
          - { members: 20, perUser: 1 }
        cohorts:
          - { name: sdk, share: 1 }
        """

    static func replay(_ path: String) throws -> (Replay?, Int32) {
        let result = try run(ServerProcess.command, ["replay", path, "--json"])
        guard !result.text.isEmpty else { return (nil, result.code) }
        return (try JSONDecoder().decode(Replay.self, from: Data(result.text.utf8)), result.code)
    }

    /// The segment with a bit of its last block's digest changed, under a checksum that fits.
    static func withAnotherDigest(_ bytes: [UInt8]) -> [UInt8] {
        func length(at place: Int) -> Int {
            (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
        }
        var place = 8
        while place + 16 + length(at: place) < bytes.count,
            place + 32 + length(at: place) <= bytes.count,
            place + 32 + length(at: place) + length(at: place + 16 + length(at: place))
                <= bytes.count
        { place += 16 + length(at: place) }
        let payload = place + 16..<place + 16 + length(at: place)
        var altered = bytes
        altered[payload.upperBound - 1] ^= 1
        let checksum = Digest128(of: altered[payload]).low
        for index in 0..<8 {
            altered[place + 8 + index] = UInt8(truncatingIfNeeded: checksum >> UInt64(8 * index))
        }
        return altered
    }

    /// The segment with the wall clock that its shard was told a millisecond off, under a checksum that fits.
    static func withAnotherEvent(_ bytes: [UInt8]) throws -> [UInt8] {
        var reader = try #require(try SegmentReader(bytes))
        var told: [UInt8] = []
        while let block = try reader.next() {
            for case .event(.wallClock(let milliseconds), _, _) in block.steps {
                var writer = ByteWriter()
                writer.value(ShardEvent.wallClock(unixMilliseconds: milliseconds))
                told = writer.bytes
            }
        }
        let data = Data(bytes)
        let found = try #require(data.firstRange(of: Data(told)))
        var altered = bytes
        altered[found.lowerBound + 1] ^= 1
        return Self.withChecksums(altered)
    }

    /// The segment with checksums that fit whatever its blocks hold.
    static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
        var altered = bytes
        var place = 8
        while place + 16 <= altered.count {
            let length = (0..<4).reduce(0) { $0 | Int(altered[place + $1]) << (8 * $1) }
            let payload = place + 16..<place + 16 + length
            guard payload.upperBound <= altered.count else { break }
            let checksum = Digest128(of: altered[payload]).low
            for index in 0..<8 {
                altered[place + 8 + index] = UInt8(
                    truncatingIfNeeded: checksum >> UInt64(8 * index)
                )
            }
            place = payload.upperBound
        }
        return altered
    }

    /// The segment with a few of its bytes replaced, but no length of a block, under checksums that fit.
    static func forged(_ bytes: [UInt8], seed: UInt64) -> [UInt8] {
        let random = KeyedRandom(seed: seed)
        let purpose = RandomPurpose(0x666f_7267)
        var blocks: [Range<Int>] = []
        var place = 8
        while place + 16 <= bytes.count {
            let length = (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
            guard place + 16 + length <= bytes.count else { break }
            blocks.append(place + 16..<place + 16 + length)
            place += 16 + length
        }
        var altered = bytes
        for n in 0..<1 + seed % 3 {
            let bits = random.draw(purpose, seed, n)
            // The snapshot as often as all that follows.
            let index = bits & 1 == 0 ? 0 : Int((bits >> 1) % UInt64(blocks.count))
            let block = blocks[index]
            guard !block.isEmpty else { continue }
            let byte = block.lowerBound + Int((bits >> 16) % UInt64(block.count))
            altered[byte] = UInt8(truncatingIfNeeded: bits >> 8)
        }
        return Self.withChecksums(altered)
    }

    /// A server that records and has been talked to; still up.
    static func talkedTo() throws -> (ServerProcess, records: String) {
        let server = try ServerProcess()
        let records = server.directory.appending(path: "records").path(percentEncoded: false)
        server.options = ["--record", records, "--record-limit", "4", "--shards", "2"]
        try server.start()
        let file = server.directory.appending(path: "record.yaml")
        try Self.workload.write(to: file, atomically: true, encoding: .utf8)
        let load = try run(
            ServerProcess.command,
            [
                "load", file.path(percentEncoded: false), "--seed", "1", "--json", "--url",
                "ws://127.0.0.1:\(server.port)/connection/websocket", "--token-hmac-secret",
                WebSocketPeer.secret,
            ]
        )
        try hold(load.code == 0, "the load succeeds: \(load.text)")
        return (server, records)
    }

    @Test(arguments: [SIGKILL, SIGTERM])
    func `what a live server was told runs again to the same digest`(_ signal: Int32) async throws {
        try await expectHolds(signal) { signal in
            let (server, records) = try Self.talkedTo()
            if signal == SIGKILL { server.kill() } else { try hold(server.stop() == 0, "drained") }
            let (first, code) = try Self.replay(records)
            try hold(code == 0 && first?.verdict == "held", "\(code) \(String(describing: first))")
            try hold(
                first?.segments == 2 && (first?.steps ?? 0) > 1000,
                "\(String(describing: first))"
            )
            try hold(try Self.replay(records).0 == first, "the same again")
            let files = try FileManager.default.contentsOfDirectory(atPath: records)
            let each = try files.map { try Self.replay("\(records)/\($0)").0?.digest }
            try hold(Set(each).count == 2 && !each.contains(first?.digest), "one over all shards")
            let altered = URL(filePath: records).appending(path: files[0])
            let original = try Data(contentsOf: altered)
            try Data(Self.withAnotherDigest(Array(original))).write(to: altered)
            let differing = try Self.replay(altered.path(percentEncoded: false))
            try hold(differing.1 == 3 && differing.0?.verdict == "differs", "\(differing)")
            try Data(Self.withAnotherEvent(Array(original))).write(to: altered)
            let other = try Self.replay(records)
            try hold(other.1 == 3 && other.0?.verdict == "differs", "\(other)")
            try original.write(to: altered)
            for name in files {
                let url = URL(filePath: records).appending(path: name)
                var bytes = try Data(contentsOf: url)
                for secret in [WebSocketPeer.secret, "eyJ"] {
                    try hold(bytes.firstRange(of: Data(secret.utf8)) == nil, "no \(secret) in it")
                }
                bytes[bytes.count / 2] ^= 4
                try bytes.write(to: url)
                let refused = try Self.replay(url.path(percentEncoded: false))
                try hold(refused.0 == nil && refused.1 == 2, "damage is refused: \(refused)")
            }
        }
    }

    /// More than a record of four segments holds within some seconds.
    private static let chatter = """
        name: chatter
        users: 60
        messagesPerSecond: 60
        bodyBytes: 64
        rampUp: 500 ms
        duration: 100 s
        settle: 1 s
        conversations:
          - { members: 60, perUser: 1 }
        cohorts:
          - { name: sdk, share: 1 }
        """

    @Test func `under load the oldest segments go, and what is left runs again`() async throws {
        try await expectHolds(4) { mebibytes in
            let server = try ServerProcess()
            let records = server.directory.appending(path: "records").path(percentEncoded: false)
            server.options = [
                "--record", records, "--record-limit", "\(mebibytes)", "--shards", "1",
            ]
            try server.start()
            let file = server.directory.appending(path: "chatter.yaml")
            try Self.chatter.write(to: file, atomically: true, encoding: .utf8)
            let load = Process()
            load.executableURL = ServerProcess.command
            load.arguments = [
                "load", file.path(percentEncoded: false), "--url",
                "ws://127.0.0.1:\(server.port)/connection/websocket", "--token-hmac-secret",
                WebSocketPeer.secret,
            ]
            load.standardOutput = FileHandle.nullDevice
            load.standardError = FileHandle.nullDevice
            try load.run()
            defer { load.terminate() }
            var names: [String] = []
            for _ in 0..<900 where !names.contains("shard-0.4.record") {
                pause(milliseconds: 100)
                names = try FileManager.default.contentsOfDirectory(atPath: records)
            }
            server.kill()
            names = try FileManager.default.contentsOfDirectory(atPath: records)
            try hold(!names.contains("shard-0.1.record") && names.count > 2, "\(names.sorted())")
            let bytes = try names.reduce(0) {
                try $0 + Data(contentsOf: URL(filePath: records).appending(path: $1)).count
            }
            try hold(bytes < (mebibytes << 20) + (mebibytes << 18), "\(bytes) bytes")
            let (replay, code) = try Self.replay(records)
            try hold(code == 0 && replay?.segments == names.count, "\(String(describing: replay))")
        }
    }

    @Test func `a record that was forged is refused or differs, and stops nothing`() async throws {
        try await expectHolds(UInt64(1)...40) { seeds in
            let (server, records) = try Self.talkedTo()
            try hold(server.stop() == 0, "drained")
            let files = try FileManager.default.contentsOfDirectory(atPath: records)
            let url = URL(filePath: records).appending(path: files[0])
            let original = Array(try Data(contentsOf: url))
            var refused = 0
            for seed in seeds {
                try Data(Self.forged(original, seed: seed)).write(to: url)
                let (replay, code) = try Self.replay(url.path(percentEncoded: false))
                try hold([0, 2, 3].contains(code), "seed \(seed) ends with \(code)")
                try hold((code == 2) == (replay == nil), "seed \(seed): \(code)")
                refused += code == 2 ? 1 : 0
            }
            try hold(refused > 5, "\(refused) were refused")
        }
    }
}
