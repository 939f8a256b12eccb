import ChatCore
import ChatServer
import Foundation
import Kernel
import Logging
import Testing

extension Hostile {
    /// A server that has a certificate.
    struct SecureSocketTests {
        @Test(.enabled(if: Script.python != nil), .timeLimit(.minutes(3)))
        func `a public SDK recovers over TLS, and SIGHUP renews the certificate`() async throws {
            try await expectHolds(()) { _ in
                let certificates = try Certificates()
                let printed = try Script("secure.py")
                    .run([certificates.folder.path(percentEncoded: false)])
                let checks = String(decoding: printed, as: UTF8.self)
                    .trimmingCharacters(in: .whitespacesAndNewlines)
                try hold(checks == "18", checks)
            }
        }

        /// What is wrong with the files; the server is given `certificate` and `key`.
        struct Fault: Sendable, CustomTestStringConvertible {
            var certificate: String?
            var key: String?
            var says: String

            var testDescription: String { self.says }
        }

        static let faults: [Fault] = [
            Fault(certificate: "none.pem", key: "first.key", says: "none.pem: cannot be read"),
            Fault(certificate: "first.pem", key: "none.key", says: "none.key: cannot be read"),
            Fault(certificate: ".", key: "first.key", says: "cannot be read"),
            Fault(certificate: "first.key", key: "first.key", says: "first.key: cannot be used"),
            Fault(certificate: "first.ext", key: "first.key", says: "first.ext: cannot be used"),
            Fault(certificate: "first.pem", key: "first.pem", says: "first.pem: cannot be used"),
            Fault(certificate: "first.pem", key: "first.ext", says: "first.ext: cannot be used"),
            Fault(certificate: "first.pem", key: "second.key", says: "second.key: does not fit"),
            Fault(certificate: "middle.pem", key: "first.key", says: "first.key: does not fit"),
            Fault(certificate: "first.pem", says: "expected --tls-key FILE"),
            Fault(key: "first.key", says: "expected --tls-certificate FILE"),
        ]

        @Test func `certificates and keys that cannot be used end the start with 2`() async throws {
            try await expectHolds(Self.faults) { faults in
                let certificates = try Certificates()
                for fault in faults {
                    let server = try ServerProcess()
                    var options = [
                        "--port", "0", "--data", server.data, "--token-hmac-secret", "s",
                    ]
                    if let name = fault.certificate {
                        options += ["--tls-certificate", certificates.path(name)]
                    }
                    if let name = fault.key { options += ["--tls-key", certificates.path(name)] }
                    let command = ServerProcess.command.path(percentEncoded: false)
                    let result = try run(
                        URL(filePath: "/bin/sh"),
                        ["-c", "exec \"$@\" 2>&1", "sh", command, "serve"] + options
                    )
                    try hold(result.code == 2, "\(fault.says): \(result)")
                    try hold(result.text.contains(fault.says), "\(fault.says): \(result.text)")
                    try hold(result.text.contains("expected"), "\(fault.says): \(result.text)")
                }
            }
        }

        /// What does not become a handshake.
        static let strangers: [(name: String, bytes: [UInt8])] = [
            ("plain HTTP", Array("GET /health HTTP/1.1\r\nHost: x\r\n\r\n".utf8)),
            ("a plain upgrade", Array(WebSocketPeer.request().utf8)),
            ("rubbish", [UInt8](repeating: 0x5a, count: 4096)),
            ("a hello of rubbish", [0x16, 3, 1, 0, 4] + [1, 0, 0, 0]),
            ("an alert", [0x15, 3, 3, 0, 2, 2, 40]),
        ]

