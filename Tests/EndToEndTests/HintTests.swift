import Foundation
import Testing

extension Hostile {
    /// Hints to members who do not look, over sockets.
    @Suite(.personalHost) struct HintTests {
        /// The next hint of a channel that a device gets on its user's own channel and that says all of
        /// this; it has no position.
        @discardableResult
        private static func hint(
            _ device: ChatPeer,
            of channel: String,
            on own: String,
            milliseconds: Int = 8000,
            saying words: String...
        ) throws -> String {
            let start = "\"channel\":\"\(channel)\",\"offset\":"
            let hint = try device.peer.message(milliseconds: milliseconds) { text in
                text.contains("\"push\":{\"channel\":\"\(own)\"") && text.contains(start)
                    && words.allSatisfy { text.contains($0) }
            }
            try hold(hint.components(separatedBy: "\"offset\"").count == 2, "no position: \(hint)")
            return hint
        }

        @Test func `who does not look is hinted on the own channel, and nobody else is`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let alice = try ChatPeer(port: port, user: "ann")
                let bob = try ChatPeer(port: port, user: "bert")
                let carol = try ChatPeer(port: port, user: "cora")
                let eve = try ChatPeer(port: port, user: "eva")
                let channel = try alice.create("hints", members: "\"bert\",\"cora\"")
                for device in [alice, bob] {
                    _ = try device.ask("subscribe", "\"channel\":\"\(channel)\"")
                }
                try Self.hint(carol, of: channel, on: "#cora", saying: "\"unread\":0")
                let first = try alice.send(channel, "m1", ",\"mentions\":[\"cora\"]")
                try Self.hint(
                    carol,
                    of: channel,
                    on: "#cora",
                    saying: "\"offset\":\(first),",
                    "\"unread\":1,\"mentions\":1"
                )
                for number in 2...6 { _ = try alice.send(channel, "m\(number)") }
                try Self.hint(
                    carol,
                    of: channel,
                    on: "#cora",
                    saying: "\"offset\":\(first + 5),",
                    "\"unread\":6,"
                )
                for peer in [bob, eve] {
                    var texts: [String] = []
                    while let frame = peer.peer.next(milliseconds: 300) { texts.append(frame.text) }
                    try hold(
                        !texts.contains { $0.contains("\"unread\"") },
                        "who looks, and who is a stranger, hears nothing: \(texts)"
                    )
                }
            }
        }

        @Test func `markers moved on one device change what another one shows`() async throws {
            try await expectHolds(LiveHost.port) { port in
                let alice = try ChatPeer(port: port, user: "anton")
                let phone = try ChatPeer(port: port, user: "berta")
                let laptop = try ChatPeer(port: port, user: "berta")
                let channel = try alice.create("badges", members: "\"berta\"")
                _ = try phone.ask("subscribe", "\"channel\":\"\(channel)\"")
                let offset = try alice.send(channel, "m1")
                let place = "\"offset\":\(offset),"
                try Self.hint(laptop, of: channel, on: "#berta", saying: place, "\"unread\":1,")
                try phone.rpc("chat.mark", "\"channel\":\"\(channel)\",\"read\":\(offset)")
                try Self.hint(laptop, of: channel, on: "#berta", saying: place, "\"unread\":0,")
            }
        }

        @Test func `what a server that was killed may not have told is told by the next`()
            async throws
        {
            try await expectHolds(()) { _ in
                let server = try ServerProcess()
                let file = server.directory.appending(path: "server.yaml")
                try Data(
                    """
                    personalChannels: true
                    namespaces:
                      - { name: c, membership: true }

                    """.utf8
                ).write(to: file)
                server.options = ["--config", file.path(percentEncoded: false)]
                try server.start()
                let alice = try ChatPeer(port: server.port, user: "alma")
                let channel = try alice.create("crash", members: "\"bruno\"")
                let offset = try alice.send(channel, "m1")
                server.kill()
                try server.start()
                let bruno = try ChatPeer(port: server.port, user: "bruno")
                try Self.hint(
                    bruno,
                    of: channel,
                    on: "#bruno",
                    milliseconds: 20_000,
                    saying: "\"offset\":\(offset),",
                    "\"unread\":1,"
                )
            }
        }
    }
}
