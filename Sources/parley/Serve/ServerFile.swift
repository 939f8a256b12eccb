package import ChatCore
package import ChatServer
import Foundation
import Kernel
package import Workload

/// What a configuration file of `serve` says; options of the command line win over it.
///
/// Unknown keys and impossible values are refused with file, line and what was expected.
package struct ServerFile {
    package var host: String?
    package var port: Int?
    package var data: String?
    package var tokenSecret: String?
    /// The other keys of tokens, and what tokens must say.
    package var tokens = TokenPolicy(keys: [])
    package var tlsCertificate: String?
    package var tlsKey: String?
    package var apiKey: String?
    package var allowedOrigins: [String]?
    package var addressConnections: UInt32?
    package var proxies: ProxyPolicy?
    /// Files by upload ticket; `nil` takes none.
    package var media: MediaPolicy? = MediaPolicy()
    package var shardCount: Int?
    package var drainSeconds: UInt64?
    package var writeTimeoutSeconds: Int?
    /// By name, in the file's order, without the default namespace.
    package var namespaces: [(name: String, policy: Namespace)] = []
    /// The namespace of the users' own channels; `nil` if the server does not subscribe them.
    package var personal: String?
    /// The policy of channels without a prefix, and what a whole shard is told.
    package var shard = ShardConfiguration()

    /// The file that says nothing.
    package init() {}

    package init(path: String) throws {
        let text: String
        do {
            text = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
        } catch {
            throw ModelError(
                file: path,
                line: 1,
                key: "",
                reason: "cannot be read",
                expected: "a text file"
            )
        }
        try self.init(yaml: text, file: path)
    }

    package init(yaml: String, file: String) throws(ModelError) {
        var mapping = try StrictNode(yaml: yaml, file: file).mapping()
        self.host = try mapping.optional("host")?.text()
        self.port = try mapping.optional("port").map { node throws(ModelError) in
            Int(try node.integer(in: 0...65_535))
        }
        self.data = try mapping.optional("data")?.text()
        self.tokenSecret = try mapping.optional("tokenHmacSecret")?.text()
        self.tlsCertificate = try mapping.optional("tlsCertificate")?.text()
        self.tlsKey = try mapping.optional("tlsKey")?.text()
        self.apiKey = try mapping.optional("apiKey").map { node throws(ModelError) in
            let key = try node.text()
            guard !key.isEmpty else { throw node.refused("is empty", expected: "a secret") }
            return key
        }
        self.allowedOrigins = try mapping.optional("allowedOrigins").map {
            node throws(ModelError) in
            var origins: [String] = []
            for item in try node.items() {
                let origin = try item.text()
                guard origin == "*" || origin.contains("://") else {
                    throw item.refused(
                        "'\(origin)' is no origin",
                        expected: "a scheme and a host, as https://chat.example, or '*'"
                    )
                }
                origins.append(origin)
            }
            return origins
        }
        self.shardCount = try mapping.optional("shards").map { node throws(ModelError) in
            Int(try node.integer(in: 1...1_024))
        }
        self.drainSeconds = try mapping.optional("drainOver")?.seconds(in: 1...3_600)
        self.writeTimeoutSeconds = try mapping.optional("writeTimeout").map {
            node throws(ModelError) in Int(try node.seconds(in: 1...3_600))
        }
        if let node = mapping.optional("media") { self.media = try MediaPolicy.reading(node) }
        if let node = mapping.optional("tokens") { try self.readTokens(node) }
        if let node = mapping.optional("pings") { try self.readPings(node) }
        if let node = mapping.optional("limits") { try self.readLimits(node) }
        if let node = mapping.optional("proxies") { self.proxies = try ProxyPolicy(node) }
        if let node = mapping.optional("admission") {
            self.shard.overload = try OverloadPolicy.reading(node)
        }
        if let node = mapping.optional("fanOut") {
            self.shard.fanOut = try FanOutPolicy.reading(node)
        }
        if let node = mapping.optional("defaultNamespace") {
            var policy = try node.mapping()
            self.shard.namespaces = [try Namespace(&policy)]
            try policy.finish()
        }
        if let node = mapping.optional("namespaces") { try self.readNamespaces(node) }
        if let node = mapping.optional("personalChannels") { try self.readPersonal(node) }
        try mapping.finish()
    }

    /// Comes after the namespaces, of which it names one.
    private mutating func readPersonal(_ node: StrictNode) throws(ModelError) {
        let name = try node.text()
        switch name {
        case "false": self.personal = nil
        case "true": self.personal = ""
        default:
            guard self.namespaces.contains(where: { $0.name == name }) else {
                throw node.refused(
                    "'\(name)' is no namespace",
                    expected: "true, false, or the name of a namespace"
                )
            }
            self.personal = name
        }
    }

    private mutating func readTokens(_ node: StrictNode) throws(ModelError) {
        var tokens = try node.mapping()
        if let value = tokens.optional("rsaPublicKey") {
            self.tokens.keys.append(.rsa(pem: try value.contents()))
        }
        if let value = tokens.optional("ecdsaPublicKey") {
            self.tokens.keys.append(.ecdsa(pem: try value.contents()))
        }
        if let value = tokens.optional("ed25519PublicKey") {
            self.tokens.keys.append(.ed25519(pem: try value.contents()))
        }
        if let value = tokens.optional("jwks") {
            self.tokens.keys.append(.jwks(json: try value.contents()))
        }
        self.tokens.audience = try tokens.optional("audience")?.text()
        self.tokens.issuer = try tokens.optional("issuer")?.text()
        try tokens.finish()
    }

    private mutating func readPings(_ node: StrictNode) throws(ModelError) {
        var pings = try node.mapping()
        if let value = pings.optional("interval") {
            self.shard.pingInterval = try value.slots(in: .seconds(1) ... .seconds(600))
        }
        if let value = pings.optional("timeout") {
            self.shard.pongTimeout = try value.slots(in: .milliseconds(200) ... .seconds(600))
        }
        guard self.shard.pongTimeout < self.shard.pingInterval else {
            throw node.refused("waits longer than it pauses", expected: "timeout below interval")
        }
        try pings.finish()
    }

    private mutating func readLimits(_ node: StrictNode) throws(ModelError) {
        var limits = try node.mapping()
        if let value = limits.optional("recovery") {
            self.shard.recoveryLimit = UInt32(try value.integer(in: 1...10_000))
        }
        if let value = limits.optional("historyPage") {
            self.shard.historyLimit = UInt32(try value.integer(in: 1...10_000))
        }
        if let value = limits.optional("subscriptions") {
            self.shard.subscriptionLimit = UInt16(try value.integer(in: 1...65_535))
        }
        if let value = limits.optional("pendingMessages") {
            self.shard.pendingLimit = UInt32(try value.integer(in: 1...1_000_000))
        }
        self.shard.commandRate = try RateLimit.reading(
            perSecond: limits.optional("commandsPerSecond"),
            burst: limits.optional("commandBurst"),
            usual: self.shard.commandRate
        )
        self.shard.publishRate = try RateLimit.reading(
            perSecond: limits.optional("publishesPerSecond"),
            burst: limits.optional("publishBurst"),
            usual: self.shard.publishRate
        )
        if let value = limits.optional("userConnections") {
            self.shard.userConnectionLimit = UInt32(try value.integer(in: 1...1_000))
        }
        if let value = limits.optional("addressConnections") {
            self.addressConnections = UInt32(try value.integer(in: 1...1_000_000))
        }
        try limits.finish()
    }

    private mutating func readNamespaces(_ node: StrictNode) throws(ModelError) {
        for item in try node.items() {
            var mapping = try item.mapping()
            let name = try mapping.required("name", expected: "text without ':'")
            let text = try name.text()
            guard !text.contains(":"), !text.hasPrefix("$"), !text.hasPrefix("#"),
                text.utf8.allSatisfy({ $0 < 128 })
            else {
                throw name.refused(
                    "'\(text)' is no name",
                    expected: "ASCII text without ':', that begins with neither '$' nor '#'"
                )
            }
            guard !self.namespaces.contains(where: { $0.name == text }) else {
                throw name.refused("'\(text)' is given twice", expected: "each name once")
            }
            self.namespaces.append((text, try Namespace(&mapping)))
            try mapping.finish()
        }
        guard self.namespaces.count < 256 else {
            throw node.refused(
                "has \(self.namespaces.count) namespaces",
                expected: "at most 255"
            )
        }
    }
}

