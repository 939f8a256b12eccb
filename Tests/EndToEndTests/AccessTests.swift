import ChatServer
import Foundation
import Testing

extension Hostile {
    /// Who may do what, over real sockets.
    @Suite(.personalHost) struct AccessTests {
        private static func token(
            _ user: String,
            channel: String? = nil,
            lifetime: UInt64? = nil
        ) async throws -> String {
            try await TokenSigner(hmacSecret: WebSocketPeer.secret)
                .token(user: user, channel: channel, lifetime: lifetime)
        }

        private struct Case: Sendable {
            var port: Int
            var tokens: [String]
        }

        @Test func `a private channel opens to its own token, and to no other`() async throws {
            let tokens = [
                try await Self.token("42", channel: "$den"),
                try await Self.token("42", channel: "$lair"),
                try await Self.token("43", channel: "$den"),
                try await Self.token("42", channel: "$den", lifetime: 0),
            ]
            try await expectHolds(Case(port: LiveHost.port, tokens: tokens)) { arguments in
                let enter = { (token: String) in
                    "{\"id\":2,\"subscribe\":{\"channel\":\"$den\",\"token\":\"\(token)\"}}"
                }
                let peer = try WebSocketPeer(port: arguments.port)
                try peer.connect(user: "42")
                peer.send("{\"id\":5,\"subscribe\":{\"channel\":\"$den\"}}")
                _ = try peer.message { $0.contains("\"code\":103") }
                peer.send(enter("a.b.c"))
                _ = try peer.message { $0.contains("\"code\":103") }
                peer.send(enter(arguments.tokens[3]))
                _ = try peer.message { $0.contains("\"code\":109") }
                peer.send("{\"id\":6,\"publish\":{\"channel\":\"$den\",\"data\":1}}")
                _ = try peer.message { $0.contains("\"code\":103") }
                peer.send(enter(arguments.tokens[0]))
                _ = try peer.message { $0.contains("\"subscribe\":{") }
                peer.send("{\"id\":7,\"publish\":{\"channel\":\"$den\",\"data\":1}}")
                _ = try peer.message { $0.contains("\"publish\":{}") }
                for token in arguments.tokens[1...2] {
                    let stranger = try WebSocketPeer(port: arguments.port)
                    try stranger.connect(user: "42")
                    stranger.send(enter(token))
                    let code = stranger.closeCode()
                    try hold(code == 3500, "a foreign token: \(String(describing: code))")
                }
            }
        }

        @Test func `a connection is renewed by its own user's token only`() async throws {
            let tokens = [
                try await Self.token("42", lifetime: 100), try await Self.token("43"),
                try await Self.token("42", lifetime: 0), "a.b.c",
                try await Self.token("42", channel: "a"),
            ]
            try await expectHolds(Case(port: LiveHost.port, tokens: tokens)) { arguments in
                for (token, expected) in zip(arguments.tokens, [nil, 3500, 3005, 3500, 3500]) {
                    let peer = try WebSocketPeer(port: arguments.port)
                    try peer.connect(user: "42")
                    peer.send("{\"id\":2,\"refresh\":{\"token\":\"\(token)\"}}")
                    guard let expected else {
                        _ = try peer.message {
                            $0.contains("\"refresh\":{\"client\":") && $0.contains("\"ttl\":99")
                        }
                        continue
                    }
                    let code = peer.closeCode()
                    try hold(code == UInt16(expected), "\(String(describing: code)), \(expected)")
                }
            }
        }

