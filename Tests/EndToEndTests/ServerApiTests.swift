import Foundation
import Synchronization
import Testing

extension Hostile {
    /// The server API under words that nobody should say, and in many hands at once.
    @Suite(.personalHost) struct ServerApiTests {
        static let methods = [
            "publish", "broadcast", "history", "history_remove", "presence", "presence_stats",
            "subscribe", "unsubscribe", "disconnect", "refresh", "channels", "info", "batch",
        ]

        static let garbage: [String] = [
            "", " ", "null", "{", "}", "[]", "\"x\"", "7", "{}}", "{\"channel\":}",
            "{\"channel\":5}", "{\"channel\":[]}", "{\"channel\":{}}", "{\"user\":true}",
            "{\"channel\":\"\"}", "{\"channel\":\"\u{e9}\",\"data\":1,\"user\":\"u\"}",
            "{\"channel\":\"a\",\"data\":\"\\ud800\"}", "{\"channel\":\"a\",\"data\":01}",
            "{\"channel\":\"a\",\"tags\":{\"a\":1}}", "{\"channel\":\"a\",\"tags\":[]}",
            "{\"limit\":1e999}", "{\"limit\":99999999999}", "{\"since\":5}", "{\"channels\":{}}",
            "{\"channels\":[1]}", "{\"user\":\"u\",\"disconnect\":7}",
            "{\"user\":\"u\",\"disconnect\":{\"code\":\"x\"}}",
            "{\"user\":\"u\",\"expire_at\":1.5}",
            "{\"user\":\"u\",\"override\":[]}", "{\"pattern\":5}", "{\"commands\":5}",
            "{\"commands\":[5]}", "{\"commands\":[{}]}",
            "{\"commands\":[{\"info\":{},\"info\":{}}]}",
            "{\"commands\":[{\"batch\":{\"commands\":[]}},{\"nothing\":{}},{\"publish\":[]}]}",
            String(repeating: "[", count: 100_000), String(repeating: " ", count: 1 << 20),
            "{\"data\":" + String(repeating: "{\"a\":", count: 10_000),
        ]