        /// Runs `body` beside a server that waits so long for a request.
        private static func expectServed(
            patience: Interval,
            _ body: @escaping @Sendable (Certificates, Int) throws -> Void
        ) async throws {
            let data = temporaryDirectory()
            let certificates = try Certificates()
            var configuration = ServerConfiguration(
                dataPath: data.path(percentEncoded: false),
                tokens: TokenPolicy(keys: [.secret(WebSocketPeer.secret)])
            )
            configuration.host = "127.0.0.1"
            configuration.port = 0
            configuration.shardCount = 2
            configuration.drainSeconds = 1
            configuration.shard.connectTimeout = patience
            configuration.certificate = CertificateFiles(
                certificatePath: certificates.path("first.pem"),
                keyPath: certificates.path("first.key")
            )
            var log = Logger(label: "parley")
            log.logLevel = .critical
            let server = try await LiveServer.start(configuration, log: log)
            let port = server.port
            try await expectHolds(()) { _ in try body(certificates, port) }
            let start = Date()
            try await server.drain()
            #expect(Date().timeIntervalSince(start) < 8, "a drain ends")
            try FileManager.default.removeItem(at: data)
        }

        @Test func `who speaks no TLS is sent away, and harms nobody`() async throws {
            let strangers = Self.strangers
            try await Self.expectServed(patience: .seconds(2)) { certificates, port in
                for (name, bytes) in strangers {
                    let socket = try RawSocket(port: port)
                    socket.send(bytes)
                    try hold(socket.ends(within: 6000), "\(name) is sent away")
                    let answer = String(decoding: socket.received, as: UTF8.self)
                    try hold(!answer.contains("HTTP/"), "\(name): \(answer)")
                    let health = try certificates.health(port: port)
                    try hold(health.contains("HTTP/1.1 200 "), "\(name): \(health)")
                }
            }
        }

        @Test func `a handshake that takes too long ends`() async throws {
            try await Self.expectServed(patience: .seconds(2)) { certificates, port in
                let silent = try RawSocket(port: port)
                let slow = try RawSocket(port: port)
                let start = Date()
                // A hello that promises more, a byte now and then.
                let hello: [UInt8] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]
                var sent = 0
                while !slow.isAtEnd, Date().timeIntervalSince(start) < 10 {
                    slow.send([sent < hello.count ? hello[sent] : 7])
                    sent += 1
                    _ = slow.receive(milliseconds: 100)
                }
                try hold(slow.isAtEnd, "the slow one is sent away")
                try hold(silent.ends(within: 3000), "and the silent one")
                try hold(try certificates.health(port: port).contains(" 200 "), "others go on")
            }
        }

        private struct Report: Decodable {
            var verdict: String
            var sent: Int
        }

        @Test func `a load over TLS holds the promises, with an authority of its own`() async throws
        {
            try await expectHolds(()) { _ in
                let certificates = try Certificates()
                let server = try ServerProcess()
                server.options = [
                    "--tls-certificate", certificates.path("first.pem"), "--tls-key",
                    certificates.path("first.key"),
                ]
                try server.start()
                let file = server.directory.appending(path: "short.yaml")
                try RecordTests.workload.write(to: file, atomically: true, encoding: .utf8)
                let load = { (options: [String]) in
                    try run(
                        ServerProcess.command,
                        [
                            "load", file.path(percentEncoded: false), "--json",
                            "--token-hmac-secret", WebSocketPeer.secret,
                        ] + options
                    )
                }
                let url = "wss://127.0.0.1:\(server.port)/connection/websocket"
                let good = try load(["--url", url, "--tls-ca", certificates.path("root.pem")])
                try hold(good.code == 0, "\(good)")
                let report = try JSONDecoder().decode(Report.self, from: Data(good.text.utf8))
                try hold(report.verdict == "pass" && report.sent > 20, "\(report)")
                for options in [
                    ["--url", url, "--tls-ca", "/nonexistent/root.pem"],
                    ["--url", url, "--tls-ca", certificates.path("root.key")],
                    ["--url", String(url.dropFirst(1)), "--tls-ca", certificates.path("root.pem")],
                    ["--url", "https" + url.dropFirst(3)],
                ] {
                    let refused = try load(options)
                    try hold(refused.code == 2, "\(options): \(refused)")
                }
            }
        }
    }
}
