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
                shards: 3
                drainOver: 2 s
                writeTimeout: 7 s
                pings: { interval: 10 s, timeout: 1500 ms }
                admission: { connections: 300 ms, closed: 2 s }
                limits: { recovery: 5, historyPage: 6, subscriptions: 7, pendingMessages: 8 }
                defaultNamespace: { publish: false }
                namespaces:
                  - { name: typing, log: false, history: false }
                  - { name: news, subscribe: false }
                  - { name: c, membership: true }
                """,
            file: "parley.yaml"
        )
        #expect(file.host == "127.0.0.1" && file.port == 0 && file.data == "store")
        #expect(file.tokenSecret == "s" && file.shardCount == 3)
        #expect(file.drainSeconds == 2 && file.writeTimeoutSeconds == 7)
        #expect(file.shard.pingInterval == .seconds(10))
        #expect(file.shard.pongTimeout == .milliseconds(1500))
        #expect(file.shard.recoveryLimit == 5 && file.shard.historyLimit == 6)
        #expect(file.shard.subscriptionLimit == 7 && file.shard.pendingLimit == 8)
        #expect(file.shard.overload?.connections == .milliseconds(300))
        #expect(file.shard.overload?.closed == .seconds(2))
        #expect(file.shard.overload?.messages == OverloadPolicy().messages)
        #expect(file.shard.namespaces.count == 1 && !file.shard.namespaces[0].allowsPublish)
        #expect(file.namespaces.map(\.name) == ["typing", "news", "c"])
        #expect(file.namespaces.map(\.policy.isMembersOnly) == [false, false, true])
        #expect(!file.namespaces[0].policy.hasLog && !file.namespaces[0].policy.allowsHistory)
        #expect(!file.namespaces[1].policy.allowsSubscribe && file.namespaces[1].policy.hasLog)
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
        ("admission: { closed: 100 ms }", "admission: sheds in another order"),
        ("admission: off", "expected true or false"),
        ("limits: { recovery: 0 }", "limits.recovery: 0 is out of range"),
        ("namespaces: [{ name: 'a:b' }]", "expected ASCII text without ':'"),
        ("namespaces: [{ name: a }, { name: a }]", "expected each name once"),
        ("namespaces: [{ log: true }]", "has no key 'name'"),
        ("defaultNamespace: { log: maybe }", "expected true or false"),
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
