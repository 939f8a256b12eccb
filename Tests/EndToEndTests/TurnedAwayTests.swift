import ChatCore
import ChatServer
import Foundation
import Kernel
import Logging
import Testing

extension Hostile {
    /// What new sockets are told when more come than a shard lets in.
    struct TurnedAwayTests {
        /// The answer to a request for a socket, as far as it has come in a moment.
        private static func answer(on socket: RawSocket) -> String? {
            do {
                return try socket.text(through: "\r\n\r\n", milliseconds: 300)
            } catch {
                return nil
            }
        }

        /// Sockets whose clients say nothing, as many as asked for.
        private static func crowd(_ count: Int, port: Int) throws -> [RawSocket] {
            try (0..<count).map { _ in
                let socket = try RawSocket(port: port)
                socket.send(WebSocketPeer.request())
                return socket
            }
        }

        /// A server of one shard, which `overload` makes turn away those who come too many.
        private static func serve(
            _ overload: OverloadPolicy?,
            _ body: @escaping @Sendable (Int) throws -> Void
        ) async throws {
            let data = temporaryDirectory()
            var configuration = ServerConfiguration(
                dataPath: data.path(percentEncoded: false),
                tokens: TokenPolicy(keys: [.secret(WebSocketPeer.secret)])
            )
            configuration.host = "127.0.0.1"
            configuration.port = 0
            configuration.shardCount = 1
            configuration.drainSeconds = 1
            configuration.shard.overload = overload
            var log = Logger(label: "parley")
            log.logLevel = .critical
            let server = try await LiveServer.start(configuration, log: log)
            try await expectHolds(server.port, body)
            try await server.drain()
            try FileManager.default.removeItem(at: data)
        }

        @Test func `a shard that was held up turns new sockets away with 503, and soon takes them`()
            async throws
        {
            var impatient = OverloadPolicy()
            for step in [
                \OverloadPolicy.leastTold, \.held, \.history, \.connections, \.messages,
                \.everything,
            ] {
                impatient[keyPath: step] = .milliseconds(20)
            }
            try await Self.serve(impatient) { port in
                var crowd = try Self.crowd(300, port: port)
                let answers = crowd.compactMap { Self.answer(on: $0)?.lowercased() }
                let entered = answers.count { $0.hasPrefix("http/1.1 101 ") }
                let refusals = answers.filter { $0.hasPrefix("http/1.1 503 ") }
                try hold(entered > 0 && !refusals.isEmpty, "\(entered), \(refusals.count)")
                for head in refusals {
                    try hold(head.contains("\r\nretry-after: 1\r\n"), head)
                }
                let metrics = try RawSocket(port: port)
                metrics.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                let text = try metrics.response().body
                let counted = text.firstMatch(of: /parley_connections_turned_away_total (\d+)/)
                try hold(counted.flatMap { Int($0.1) } ?? 0 > 0, text)
                crowd.removeAll()
                pause(milliseconds: 200)
                let next = try RawSocket(port: port)
                next.send(WebSocketPeer.request())
                let answer = try next.text(through: "\r\n\r\n")
                try hold(answer.hasPrefix("HTTP/1.1 101 "), answer)
            }
        }

        @Test func `a crowd that says nothing makes others wait, not go`() async throws {
            try await Self.serve(OverloadPolicy()) { port in
                let crowd = try Self.crowd(300, port: port)
                for socket in crowd {
                    let head = try socket.text(through: "\r\n\r\n", milliseconds: 5000)
                    try hold(head.hasPrefix("HTTP/1.1 101 "), head)
                }
            }
        }

        @Test func `without admission nobody waits`() async throws {
            try await Self.serve(nil) { port in
                let crowd = try Self.crowd(600, port: port)
                for socket in crowd {
                    let head = try socket.text(through: "\r\n\r\n")
                    try hold(head.hasPrefix("HTTP/1.1 101 "), head)
                }
            }
        }
    }
}
