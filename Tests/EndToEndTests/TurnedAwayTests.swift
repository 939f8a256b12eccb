import Foundation
import Testing

extension Hostile {
    /// What a new socket is told while a shard is far behind.
    struct TurnedAwayTests {
        /// The first answer other than an upgrade after the server slept, if there was one within its
        /// first tenth of a second or so.
        private static func refusal(of server: ServerProcess) throws -> String? {
            let process = server.process.processIdentifier
            _ = kill(process, SIGSTOP)
            pause(milliseconds: 1500)
            _ = kill(process, SIGCONT)
            for _ in 0..<100 {
                let socket = try RawSocket(port: server.port)
                socket.send(WebSocketPeer.request())
                let head = try socket.text(through: "\r\n\r\n")
                if !head.hasPrefix("HTTP/1.1 101 ") { return head }
            }
            return nil
        }

        /// A client that comes again each second is let in before its patience ends.
        private static func expectAdmittedSoon(port: Int) throws {
            var answer = ""
            for _ in 0..<8 where !answer.hasPrefix("HTTP/1.1 101 ") {
                pause(milliseconds: 1000)
                let socket = try RawSocket(port: port)
                socket.send(WebSocketPeer.request())
                answer = try socket.text(through: "\r\n\r\n")
            }
            try hold(answer.hasPrefix("HTTP/1.1 101 "), answer)
        }

        @Test func `a shard that was held up turns new sockets away with 503, and soon takes them`()
            async throws
        {
            try await expectHolds(()) { _ in
                let server = try ServerProcess()
                server.options = ["--shards", "1"]
                try server.start()
                var refusal: String?
                for _ in 0..<4 where refusal == nil { refusal = try Self.refusal(of: server) }
                let head = try #require(refusal).lowercased()
                try hold(head.hasPrefix("http/1.1 503 "), head)
                try hold(head.contains("\r\nretry-after: 1\r\n"), head)
                let metrics = try RawSocket(port: server.port)
                metrics.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                let text = try metrics.response().body
                let counted = text.firstMatch(of: /parley_connections_turned_away_total (\d+)/)
                try hold(counted.flatMap { Int($0.1) } ?? 0 > 0, text)
                try Self.expectAdmittedSoon(port: server.port)
            }
        }

        @Test func `without admission nobody is turned away`() async throws {
            try await expectHolds(()) { _ in
                let server = try ServerProcess()
                server.options = ["--shards", "1", "--admission", "off"]
                try server.start()
                for _ in 0..<2 {
                    let refusal = try Self.refusal(of: server)
                    try hold(refusal == nil, refusal ?? "")
                }
            }
        }
    }
}
