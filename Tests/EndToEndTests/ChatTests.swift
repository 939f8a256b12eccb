import Foundation
import Testing

extension Hostile {
    /// The chat operations over sockets.
    @Suite(.liveHost) struct ChatTests {
        @Test func `a removed member's subscriptions end on all devices`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let alice = try ChatPeer(port: port, user: "alice")
                let phone = try ChatPeer(port: port, user: "bob")
                let laptop = try ChatPeer(port: port, user: "bob")
                let channel = try alice.create("removal", members: "\"bob\",\"carol\"")
                for device in [phone, laptop, alice] {
                    let reply = try device.ask("subscribe", "\"channel\":\"\(channel)\"")
                    try hold(reply["recoverable"] as? Bool == true, "a member subscribes: \(reply)")
                }
                try alice.rpc("chat.typing", "\"channel\":\"\(channel)\",\"on\":true")
                let typing = try phone.peer.message { $0.contains("\"kind\":\"typing\"") }
                try hold(
                    typing.contains("\"user\":\"alice\"") && !typing.contains("offset"),
                    "typing is told and not kept: \(typing)"
                )
                _ = try alice.send(channel, "m1")
                for device in [phone, laptop] {
                    _ = try device.peer.message { $0.contains("\"m1\"") }
                }
                let named = "\"channel\":\"\(channel)\",\"id\":\"r1\",\"user\":\"bob\""
                let removed = try alice.rpc("chat.remove", named)
                for device in [phone, laptop] {
                    let push = try device.peer.message { $0.contains("\"kind\":\"remove\"") }
                    try hold(push.contains("\"user\":\"bob\""), "the entry names bob: \(push)")
                    _ = try device.peer.message { $0.contains("\"unsubscribe\":{\"code\":2000") }
                }
                let again = try alice.rpc("chat.remove", named)
                try hold(
                    again["offset"] as? Int == removed["offset"] as? Int
                        && again["duplicate"] as? Bool == true,
                    "a repeat changes nothing: \(again)"
                )
                _ = try alice.send(channel, "m2")
                let quiet = phone.peer.next(milliseconds: 300).map(\.text) ?? ""
                try hold(!quiet.contains("m2"), "bob hears no more: \(quiet)")
                try phone.expect(
                    1403,
                    "chat.send",
                    "\"channel\":\"\(channel)\",\"id\":\"x\",\"body\":1"
                )
                let refused = try phone.ask("subscribe", "\"channel\":\"\(channel)\"")
                try hold(refused["code"] as? Int == 1403, "bob is a stranger: \(refused)")
            }
        }

        @Test func `a stranger is told the same of a conversation and of none`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let alice = try ChatPeer(port: port, user: "alice")
                let eve = try ChatPeer(port: port, user: "eve")
                let channel = try alice.create("secret")
                for name in [channel, "c:nothing"] {
                    let there = "\"channel\":\"\(name)\""
                    for (method, more) in [
                        ("subscribe", ""), ("history", ",\"limit\":0"), ("history", ",\"limit\":5"),
                        ("publish", ",\"data\":1"),
                    ] {
                        let reply = try eve.ask(method, there + more)
                        try hold(reply["code"] as? Int == 1403, "\(method) is refused: \(reply)")
                    }
                    try eve.expect(1403, "chat.send", there + ",\"id\":\"1\",\"body\":1")
                    try eve.expect(1403, "chat.join", there + ",\"id\":\"2\"")
                    try eve.expect(1403, "chat.history", there)
                    try eve.expect(1403, "chat.mark", there + ",\"read\":1")
                    try eve.expect(
                        1403,
                        "chat.react",
                        there + ",\"id\":\"3\",\"offset\":1,\"body\":1"
                    )
                    try eve.expect(1403, "chat.invite", there + ",\"id\":\"4\",\"user\":\"eve\"")
                }
                try hold(try eve.list().isEmpty, "eve's list is empty")
                // The same id makes another user's conversation another one.
                try hold(try eve.create("secret") != channel, "names are their creators' own")
            }
        }

        @Test func `edits, deletions, reactions and replies name the entry that they change`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let alice = try ChatPeer(port: port, user: "alice")
                let bob = try ChatPeer(port: port, user: "bob")
                let channel = try alice.create("changes", members: "\"bob\"")
                let there = "\"channel\":\"\(channel)\""
                _ = try bob.ask("subscribe", there)
                let first = try alice.send(channel, "first")
                func change(_ id: String, _ more: String = "") -> String {
                    "\(there),\"id\":\"\(id)\",\"offset\":\(first)\(more)"
                }
                try alice.rpc("chat.edit", change("e", ",\"body\":\"better\""))
                let edit = try bob.peer.message { $0.contains("\"kind\":\"edit\"") }
                try hold(edit.contains("\"offset\":\"\(first)\""), "it names the offset: \(edit)")
                try bob.expect(1405, "chat.edit", change("e", ",\"body\":\"worse\""))
                try bob.rpc("chat.react", change("r", ",\"body\":\"+1\""))
                let answer = try bob.send(channel, "answer", ",\"reply_to\":\(first)")
                try bob.expect(1405, "chat.delete", change("d"))
                try alice.rpc("chat.delete", change("d"))
                try alice.expect(1404, "chat.react", change("late", ",\"body\":1"))
                let page = try bob.rpc("chat.history", "\(there),\"after\":0")
                guard let entries = page["publications"] as? [[String: Any]] else {
                    throw Broken(description: "history comes: \(page)")
                }
                let kinds = entries.map { ($0["tags"] as? [String: String])?["kind"] ?? "message" }
                try hold(
                    kinds == ["create", "message", "edit", "react", "reply", "delete"],
                    "each change is an entry: \(kinds)"
                )
                try hold(entries[1]["data"] is NSNull, "a deleted body is gone: \(entries[1])")
                try hold(entries[2]["data"] is NSNull, "and what it was edited to: \(entries[2])")
                try hold(entries[4]["data"] as? String == "answer", "answers stay: \(entries[4])")
                let counts = entries.map { ($0["tags"] as? [String: String])?["count"] }
                try hold(counts == ["0", "1", "1", "1", "2", "2"], "messages count: \(counts)")
                try hold(entries[4]["offset"] as? Int == answer, "offsets are dense")
            }
        }

        @Test(arguments: [
            ("chat.create", "\"id\":\"1\""), ("chat.list", ""), ("chat.sync", ""),
            ("chat.send", "\"channel\":\"free\",\"id\":\"1\",\"body\":1"),
            ("chat.block", "\"user\":\"al\""), ("keys.count", "\"device\":\"d\""),
        ])
        func `what one user has or says with an id is not for the anonymous, who are many`(
            method: String,
            data: String
        ) async throws {
            let port = LiveHost.port
            try await expectHolds(()) { _ in
                let nobody = try ChatPeer(port: port, user: "")
                try nobody.expect(103, method, data)
                let answer = try nobody.ask("publish", "\"channel\":\"free\",\"data\":1")
                try hold(answer["code"] == nil, "what has no owner is free: \(answer)")
            }
        }

        @Test func `unread counts, markers and mentions converge in one round trip`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let alice = try ChatPeer(port: port, user: "al")
                let bob = try ChatPeer(port: port, user: "bo")
                let channel = try alice.create("unread", members: "\"bo\"")
                let other = try alice.create("other", members: "\"bo\"")
                _ = try alice.send(channel, "1")
                let second = try alice.send(channel, "2", ",\"mentions\":[\"bo\",\"nobody\"]")
                try alice.rpc(
                    "chat.react",
                    "\"channel\":\"\(channel)\",\"id\":\"r\",\"offset\":\(second),\"body\":1"
                )
                func row(_ rows: [[String: Any]], _ name: String) throws -> [String: Any] {
                    guard let row = rows.first(where: { $0["channel"] as? String == name }) else {
                        throw Broken(description: "\(name) is listed: \(rows)")
                    }
                    return row
                }
                let all = try bob.list()
                try hold(all.count == 2, "both are new: \(all)")
                let unread = try row(all, channel)
                try hold(unread["unread"] as? Int == 2, "two are unread: \(unread)")
                try hold(unread["mentions"] as? Int == 1, "one mentions bob: \(unread)")
                try hold(try row(all, other)["unread"] as? Int == 0, "nothing is unread there")
                let own = try row(try alice.list("chat.list"), channel)
                try hold(own["unread"] as? Int == 0, "one's own is read: \(own)")
                let marked = try bob.rpc("chat.mark", "\"channel\":\"\(channel)\",\"read\":99")
                try hold(marked["unread"] as? Int == 0, "all is read: \(marked)")
                let back = try bob.rpc("chat.mark", "\"channel\":\"\(channel)\",\"read\":1")
                try hold(back["read"] as? Int == marked["read"] as? Int, "markers never fall")
                func known(_ row: [String: Any], read: Int) -> String {
                    "{\"channel\":\"\(row["channel"] ?? "")\",\"offset\":\(row["offset"] ?? 0),"
                        + "\"epoch\":\"\(row["epoch"] ?? "")\",\"read\":\(read)}"
                }
                let read = marked["read"] as? Int ?? 0
                let places = [
                    known(unread, read: read), known(try row(all, other), read: 1),
                    "{\"channel\":\"c:gone\",\"offset\":3,\"epoch\":\"\"}",
                ]
                let synced = try bob.rpc(
                    "chat.sync",
                    "\"known\":[\(places.joined(separator: ","))]"
                )
                try hold((synced["changed"] as? [Any])?.isEmpty == true, "all is known: \(synced)")
                try hold(synced["gone"] as? [String] == ["c:gone"], "and what is gone: \(synced)")
                let window = try bob.rpc("chat.list", "\"limit\":1")
                let cursor = window["cursor"] as? String ?? ""
                let next = try bob.list("chat.list", "\"limit\":1,\"cursor\":\"\(cursor)\"")
                let names = ((window["changed"] as? [[String: Any]] ?? []) + next)
                    .compactMap { $0["channel"] as? String }
                try hold(Set(names) == [channel, other], "windows follow each other: \(names)")
            }
        }

        @Test func `roles and public conversations`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let alice = try ChatPeer(port: port, user: "alice")
                let dave = try ChatPeer(port: port, user: "dave")
                let channel = try alice.create("hall", isPublic: true)
                let there = "\"channel\":\"\(channel)\""
                let joined = try dave.rpc("chat.join", there + ",\"id\":\"j\"")
                try hold(joined["offset"] as? Int == 2, "everybody may join: \(joined)")
                try dave.expect(1409, "chat.join", there + ",\"id\":\"j2\"")
                try dave.expect(
                    1405,
                    "chat.role",
                    there + ",\"id\":\"1\",\"user\":\"dave\",\"role\":\"admin\""
                )
                try alice.expect(1410, "chat.leave", there + ",\"id\":\"1\"")
                try alice.rpc(
                    "chat.role",
                    there + ",\"id\":\"2\",\"user\":\"dave\",\"role\":\"owner\""
                )
                let left = try alice.rpc("chat.leave", there + ",\"id\":\"3\"")
                try hold(left["offset"] as? Int == 4, "an owner may leave another: \(left)")
                let again = try alice.rpc("chat.leave", there + ",\"id\":\"3\"")
                try hold(again["duplicate"] as? Bool == true, "a repeat is told so: \(again)")
                try alice.expect(1403, "chat.history", there)
                let open = try alice.rpc("chat.join", "\"channel\":\"plain\",\"id\":\"1\"")
                try hold(open["code"] as? Int == 108, "others belong to nobody: \(open)")
                for bad in ["", "\"id\":7", "\"id\":\"1\",\"members\":\"bob\""] {
                    try alice.expect(107, "chat.create", bad)
                }
                let many = (0...100).map { "\"u\($0)\"" }.joined(separator: ",")
                try alice.expect(107, "chat.create", "\"id\":\"x\",\"members\":[\(many)]")
            }
        }
    }
}
