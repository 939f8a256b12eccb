import ChatServer
import Foundation
import Testing

extension Hostile {
    /// What one client, one user and one address may have of a server.
    struct LimitTests {
        private static func server(_ settings: String) throws -> ServerProcess {
            let server = try ServerProcess()
            let file = server.directory.appending(path: "parley.yaml")
            try settings.write(to: file, atomically: true, encoding: .utf8)
            server.options = ["--config", file.path(percentEncoded: false), "--shards", "2"]
            try server.start()
            return server
        }

        @Test func `a user's connections beyond the limit close with 3504, on any event loop`()
            async throws
        {
            try await expectHolds(()) { _ in
                let server = try Self.server("limits: { userConnections: 3 }\n")
                // Connections are dealt to the event loops in turn.
                var peers: [WebSocketPeer] = []
                for _ in 0..<3 {
                    let peer = try WebSocketPeer(port: server.port)
                    try peer.connect(user: "42")
                    peers.append(peer)
                }
                for _ in 0..<4 {
                    let peer = try WebSocketPeer(port: server.port)
                    peer.send(
                        "{\"id\":1,\"connect\":{\"token\":\"\(WebSocketPeer.token(user: "42"))\"}}"
                    )
                    let code = peer.closeCode()
                    try hold(code == 3504, "one too many: \(String(describing: code))")
                }
                let other = try WebSocketPeer(port: server.port)
                try other.connect(user: "43")
                for peer in peers {
                    peer.send("{\"id\":5,\"publish\":{\"channel\":\"a\",\"data\":1}}")
                    _ = try peer.message { $0.contains("\"publish\":{}") }
                }
                peers.removeLast()
                pause(milliseconds: 300)
                let next = try WebSocketPeer(port: server.port)
                try next.connect(user: "42")
                next.send("{\"id\":5,\"publish\":{\"channel\":\"a\",\"data\":1}}")
                _ = try next.message { $0.contains("\"publish\":{}") }
            }
        }

        @Test func `commands beyond the rate get 111, and a flood closes with 3013`() async throws {
            try await expectHolds(()) { _ in
                let server = try Self.server(
                    "limits: { commandsPerSecond: 10, commandBurst: 20 }\n"
                )
                let peer = try WebSocketPeer(port: server.port)
                try peer.connect(user: "42")
                for id in 2..<30 {
                    peer.send("{\"id\":\(id),\"history\":{\"channel\":\"a\",\"limit\":1}}")
                }
                _ = try peer.message { $0.contains("\"code\":111") }
                pause(milliseconds: 1200)
                peer.send("{\"id\":99,\"history\":{\"channel\":\"a\",\"limit\":1}}")
                _ = try peer.message { $0.hasPrefix("{\"id\":99,\"history\"") }
                for id in 100..<300 {
                    peer.send("{\"id\":\(id),\"history\":{\"channel\":\"a\",\"limit\":1}}")
                }
                let code = peer.closeCode()
                try hold(code == 3013, "a flood: \(String(describing: code))")
                try expectUnharmed(port: server.port)
                let metrics = try RawSocket(port: server.port)
                metrics.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                let text = try metrics.response().body
                let counted = text.firstMatch(of: /parley_limited_total (\d+)/)
                try hold(counted.flatMap { Int($0.1) } ?? 0 > 8, text)
            }
        }

        @Test func `a user's messages beyond the rate get 111, and none of them is kept`()
            async throws
        {
            try await expectHolds(()) { _ in
                let server = try Self.server(
                    "limits: { publishesPerSecond: 1, publishBurst: 5 }\n"
                )
                let peer = try WebSocketPeer(port: server.port)
                try peer.connect(user: "42")
                for id in 2..<22 {
                    peer.send("{\"id\":\(id),\"publish\":{\"channel\":\"a\",\"data\":\(id)}}")
                }
                var taken = 0
                var refused = 0
                while taken + refused < 20 {
                    let answer = try peer.message { $0.hasPrefix("{\"id\":") }
                    if answer.contains("\"code\":111") { refused += 1 } else { taken += 1 }
                }
                try hold(taken >= 5 && taken <= 8, "\(taken) taken, \(refused) refused")
                let kept = try LogFile(path: server.database).messageCount
                try hold(kept == taken, "\(kept) kept, \(taken) taken")
            }
        }

        /// The status of the answer to a request for a socket, which stays open as long as `socket`.
        private static func upgrade(
            _ port: Int,
            header: String = ""
        ) throws -> (status: Int, head: String, socket: RawSocket) {
            let socket = try RawSocket(port: port)
            // A line's end is one character; the last one ends the head.
            let request = WebSocketPeer.request().dropLast()
            socket.send("\(request)\(header)\r\n\r\n".replacing("\r\n\r\n\r\n", with: "\r\n\r\n"))
            let head = try socket.text(through: "\r\n\r\n")
            return (Int(head.dropFirst(9).prefix(3)) ?? 0, head, socket)
        }

        @Test func `an address has as many sockets as it may, and gets 429 for more`() async throws
        {
            try await expectHolds(()) { _ in
                let server = try Self.server("limits: { addressConnections: 3 }\n")
                var open = try (0..<3).map { _ in try Self.upgrade(server.port) }
                try hold(open.allSatisfy { $0.status == 101 }, "three are taken")
                // What a client writes of itself is not believed.
                for header in ["", "X-Forwarded-For: 203.0.113.7"] {
                    let refused = try Self.upgrade(server.port, header: header)
                    try hold(refused.status == 429, refused.head)
                    let head = refused.head.lowercased()
                    try hold(head.contains("\r\nretry-after: 10\r\n"), head)
                    try hold(refused.socket.ends(within: 2000), "and the connection ends")
                }
                let health = try RawSocket(port: server.port)
                health.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                try hold(try health.response().status == 200, "health needs no seat")
                open.removeLast()
                pause(milliseconds: 300)
                let next = try Self.upgrade(server.port)
                try hold(next.status == 101, next.head)
                let again = try Self.upgrade(server.port)
                try hold(again.status == 429, again.head)
            }
        }

        @Test func `a trusted proxy's clients count each for itself`() async throws {
            try await expectHolds(()) { _ in
                let server = try Self.server(
                    """
                    limits: { addressConnections: 1 }
                    proxies: { header: X-Forwarded-For, trusted: [127.0.0.0/8, 10.1.0.0/16] }

                    """
                )
                var open: [RawSocket] = []
                let expect = { (header: String, status: Int) in
                    let answer = try Self.upgrade(server.port, header: header)
                    open.append(answer.socket)
                    try hold(answer.status == status, "\(header): \(answer.head)")
                }
                try expect("X-Forwarded-For: 203.0.113.7", 101)
                try expect("X-Forwarded-For: 203.0.113.7", 429)
                try expect("X-Forwarded-For: 203.0.113.8, 10.1.2.3", 101)
                // What stands before the client's address is the client's own word.
                try expect("X-Forwarded-For: 198.51.100.1, 203.0.113.7", 429)
                try expect("X-Forwarded-For: 198.51.100.1, 203.0.113.8, 10.1.9.9", 429)
                try expect("X-Forwarded-For: 2001:db8:0:1::5", 101)
                try expect("X-Forwarded-For: 2001:db8:0:1:ffff::6", 429)
                try expect("X-Forwarded-For: 2001:db8:0:2::5", 101)
                // Neither a name nor nothing is an address: then it is the proxy's.
                try expect("X-Forwarded-For: unknown", 101)
                try expect("", 429)
            }
        }
    }
}