        @Test func `what a renewed token says goes with what is published from then on`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let name = "said-\(UUID().uuidString)"
                let peer = try WebSocketPeer(port: port)
                let token = { (version: Int) in
                    WebSocketPeer.token(user: "42", claims: ",\"info\":{\"v\":\(version)}")
                }
                let entrance = { (seat: Int) in
                    WebSocketPeer.token(
                        user: "42",
                        claims: ",\"channel\":\"\(name)\",\"info\":{\"s\":\(seat)}"
                    )
                }
                peer.send("{\"id\":1,\"connect\":{\"token\":\"\(token(1))\"}}")
                let subscribe = "\"channel\":\"\(name)\",\"token\":\"\(entrance(1))\""
                peer.send("{\"id\":2,\"subscribe\":{\(subscribe)}}")
                _ = try peer.message { $0.hasPrefix("{\"id\":2,\"subscribe\"") }
                let publish = "{\"id\":9,\"publish\":{\"channel\":\"\(name)\",\"data\":1}}"
                let pushed = { (conn: Int, chan: Int?) in
                    peer.send(publish)
                    let push = try peer.message { $0.contains("\"pub\"") }
                    let said =
                        "\"conn_info\":{\"v\":\(conn)}"
                        + (chan.map { ",\"chan_info\":{\"s\":\($0)}}" } ?? "}")
                    try hold(push.contains(said), "\(said) in \(push)")
                }
                try pushed(1, 1)
                peer.send("{\"id\":3,\"refresh\":{\"token\":\"\(token(2))\"}}")
                try pushed(2, 1)
                let renewal = "\"channel\":\"\(name)\",\"token\":\"\(entrance(2))\""
                peer.send("{\"id\":4,\"sub_refresh\":{\(renewal)}}")
                try pushed(2, 2)
                peer.send("{\"id\":5,\"unsubscribe\":{\"channel\":\"\(name)\"}}")
                peer.send("{\"id\":6,\"subscribe\":{\"channel\":\"\(name)\"}}")
                _ = try peer.message { $0.hasPrefix("{\"id\":6,\"subscribe\"") }
                try pushed(2, nil)
            }
        }

        @Test func `each user is subscribed to its own channel at connect`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let user = "user-\(UUID().uuidString)"
                let other = try WebSocketPeer(port: port)
                try other.connect(user: "other")
                other.send("{\"id\":2,\"subscribe\":{\"channel\":\"#\(user)\"}}")
                _ = try other.message { $0.contains("\"code\":103") }
                other.send("{\"id\":3,\"publish\":{\"channel\":\"#\(user)\",\"data\":1}}")
                _ = try other.message { $0.contains("\"code\":103") }
                let peer = try WebSocketPeer(port: port)
                try peer.connect(user: user)
                let body = "{\"channel\":\"#\(user)\",\"data\":{\"k\":1}}"
                let answer = try askApi("publish", body, port: port)
                try hold(answer.body.contains("\"offset\":1"), "\(answer)")
                _ = try peer.message { $0.contains("\"pub\":{\"data\":{\"k\":1},\"offset\":1") }
            }
        }

        @Test func `the server API wants its key, and a body that it understands`() async throws {
            try await expectHolds(LiveHost.port) { port in
                for key in [nil, "", "another", LiveHost.apiKey + "x"] as [String?] {
                    let answer = try askApi("info", "{}", key: key, port: port)
                    try hold(answer.status == 401, "\(answer)")
                }
                for body in ["", "{", "[]", "{\"channel\":\"a\"}", "{\"channel\":\"a\",\"data\":}"]
                {
                    let answer = try askApi("publish", body, port: port)
                    try hold(answer.status == 200 && answer.body.contains("107"), "\(answer)")
                }
                let unknown = "{\"channel\":\"no:such\",\"data\":1}"
                let answer = try askApi("publish", unknown, port: port)
                try hold(answer.body.contains("\"error\":{\"code\":102"), "\(answer)")
                try hold(try askApi("nothing", "{}", port: port).status == 404, "no method")
                let long =
                    "{\"channel\":\"a\",\"data\":\"\(String(repeating: "x", count: 1 << 20))\"}"
                try hold(try askApi("publish", long, port: port).status == 413, "too long")
                try expectUnharmed(port: port)
            }
        }

        @Test(arguments: [
            ("https://chat.example", 101), ("HTTPS://Chat.Example", 101),
            ("https://chat.example.evil.org", 403), ("null", 403), ("", 403),
        ])
        func `only the pages that are allowed open sockets`(
            _ origin: String,
            _ status: Int
        ) async throws {
            try await expectHolds((LiveHost.port, origin)) { port, origin in
                let socket = try RawSocket(port: port)
                // A line's end is one character; the last one ends the head.
                let request = WebSocketPeer.request().dropLast()
                socket.send("\(request)Origin: \(origin)\r\n\r\n")
                let answer = try socket.text(through: "\r\n\r\n")
                try hold(answer.hasPrefix("HTTP/1.1 \(status) "), "\(origin): \(answer)")
            }
        }

        @Test func `what is published with the same key is in a channel once`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let name = "once-\(UUID().uuidString)"
                for body in ["{\"n\":1}", "{\"n\":1}", "{\"n\":2}"] {
                    let request =
                        "{\"channel\":\"\(name)\",\"data\":\(body),\"idempotency_key\":\"k\"}"
                    let answer = try askApi("publish", request, port: port)
                    try hold(answer.body.contains("\"offset\":1,\"epoch\":\""), "\(answer)")
                }
                let two = "{\"channels\":[\"\(name)\",\"\(name)-2\"],\"data\":3}"
                let broadcast = try askApi("broadcast", two, port: port)
                try hold(broadcast.body.contains("\"offset\":2"), "\(broadcast)")
                let history = try askApi(
                    "history",
                    "{\"channel\":\"\(name)\",\"limit\":10}",
                    port: port
                )
                try hold(
                    history.body.contains("[{\"data\":{\"n\":1},\"offset\":1")
                        && history.body.contains("{\"data\":3,\"offset\":2")
                        && history.body.contains("\"offset\":2}"),
                    "\(history)"
                )
            }
        }

        @Test func `an application server opens no conversation of members to others`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let run = UUID().uuidString
                let alice = try ChatPeer(port: port, user: "alice-\(run)")
                let eve = try ChatPeer(port: port, user: "eve-\(run)")
                let channel = try alice.create("den-\(run)")
                _ = try alice.send(channel, "m1")
                let there = "\"channel\":\"\(channel)\""
                let spoken = try askApi("publish", "{\(there),\"data\":\"loud\"}", port: port)
                try hold(spoken.body.contains("\"error\":{\"code\":1403"), "\(spoken)")
                let missing = "{\"channel\":\"c:nothing\",\"data\":1}"
                let nothing = try askApi("publish", missing, port: port)
                try hold(nothing.body == spoken.body, "none and others': \(nothing)")
                for user in ["eve-\(run)", "alice-\(run)"] {
                    let body = "{\"user\":\"\(user)\",\(there)}"
                    let answer = try askApi("subscribe", body, port: port)
                    try hold(answer.body == "{\"result\":{}}", "\(answer)")
                }
                _ = try alice.peer.message { $0.contains("\"subscribe\":{") }
                _ = try alice.send(channel, "m2")
                let heard = eve.peer.next(milliseconds: 300).map(\.text) ?? ""
                try hold(heard.isEmpty || heard == "{}", "eve hears nothing: \(heard)")
                let history = try askApi("history", "{\(there),\"limit\":9}", port: port)
                try hold(
                    history.body.contains("m2") && !history.body.contains("loud"),
                    "the key reads: \(history)"
                )
            }
        }

        @Test func `an application server subscribes, unsubscribes and sends away`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let user = "user-\(UUID().uuidString)"
                let peer = try WebSocketPeer(port: port)
                try peer.connect(user: user)
                let body = "{\"user\":\"\(user)\",\"channel\":\"$\(user)\"}"
                try hold(try askApi("subscribe", body, port: port).body == "{\"result\":{}}", "")
                _ = try peer.message { $0.contains("\"subscribe\":{\"recoverable\":true") }
                let publish = "{\"channel\":\"$\(user)\",\"data\":5}"
                _ = try askApi("publish", publish, port: port)
                _ = try peer.message { $0.contains("\"pub\":{\"data\":5") }
                _ = try askApi("unsubscribe", body, port: port)
                _ = try peer.message { $0.contains("\"unsubscribe\":{\"code\":2000") }
                _ = try askApi("disconnect", "{\"user\":\"\(user)\"}", port: port)
                let code = peer.closeCode()
                try hold(code == 3503, "sent away: \(String(describing: code))")
            }
        }
    }
}
