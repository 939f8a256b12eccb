import Foundation
import Testing

extension Hostile {
    /// Blocks and device keys over sockets.
    @Suite(.liveHost) struct AccountTests {
        @Test func `a block is told by no answer and kept by no group`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let ann = try ChatPeer(port: port, user: "ann")
                let ben = try ChatPeer(port: port, user: "ben")
                let cid = try ChatPeer(port: port, user: "cid")
                let pair = try ben.create("pair", members: "\"ann\"")
                let group = try ben.create("group", members: "\"ann\",\"cid\"")
                _ = try ben.send(pair, "1")
                for _ in 0..<2 {
                    let done = try ann.rpc("chat.block", "\"user\":\"ben\"")
                    try hold(done.isEmpty, "once or twice is the same: \(done)")
                }
                try ann.expect(107, "chat.block", "\"user\":\"ann\"")
                let message = "\"channel\":\"\(pair)\",\"id\":\"2\",\"body\":1"
                try ben.expect(1405, "chat.send", message)
                try ben.expect(1405, "chat.create", "\"id\":\"new\",\"members\":[\"ann\"]")
                try ben.expect(
                    1405,
                    "chat.invite",
                    "\"channel\":\"\(pair)\",\"id\":\"3\",\"user\":\"cid\""
                )
                _ = try ben.send(group, "hello", ",\"mentions\":[\"ann\",\"cid\"]")
                for (peer, mentions) in [(ann, 0), (cid, 1)] {
                    let row = try peer.list().first { $0["channel"] as? String == group }
                    try hold(row?["unread"] as? Int == 1, "the group is heard: \(row ?? [:])")
                    try hold(row?["mentions"] as? Int == mentions, "mentions: \(row ?? [:])")
                }
                for name in ["cid", "dan"] {
                    try ann.rpc("chat.block", "\"user\":\"\(name)\"")
                }
                var names: [String] = []
                var cursor = ""
                repeat {
                    let window = try ann.rpc("chat.blocks", "\"limit\":2,\"cursor\":\"\(cursor)\"")
                    names += window["users"] as? [String] ?? []
                    cursor = window["cursor"] as? String ?? ""
                } while !cursor.isEmpty
                try hold(names.sorted() == ["ben", "cid", "dan"], "the list: \(names)")
                for name in names { try ann.rpc("chat.unblock", "\"user\":\"\(name)\"") }
                let answer = try ben.rpc("chat.send", message)
                try hold(answer["offset"] as? Int == 3, "the same id is taken now: \(answer)")
            }
        }
    }

    /// The directory of keys, over `kill -9`.
    struct KeyTests {
        private static func keys(_ ids: ClosedRange<Int>) -> String {
            ids.map { "{\"id\":\($0),\"key\":\"a\($0)\"}" }.joined(separator: ",")
        }

        /// The id of the one-time key in a claim's answer; negative if it is the fallback.
        private static func id(in claim: [String: Any]) throws -> Int {
            guard let devices = claim["devices"] as? [[String: Any]], devices.count == 1,
                devices[0]["identity"] as? String == "who"
            else { throw Broken(description: "one device is claimed: \(claim)") }
            if let key = devices[0]["one_time"] as? [String: Any] { return key["id"] as? Int ?? 0 }
            return -((devices[0]["fallback"] as? [String: Any])?["id"] as? Int ?? 0)
        }

        @Test func `no one-time key is handed out twice, whenever the server is killed`() throws {
            let server = try ServerProcess()
            defer { server.kill() }
            let published = "\"device\":\"d\",\"identity\":\"who\",\"one_time\":["
            let all = published + "\(Self.keys(1...40))],\"fallback\":{\"id\":5,\"key\":\"f\"}"
            var handedOut: [Int] = []
            for life in 0..<3 {
                try server.start()
                let ann = try ChatPeer(port: server.port, user: "ann")
                let ben = try ChatPeer(port: server.port, user: "ben")
                // As a device does that did not hear the answer.
                let count = try ann.rpc("keys.publish", all)
                try hold(
                    count["one_time"] as? Int == 40 - handedOut.count - 3 * life
                        && count["published"] as? Int == 40,
                    "nothing comes back: \(count)"
                )
                for _ in 0..<5 {
                    handedOut.append(
                        try Self.id(in: try ben.rpc("keys.claim", "\"user\":\"ann\""))
                    )
                }
                // Of these the answers are heard by nobody.
                for _ in 0..<3 { try ben.rpc("keys.claim", "\"user\":\"ann\"") }
                server.kill()
            }
            try server.start()
            let ann = try ChatPeer(port: server.port, user: "ann")
            let ben = try ChatPeer(port: server.port, user: "ben")
            for _ in 0..<18 {
                handedOut.append(try Self.id(in: try ben.rpc("keys.claim", "\"user\":\"ann\"")))
            }
            #expect(handedOut.suffix(2) == [-5, -5], "then the fallback, again and again")
            let once = handedOut.dropLast(2)
            #expect(Set(once).count == once.count, "\(handedOut)")
            try ann.rpc("chat.block", "\"user\":\"ben\"")
            let hidden = try ben.rpc("keys.claim", "\"user\":\"ann\"")
            #expect((hidden["devices"] as? [Any])?.isEmpty == true, "\(hidden)")
            let more = try ann.rpc("keys.publish", published + Self.keys(41...200) + "]")
            #expect(more["one_time"] as? Int == 160)
            try ann.expect(106, "keys.publish", published + Self.keys(201...260) + "]")
            try ann.rpc("keys.drop", "\"device\":\"d\"")
            let count = try ann.rpc("keys.count", "\"device\":\"d\"")
            #expect(count["one_time"] as? Int == 0 && count["fallback"] as? Bool == false)
        }
    }
}
