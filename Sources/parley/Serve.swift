import ArgumentParser
import ChatServer
import Dispatch
import Foundation
import Logging

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the live server until SIGTERM or SIGINT; a second signal ends it at once."
    )

    @Option(help: "The address to listen on.")
    var host = "0.0.0.0"

    @Option(help: "The port to listen on; 0 takes any.")
    var port = 8000

    @Option(help: "The directory of the durable store; one process at a time.")
    var data: String

    @Option(help: "The secret that connection tokens are signed with.")
    var tokenHmacSecret: String

    @Option(help: "Event loops; the default is the number of cores.")
    var shards: UInt16?

    @Option(help: "A namespace besides the default one; may be repeated.")
    var namespace: [String] = []

    func validate() throws {
        guard 0...65_535 ~= self.port else {
            throw ValidationError("--port \(self.port): expected 0 to 65535")
        }
        if let shards = self.shards, !(1...1024 ~= shards) {
            throw ValidationError("--shards \(shards): expected 1 to 1024")
        }
        guard !self.tokenHmacSecret.isEmpty else {
            throw ValidationError("--token-hmac-secret is empty, expected a secret")
        }
        guard self.namespace.count < 256 else {
            throw ValidationError("--namespace: expected at most 255")
        }
    }

    func run() async throws {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        let log = Logger(label: "parley")
        var configuration = ServerConfiguration(
            dataPath: self.data,
            tokenSecret: self.tokenHmacSecret
        )
        configuration.host = self.host
        configuration.port = self.port
        if let shards = self.shards { configuration.shardCount = Int(shards) }
        configuration.declare(namespaces: self.namespace)
        let server: LiveServer
        do {
            server = try await LiveServer.start(configuration, log: log)
        } catch {
            log.critical("cannot start", metadata: ["error": "\(error)"])
            throw ExitCode(2)
        }
        let (signals, first) = AsyncStream<Void>.makeStream()
        let sources = Self.listen(first)
        for await _ in signals { break }
        try await server.drain()
        // Until here, so that the second signal is heard while draining.
        withExtendedLifetime(sources) {}
    }

    /// Tells of the first signal to end; the second one ends the process.
    private static func listen(
        _ first: AsyncStream<Void>.Continuation
    ) -> [any DispatchSourceSignal] {
        let count = SignalCount()
        return [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if count.isRepeated() { Foundation.exit(1) }
                first.yield()
            }
            source.resume()
            return source
        }
    }
}
