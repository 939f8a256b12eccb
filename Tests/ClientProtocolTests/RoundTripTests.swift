import ChatCore
import ClientProtocol
import Kernel
import Testing

/// What one side writes, the other reads.
struct RoundTripTests {
    static let methods: [ClientCommand.Method] = [
        .connect(ConnectRequest(token: nil)),
        .connect(
            ConnectRequest(
                token: "t",
                name: "n",
                version: "v",
                data: Array("[1]".utf8),
                subs: [
                    SubscribeRequest(channel: "#\"é", recover: true, epoch: "e", offset: 4),
                    SubscribeRequest(channel: ""),
                ],
                headers: [HeaderField(name: "x-\n", value: ""), HeaderField(name: "", value: "v")]
            )
        ),
        .subscribe(SubscribeRequest(channel: "c")),
        .subscribe(
            SubscribeRequest(
                channel: "\"\\\n\u{1}é😀",
                token: "t",
                recover: true,
                epoch: "e",
                offset: .max,
                positioned: true,
                recoverable: true,
                joinLeave: true,
                flag: 3,
                type: 1
            )
        ),
        .unsubscribe(channel: "c"),
        .publish(ChannelPublishRequest(channel: "c", data: Array(#"{"a":[]}"#.utf8))),
        .publish(ChannelPublishRequest(channel: "", data: [], type: 2)),
        .presence(channel: "c"),
        .presenceStats(channel: "c"),
        .history(ChannelHistoryRequest(channel: "c", limit: 0)),
        .history(
            ChannelHistoryRequest(
                channel: "c",
                limit: -1,
                since: StreamPosition(offset: 0, epoch: ""),
                reverse: true
            )
        ),
        .history(
            ChannelHistoryRequest(
                channel: "c",
                limit: 300,
                since: StreamPosition(offset: 5, epoch: "e")
            )
        ),
        .ping,
        .send(data: Array("null".utf8)),
        .rpc(method: "m", data: Array("7".utf8)),
        .rpc(method: "", data: []),
        SendRequest(channel: "c", id: "i", body: Array(#""b""#.utf8)).command,
        .refresh(token: "t"),
        .refresh(token: nil),
        .subRefresh(channel: "c", token: "t"),
        .pong,
    ]

    /// A command as a client would number it.
    static func command(_ method: ClientCommand.Method, id: UInt32) -> ClientCommand {
        switch method {
        case .send, .pong: ClientCommand(id: CommandID(0), method: method)
        case .connect, .subscribe, .unsubscribe, .publish, .presence, .presenceStats, .history,
            .ping, .rpc, .refresh, .subRefresh, .refused:
            ClientCommand(id: CommandID(id), method: method)
        }
    }

    @Test func `every command survives the way to the server, in one frame and in order`() throws {
        var frame: [UInt8] = []
        var expected: [ClientCommand] = []
        for (index, method) in Self.methods.enumerated() {
            let command = Self.command(method, id: .max - UInt32(index))
            if index > 0 { ServerEncoder.separator(into: &frame) }
            ClientEncoder.append(command, into: &frame)
            expected.append(command)
        }
        #expect(try commands(in: frame) == expected)
    }

    /// One frame with every message that a server writes.

    static func serverFrame() -> [UInt8] {
        encoded { output in
            for (index, message) in MessageExamples.messages.enumerated() {
                if index > 0 { ServerEncoder.separator(into: &output) }
                ServerEncoder.append(message, into: &output)
            }
        }
    }

    @Test func `every message survives the way to the client, in one frame and in order`() throws {
        #expect(try messages(in: Self.serverFrame()) == MessageExamples.messages)
    }

    @Test func `the answer to a chat.send survives the way to the client`() throws {
        let result = SendResult(
            SendReply(
                epoch: Epoch(42),
                offset: Offset(44),
                unixMilliseconds: 5,
                isDuplicate: true
            )
        )
        #expect(try SendResult(parsing: result.data.span) == result)
    }

    @Test func `a newline inside a body never reaches a frame that carries it`() throws {
        let frame = Array(
            "{\"id\":1,\"publish\":{\"channel\":\"c\",\"data\":{\"a\":\r[1,\t2]}}}".utf8
        )
        guard case .publish(let request) = try commands(in: frame).first?.method else {
            Issue.record("a publish is a publish")
            return
        }
        let push = encoded {
            let publication = Publication(data: request.data)
            ServerEncoder.append(.push(channel: "c", .publication(publication)), into: &$0)
        }
        #expect(!push.contains { $0 < 0x20 })
        // Across lines it is an rpc's data alone that can hold one: a line ends a message.
        let spread = Array("{\"channel\":\"c\",\n\"id\":\"i\",\"body\":[1,\n2]}".utf8)
        #expect(try SendRequest(parsing: spread.span).body == Array("[1,2]".utf8))
    }
}
