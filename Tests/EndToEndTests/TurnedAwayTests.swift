import Foundation
import Testing

extension Hostile {
    /// What becomes of new sockets while a shard is far behind.
    struct TurnedAwayTests {
        private static func metric(_ name: String, port: Int) throws -> Int {
            let socket = try RawSocket(port: port)
            socket.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            let text = try socket.response().body
            let lines = text.split(separator: "\n")
            let line = lines.first { $0.hasPrefix("parley_\(name) ") }
            return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        }

        /// Asks for many upgrades while the server sleeps, and reads what each is answered.
        private static func answers(of server: ServerProcess, count: Int) throws -> [String] {
            let process = server.process.processIdentifier
            _ = kill(process, SIGSTOP)
            let sockets = try (0..<count).map { _ in
                let socket = try RawSocket(port: server.port)
                socket.send(WebSocketPeer.request())
                return socket
            }
            pause(milliseconds: 1500)
            _ = kill(process, SIGCONT)
            return try sockets.map { String(try $0.text(through: "\r\n").prefix(12)) }
        }

        @Test(arguments: ["on", "off"])
        func `whoever asks while a shard is held up is let in, and nobody is turned away`(
            admission: String
        ) async throws {
            try await expectHolds(admission) { admission in
                let server = try ServerProcess()
                server.options = ["--shards", "1", "--admission", admission]
                try server.start()
                for _ in 0..<3 {
                    let answers = try Self.answers(of: server, count: 60)
                    try hold(answers.allSatisfy { $0 == "HTTP/1.1 101" }, "\(answers)")
                }
                let refused = try Self.metric("connections_turned_away_total", port: server.port)
                try hold(refused == 0, "\(refused) are turned away")
                let waiting = try Self.metric("connections_waiting", port: server.port)
                try hold(waiting == 0, "\(waiting) still wait")
            }
        }
    }
}