        @Test func `whatever a body says, the answer is a result or an error in JSON`() async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let raw =
                    Self.garbage.map { Array($0.utf8) } + [[0xff, 0xfe], [0x7b, 0x00, 0x7d]]
                for method in Self.methods {
                    for body in raw {
                        let answer = try askApi(method, body, port: port)
                        try hold(answer.status == 200, "\(method) \(body.prefix(80)): \(answer)")
                        let parsed = try JSONSerialization.jsonObject(with: Data(answer.body.utf8))
                        let keys = (parsed as? [String: Any])?.keys.sorted() ?? []
                        try hold(
                            [["error"], ["result"], ["replies"]].contains(keys),
                            "\(method) \(body.prefix(80)): \(answer)"
                        )
                    }
                }
                try expectUnharmed(port: port)
            }
        }

        @Test func `every byte of a request may be another, and the server goes on`() async throws {
            let request =
                "{\"channel\":\"abc\",\"user\":\"u\",\"data\":{\"a\":[1]},\"tags\":{\"t\":\"v\"},"
                + "\"since\":{\"offset\":1,\"epoch\":\"e\"},\"limit\":3,\"b64data\":\"e30=\","
                + "\"override\":{\"presence\":{\"value\":false}},\"whitelist\":[\"x\"]}"
            try await expectHolds((LiveHost.port, Array(request.utf8))) { port, request in
                for (number, place) in request.indices.enumerated() {
                    var body = request
                    body[place] = UInt8(truncatingIfNeeded: number &* 37 &+ 11)
                    let method = Self.methods[number % Self.methods.count]
                    let answer = try askApi(method, body, port: port)
                    try hold(answer.status == 200, "\(method) at \(place): \(answer)")
                }
                try expectUnharmed(port: port)
            }
        }

        @Test func `without the key nothing is told, not even which methods there are`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                var answers: Set<String> = []
                for key in [nil, "", "wrong", LiveHost.apiKey.uppercased()] as [String?] {
                    for method in Self.methods + ["nothing", "", "../metrics"] {
                        for body in ["", "{", "{\"channel\":\"a\",\"data\":1}"] {
                            let answer = try askApi(method, body, key: key, port: port)
                            answers.insert("\(answer)")
                        }
                    }
                }
                try hold(answers.count == 1 && answers.first?.contains("401") == true, "\(answers)")
                for key in [LiveHost.apiKey, "wrong"] {
                    for verb in ["GET", "PUT", "HEAD", "DELETE"] {
                        let answer = try askApi("info", [], key: key, verb: verb, port: port)
                        try hold(answer.status == 405, "\(verb): \(answer)")
                    }
                }
                try hold(try askApi("nothing", "{}", port: port).status == 404, "no method")
            }
        }

        @Test func `a body beyond its bound is refused, in however many parts it comes`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let socket = try RawSocket(port: port)
                socket.send(
                    "POST /api/publish HTTP/1.1\r\nHost: x\r\nX-API-Key: \(LiveHost.apiKey)\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n"
                )
                let part = "10000\r\n" + String(repeating: " ", count: 1 << 16) + "\r\n"
                for _ in 0..<64 { socket.send(part) }
                socket.send("0\r\n\r\n")
                let answer = try socket.response()
                try hold(answer.status == 413, "\(answer)")
                let long = String(repeating: "x", count: 600_000)
                let data = "{\"channel\":\"a\",\"data\":\"\(long)\"}"
                let refused = try askApi("publish", data, port: port)
                try hold(refused.body.contains("\"code\":106"), "\(refused.body.prefix(200))")
                let many = Array(repeating: "{\"info\":{}}", count: 1_001).joined(separator: ",")
                let batch = try askApi("batch", "{\"commands\":[\(many)]}", port: port)
                try hold(batch.body.contains("\"code\":106"), "\(batch.body.prefix(200))")
                try expectUnharmed(port: port)
            }
        }

        @Test func `a server's request at a bound is carried out, and one beyond it is not`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                func text(_ count: Int) -> String { String(repeating: "x", count: count) }
                func publish(_ tags: Int, of bytes: Int) -> String {
                    let tags = (0..<tags).map { "\"t\($0)\":\"\(text(bytes))\"" }
                    return
                        "{\"channel\":\"tagged\",\"data\":1,\"tags\":{\(tags.joined(separator: ","))}}"
                }
                func subscribe(_ info: Int, _ data: Int) -> String {
                    "{\"user\":\"nobody\",\"channel\":\"a\",\"info\":\"\(text(info - 2))\","
                        + "\"data\":\"\(text(data - 2))\"}"
                }
                func disconnect(_ reason: Int) -> String {
                    "{\"user\":\"nobody\",\"disconnect\":{\"code\":4000,\"reason\":\"\(text(reason))\"}}"
                }
                let requests: [(method: String, body: String, code: Int?)] = [
                    ("publish", publish(32, of: 255), nil), ("publish", publish(33, of: 1), 107),
                    ("publish", publish(1, of: 256), 107),
                    ("subscribe", subscribe(4_096, 16_384), nil),
                    ("subscribe", subscribe(4_097, 9), 106),
                    ("subscribe", subscribe(9, 16_385), 106),
                    ("disconnect", disconnect(123), nil), ("disconnect", disconnect(124), 107),
                ]
                for request in requests {
                    let answer = try askApi(request.method, request.body, port: port).body
                    let expected = request.code.map { "\"code\":\($0)" } ?? "\"result\""
                    try hold(
                        answer.contains(expected),
                        "\(request.method), \(expected): \(answer.prefix(200))"
                    )
                }
            }
        }

        @Test func `more channels than fit an answer are refused`() async throws {
            try await expectHolds(10_000) { limit in
                // A server of its own: so many who go at once keep new ones out for a moment.
                let server = try ServerProcess()
                let file = server.directory.appending(path: "parley.yaml")
                try "apiKey: \(LiveHost.apiKey)\n".write(
                    to: file,
                    atomically: true,
                    encoding: .utf8
                )
                server.options = ["--config", file.path(percentEncoded: false)]
                try server.start()
                let port = server.port
                let mark = UUID().uuidString
                func peer(_ names: Range<Int>) throws -> WebSocketPeer {
                    let peer = try WebSocketPeer(port: port)
                    try peer.connect()
                    let commands = names.map {
                        "{\"id\":\($0 + 2),\"subscribe\":{\"channel\":\"\(mark)-\($0)\"}}"
                    }
                    peer.send(commands.joined(separator: "\n"))
                    // Answers may come in any order.
                    for _ in names {
                        _ = try peer.message(milliseconds: 20_000) {
                            $0.contains("\"subscribe\":{")
                        }
                    }
                    return peer
                }
                var peers: [WebSocketPeer] = []
                for start in stride(from: 0, to: limit, by: 125) {
                    peers.append(try peer(start..<(start + 125)))
                }
                let pattern = "{\"pattern\":\"\(mark)-*\"}"
                let all = try askApi("channels", pattern, port: port).body
                try hold(
                    all.matches(of: /"num_clients":1/).count == limit,
                    String(all.prefix(200))
                )
                peers.append(try peer(limit..<(limit + 1)))
                let refused = try askApi("channels", pattern, port: port).body
                try hold(refused.contains("\"code\":106"), String(refused.prefix(200)))
            }
        }

        @Test func `one idempotency key is in a channel once, whoever says it at once`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let channel = "race-\(UUID().uuidString)"
                let answers = Mutex<[String]>([])
                DispatchQueue.concurrentPerform(iterations: 24) { number in
                    let body =
                        "{\"channel\":\"\(channel)\",\"data\":\(number),\"idempotency_key\":\"k\"}"
                    do {
                        let answer = try askApi("publish", body, port: port).body
                        answers.withLock { $0.append(answer) }
                    } catch {
                        answers.withLock { $0.append("\(error)") }
                    }
                }
                let told = Set(answers.withLock { $0 })
                try hold(
                    told.count == 1 && told.first?.contains("\"offset\":1,") == true,
                    "\(told)"
                )
                let page = "{\"channel\":\"\(channel)\",\"limit\":9}"
                let history = try askApi("history", page, port: port).body
                try hold(history.contains("\"offset\":1}"), history)
            }
        }

        @Test func `a stranger to a conversation is told nothing on its way into it`() async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let run = UUID().uuidString
                let alice = try ChatPeer(port: port, user: "alice-\(run)")
                let eve = try ChatPeer(port: port, user: "eve-\(run)")
                let channel = try alice.create("den-\(run)")
                _ = try alice.send(channel, "m1")
                let body =
                    "{\"user\":\"eve-\(run)\",\"channel\":\"\(channel)\",\"data\":\"loot\","
                    + "\"recover_since\":{\"offset\":0,\"epoch\":\"\"}}"
                let answer = try askApi("subscribe", body, port: port)
                try hold(answer.body == "{\"result\":{}}", "\(answer)")
                _ = try alice.send(channel, "m2")
                let heard = eve.peer.next(milliseconds: 400).map(\.text) ?? ""
                try hold(heard.isEmpty || heard == "{}", "eve hears nothing: \(heard)")
                for method in ["publish", "history_remove"] {
                    let code = method == "publish" ? 1403 : 108
                    for name in [channel, "c:nothing"] {
                        let request = "{\"channel\":\"\(name)\",\"data\":1,\"skip_history\":true}"
                        let refused = try askApi(method, request, port: port).body
                        try hold(refused.contains("\"code\":\(code)"), "\(method): \(refused)")
                    }
                }
            }
        }

        @Test func `more than fits a connection's queue is told to the server alone`() async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let info = ",\"info\":\"\(String(repeating: "x", count: 4_000))\""
                let channel = "\"channel\":\"p:\(UUID().uuidString)\""
                var peers: [WebSocketPeer] = []
                for number in 0..<135 {
                    let peer = try WebSocketPeer(port: port)
                    let token = WebSocketPeer.token(user: "user-\(number)", claims: info)
                    peer.send("{\"id\":1,\"connect\":{\"token\":\"\(token)\"}}")
                    peer.send("{\"id\":2,\"subscribe\":{\(channel)}}")
                    _ = try peer.message { $0.hasPrefix("{\"id\":2,\"subscribe\"") }
                    peers.append(peer)
                }
                var stats = ""
                for _ in 0..<100 where !stats.contains("\"num_clients\":135") {
                    stats = try askApi("presence_stats", "{\(channel)}", port: port).body
                    pause(milliseconds: 20)
                }
                try hold(stats.contains("\"num_clients\":135,\"num_users\":135"), stats)
                peers[0].send("{\"id\":3,\"presence\":{\(channel)}}")
                let refused = try peers[0].message { $0.hasPrefix("{\"id\":3,") }
                try hold(refused.contains("\"code\":106"), String(refused.prefix(200)))
                let all = try askApi("presence", "{\(channel)}", port: port).body
                try hold(all.matches(of: /"conn_info"/).count == 135, String(all.prefix(200)))
                let long = ",\"info\":\"\(String(repeating: "x", count: 4_096))\""
                let peer = try WebSocketPeer(port: port)
                let token = WebSocketPeer.token(user: "long", claims: long)
                peer.send("{\"id\":1,\"connect\":{\"token\":\"\(token)\"}}")
                try hold(peer.closeCode() == 3500, "more than 4 KiB")
            }
        }

        @Test func `a session is its own client's secret, and finds that client alone`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let user = "user-\(UUID().uuidString)"
                let peers = [try WebSocketPeer(port: port), try WebSocketPeer(port: port)]
                var sessions: [String] = []
                for peer in peers {
                    let token = WebSocketPeer.token(user: user)
                    peer.send("{\"id\":1,\"connect\":{\"token\":\"\(token)\"}}")
                    let reply = try peer.message { $0.contains("\"connect\"") }
                    guard let found = reply.firstMatch(of: /"session":"([^"]+)"/) else {
                        throw Broken(description: "a connect tells a session: \(reply)")
                    }
                    sessions.append(String(found.1))
                }
                try hold(Set(sessions).count == 2, "\(sessions)")
                let body = "{\"user\":\"\(user)\",\"session\":\"\(sessions[1])\"}"
                _ = try askApi("disconnect", body, port: port)
                try hold(peers[1].closeCode() == 3503, "the one that is meant")
                peers[0].send("{\"id\":2,\"unsubscribe\":{\"channel\":\"a\"}}")
                _ = try peers[0].message { $0.hasPrefix("{\"id\":2,") }
            }
        }
    }
}
