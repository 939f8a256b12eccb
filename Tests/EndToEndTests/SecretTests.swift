import Foundation
import Testing

extension Hostile {
    /// What must be in no log and no record, however much is said.
    struct SecretTests {
        private static let apiKey = "an-api-key-that-nobody-may-read"
        private static let secret = "a-token-secret-that-nobody-may-read"

        /// All bytes of the files below a folder.
        private static func contents(below folder: URL) throws -> [(path: String, bytes: Data)] {
            let walk = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            var files: [(String, Data)] = []
            for case let url as URL in walk ?? .init()
            where try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true {
                files.append((url.path(percentEncoded: false), try Data(contentsOf: url)))
            }
            return files
        }

        private static let body = "a body that nobody may read"
        private static let good = WebSocketPeer.token(user: "42", claims: ",\"jti\":\"one\"")
        private static let forged = WebSocketPeer.token(user: "42", secret: Self.secret)
        private static let late = WebSocketPeer.token(user: "42", claims: ",\"exp\":7")
        private static let ticket = WebSocketPeer.token(
            user: "42",
            claims: ",\"channel\":\"$den\""
        )
        private static let rubbish = "rubbish.rubbish.rubbish"

        /// Shows the server every secret that there is, in every place where one belongs.
        private static func showAll(to port: Int) throws {
            for token in [Self.forged, Self.late, Self.rubbish] {
                let peer = try WebSocketPeer(port: port)
                peer.send("{\"id\":1,\"connect\":{\"token\":\"\(token)\"}}")
                _ = peer.next(milliseconds: 2000)
            }
            let peer = try WebSocketPeer(port: port)
            peer.send("{\"id\":1,\"connect\":{\"token\":\"\(Self.good)\"}}")
            _ = try peer.message { $0.contains("\"connect\":{") }
            let enter = "\"channel\":\"$den\",\"token\":\"\(Self.ticket)\""
            peer.send("{\"id\":2,\"subscribe\":{\(enter)}}")
            _ = try peer.message { $0.contains("\"subscribe\":{") }
            let publication = "\"channel\":\"$den\",\"data\":\"\(Self.body)\""
            peer.send("{\"id\":3,\"publish\":{\(publication)}}")
            _ = try peer.message { $0.contains("\"publish\":{}") }
            peer.send("{\"id\":4,\"refresh\":{\"token\":\"\(Self.late)\"}}")
            _ = peer.closeCode()
            for key in [Self.apiKey, Self.apiKey + "x", ""] {
                for method in ["publish", "revoke_token", "nothing"] {
                    let socket = try RawSocket(port: port)
                    let body = "{\(publication),\"uid\":\"\(Self.late)\"}"
                    socket.send(
                        "POST /api/\(method) HTTP/1.1\r\nHost: x\r\nX-API-Key: \(key)\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
                    )
                    _ = try socket.response()
                }
            }
            let stray = try RawSocket(port: port)
            let line = "GET /\(Self.apiKey)?token=\(Self.good) HTTP/1.1\r\n"
            stray.send("\(line)X: \(Self.secret)\r\n\r\n")
            _ = stray.receive(milliseconds: 500)
        }

        @Test
        func `no key, no token and no body is in a log at its most talkative, nor in a record`()
            async throws
        {
            try await expectHolds(()) { _ in
                let server = try ServerProcess()
                let file = server.directory.appending(path: "parley.yaml")
                try "apiKey: \(Self.apiKey)\n".write(to: file, atomically: true, encoding: .utf8)
                let record = server.directory.appending(path: "record")
                server.options = [
                    "--config", file.path(percentEncoded: false), "--log-level", "trace",
                    "--record", record.path(percentEncoded: false),
                ]
                try server.start()
                try Self.showAll(to: server.port)
                try hold(server.stop() == 0, "a drain ends with 0")
                try FileManager.default.removeItem(at: file)
                let secrets = [
                    Self.apiKey, Self.secret, Self.good, Self.forged, Self.late, Self.ticket,
                    Self.rubbish, Self.body,
                ]
                let files = try Self.contents(below: server.directory)
                // The log's database holds bodies: that is what it is for.
                for (path, bytes) in files where !path.hasPrefix(server.database) {
                    for secret in secrets {
                        try hold(bytes.range(of: Data(secret.utf8)) == nil, "\(path): \(secret)")
                    }
                }
                let log = files.first { $0.path.contains("/log-") }?.bytes ?? Data()
                let text = String(decoding: log, as: UTF8.self)
                try hold(text.contains(" trace "), "the log is at its most talkative: \(text)")
                let recorded = files.filter { $0.path.contains("/record/") }
                try hold(recorded.contains { $0.bytes.count > 500 }, "there is a record")
                let kept = files.contains { $0.bytes.range(of: Data(Self.body.utf8)) != nil }
                try hold(kept, "what is looked for can be found: the log's database has the body")
            }
        }

        @Test(arguments: ["loud", "", "TRACE"])
        func `a level that is none ends the start with 2`(_ level: String) async throws {
            try await expectHolds(level) { level in
                let server = try ServerProcess()
                let result = try run(
                    URL(filePath: "/bin/sh"),
                    [
                        "-c", "exec \"$@\" 2>&1", "sh",
                        ServerProcess.command.path(percentEncoded: false), "serve", "--data",
                        server.data, "--token-hmac-secret", "s", "--log-level", level,
                    ]
                )
                try hold(result.code == 2 && result.text.contains("trace"), "\(result)")
            }
        }
    }
}
