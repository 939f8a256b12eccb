import Foundation
import Testing

extension Hostile {
    /// Clients that take less than they are sent: they catch up unseen, or are let go with the
    /// documented code, in bounded memory.
    struct SlowReaderTests {
        static let body = "\"" + String(repeating: "x", count: 30_000) + "\""
        static let apiKey = "key"
        /// A window of 20 messages, and sockets that may be stuck for long.
        private static let settings = """
            writeTimeout: 60 s
            apiKey: key
            personalChannels: short
            defaultNamespace: {}
            namespaces:
              - { name: short, historySize: 20, subscribe: true, publish: true }
              - { name: fleeting, log: false, history: false, subscribe: true, publish: true }
            """

        /// A metric's value.
        private static func metric(_ name: String, port: Int) throws -> Int {
            let socket = try RawSocket(port: port)
            socket.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            let lines = try socket.response().body.split(separator: "\n")
            let line = lines.first { $0.hasPrefix("parley_\(name) ") }
            return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        }

        private static func server(_ settings: String? = nil) throws -> ServerProcess {
            let server = try ServerProcess()
            if let settings {
                let file = server.directory.appending(path: "parley.yaml")
                try Data(settings.utf8).write(to: file)
                server.options = ["--config", file.path(percentEncoded: false)]
            }
            try server.start()
            return server
        }

        private static func subscribed(
            _ port: Int,
            isSlow: Bool,
            to channel: String = "flood"
        ) throws -> WebSocketPeer {
            let peer = try WebSocketPeer(port: port, receiveBuffer: isSlow ? 4096 : nil)
            try peer.connect(user: isSlow ? "slow" : "quick")
            peer.send("{\"id\":2,\"subscribe\":{\"channel\":\"\(channel)\"}}")
            _ = try peer.message { $0.contains("\"subscribe\"") }
            return peer
        }

        /// Publishes one message, and waits for it to be acknowledged and delivered.
        private static func publish(
            _ number: Int,
            _ sender: WebSocketPeer,
            _ reader: WebSocketPeer,
            in channel: String = "flood"
        ) throws {
            sender.send(
                "{\"id\":\(number),\"publish\":{\"channel\":\"\(channel)\",\"data\":\(Self.body)}}"
            )
            _ = try sender.message { $0.hasPrefix("{\"id\":\(number),\"publish\"") }
            let message = try reader.message(milliseconds: 2000)
            let isInOrder =
                channel.hasPrefix("fleeting") || message.contains("\"offset\":\(number - 9)")
            try hold(isInOrder, "in order: \(message.suffix(80))")
        }

        /// The offset of a publication.
        private static func offset(_ message: String) -> Int? {
            message.firstMatch(of: /"offset":(\d+)/).flatMap { Int($0.1) }
        }

        @Test func `a reader that stops within the window sees an unbroken sequence and stays`()
            async throws
        {
            try await expectHolds(280) { count in
                let server = try Self.server(Self.settings)
                let port = server.port
                let slow = try (0..<3).map { _ in try Self.subscribed(port, isSlow: true) }
                let reader = try Self.subscribed(port, isSlow: false)
                let sender = try WebSocketPeer(port: port)
                try sender.connect()
                let before = try server.residentMebibytes()
                for number in 10..<(10 + count) { try Self.publish(number, sender, reader) }
                let after = try server.residentMebibytes()
                try hold(after - before < 48, "memory is bounded: \(before) to \(after) MiB")
                let behind = try Self.metric("fell_behind_total", port: port)
                try hold(behind >= slow.count, "\(behind) fell behind")
                for peer in slow {
                    // Replies come among the publications.
                    peer.send("{\"id\":9,\"history\":{\"channel\":\"flood\"}}")
                    var expected = 1
                    var isAnswered = false
                    while expected <= count || !isAnswered {
                        let message = try peer.message(milliseconds: 10_000)
                        if message.hasPrefix("{\"id\":9,") {
                            isAnswered = true
                            continue
                        }
                        try hold(
                            Self.offset(message) == expected,
                            "\(expected) is next: \(message.suffix(60))"
                        )
                        expected += 1
                    }
                }
                // They live on.
                try Self.publish(10 + count, sender, reader)
                for peer in slow {
                    let message = try peer.message()
                    try hold(Self.offset(message) == count + 1, "live again: \(message.suffix(60))")
                }
                for code in [3008, 3009, 3010] {
                    let closed = try Self.metric("closes_total{code=\"\(code)\"}", port: port)
                    try hold(closed == 0, "\(closed) are let go with \(code)")
                }
                try hold(try Self.metric("lagging", port: port) == 0, "nobody lags")
            }
        }

        @Test func `beyond the window a subscription ends with 2500, and the connection stays`()
            async throws
        {
            try await expectHolds(250) { count in
                let server = try Self.server(Self.settings)
                let port = server.port
                let slow = try Self.subscribed(port, isSlow: true, to: "short:flood")
                let reader = try Self.subscribed(port, isSlow: false, to: "short:flood")
                let sender = try WebSocketPeer(port: port)
                try sender.connect()
                for number in 10..<(10 + count) {
                    try Self.publish(number, sender, reader, in: "short:flood")
                }
                var expected = 1
                while true {
                    let message = try slow.message(milliseconds: 10_000)
                    if message.contains("\"unsubscribe\":{\"code\":2500") { break }
                    try hold(
                        message.contains("\"pub\"") && Self.offset(message) == expected,
                        "\(expected) or the end is next: \(message.suffix(60))"
                    )
                    expected += 1
                }
                try hold(expected < count, "it did not get everything")
                slow.send("{\"id\":3,\"subscribe\":{\"channel\":\"short:flood\"}}")
                _ = try slow.message { $0.contains("\"subscribe\"") }
                try expectUnharmed(port: port)
            }
        }

