import Foundation
import Testing

extension Hostile {
    /// Plain HTTP, and clients that leave the server waiting.
    @Suite(.liveHost) struct PatienceTests {
        @Test func `plain requests are answered, pipelined and kept alive`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let socket = try RawSocket(port: port)
                let get = { (path: String) in "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n" }
                socket.send(get("/health") + get("/nowhere") + get("/metrics"))
                let health = try socket.response()
                try hold(health.status == 200 && health.body.contains("ok"), "\(health)")
                try hold(try socket.response().status == 404, "an unknown path is not found")
                let metrics = try socket.response()
                try hold(metrics.body.contains("parley_connections "), "\(metrics)")
                socket.send("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n" + get("/health"))
                try hold(try socket.response(hasBody: false).status == 200, "HEAD is answered")
                let after = try socket.response()
                try hold(after.status == 200 && after.body == health.body, "no body after HEAD")
                socket.send("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                _ = try socket.response()
                try hold(socket.ends(within: 1000), "a last request is the last")
            }
        }

        static let refusals: [(request: String, status: Int)] = [
            ("GET /connection/websocket HTTP/1.1\r\nHost: x\r\n\r\n", 426),
            (WebSocketPeer.request(key: nil), 400), (WebSocketPeer.request(key: "short"), 400),
            (WebSocketPeer.request(version: "8"), 426),
            (WebSocketPeer.request(path: "/elsewhere"), 404),
            ("BLAH\r\n\r\n", 400),
            (
                "GET /health HTTP/1.1\r\nX: " + String(repeating: "x", count: 200_000) + "\r\n\r\n",
                400
            ),
        ]

        @Test(arguments: Self.refusals)
        func `a request that cannot be met is refused`(request: String, status: Int) async throws {
            try await expectHolds(LiveHost.port) { port in
                let socket = try RawSocket(port: port)
                socket.send(request)
                let answer = try socket.response()
                try hold(answer.status == status, "\(answer)")
                try expectUnharmed(port: port)
            }
        }

        @Test func `who keeps the server waiting is sent away`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let silent = try RawSocket(port: port)
                let half = try RawSocket(port: port)
                half.send("GET /health HTTP/1.1\r\nX-Slow: ")
                let stranger = try WebSocketPeer(port: port)
                let mute = try WebSocketPeer(port: port)
                try mute.connect()
                for _ in 0..<15 where !half.isAtEnd {
                    half.send("x")
                    half.receive(milliseconds: 200)
                }
                try hold(half.ends(within: 1500), "a request that trickles is cut off")
                try hold(silent.ends(within: 1500), "a socket without a request is cut off")
                let stale = stranger.closeCode()
                try hold(stale == 3502, "no connect: \(String(describing: stale))")
                let unanswered = mute.closeCode(milliseconds: 6000)
                try hold(unanswered == 3012, "no pong: \(String(describing: unanswered))")
                try expectUnharmed(port: port)
            }
        }

        /// As many as the process may have open, at both ends, and at most 5,000.
        private static func halfOpenCount() -> Int {
            var limit = rlimit()
            guard unsafe getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 200 }
            return min(5_000, max(200, (Int(limit.rlim_cur) - 400) / 2))
        }

        @Test func `thousands of half-open sockets harm nobody and are cut off`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let count = Self.halfOpenCount()
                var sockets: [RawSocket] = []
                for index in 0..<count {
                    let socket = try RawSocket(port: port)
                    if index % 2 == 0 { socket.send("GET /connection/websocket HTTP/1.1\r\nHost:") }
                    sockets.append(socket)
                    if index % 500 == 499 { try expectUnharmed(port: port) }
                }
                try expectUnharmed(port: port)
                pause(milliseconds: 2500)
                for socket in sockets { try hold(socket.ends(within: 2000), "it is cut off") }
                try expectUnharmed(port: port)
            }
        }

        @Test func `who answers pings stays`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                try peer.connect()
                for _ in 0..<2 {
                    do {
                        _ = try peer.message(milliseconds: 2200)
                    } catch {
                        try hold("\(error)" == "a message comes in time", "\(error)")
                    }
                }
            }
        }
    }
}
