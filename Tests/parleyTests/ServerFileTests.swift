import ChatCore
import Kernel
import Testing
import Workload
import parley

struct ServerFileTests {
    @Test func `what a configuration file says is what the server is told`() throws {
        let file = try ServerFile(
            yaml: """
                host: 127.0.0.1
                port: 0
                data: store
                tokenHmacSecret: s
                tokens: { audience: us, issuer: me }
                apiKey: k
                allowedOrigins: ["https://chat.example"]
                personalChannels: news
                shards: 3
                drainOver: 2 s
                writeTimeout: 7 s
                pings: { interval: 10 s, timeout: 1500 ms }
                admission: { held: 120 ms, connections: 300 ms }
                limits: { recovery: 5, historyPage: 6, subscriptions: 7, pendingMessages: 8 }
                defaultNamespace: { publish: false, history: subscribers }
                namespaces:
                  - { name: typing, log: false, history: false }
                  - { name: news, subscribe: false, historySize: 9, historyAge: 300 s }
                  - name: crowd
                    presence: true
                    presenceReaders: true
                    joinLeave: true
                    forcePushJoinLeave: true
                  - { name: c, membership: true }
                """,
            file: "parley.yaml"
        )
        #expect(file.host == "127.0.0.1" && file.port == 0 && file.data == "store")
        #expect(file.tokenSecret == "s" && file.shardCount == 3)
        #expect("\(file.tokens)" == "0 keys, audience us, issuer me")
        #expect(file.allowedOrigins == ["https://chat.example"])
        #expect(file.apiKey == "k" && file.personal == "news")
        #expect(file.drainSeconds == 2 && file.writeTimeoutSeconds == 7)
        #expect(file.shard.pingInterval == .seconds(10))
        #expect(file.shard.pongTimeout == .milliseconds(1500))
        #expect(file.shard.recoveryLimit == 5 && file.shard.historyLimit == 6)
        #expect(file.shard.subscriptionLimit == 7 && file.shard.pendingLimit == 8)
        let typing = Namespace(hasLog: false, historyReaders: .nobody)
        let news = Namespace(allowsSubscribe: false, historySize: 9, historyAge: .seconds(300))
        let crowd = Namespace(
            presence: true,
            presenceReaders: .clients,
            joinLeave: true,
            forcePushJoinLeave: true
        )
        let first = Namespace(publishers: .nobody, historyReaders: .subscribers)
        #expect(file.shard.namespaces == [first])
        #expect(file.namespaces.map(\.name) == ["typing", "news", "crowd", "c"])
        #expect(
            file.namespaces.map(\.policy) == [typing, news, crowd, Namespace(isMembersOnly: true)]
        )
        #expect(file.shard.overload?.connections == .milliseconds(300))
        #expect(file.shard.overload?.held == .milliseconds(120))
        #expect(file.shard.overload?.messages == OverloadPolicy().messages)
    }

    @Test func `what it says of TLS, rates and limits is what the server is told`() throws {
        let file = try ServerFile(
            yaml: """
                tlsCertificate: chain.pem
                tlsKey: key.pem
                limits:
                  commandsPerSecond: 9
                  publishesPerSecond: 10
                  publishBurst: 11
                  userConnections: 12
                  addressConnections: 13
                proxies: { header: X-Real-IP, trusted: [10.0.0.0/8, "::1"] }
                """,
            file: "parley.yaml"
        )
        #expect(file.tlsCertificate == "chain.pem" && file.tlsKey == "key.pem")
        #expect(file.shard.commandRate == RateLimit(perSecond: 9, burst: 9))
        #expect(file.shard.publishRate == RateLimit(perSecond: 10, burst: 11))
        #expect(file.shard.userConnectionLimit == 12 && file.addressConnections == 13)
        #expect(file.proxies != nil)
        let usual = try ServerFile(
            yaml: "limits: { publishesPerSecond: 0, commandBurst: 3 }",
            file: "f"
        )
        #expect(usual.shard.commandRate == RateLimit(perSecond: 1_000, burst: 3))
        #expect(usual.shard.publishRate == nil && usual.shard.userConnectionLimit == nil)
        #expect(usual.addressConnections == nil && usual.proxies == nil)
    }

    @Test func `files are taken unless the file says no`() throws {
        func said(_ media: String) throws -> String {
            "\(String(describing: try ServerFile(yaml: media, file: "f").media))"
        }
        #expect(try said("media: false") == "nil")
        #expect(try said("media: true") == said("port: 1"))
        let all = try said(
            """
            media:
              size: 5
              perUser: 6
              types: [Image/PNG, text/*]
              url: https://chat.example/x
              ticketLife: 7 s
              urlLife: 8 s
              patience: 1500 ms
            """
        )
        for part in [
            "size: 5,", "perUser: 6,", #"["image/png", "text/*"]"#, "https://chat.example/x",
            "nanoseconds: 7000000000", "nanoseconds: 8000000000", "nanoseconds: 1500000000",
        ] {
            #expect(all.contains(part), "\(part) in \(all)")
        }
    }

    @Test func `admission is on unless the file says no`() throws {
        let said = try [true, false].map {
            try ServerFile(yaml: "admission: \($0)", file: "f").shard.overload
        }
        #expect(said == [OverloadPolicy(), nil])
        #expect(try ServerFile(yaml: "port: 1", file: "f").shard.overload == OverloadPolicy())
    }

    @Test(arguments: [
        ("port: 65536", "parley.yaml:1: port: 65536 is out of range"),
        ("host: x\nprot: 1", "parley.yaml:2: prot: unknown key"),
        ("pings: { interval: 1 s, timeout: 2 s }", "expected timeout below interval"),
        ("pings: { interval: 1050 ms }", "expected a multiple of 100 ms"),
        ("drainOver: 1500 ms", "expected whole seconds"),
        ("admission: { connections: 100 ms }", "admission: sheds in another order"),
        ("admission: off", "expected true or false"),
        ("limits: { recovery: 0 }", "limits.recovery: 0 is out of range"),
        ("limits: { commandBurst: 0 }", "limits.commandBurst: 0 is out of range"),
        ("limits: { userConnections: 0 }", "limits.userConnections: 0 is out of range"),
        ("proxies: { header: X, trusted: [10.0.0.0/33] }", "'10.0.0.0/33' is no address"),
        ("proxies: { header: X, trusted: [proxy.example] }", "expected one as 10.0.0.1"),
        ("proxies: { trusted: [10.0.0.1] }", "has no key 'header'"),
        ("namespaces: [{ name: 'a:b' }]", "expected ASCII text without ':'"),
        ("namespaces: [{ name: a }, { name: a }]", "expected each name once"),
        ("namespaces: [{ log: true }]", "has no key 'name'"),
        ("defaultNamespace: { log: maybe }", "expected true or false"),
        ("defaultNamespace: { publish: some }", "expected one of true, subscribers, false"),
        ("defaultNamespace: { historySize: 0 }", "historySize: 0 is out of range"),
        ("apiKey: ''", "apiKey: is empty"),
        ("personalChannels: sport", "'sport' is no namespace"),
        ("tokens: { jwks: /nonexistent/keys }", "'/nonexistent/keys' cannot be read"),
        ("media: maybe", "expected true or false"),
        ("media: { size: 0 }", "media.size: 0 is out of range"),
        ("media: { types: [png] }", "'png' is no media type; expected such as image/png"),
        ("media: { types: ['*/*'] }", "'*/*' is no media type"),
        ("media: { url: chat.example }", "'chat.example' is no beginning of a URL"),
        ("media: { url: 'https://chat.example/' }", "expected http:// or https://"),
        ("media: { ticketLife: 1500 ms }", "expected whole seconds"),
        ("media: { patience: 10 ms }", "is out of range"),
        ("", "the file is empty"),
    ])
    func `an impossible setting is refused with file, line and what was expected`(
        yaml: String,
        reason: String
    ) throws {
        let error = try #require(throws: ModelError.self) {
            try ServerFile(yaml: yaml, file: "parley.yaml")
        }
        #expect(error.description.contains(reason), "\(error)")
    }
}