        @Test func `beyond the window the server's subscription ends its connection with 3010`()
            async throws
        {
            try await expectHolds(250) { count in
                let server = try Self.server(Self.settings)
                let port = server.port
                let slow = try WebSocketPeer(port: port, receiveBuffer: 4096)
                try slow.connect(user: "slow")
                for _ in 0..<count {
                    let body = "{\"channel\":\"short:#slow\",\"data\":\(Self.body)}"
                    let socket = try RawSocket(port: port)
                    socket.send(
                        "POST /api/publish HTTP/1.1\r\nHost: x\r\nX-API-Key: \(Self.apiKey)\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
                    )
                    let response = try socket.response()
                    try hold(response.status == 200, "published: \(response)")
                }
                let code = slow.closeCode(milliseconds: 10_000)
                try hold(code == 3010, "closed with \(String(describing: code))")
                try expectUnharmed(port: port)
            }
        }

        @Test func `without a log a slow reader loses messages, and nothing else`() async throws {
            try await expectHolds(250) { count in
                let server = try Self.server(Self.settings)
                let port = server.port
                let slow = try Self.subscribed(port, isSlow: true, to: "fleeting:flood")
                let reader = try Self.subscribed(port, isSlow: false, to: "fleeting:flood")
                let sender = try WebSocketPeer(port: port)
                try sender.connect()
                for number in 10..<(10 + count) {
                    try Self.publish(number, sender, reader, in: "fleeting:flood")
                }
                slow.send("{\"id\":3,\"presence_stats\":{\"channel\":\"fleeting:flood\"}}")
                var came = 0
                while true {
                    let message = try slow.message(milliseconds: 10_000)
                    if message.hasPrefix("{\"id\":3,") { break }
                    came += 1
                }
                try hold(came < count, "\(came) of \(count) came")
                for _ in 0..<50 where try Self.metric("lagging", port: port) > 0 {
                    pause(milliseconds: 20)
                }
                try Self.publish(10 + count, sender, reader, in: "fleeting:flood")
                _ = try slow.message { $0.contains("\"pub\"") }
            }
        }

        @Test func `a reader that takes no byte is let go with 3009, others get all in time`()
            async throws
        {
            try await expectHolds(3009) { code in
                let server = try Self.server()
                let port = server.port
                let slow = try (0..<3).map { _ in try Self.subscribed(port, isSlow: true) }
                let reader = try Self.subscribed(port, isSlow: false)
                let sender = try WebSocketPeer(port: port)
                try sender.connect()
                let before = try server.residentMebibytes()
                let metric = "closes_total{code=\"\(code)\"}"
                for number in 10..<410 {
                    try Self.publish(number, sender, reader)
                    if try Self.metric(metric, port: port) == slow.count { break }
                }
                for _ in 0..<90 where try Self.metric(metric, port: port) < slow.count {
                    pause(milliseconds: 100)
                }
                let closed = try Self.metric(metric, port: port)
                try hold(closed == slow.count, "\(closed) of \(slow.count) are let go with \(code)")
                let after = try server.residentMebibytes()
                try hold(after - before < 64, "memory is bounded: \(before) to \(after) MiB")
                try expectUnharmed(port: port)
            }
        }

        @Test func `a flood of requests whose answers nobody reads ends with 3008, memory bounded`()
            async throws
        {
            try await expectHolds(300) { count in
                let server = try Self.server()
                let reader = try Self.subscribed(server.port, isSlow: false)
                let sender = try WebSocketPeer(port: server.port)
                try sender.connect()
                for number in 10..<(10 + count) { try Self.publish(number, sender, reader) }
                let before = try server.residentMebibytes()
                let greedy = try WebSocketPeer(port: server.port, receiveBuffer: 4096)
                try greedy.connect(user: "greedy")
                for part in 0..<4 {
                    let commands = (0..<500).map {
                        "{\"id\":\(part * 500 + $0 + 2),\"history\":{\"channel\":\"flood\",\"limit\":300}}"
                    }
                    greedy.send(commands.joined(separator: "\n"))
                }
                var peak = 0
                let metric = "closes_total{code=\"3008\"}"
                for _ in 0..<40 {
                    peak = max(peak, try server.residentMebibytes())
                    pause(milliseconds: 50)
                }
                try hold(peak - before < 128, "memory is bounded: \(before) to \(peak) MiB")
                try hold(try Self.metric(metric, port: server.port) == 1, "closed with 3008")
                try expectUnharmed(port: server.port)
            }
        }

        @Test func `ten thousand small commands that nobody waits for harm nobody`() async throws {
            try await expectHolds(10_000) { count in
                let server = try Self.server()
                let before = try server.residentMebibytes()
                let flooder = try WebSocketPeer(port: server.port)
                try flooder.connect(user: "flooder")
                for part in 0..<(count / 1000) {
                    let commands = (0..<1000).map {
                        "{\"id\":\(part * 1000 + $0 + 2),\"unsubscribe\":{\"channel\":\"a\"}}"
                    }
                    flooder.send(commands.joined(separator: "\n"))
                }
                try expectUnharmed(port: server.port)
                _ = try flooder.message(milliseconds: 20_000) {
                    $0.hasPrefix("{\"id\":\(count + 1),")
                }
                let after = try server.residentMebibytes()
                try hold(after - before < 64, "memory is bounded: \(before) to \(after) MiB")
            }
        }
    }
}
