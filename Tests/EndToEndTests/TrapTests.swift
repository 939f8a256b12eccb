import Foundation
import Testing

extension Hostile {
    /// What implementations of the protocol get wrong: see the table in docs/client-protocol.md.
    @Suite(.personalHost) struct TrapTests {
        private static func name() -> String { "trap-\(UUID().uuidString)" }

        @Test func `pings come under traffic as well, and each wants one pong`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                try peer.connect()
                let name = Self.name()
                let end = Date().addingTimeInterval(5)
                var pings = 0
                var id = 1
                while Date() < end {
                    id += 1
                    peer.send("{\"id\":\(id),\"publish\":{\"channel\":\"\(name)\",\"data\":1}}")
                    while let frame = peer.next(milliseconds: 10) {
                        try hold(frame.opcode != 8, "closed with \(frame.closeCode)")
                        for line in frame.text.split(separator: "\n") where line == "{}" {
                            pings += 1
                            peer.send("{}")
                        }
                    }
                }
                try hold((2...3).contains(pings), "pings in 5 s, every 2 s: \(pings)")
                peer.send("{}")
                try hold(peer.closeCode() == 3501, "a pong for no ping")
            }
        }

        @Test func `no push of a channel comes before the answer to its subscribe`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let name = Self.name()
                let writer = try WebSocketPeer(port: port)
                try writer.connect()
                for round in 0..<20 {
                    let reader = try WebSocketPeer(port: port)
                    try reader.connect(user: "reader-\(round)")
                    let publishes = (0..<30).map {
                        "{\"id\":\(round * 30 + $0 + 2),\"publish\":{\"channel\":\"\(name)\",\"data\":0}}"
                    }
                    writer.send(publishes[..<15].joined(separator: "\n"))
                    reader.send("{\"id\":2,\"subscribe\":{\"channel\":\"\(name)\"}}")
                    writer.send(publishes[15...].joined(separator: "\n"))
                    let first = try reader.message {
                        $0.contains("subscribe") || $0.contains("push")
                    }
                    try hold(first.hasPrefix("{\"id\":2,\"subscribe\""), first)
                    _ = try writer.message { $0.hasPrefix("{\"id\":\(round * 30 + 31),") }
                }
            }
        }

        @Test func `an unsubscribe from what nobody knows succeeds`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                try peer.connect()
                for channel in ["a", "no:such", "$den", "#7", ""] {
                    peer.send("{\"id\":3,\"unsubscribe\":{\"channel\":\"\(channel)\"}}")
                    let reply = try peer.message()
                    try hold(reply == "{\"id\":3,\"unsubscribe\":{}}", "\(channel): \(reply)")
                }
            }
        }

        @Test func `ids come back as they were given, and need not grow`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                let token = WebSocketPeer.token(user: "alice")
                peer.send("{\"id\":4294967295,\"connect\":{\"token\":\"\(token)\"}}")
                _ = try peer.message { $0.hasPrefix("{\"id\":4294967295,\"connect\"") }
                for id in [4_294_967_295, 1, 7, 7, 2, 4_294_967_294] {
                    peer.send("{\"id\":\(id),\"unsubscribe\":{\"channel\":\"a\"}}")
                    let reply = try peer.message()
                    try hold(reply == "{\"id\":\(id),\"unsubscribe\":{}}", reply)
                }
                peer.send("{\"id\":4294967296,\"unsubscribe\":{\"channel\":\"a\"}}")
                try hold(peer.closeCode() == 3501, "beyond 32 bits")
            }
        }

        @Test func `what a connect claims makes no subscription of its own`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let user = Self.name()
                let name = Self.name()
                for n in 1...3 {
                    for channel in [name, "#\(user)"] {
                        let body = "{\"channel\":\"\(channel)\",\"data\":\(n)}"
                        _ = try askApi("publish", body, port: port)
                    }
                }
                let peer = try WebSocketPeer(port: port)
                let claim = "{\"recover\":true,\"offset\":1,\"epoch\":\"\"}"
                peer.send(
                    "{\"id\":1,\"connect\":{\"token\":\"\(WebSocketPeer.token(user: user))\","
                        + "\"subs\":{\"\(name)\":\(claim),\"#\(user)\":\(claim)}}}"
                )
                let reply = try peer.message()
                try hold(!reply.contains(name), "no other channel: \(reply)")
                try hold(
                    reply.contains("\"#\(user)\":{") && reply.contains("\"recovered\":true")
                        && reply.contains("{\"data\":2,\"offset\":2")
                        && reply.contains("{\"data\":3,\"offset\":3"),
                    "the server's own is recovered: \(reply)"
                )
                _ = try askApi("publish", "{\"channel\":\"\(name)\",\"data\":4}", port: port)
                _ = try askApi("publish", "{\"channel\":\"#\(user)\",\"data\":5}", port: port)
                let push = try peer.message { $0.contains("push") }
                try hold(push.contains("\"data\":5"), push)
            }
        }

        @Test func `a renewal that names no channel, or brings no token, closes with 3501`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let token = WebSocketPeer.token(user: "alice", claims: ",\"channel\":\"a\"")
                for fields in ["\"token\":\"\(token)\"", "\"channel\":\"a\"", ""] {
                    let peer = try WebSocketPeer(port: port)
                    try peer.connect()
                    peer.send("{\"id\":2,\"sub_refresh\":{\(fields)}}")
                    let code = peer.closeCode()
                    try hold(code == 3501, "\(fields): \(String(describing: code))")
                }
            }
        }

        @Test func `what comes with a connect in one frame is done in its order`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let name = Self.name()
                let peer = try WebSocketPeer(port: port)
                let token = WebSocketPeer.token(user: "alice")
                peer.send(
                    [
                        "{\"id\":1,\"connect\":{\"token\":\"\(token)\"}}",
                        "{\"id\":2,\"subscribe\":{\"channel\":\"\(name)\"}}",
                        "{\"id\":3,\"publish\":{\"channel\":\"\(name)\",\"data\":1}}",
                        "{\"id\":4,\"unsubscribe\":{\"channel\":\"\(name)\"}}",
                    ].joined(separator: "\n")
                )
                var order: [Character] = []
                _ = try peer.message { message in
                    if message.hasPrefix("{\"id\":") { order.append(Array(message)[6]) }
                    return order.count == 4
                }
                try hold(order.first == "1" && Set(order) == ["1", "2", "3", "4"], "\(order)")
                try hold(
                    order.firstIndex(of: "2") ?? 4 < order.firstIndex(of: "4") ?? 0,
                    "\(order)"
                )
            }
        }

        @Test func `of a name that is repeated the last counts, and two methods are none`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                try peer.connect()
                peer.send(
                    "{\"id\":2,\"id\":3,\"publish\":{\"channel\":\"no:such\",\"channel\":\"a\","
                        + "\"data\":1}}"
                )
                _ = try peer.message { $0 == "{\"id\":3,\"publish\":{}}" }
                peer.send(
                    "{\"id\":4,\"history\":{\"channel\":\"a\"},\"history\":{\"channel\":\"a\"}}"
                )
                try hold(peer.closeCode() == 3501, "two methods")
            }
        }

        @Test
        func `text that is not UTF-8 closes with 1007, in whatever parts and encoding it comes`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                typealias Peer = WebSocketPeer
                let good = Array("{\"id\":2,\"unsubscribe\":{\"channel\":\"".utf8)
                let bad: [[UInt8]] = [
                    [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80],
                    [0xe2, 0x82], [0x80],
                ]
                for (number, sequence) in bad.enumerated() {
                    for query in ["", "?format=protobuf"] {
                        let peer = try Peer(port: port, query: query)
                        if query.isEmpty {
                            try peer.connect()
                        } else {
                            _ = try peer.connectBinary()
                        }
                        let text = good + sequence + Array("\"}}".utf8)
                        let cut = number % 2 == 0 ? good.count + 1 : text.count - 1
                        peer.socket.send(Peer.frame(Array(text[..<cut]), isLast: false))
                        peer.socket.send(Peer.frame([], opcode: 9))
                        peer.socket.send(Peer.frame(Array(text[cut...]), opcode: 0))
                        let code = peer.closeCode()
                        try hold(code == 1007, "\(sequence) \(query): \(String(describing: code))")
                    }
                }
                let peer = try Peer(port: port)
                try peer.connect()
                let text = good + Array("h\u{e9}\u{20ac}\"}}".utf8)
                for (place, byte) in text.enumerated() {
                    let opcode: UInt8 = place == 0 ? 1 : 0
                    let isLast = place == text.count - 1
                    peer.socket.send(Peer.frame([byte], opcode: opcode, isLast: isLast))
                }
                _ = try peer.message { $0 == "{\"id\":2,\"unsubscribe\":{}}" }
            }
        }
    }
}
