import Foundation
import Testing

extension Hostile {
    /// How requests for a socket may be written, and how they may not.
    @Suite(.liveHost) struct UpgradeTests {
        private static func request(
            _ connection: String = "Connection: Upgrade",
            upgrade: String = "Upgrade: websocket",
            more: [String] = [],
            lineEnd: String = "\r\n"
        ) -> String {
            let lines =
                ["GET /connection/websocket HTTP/1.1", "Host: x", upgrade, connection] + more + [
                    "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: \(WebSocketPeer.key)", "", "",
                ]
            return lines.joined(separator: lineEnd)
        }

        static let good: [String] = [
            request(), request("connection:upgrade", upgrade: "UPGRADE:\t WebSocket \t"),
            request("Connection: keep-alive, Upgrade"),
            request("Connection: keep-alive\r\nConnection: upgrade"),
            request(upgrade: "Upgrade: h2c, websocket"),
            request(more: ["Content-Length: 0", "X_a!b: \u{e9}\t~", "Empty:"]),
            request(more: ["Cookie: " + String(repeating: "c", count: 12_000)]),
        ]

        @Test(arguments: Self.good, [1, 7, 1 << 20])
        func `a proper request opens a socket, in however many parts it comes`(
            request: String,
            part: Int
        ) async throws {
            // A byte in a packet of its own is slow: long requests come in fewer.
            let part = max(part, request.utf8.count / 400)
            try await expectHolds(LiveHost.port) { port in
                let socket = try RawSocket(port: port)
                var rest = Array(request.utf8)[...]
                while !rest.isEmpty {
                    socket.send(Array(rest.prefix(part)))
                    rest = rest.dropFirst(part)
                }
                let head = try socket.text(through: "\r\n\r\n")
                try hold(head.hasPrefix("HTTP/1.1 101 "), head)
                try hold(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), head)
                try hold(head.lowercased().contains("\r\nconnection: upgrade\r\n"), head)
                try hold(head.lowercased().contains("\r\nupgrade: websocket\r\n"), head)
            }
        }

        static let bad: [String] = [
            request("Connection: keep-alive"), request("Connection: upgrade x"), request("X: y"),
            request("Connection: \"upgrade\""), request(upgrade: "Upgrade: websocket2"),
            request(more: ["Content-Length: 3"]), request(more: ["Transfer-Encoding: chunked"]),
            request(more: ["Expect: 100-continue"]), request(more: ["A: b\r\n c: d"]),
            request(more: ["A : b"]), request(more: [": b"]), request(more: ["A\u{0}: b"]),
            request(more: ["A: \u{1}"]), request(more: ["A"]), request(lineEnd: "\n"),
            request().replacing("HTTP/1.1", with: "HTTP/1.0"),
            request().replacing("HTTP/1.1", with: "HTTP/2.0"),
            request().replacing("GET", with: "POST"),
            request().replacing("/websocket ", with: "/websocket2 "),
            request().replacing("/websocket ", with: "/websocket?a b "),
            request(more: ["Cookie: " + String(repeating: "c", count: 17_000)]),
        ]

        /// A server that opened a socket after all would take the second request for a frame, or for a
        /// crash: what follows a request's end must be read as what the request made of the connection.
        @Test(arguments: Self.bad)
        func `an improper request opens none, whatever comes after it`(
            _ request: String
        )
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let socket = try RawSocket(port: port)
                socket.send(request + "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = socket.receive(milliseconds: 1000)
                let answer = String(decoding: socket.received, as: UTF8.self)
                try hold(!answer.contains(" 101 "), "\(request): \(answer)")
                try expectUnharmed(port: port)
            }
        }

        @Test func `what follows a refused upgrade is not kept`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let socket = try RawSocket(port: port)
                socket.send(WebSocketPeer.request(version: "8"))
                try hold(try socket.response().status == 426, "the version is refused")
                try hold(socket.ends(within: 1000), "the server hangs up")
            }
        }
    }
}
