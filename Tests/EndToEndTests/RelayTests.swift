import Foundation
import Testing

extension Hostile {
    /// Deliveries by relays, between the loops of one server.
    struct RelayTests {
        private static func server() throws -> ServerProcess {
            let server = try ServerProcess()
            let file = server.directory.appending(path: "parley.yaml")
            let text = """
                shards: 6
                fanOut: { directMembers: 1, groupedMembers: 2, relayDegree: 2 }
                namespaces: [{ name: c, membership: true }]
                """
            try Data(text.utf8).write(to: file)
            server.options = ["--config", file.path(percentEncoded: false)]
            try server.start()
            return server
        }

        private static func metric(_ name: String, port: Int) throws -> Int {
            let socket = try RawSocket(port: port)
            socket.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            let text = try socket.response().body
            for line in text.split(separator: "\n") where line.hasPrefix(name + " ") {
                return Int(line.dropFirst(name.count + 1)) ?? 0
            }
            throw Broken(description: "there is \(name) in \(text)")
        }

        @Test func `every subscriber of every loop gets each message once, in order`() async throws
        {
            try await expectHolds(()) { _ in
                let server = try Self.server()
                let readers = try (0..<24).map { number in
                    let reader = try WebSocketPeer(port: server.port)
                    try reader.connect(user: "reader\(number)")
                    reader.send("{\"id\":2,\"subscribe\":{\"channel\":\"crowd\"}}")
                    _ = try reader.message { $0.contains("\"subscribe\"") }
                    return reader
                }
                let writer = try WebSocketPeer(port: server.port)
                try writer.connect(user: "writer")
                for number in 1...30 {
                    let body = "{\"channel\":\"crowd\",\"data\":\"m\(number)\"}"
                    writer.send("{\"id\":\(number + 1),\"publish\":\(body)}")
                }
                for number in 1...30 {
                    for reader in readers {
                        let push = try reader.message { $0.contains("\"push\"") }
                        let isNext =
                            push.contains("\"data\":\"m\(number)\"")
                            && push.contains("\"offset\":\(number)")
                        try hold(isNext, "message \(number) comes next: \(push)")
                    }
                }
                let relayed = try Self.metric("parley_plans_relayed_total", port: server.port)
                try hold(relayed == 30, "all went by relays: \(relayed)")
                // Two loops hear from the owner, and pass it on to the others that have readers.
                let passedOn = try Self.metric("parley_relayed_total", port: server.port)
                try hold(passedOn >= 30 * 2, "relays passed on \(passedOn)")
                let holes = try Self.metric("parley_holes_total", port: server.port)
                try hold(holes == 0, "\(holes) holes")
                let appends = try Self.metric("parley_store_appends_total", port: server.port)
                try hold(appends == 30, "one append a message: \(appends)")
            }
        }

        @Test func `metrics count messages by their plan`() async throws {
            try await expectHolds(()) { _ in
                let server = try Self.server()
                let alice = try ChatPeer(port: server.port, user: "alice")
                // The number of members is that before a creation, and after an entry that changes it.
                let alone = try alice.create("alone")
                _ = try alice.send(alone, "m1")
                let pair = try alice.create("pair", members: "\"bob\"")
                _ = try alice.send(pair, "m1")
                let many = try alice.create("many", members: "\"bob\",\"carol\"")
                for id in ["m1", "m2"] { _ = try alice.send(many, id) }
                let counts = try ["direct", "grouped", "broadcast"].map {
                    try Self.metric("parley_plans_total{plan=\"\($0)\"}", port: server.port)
                }
                try hold(counts == [4, 1, 2], "creations are direct: \(counts)")
            }
        }
    }
}
