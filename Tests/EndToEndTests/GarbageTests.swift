import Foundation
import Testing

extension Hostile {
    /// Words that are no protocol, each answered with the code of the protocol's table (4.7), while
    /// others notice nothing.
    @Suite(.liveHost) struct GarbageTests {
        struct Attack: Sendable, CustomTestStringConvertible {
            var name: String
            var code: UInt16?
            var isConnected = true
            var bytes: @Sendable () -> [UInt8]

            var testDescription: String { self.name }

            static func says(_ text: String, _ code: UInt16?, connected: Bool = true) -> Self {
                Self(name: String(text.prefix(60)), code: code, isConnected: connected) {
                    WebSocketPeer.frame(Array(text.utf8))
                }
            }
        }

        static let words: [Attack] = [
            .says("", 3501), .says("hello", 3501), .says("null", 3501), .says("[]", 3501),
            .says("42", 3501), .says("\"{}\"", 3501), .says("{\"id\":5", 3501),
            .says("{\"id\":5}", 3501), .says("{\"id\":-1,\"unsubscribe\":{}}", 3501),
            .says("{\"id\":4294967296,\"unsubscribe\":{}}", 3501),
            .says("{\"id\":1e9999,\"unsubscribe\":{}}", 3501),
            .says("{\"id\":\"5\",\"unsubscribe\":{}}", 3501),
            .says("{\"unsubscribe\":{\"channel\":\"a\"}}", 3501),
            .says("{\"id\":5,\"subscribe\":[]}", 3501),
            .says("{\"id\":5,\"subscribe\":{\"channel\":7}}", 3501),
            .says("{\"id\":5,\"subscribe\":{\"channel\":\"a\",\"offset\":-1}}", 3501),
            .says("{\"id\":5,\"history\":{\"channel\":\"a\",\"limit\":99999999999}}", 3501),
            .says("{\"id\":5,\"fly\":{}}", 3501), .says("{\"id\":5,\"ping\":{}}", 3501),
            .says("{\"send\":{\"data\":1}}", 3508),
            .says("{\"id\":5,\"publish\":{},\"history\":{}}", 3501),
            .says("{\"id\":5,\"connect\":{\"token\":\"x\"}}", 3501),
            .says("{}", 3501),
            .says("{\"id\":5,\"publish\":{\"channel\":\"a\",\"data\":\"\\ud800\"}}", 3501),
            .says(String(repeating: "[", count: 60_000), 3501),
            .says(
                "{\"id\":5,\"publish\":{\"channel\":\"a\",\"data\":"
                    + String(repeating: "[", count: 60_000) + "}}",
                3501
            ),
            .says("{\"id\":5,\"unsubscribe\":{\"channel\":\"a\"}}", nil),
            .says("{\"id\":5,\"rpc\":{\"method\":\"fly\"}}", nil),
            .says("{\"id\":1,\"subscribe\":{\"channel\":\"a\"}}", 3501, connected: false),
            .says("{}", 3501, connected: false),
            .says("{\"id\":1,\"connect\":{}}", 3501, connected: false),
            .says("{\"id\":1,\"connect\":{\"token\":\"a.b.c\"}}", 3500, connected: false),
            .says(String(repeating: "{}\n", count: 21_000), 3501),
        ]

