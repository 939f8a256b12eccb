import ChatServer
import Foundation
import Testing

extension Hostile {
    /// Tokens that an application server takes back, across the deaths of the process.
    struct RevocationTests {
        private static let apiKey = "an API key"

        private static func server() throws -> ServerProcess {
            let server = try ServerProcess()
            let file = server.directory.appending(path: "parley.yaml")
            try "apiKey: \(Self.apiKey)\n".write(to: file, atomically: true, encoding: .utf8)
            server.options = ["--config", file.path(percentEncoded: false)]
            try server.start()
            return server
        }

        private static func ask(
            _ server: ServerProcess,
            _ method: String,
            _ body: String
        ) throws -> String {
            let socket = try RawSocket(port: server.port)
            socket.send(
                "POST /api/\(method) HTTP/1.1\r\nHost: x\r\nX-API-Key: \(Self.apiKey)\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            )
            return try socket.response().body
        }

        private static func token(_ user: String, _ claims: String) -> String {
            WebSocketPeer.token(user: user, claims: claims)
        }

        private static func connect(
            _ server: ServerProcess,
            _ token: String
        ) throws -> WebSocketPeer {
            let peer = try WebSocketPeer(port: server.port)
            peer.send("{\"id\":1,\"connect\":{\"token\":\"\(token)\"}}")
            return peer
        }

        private static func expectIn(
            _ server: ServerProcess,
            _ token: String
        ) throws -> WebSocketPeer {
            let peer = try Self.connect(server, token)
            _ = try peer.message { $0.contains("\"connect\":{") }
            return peer
        }

        private static func expectOut(_ server: ServerProcess, _ token: String) throws {
            let code = try Self.connect(server, token).closeCode()
            try hold(code == 3500, "a revoked token: \(String(describing: code))")
        }

        private static func enter(_ token: String) -> String {
            "{\"id\":2,\"subscribe\":{\"channel\":\"$den\",\"token\":\"\(token)\"}}"
        }

        private static let done = "{\"result\":{}}"

        @Test func `a revoked token lets nobody in, also after kill -9, and who is in goes`()
            async throws
        {
            try await expectHolds(()) { _ in
                let server = try Self.server()
                let first = Self.token("42", ",\"jti\":\"first\"")
                let second = Self.token("42", ",\"jti\":\"second\"")
                let peer = try Self.expectIn(server, first)
                let other = try Self.expectIn(server, second)
                let answer = try Self.ask(server, "revoke_token", "{\"uid\":\"first\"}")
                try hold(answer == Self.done, answer)
                let code = peer.closeCode()
                try hold(code == 3500, "who came in by it: \(String(describing: code))")
                try Self.expectOut(server, first)
                server.kill()
                try server.start()
                try Self.expectOut(server, first)
                _ = try Self.expectIn(server, second)
                try hold(other.socket.ends(within: 2000), "the process was killed")
                // A backup of the log that is put back makes no token good.
                server.kill()
                for suffix in ["", "-wal", "-shm"]
                where FileManager.default.fileExists(atPath: server.database + suffix) {
                    try FileManager.default.removeItem(atPath: server.database + suffix)
                }
                try server.start()
                try Self.expectOut(server, first)
            }
        }

        @Test func `all tokens of a user from before now are taken back, also after kill -9`()
            async throws
        {
            try await expectHolds(()) { _ in
                let server = try Self.server()
                let now = Int(Date().timeIntervalSince1970)
                let old = Self.token("42", ",\"iat\":\(now - 100)")
                let plain = Self.token("42", "")
                let new = Self.token("42", ",\"iat\":\(now + 100)")
                let neighbour = Self.token("43", ",\"iat\":\(now - 100)")
                let goers = [try Self.expectIn(server, old), try Self.expectIn(server, plain)]
                let stayers = [
                    try Self.expectIn(server, new), try Self.expectIn(server, neighbour),
                ]
                let answer = try Self.ask(server, "invalidate_user_tokens", "{\"user\":\"42\"}")
                try hold(answer == Self.done, answer)
                for peer in goers {
                    let code = peer.closeCode()
                    try hold(code == 3500, "who came in by it: \(String(describing: code))")
                }
                for peer in stayers {
                    peer.send("{\"id\":9,\"publish\":{\"channel\":\"a\",\"data\":1}}")
                    _ = try peer.message { $0.contains("\"id\":9") }
                }
                server.kill()
                try server.start()
                for token in [old, plain] { try Self.expectOut(server, token) }
                for token in [new, neighbour] { _ = try Self.expectIn(server, token) }
            }
        }

        @Test func `a revoked token renews nothing, and its subscription ends`() async throws {
            try await expectHolds(()) { _ in
                let server = try Self.server()
                let ticket = Self.token("42", ",\"jti\":\"ticket\",\"channel\":\"$den\"")
                let other = Self.token("42", ",\"jti\":\"other\",\"channel\":\"$den\"")
                let peer = try Self.expectIn(server, Self.token("42", ""))
                peer.send(Self.enter(ticket))
                _ = try peer.message { $0.contains("\"subscribe\":{") }
                let neighbour = try Self.expectIn(server, Self.token("42", ""))
                neighbour.send(Self.enter(other))
                _ = try neighbour.message { $0.contains("\"subscribe\":{") }
                for uid in ["ticket", "next"] {
                    let answer = try Self.ask(server, "revoke_token", "{\"uid\":\"\(uid)\"}")
                    try hold(answer == Self.done, answer)
                }
                _ = try peer.message { $0.contains("\"unsubscribe\":{\"code\":2000") }
                peer.send(Self.enter(ticket))
                _ = try peer.message { $0.contains("\"code\":103") }
                neighbour.send(
                    "{\"id\":3,\"sub_refresh\":{\"channel\":\"$den\",\"token\":\"\(ticket)\"}}"
                )
                _ = try neighbour.message { $0.contains("\"code\":103") }
                let next = Self.token("42", ",\"jti\":\"next\"")
                neighbour.send("{\"id\":4,\"refresh\":{\"token\":\"\(next)\"}}")
                let code = neighbour.closeCode()
                try hold(code == 3500, "a revoked token renews: \(String(describing: code))")
            }
        }

        @Test func `a connection hangs on the token that it showed last`() async throws {
            try await expectHolds(()) { _ in
                let server = try Self.server()
                let peer = try Self.expectIn(server, Self.token("42", ",\"jti\":\"a\""))
                let renewed = Self.token("42", ",\"jti\":\"b\",\"exp\":4000000000")
                peer.send("{\"id\":2,\"refresh\":{\"token\":\"\(renewed)\"}}")
                _ = try peer.message { $0.contains("\"refresh\":{") }
                _ = try Self.ask(server, "revoke_token", "{\"uid\":\"a\"}")
                peer.send("{\"id\":3,\"publish\":{\"channel\":\"a\",\"data\":1}}")
                _ = try peer.message { $0.contains("\"id\":3") }
                _ = try Self.ask(server, "revoke_token", "{\"uid\":\"b\"}")
                let code = peer.closeCode()
                try hold(code == 3500, "who came in by it: \(String(describing: code))")
            }
        }

        @Test func `what cannot be understood revokes nothing, and ends with its time`()
            async throws
        {
            try await expectHolds(()) { _ in
                let server = try Self.server()
                let token = Self.token("42", ",\"jti\":\"t\"")
                for (method, body) in [
                    ("revoke_token", "{}"), ("revoke_token", "{\"uid\":\"\"}"),
                    ("revoke_token", "{\"uid\":7}"), ("revoke_token", ""), ("revoke_token", "["),
                    ("revoke_token", "{\"user\":\"42\"}"),
                    ("revoke_token", "{\"uid\":\"t\",\"expire_at\":7}"),
                    ("revoke_token", "{\"uid\":\"t\",\"expire_at\":-7}"),
                    ("invalidate_user_tokens", "{\"uid\":\"t\"}"),
                    ("invalidate_user_tokens", "{\"user\":\"42\",\"expire_at\":1}"),
                    ("invalidate_user_tokens", "{\"user\":\"42\",\"channel\":\"den\"}"),
                    ("invalidate_user_tokens", "{\"user\":\"42\",\"issued_before\":\"now\"}"),
                ] {
                    let answer = try Self.ask(server, method, body)
                    try hold(answer.contains("\"error\":{\"code\":107"), "\(body): \(answer)")
                }
                _ = try Self.expectIn(server, token)
                let soon = Int(Date().timeIntervalSince1970) + 2
                let body = "{\"uid\":\"t\",\"expire_at\":\(soon)}"
                try hold(
                    try Self.ask(server, "revoke_token", body) == Self.done,
                    "it is understood"
                )
                try Self.expectOut(server, token)
                pause(milliseconds: 2500)
                _ = try Self.expectIn(server, token)
            }
        }

        @Test func `who shows tokens for ever more conversations is sent away`() async throws {
            try await expectHolds(()) { _ in
                let server = try Self.server()
                let peer = try Self.expectIn(server, Self.token("42", ""))
                var code: UInt16?
                for number in 0..<1_100 where code == nil {
                    let name = "$den\(number)"
                    let ticket = Self.token("42", ",\"channel\":\"\(name)\"")
                    peer.send(
                        "{\"id\":\(number + 2),\"subscribe\":{\"channel\":\"\(name)\",\"token\":\"\(ticket)\"}}"
                    )
                    if let frame = peer.next(milliseconds: 2000), frame.opcode == 8 {
                        code = frame.closeCode
                        try hold(number >= 1_024, "not before: \(number)")
                    }
                }
                try hold(code == 3505, "sent away: \(String(describing: code))")
            }
        }
    }
}
