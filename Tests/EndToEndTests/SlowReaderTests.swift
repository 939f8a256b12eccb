import Foundation
import Testing

extension Hostile {
    /// Clients that take nothing in: let go with the documented code, in bounded memory.
    struct SlowReaderTests {
        static let body = "\"" + String(repeating: "x", count: 30_000) + "\""

        /// A metric's value.
        private static func metric(_ name: String, port: Int) throws -> Int {
            let socket = try RawSocket(port: port)
            socket.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            let lines = try socket.response().body.split(separator: "\n")
            let line = lines.first { $0.hasPrefix("parley_\(name) ") }
            return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        }

        private static func subscribed(_ port: Int, isSlow: Bool) throws -> WebSocketPeer {
            let peer = try WebSocketPeer(port: port, receiveBuffer: isSlow ? 4096 : nil)
            try peer.connect(user: isSlow ? "slow" : "quick")
            peer.send("{\"id\":2,\"subscribe\":{\"channel\":\"flood\"}}")
            _ = try peer.message { $0.contains("\"subscribe\"") }
            return peer
        }

        /// Publishes one message, and waits for it to be acknowledged and delivered.
        private static func publish(
            _ number: Int,
            _ sender: WebSocketPeer,
            _ reader: WebSocketPeer
        )
            throws
        {
            sender.send(
                "{\"id\":\(number),\"publish\":{\"channel\":\"flood\",\"data\":\(Self.body)}}"
            )
            _ = try sender.message { $0.hasPrefix("{\"id\":\(number),\"publish\"") }
            let message = try reader.message(milliseconds: 2000)
            try hold(
                message.contains("\"offset\":\(number - 9)"),
                "in order: \(message.suffix(80))"
            )
        }

        @Test(arguments: [3008, 3009])
        func `a slow reader is let go, and others get everything in time`(code: Int) async throws {
            try await expectHolds(code) { code in
                let server = try ServerProcess()
                try server.start()
                let port = server.port
                let slow = try (0..<3).map { _ in try Self.subscribed(port, isSlow: true) }
                let reader = try Self.subscribed(port, isSlow: false)
                let sender = try WebSocketPeer(port: port)
                try sender.connect()
                let before = try server.residentMebibytes()
                let metric = "closes_total{code=\"\(code)\"}"
                for number in 10..<410 {
                    try Self.publish(number, sender, reader)
                    // Little enough to stay below the queue's bound, and to be stuck with it.
                    if code == 3009, try Self.metric("queued_bytes", port: port) > 300_000 { break }
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

        @Test func `a flood of requests whose answers nobody reads takes bounded memory`()
            async throws
        {
            try await expectHolds(300) { count in
                let server = try ServerProcess()
                try server.start()
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
                for _ in 0..<40 {
                    peak = max(peak, try server.residentMebibytes())
                    pause(milliseconds: 50)
                }
                try hold(peak - before < 128, "memory is bounded: \(before) to \(peak) MiB")
                try expectUnharmed(port: server.port)
            }
        }

        @Test func `ten thousand small commands that nobody waits for harm nobody`() async throws {
            try await expectHolds(10_000) { count in
                let server = try ServerProcess()
                try server.start()
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