        @Test(arguments: Self.words)
        func `words that are no protocol end their connection alone`(_ attack: Attack) async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                if attack.isConnected { try peer.connect() }
                peer.socket.send(attack.bytes())
                let code = peer.closeCode(milliseconds: attack.code == nil ? 200 : 5000)
                try hold(code == attack.code, "\(attack.name): \(String(describing: code))")
                try expectUnharmed(port: port)
            }
        }

        /// What a close tells the roles of its own shard must not wait for a clock read before it.
        @Test func `pongs unasked on a server at rest harm nobody, whatever their senders follow`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                for number in 0..<8 {
                    let peer = try WebSocketPeer(port: port)
                    try peer.connect(user: "rude-\(number)")
                    for channel in 0..<4 {
                        peer.send("{\"id\":2,\"subscribe\":{\"channel\":\"rest-\(channel)\"}}")
                        _ = try peer.message { $0.contains("\"subscribe\"") }
                    }
                    pause(milliseconds: 200)
                    peer.send("{}")
                    let code = peer.closeCode()
                    try hold(code == 3501, "\(String(describing: code))")
                }
                try expectUnharmed(port: port)
            }
        }

        /// A million levels do not fit a message: they end it at its limit, or in the parser.
        @Test func `a million levels of nesting are refused by their size`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                try peer.connect()
                let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
                peer.socket.send(WebSocketPeer.frame(deep))
                let code = peer.closeCode()
                try hold(code == 1009, "\(String(describing: code))")
                try expectUnharmed(port: port)
            }
        }

        struct Claim: Sendable {
            var token: String
            /// A close, or an error if it is below 1000.
            var code: UInt16
        }

        static let claims: [Claim] = [
            Claim(token: WebSocketPeer.token(user: "a", secret: "guess"), code: 3500),
            Claim(token: WebSocketPeer.token(user: "a", algorithm: "none"), code: 3500),
            Claim(token: WebSocketPeer.token(user: "a", algorithm: "HS512"), code: 3500),
            Claim(token: WebSocketPeer.token(user: "a", algorithm: "RS256"), code: 3500),
            Claim(
                token: WebSocketPeer.base64("{\"alg\":\"none\"}") + "."
                    + WebSocketPeer.base64("{\"sub\":\"a\"}") + ".",
                code: 3500
            ),
            Claim(token: WebSocketPeer.token(user: "a") + "A", code: 3500),
            Claim(token: String(repeating: "a", count: 50_000), code: 3500),
            Claim(token: WebSocketPeer.token(user: "a", claims: ",\"exp\":\"never\""), code: 3500),
            Claim(token: WebSocketPeer.token(user: "a", claims: ",\"exp\":1"), code: 109),
            Claim(token: "", code: 3501),
        ]

        @Test(arguments: Self.claims)
        func `a token that proves nothing opens nothing`(_ claim: Claim) async throws {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                let place = "forbidden-\(UUID().uuidString)"
                peer.send(
                    "{\"id\":1,\"connect\":{\"token\":\"\(claim.token)\"}}\n"
                        + "{\"id\":2,\"publish\":{\"channel\":\"\(place)\",\"data\":1}}"
                )
                if claim.code < 1000 {
                    let reply = try peer.message()
                    try hold(reply.contains("\"code\":\(claim.code),"), reply)
                    peer.send("{\"id\":3,\"history\":{\"channel\":\"a\"}}")
                    let code = peer.closeCode()
                    try hold(code == 3501, "\(String(describing: code))")
                } else {
                    let code = peer.closeCode()
                    try hold(code == claim.code, "\(String(describing: code)) for \(claim)")
                }
                let witness = try WebSocketPeer(port: port)
                try witness.connect()
                witness.send("{\"id\":2,\"history\":{\"channel\":\"\(place)\"}}")
                let history = try witness.message { $0.contains("\"history\"") }
                try hold(history.contains("\"offset\":0"), "nothing was written: \(history)")
            }
        }

        @Test func `a refused command leaves its connection open`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                try peer.connect()
                let long = String(repeating: "x", count: 256)
                let refusals: [(command: String, code: Int)] = [
                    ("\"rpc\":{\"method\":\"fly\"}", 104),
                    ("\"rpc\":{\"method\":\"chat.send\",\"data\":{\"channel\":\"a\"}}", 107),
                    ("\"subscribe\":{\"channel\":\"\(long)\"}", 107),
                    ("\"subscribe\":{\"channel\":\"\"}", 107),
                    ("\"subscribe\":{\"channel\":\"caf\u{e9}\"}", 107),
                    ("\"subscribe\":{\"channel\":\"unknown:a\"}", 102),
                    ("\"subscribe\":{\"channel\":\"a\",\"type\":1}", 108),
                    ("\"publish\":{\"channel\":\"a\"}", 107),
                    ("\"presence\":{\"channel\":\"a\"}", 108),
                    (
                        "\"history\":{\"channel\":\"a\",\"reverse\":true,\"since\":{\"offset\":0}}",
                        107
                    ),
                    (
                        "\"history\":{\"channel\":\"a\",\"limit\":1,\"since\":{\"epoch\":\"x\"}}",
                        112
                    ),
                    (
                        "\"subscribe\":{\"channel\":\"a\",\"recover\":true,\"epoch\":\"x\",\"flag\":2}",
                        112
                    ),
                ]
                for (index, refusal) in refusals.enumerated() {
                    peer.send("{\"id\":\(index + 10),\(refusal.command)}")
                    let reply = try peer.message { $0.hasPrefix("{\"id\":\(index + 10),") }
                    try hold(reply.contains("\"code\":\(refusal.code),"), "\(refusal) \(reply)")
                }
                for number in 0...128 {
                    peer.send("{\"id\":\(number + 100),\"subscribe\":{\"channel\":\"s\(number)\"}}")
                    let reply = try peer.message { $0.hasPrefix("{\"id\":\(number + 100),") }
                    try hold(reply.contains("\"code\":106,") == (number == 128), reply)
                }
                peer.send("{\"id\":300,\"subscribe\":{\"channel\":\"s0\"}}")
                let again = try peer.message { $0.hasPrefix("{\"id\":300,") }
                try hold(again.contains("\"code\":105,"), again)
            }
        }
    }
}