extension Namespace {
    /// Takes the keys of a policy; what is not said is allowed.
    fileprivate init(_ mapping: inout StrictMapping) throws(ModelError) {
        self.init()
        if let value = mapping.optional("log") { self.hasLog = try value.boolean() }
        if let value = mapping.optional("subscribe") { self.allowsSubscribe = try value.boolean() }
        if let value = mapping.optional("publish") { self.publishers = try value.audience() }
        if let value = mapping.optional("history") { self.historyReaders = try value.audience() }
        if let value = mapping.optional("historySize") {
            self.historySize = UInt32(try value.integer(in: 1...1_000_000_000))
        }
        if let value = mapping.optional("historyAge") {
            self.historyAge = try value.duration(in: .seconds(1) ... .seconds(315_360_000))
        }
        if let value = mapping.optional("presence") { self.presence = try value.boolean() }
        if let value = mapping.optional("presenceReaders") {
            self.presenceReaders = try value.audience()
        }
        if let value = mapping.optional("joinLeave") { self.joinLeave = try value.boolean() }
        if let value = mapping.optional("forcePushJoinLeave") {
            self.forcePushJoinLeave = try value.boolean()
        }
        if let value = mapping.optional("membership") {
            self.isMembersOnly = try value.boolean()
            guard self.hasLog || !self.isMembersOnly else {
                throw value.refused("keeps members without a log", expected: "log: true")
            }
        }
    }
}

