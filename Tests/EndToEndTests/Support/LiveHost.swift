import ChatCore
import ChatServer
import Foundation
import Kernel
import Logging
import Testing

/// Everything here talks to real sockets, one test at a time.
@Suite(.serialized, .tags(.socket)) struct Hostile {}

/// Gives a suite one live server in this process, with short patience; drained at the end.
struct LiveHost: SuiteTrait, TestScoping {
    @TaskLocal static var port = 0
    static let apiKey = "an API key"

    /// Whether the server subscribes users to their own channels.
    var isPersonal = false

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let data = temporaryDirectory()
        var configuration = ServerConfiguration(
            dataPath: data.path(percentEncoded: false),
            tokens: TokenPolicy(keys: [.secret(WebSocketPeer.secret)])
        )
        configuration.host = "127.0.0.1"
        configuration.port = 0
        configuration.shardCount = 2
        configuration.apiKey = Self.apiKey
        configuration.allowedOrigins = ["https://chat.example"]
        configuration.namespaces.personal = self.isPersonal ? "" : nil
        configuration.drainSeconds = 1
        configuration.declare("c", Namespace(isMembersOnly: true))
        configuration.declare("p", Namespace(presence: true))
        configuration.shard.pingInterval = .seconds(2)
        configuration.shard.pongTimeout = .seconds(1)
        configuration.shard.connectTimeout = .seconds(2)
        var log = Logger(label: "parley")
        log.logLevel = .critical
        let server = try await LiveServer.start(configuration, log: log)
        try await Self.$port.withValue(server.port) { try await function() }
        try await server.drain()
        try FileManager.default.removeItem(at: data)
    }
}

extension Trait where Self == LiveHost {
    static var liveHost: Self { Self() }
    static var personalHost: Self { Self(isPersonal: true) }
}

/// A path that nobody has used.
func temporaryDirectory() -> URL {
    FileManager.default.temporaryDirectory.appending(path: "parley-\(UUID().uuidString)")
}

/// Sends one message between two clients that have nothing to do with an attack, and says that it came in time.
func expectUnharmed(port: Int) throws {
    let sender = try WebSocketPeer(port: port)
    try sender.connect(user: "bystander")
    let name = "calm-\(UUID().uuidString)"
    let reader = try WebSocketPeer(port: port)
    try reader.connect(user: "reader")
    reader.send("{\"id\":2,\"subscribe\":{\"channel\":\"\(name)\"}}")
    _ = try reader.message { $0.contains("\"subscribe\"") }
    sender.send("{\"id\":2,\"publish\":{\"channel\":\"\(name)\",\"data\":1}}")
    _ = try sender.message { $0.contains("\"publish\"") }
    _ = try reader.message(milliseconds: 2000) { $0.contains("\"offset\":1") }
}
