import ArgumentParser
import ChatCore
import ChatServer
import Logging
import Workload

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the live server until SIGTERM or SIGINT; a second signal ends it at once."
    )

    @Option(help: "A YAML file with the settings below and more: docs/configuration.md.")
    var config: String?

    @Option(help: "The address to listen on (default: 0.0.0.0).")
    var host: String?

    @Option(help: "The port to listen on; 0 takes any (default: 8000).")
    var port: Int?

    @Option(help: "The directory of the durable store; one process at a time.")
    var data: String?

    @Option(help: "The secret that connection tokens are signed with.")
    var tokenHmacSecret: String?

    @Option(help: "A PEM file with the certificate and its chain: the port speaks TLS.")
    var tlsCertificate: String?

    @Option(help: "A PEM file with the certificate's key. SIGHUP reads both files again.")
    var tlsKey: String?

    @Option(help: "Event loops; the default is the number of cores.")
    var shards: UInt16?

    @Option(help: "A namespace besides the default one; may be repeated.")
    var namespace: [String] = []

    @Option(help: "Whether what waits too long is refused: on or off (default: on).")
    var admission: Switch?

    @Option(help: "The least that is logged; no level names a token, a key or a body.")
    var logLevel = LogLevel.info

    @Option(help: "A folder for a record of what each shard is told, without bodies or tokens.")
    var record: String?

    @Option(
        help: "The most that a shard's record takes, in MiB; the oldest part goes (default: 64)."
    )
    var recordLimit: Int?

    func validate() throws {
        if let limit = self.recordLimit, !(4...65_536 ~= limit) {
            throw ValidationError("--record-limit \(limit): expected 4 to 65536")
        }
        if let port = self.port, !(0...65_535 ~= port) {
            throw ValidationError("--port \(port): expected 0 to 65535")
        }
        if let shards = self.shards, !(1...1024 ~= shards) {
            throw ValidationError("--shards \(shards): expected 1 to 1024")
        }
        for name in self.namespace
        where name.isEmpty || name.contains(":") || !name.utf8.allSatisfy({ $0 < 128 }) {
            throw ValidationError("--namespace '\(name)': expected ASCII text without ':'")
        }
    }

    func run() async throws {
        let level = self.logLevel.level
        LoggingSystem.bootstrap { label in
            var output = StreamLogHandler.standardError(label: label)
            output.logLevel = level
            return output
        }
        let log = Logger(label: "parley")
        let configuration = try self.configuration()
        let server: LiveServer
        do {
            server = try await LiveServer.start(configuration, log: log)
        } catch {
            log.critical("cannot start", metadata: ["error": "\(error)"])
            throw ExitCode(2)
        }
        let (signals, first) = AsyncStream<Void>.makeStream()
        let reload: @Sendable () -> Void = {
            do {
                try server.reloadCertificate()
            } catch {
                log.error("the former certificate stays", metadata: ["error": "\(error)"])
            }
        }
        let sources = EndSignals()
            .listen(onReload: configuration.certificate == nil ? nil : reload) { first.yield() }
        for await _ in signals { break }
        try await server.drain()
        // Until here, so that the second signal is heard while draining.
        withExtendedLifetime(sources) {}
    }

    /// The file's settings, and the command line's over them.
    private func configuration() throws -> ServerConfiguration {
        let file: ServerFile
        do {
            file = try self.config.map { try ServerFile(path: $0) } ?? ServerFile()
        } catch let error as ModelError {
            throw ValidationError(error.description)
        }
        guard let data = self.data ?? file.data else {
            throw ValidationError("no data directory; expected --data DIR, or data: in --config")
        }
        var tokens = file.tokens
        let secret = self.tokenHmacSecret ?? file.tokenSecret ?? ""
        if !secret.isEmpty { tokens.keys.append(.secret(secret)) }
        guard !tokens.keys.isEmpty else {
            throw ValidationError(
                "no key for tokens; expected --token-hmac-secret S, or in --config"
                    + " tokenHmacSecret: S or a key in tokens:"
            )
        }
        var configuration = ServerConfiguration(dataPath: data, tokens: tokens)
        if let host = self.host ?? file.host { configuration.host = host }
        if let port = self.port ?? file.port { configuration.port = port }
        if let shards = self.shards.map(Int.init) ?? file.shardCount {
            configuration.shardCount = shards
        }
        if let seconds = file.drainSeconds { configuration.drainSeconds = seconds }
        if let seconds = file.writeTimeoutSeconds { configuration.writeTimeoutSeconds = seconds }
        configuration.certificate = try self.certificate(file)
        configuration.apiKey = file.apiKey
        configuration.allowedOrigins = file.allowedOrigins
        configuration.addressConnections = file.addressConnections
        configuration.proxies = file.proxies
        configuration.media = file.media
        configuration.recordPath = self.record
        if let limit = self.recordLimit { configuration.recordMebibytes = limit }
        configuration.shard = file.shard
        switch self.admission {
        case .none: break
        case .on: configuration.shard.overload = file.shard.overload ?? OverloadPolicy()
        case .off: configuration.shard.overload = nil
        }
        for (name, policy) in file.namespaces { configuration.declare(name, policy) }
        for name in self.namespace where !file.namespaces.contains(where: { $0.name == name }) {
            configuration.declare(name, Namespace())
        }
        configuration.namespaces.personal = file.personal
        guard configuration.shard.namespaces.count <= 256 else {
            throw ValidationError("too many namespaces; expected at most 255")
        }
        return configuration
    }

    private func certificate(_ file: ServerFile) throws -> CertificateFiles? {
        switch (self.tlsCertificate ?? file.tlsCertificate, self.tlsKey ?? file.tlsKey) {
        case (nil, nil): nil
        case (let certificate?, let key?):
            CertificateFiles(certificatePath: certificate, keyPath: key)
        case (.some, nil):
            throw ValidationError("a TLS certificate without its key; expected --tls-key FILE")
        case (nil, .some):
            throw ValidationError("a TLS key alone; expected --tls-certificate FILE")
        }
    }
}

/// How much is logged: this and what matters more.
enum LogLevel: String, CaseIterable, ExpressibleByArgument {
    case trace, debug, info, notice, warning, error, critical

    var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}