extension ProxyPolicy {
    fileprivate init(_ node: StrictNode) throws(ModelError) {
        var mapping = try node.mapping()
        let header = try mapping.required("header", expected: "a header, as X-Forwarded-For").text()
        let trusted = try mapping.required("trusted", expected: "a list of addresses")
        var ranges: [AddressRange] = []
        for item in try trusted.items() {
            let text = try item.text()
            guard let range = AddressRange(text) else {
                throw item.refused(
                    "'\(text)' is no address",
                    expected: "one as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32"
                )
            }
            ranges.append(range)
        }
        try mapping.finish()
        self.init(header: header, trusted: ranges)
    }
}

extension StrictNode {
    /// The text of the file that this names.
    fileprivate func contents() throws(ModelError) -> String {
        let path = try self.text()
        do {
            return try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
        } catch {
            throw self.refused("'\(path)' cannot be read", expected: "the path of a text file")
        }
    }

    /// Whom an operation is open to.
    fileprivate func audience() throws(ModelError) -> Audience {
        try self.choice(["true": .clients, "subscribers": .subscribers, "false": .nobody])
    }

    /// A time of whole seconds.
    func seconds(in range: ClosedRange<UInt64>) throws(ModelError) -> UInt64 {
        let interval = try self.duration(
            in: .seconds(range.lowerBound) ... .seconds(range.upperBound)
        )
        guard interval.nanoseconds.isMultiple(of: 1_000_000_000) else {
            throw self.refused("is finer than a second", expected: "whole seconds")
        }
        return interval.nanoseconds / 1_000_000_000
    }

    /// A time that is a multiple of the 100 ms in which pings are grouped.
    fileprivate func slots(in range: ClosedRange<Interval>) throws(ModelError) -> Interval {
        let interval = try self.duration(in: range)
        guard interval.nanoseconds.isMultiple(of: 100_000_000) else {
            throw self.refused("is finer than 100 ms", expected: "a multiple of 100 ms")
        }
        return interval
    }
}
