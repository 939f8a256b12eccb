import ChatServer
import Foundation
import Logging
import Testing

extension Hostile {
    /// Places where the server cannot start, and how it ends.
    struct StartAndEndTests {
        enum Obstacle: String, CaseIterable, Sendable {
            case portInUse, dataInUse, notADatabase, tornDatabase, dataIsAFile, dataUnwritable
            case recordIsAFile
        }

        @Test(arguments: Obstacle.allCases)
        func `where it cannot start it says why and ends with 2`(_ obstacle: Obstacle) async throws
        {
            try await expectHolds(obstacle) { obstacle in
                let first = try ServerProcess()
                try first.start()
                let second = try ServerProcess()
                var data = second.data
                var port = 0
                var options: [String] = []
                switch obstacle {
                case .portInUse: port = first.port
                case .dataInUse: data = first.data
                case .notADatabase, .tornDatabase:
                    try FileManager.default.createDirectory(
                        atPath: data,
                        withIntermediateDirectories: true
                    )
                    let magic = Data("SQLite format 3\0".utf8)
                    let start = obstacle == .tornDatabase ? magic : Data()
                    let file = URL(filePath: second.database)
                    try (start + Data(repeating: 0x5a, count: 8192)).write(to: file)
                case .dataIsAFile: try Data("x".utf8).write(to: URL(filePath: data))
                case .dataUnwritable: data = "/proc/parley"
                case .recordIsAFile:
                    let file = second.directory.appending(path: "record")
                    try Data("x".utf8).write(to: file)
                    options = ["--record", file.path(percentEncoded: false)]
                }
                let result = try run(
                    URL(filePath: "/bin/sh"),
                    [
                        "-c", "exec \"$@\" 2>&1", "sh",
                        ServerProcess.command.path(percentEncoded: false), "serve", "--host",
                        "127.0.0.1", "--port", "\(port)", "--data", data, "--token-hmac-secret",
                        "s",
                    ] + options
                )
                try hold(result.code == 2, "\(obstacle): \(result)")
                try hold(result.text.contains("cannot start"), "\(obstacle): \(result.text)")
                try expectUnharmed(port: first.port)
            }
        }

        @Test(arguments: [1, 2])
        func `a start that fails gives everything back`(shards: Int) async throws {
            try await Self.startsAfterFailure(shards: shards)
        }

        /// On one data directory, in one process: first where the port is taken, then on a free one.
        private static func startsAfterFailure(shards: Int) async throws {
            let data = temporaryDirectory()
            var log = Logger(label: "parley")
            log.logLevel = .critical
            var other = ServerConfiguration(
                dataPath: temporaryDirectory().path(percentEncoded: false),
                tokens: TokenPolicy(keys: [.secret(WebSocketPeer.secret)])
            )
            other.host = "127.0.0.1"
            other.port = 0
            other.drainSeconds = 1
            let first = try await LiveServer.start(other, log: log)
            var configuration = other
            configuration.dataPath = data.path(percentEncoded: false)
            configuration.shardCount = shards
            configuration.port = first.port
            let refused = configuration
            await #expect(throws: (any Error).self) {
                _ = try await LiveServer.start(refused, log: log)
            }
            configuration.port = 0
            for _ in 0..<2 {
                let server = try await LiveServer.start(configuration, log: log)
                try await expectHolds(server.port) { try expectUnharmed(port: $0) }
                try await server.drain()
            }
            try await first.drain()
            try FileManager.default.removeItem(at: data)
            try FileManager.default.removeItem(atPath: other.dataPath)
        }

        @Test func `a server that was stopped and goes on loses nobody's message`() async throws {
            try await expectHolds(SIGSTOP) { stop in
                let server = try ServerProcess()
                try server.start()
                let peer = try WebSocketPeer(port: server.port)
                try peer.connect()
                kill(server.process.processIdentifier, stop)
                peer.send(
                    "{\"id\":2,\"rpc\":{\"method\":\"chat.send\",\"data\":"
                        + "{\"channel\":\"a\",\"id\":\"m\",\"body\":1}}}"
                )
                try hold(peer.next(milliseconds: 1500) == nil, "a stopped process says nothing")
                kill(server.process.processIdentifier, SIGCONT)
                let reply = try peer.message { $0.hasPrefix("{\"id\":2,") }
                try hold(reply.contains("\"offset\":1"), reply)
            }
        }

        @Test func `a drain tells each client to come back, and keeps what it acknowledged`()
            async throws
        {
            try await expectHolds(20) { count in
                let server = try ServerProcess()
                try server.start()
                let peers = try (0..<count).map { _ in try WebSocketPeer(port: server.port) }
                for peer in peers { try peer.connect() }
                for (index, peer) in peers.enumerated() {
                    peer.send(
                        "{\"id\":2,\"rpc\":{\"method\":\"chat.send\",\"data\":"
                            + "{\"channel\":\"a\",\"id\":\"m\(index)\",\"body\":1}}}"
                    )
                }
                server.process.terminate()
                var acknowledged = 0
                for peer in peers {
                    while let frame = peer.next() {
                        if frame.text.contains("\"offset\":") { acknowledged += 1 }
                        guard frame.opcode == 8 else { continue }
                        try hold(frame.closeCode == 3001, "the goodbye is 3001: \(frame.closeCode)")
                        peer.socket.send(WebSocketPeer.frame([0x0b, 0xb9], opcode: 8))
                        break
                    }
                }
                server.process.waitUntilExit()
                try hold(server.process.terminationStatus == 0, "a drain ends with 0")
                let log = try LogFile(path: server.database)
                let kept = try log.messageCount
                try hold(kept >= acknowledged && acknowledged > 0, "\(acknowledged) of \(kept)")
                let faults = try log.faults()
                try hold(faults.isEmpty, "\(faults)")
            }
        }

        @Test func `a second signal ends a drain at once`() async throws {
            try await expectHolds(20) { count in
                let server = try ServerProcess()
                try server.start()
                let peers = try (0..<count).map { _ in try WebSocketPeer(port: server.port) }
                for peer in peers { try peer.connect() }
                server.process.terminate()
                pause(milliseconds: 300)
                try hold(server.process.isRunning, "a drain takes its time")
                let start = Date()
                try hold(server.stop() == 1, "the second signal ends with 1")
                try hold(Date().timeIntervalSince(start) < 1, "at once")
            }
        }
    }
}
