import ChatCore
import ClientProtocol
import Kernel
import Testing

/// What one side writes, the other reads.
struct RoundTripTests {
    static let methods: [ClientCommand.Method] = [
        .connect(ConnectRequest(token: nil)),
        .connect(ConnectRequest(token: "t", name: "n", version: "v", data: Array("[1]".utf8))),
        .subscribe(SubscribeRequest(channel: "c")),
        .subscribe(
            SubscribeRequest(
                channel: "\"\\\n\u{1}é😀",
                token: "t",
                recover: true,
                epoch: "e",
                offset: .max,
                flag: 3,
                type: 1
            )
        ),
        .unsubscribe(channel: "c"),
        .publish(channel: "c", data: Array(#"{"a":[]}"#.utf8)),
        .publish(channel: "", data: []),
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
            .ping, .rpc, .refresh, .subRefresh:
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
        let publication = ServerEncodingTests.publication
        let page = SubscribeReply.Recovery.recovered(page: .none, through: Offset(41))
        return encoded { output in
            ServerEncoder.connected(
                CommandID(1),
                ConnectReply(pingInterval: .seconds(25), timeToLive: .seconds(60)),
                client: "6f0c",
                version: "v",
                node: "n",
                into: &output
            )
            ServerEncoder.separator(into: &output)
            let reply = ServerEncodingTests.reply(hasLog: true, offset: 40, page)
            ServerEncoder.subscribed(CommandID(2), reply, into: &output) {
                ServerEncoder.element(publication, into: &$0)
            }
            ServerEncoder.separator(into: &output)
            ServerEncoder.history(
                CommandID(3),
                epoch: Epoch(42),
                head: Offset(50),
                into: &output
            ) {
                ServerEncoder.element(publication, into: &$0)
                ServerEncoder.element(publication, into: &$0)
            }
            ServerEncoder.separator(into: &output)
            ServerEncoder.unsubscribed(CommandID(4), into: &output)
            ServerEncoder.separator(into: &output)
            ServerEncoder.published(CommandID(5), into: &output)
            ServerEncoder.separator(into: &output)
            ServerEncoder.error(CommandID(6), .tooManyRequests, into: &output)
            ServerEncoder.separator(into: &output)
            ServerEncoder.push(publication, channel: "c", into: &output)
            ServerEncoder.separator(into: &output)
            ServerEncoder.unsubscribe(channel: "c", .server, into: &output)
            ServerEncoder.separator(into: &output)
            ServerEncoder.ping(into: &output)
        }
    }

    @Test func `every message survives the way to the client, in one frame and in order`() throws {
        var connect = ConnectResult()
        connect.client = "6f0c"
        connect.version = "v"
        connect.expires = true
        connect.timeToLive = 60
        connect.pingInterval = 25
        connect.pong = true
        var subscribe = SubscribeResult()
        subscribe.recoverable = true
        subscribe.positioned = true
        subscribe.epoch = "0000002a"
        subscribe.offset = 40
        subscribe.recovered = true
        subscribe.wasRecovering = true
        subscribe.publications = [ServerEncodingTests.publication]
        var history = HistoryResult()
        history.epoch = "0000002a"
        history.offset = 50
        history.publications = [ServerEncodingTests.publication, ServerEncodingTests.publication]
        var error = ErrorResult()
        error.code = 111
        error.message = "too many requests"
        error.temporary = true
        #expect(
            try messages(in: Self.serverFrame()) == [
                .reply(CommandID(1), .connected(connect)),
                .reply(CommandID(2), .subscribed(subscribe)),
                .reply(CommandID(3), .history(history)),
                .reply(CommandID(4), .unsubscribed),
                .reply(CommandID(5), .published),
                .reply(CommandID(6), .error(error)),
                .publication(channel: "c", ServerEncodingTests.publication),
                .unsubscribed(channel: "c", code: 2000, reason: "server unsubscribe"),
                .ping,
            ]
        )
    }

    @Test func `the answer to a chat.send survives the way to the client`() throws {
        let reply = SendReply(
            epoch: Epoch(42),
            offset: Offset(44),
            unixMilliseconds: 5,
            isDuplicate: true
        )
        let frame = encoded { ServerEncoder.sent(CommandID(3), reply, into: &$0) }
        let message = try messages(in: frame).first
        guard case .reply(CommandID(3), .rpc(let data)) = message else {
            Issue.record("a chat.send is answered by an rpc reply")
            return
        }
        let result = try SendResult(parsing: data.span)
        #expect(result.offset == 44)
        #expect(result.epoch == "0000002a")
        #expect(result.unixMilliseconds == 5)
        #expect(result.duplicate)
    }

    @Test func `a newline inside a body never reaches a frame that carries it`() throws {
        let frame = Array(
            "{\"id\":1,\"publish\":{\"channel\":\"c\",\"data\":{\"a\":\r[1,\t2]}}}".utf8
        )
        guard case .publish(let channel, let data) = try commands(in: frame).first?.method else {
            Issue.record("a publish is a publish")
            return
        }
        let push = encoded {
            ServerEncoder.push(Publication(data: data), channel: channel, into: &$0)
        }
        #expect(!push.contains { $0 < 0x20 })
        // Across lines it is an rpc's data alone that can hold one: a line ends a message.
        let spread = Array("{\"channel\":\"c\",\n\"id\":\"i\",\"body\":[1,\n2]}".utf8)
        #expect(try SendRequest(parsing: spread.span).body == Array("[1,2]".utf8))
    }
}
