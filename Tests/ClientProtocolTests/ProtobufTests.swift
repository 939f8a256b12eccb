import ChatCore
import ClientProtocol
import Kernel
import ProtobufCodec
import Testing

/// Bytes of the schema, put together by hand from the protocol's table of field numbers.
private enum Field {
    static func varint(_ number: UInt64, _ value: UInt64) -> [UInt8] {
        Self.varint(number << 3) + Self.varint(value)
    }

    static func bytes(_ number: UInt64, _ payload: [UInt8]) -> [UInt8] {
        Self.varint(number << 3 | 2) + Self.delimited(payload)
    }

    static func text(_ number: UInt64, _ text: String) -> [UInt8] {
        Self.bytes(number, Array(text.utf8))
    }

    static func delimited(_ payload: [UInt8]) -> [UInt8] {
        Self.varint(UInt64(payload.count)) + payload
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest > 0x7f {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}

/// The same messages in the other encoding.
struct ProtobufTests {
    static let examples = RoundTripTests.methods.enumerated().map {
        RoundTripTests.command($1, id: .max - UInt32($0))
    }

    @Test func `every command survives the way to the server, in one frame and in order`() throws {
        #expect(try protobufCommands(in: protobufFrame(Self.examples)) == Self.examples)
    }

    @Test func `every message survives the way to the client, in one frame and in order`() throws {
        let frame = protobufFrame(MessageExamples.messages)
        #expect(try protobufMessages(in: frame) == MessageExamples.messages)
    }

    static let written: [(ServerMessage, [UInt8])] = [
        (.ping, []),
        (.reply(CommandID(7), .unsubscribed), Field.varint(1, 7) + Field.bytes(7, [])),
        (.reply(CommandID(.max), .published), Field.varint(1, 0xffff_ffff) + Field.bytes(8, [])),
        (
            .reply(CommandID(1), .connected(ConnectResult())),
            Field.varint(1, 1) + Field.bytes(5, [])
        ),
        (
            .reply(CommandID(1), .presence(PresenceResult(presence: [MessageExamples.info]))),
            Field.varint(1, 1)
                + Field.bytes(
                    9,
                    Field.bytes(
                        1,
                        Field.text(1, "6f0c")
                            + Field.bytes(
                                2,
                                Field.text(1, "7") + Field.text(2, "6f0c")
                                    + Field.text(3, #"{"name":"é"}"#) + Field.text(4, "[1]")
                            )
                    )
                )
        ),
        (
            .reply(
                CommandID(1),
                .presenceStats(PresenceStatsResult(numClients: 300, numUsers: 2))
            ),
            Field.varint(1, 1) + Field.bytes(10, Field.varint(1, 300) + Field.varint(2, 2))
        ),
        (
            .reply(CommandID(1), .error(ErrorResult(.tooManyRequests))),
            Field.varint(1, 1)
                + Field.bytes(
                    2,
                    Field.varint(1, 111) + Field.text(2, "too many requests") + Field.varint(3, 1)
                )
        ),
        (
            .reply(CommandID(1), .rpc(data: [0x37])),
            Field.varint(1, 1) + Field.bytes(13, Field.text(1, "7"))
        ),
        (
            .reply(CommandID(1), .history(HistoryResult(epoch: Epoch(42), head: Offset(.max)))),
            Field.varint(1, 1)
                + Field.bytes(11, Field.text(2, "0000002a") + Field.varint(3, .max))
        ),
        (
            .push(channel: "c", .publication(MessageExamples.publication)),
            Field.bytes(
                4,
                Field.text(2, "c")
                    + Field.bytes(
                        4,
                        Field.text(4, #"{"t":"hi"}"#)
                            + Field.bytes(5, Field.text(1, "7") + Field.text(2, "6f0c"))
                            + Field.varint(6, 41)
                            + Field.bytes(7, Field.text(1, "id") + Field.text(2, "m-1"))
                            + Field.bytes(7, Field.text(1, "kind") + Field.text(2, "role"))
                            + Field.bytes(7, Field.text(1, "user") + Field.text(2, "é\""))
                            + Field.varint(9, 1_700_000_000_123)
                    )
            )
        ),
        (
            .push(channel: "c", .unsubscribe(UnsubscribePush(.insufficientState))),
            Field.bytes(
                4,
                Field.text(2, "c")
                    + Field.bytes(7, Field.varint(2, 2500) + Field.text(3, "insufficient state"))
            )
        ),
    ]

    @Test func `what the server writes has the protocol's field numbers, empty results too`() {
        for (message, bytes) in Self.written {
            #expect(protobufFrame([message]) == Field.delimited(bytes), "\(message)")
        }
    }

    static let read: [([UInt8], ClientCommand.Method)] = [
        (
            Field.bytes(
                4,
                Field.text(1, "t") + Field.text(2, "[ 1 ]")
                    + Field.bytes(
                        3,
                        Field.text(1, "#a")
                            + Field.bytes(
                                2,
                                Field.varint(3, 1) + Field.text(6, "e") + Field.varint(7, 9)
                            )
                    )
                    + Field.text(4, "n") + Field.text(5, "v")
                    + Field.bytes(6, Field.text(1, "h") + Field.text(2, "x"))
                    + Field.varint(7, 3) + Field.text(8, "dictionary")
            ),
            .connect(
                ConnectRequest(
                    token: "t",
                    name: "n",
                    version: "v",
                    data: Array("[ 1 ]".utf8),
                    subs: [
                        SubscribeRequest(channel: "#a", recover: true, epoch: "e", offset: 9)
                    ],
                    headers: [HeaderField(name: "h", value: "x")]
                )
            )
        ),
        (
            Field.bytes(
                5,
                Field.text(1, "c") + Field.text(2, "t") + Field.varint(9, 1)
                    + Field.varint(10, 1)
                    + Field.varint(11, 1) + Field.text(12, "fossil") + Field.varint(14, 3)
                    + Field.varint(15, 1)
            ),
            .subscribe(
                SubscribeRequest(
                    channel: "c",
                    token: "t",
                    positioned: true,
                    recoverable: true,
                    joinLeave: true,
                    flag: 3,
                    type: 1
                )
            )
        ),
        (
            Field.bytes(7, Field.text(1, "c") + Field.text(2, "{ }") + Field.varint(3, 2)),
            .publish(ChannelPublishRequest(channel: "c", data: Array("{ }".utf8), type: 2))
        ),
        (
            Field.bytes(
                10,
                Field.text(1, "c") + Field.varint(7, .max)
                    + Field.bytes(8, Field.varint(1, 5) + Field.text(2, "e"))
                    + Field.varint(9, 1)
            ),
            .history(
                ChannelHistoryRequest(
                    channel: "c",
                    limit: -1,
                    since: StreamPosition(offset: 5, epoch: "e"),
                    reverse: true
                )
            )
        ),
        (
            Field.bytes(13, Field.text(1, "null") + Field.text(2, "m")),
            .rpc(method: "m", data: Array("null".utf8))
        ),
        (
            Field.bytes(15, Field.text(1, "c") + Field.text(2, "t") + Field.varint(3, 4)),
            .subRefresh(channel: "c", token: "t")
        ),
        (Field.bytes(6, []), .unsubscribe(channel: "")),
        (Field.bytes(8, Field.text(1, "c")), .presence(channel: "c")),
        (Field.bytes(9, Field.text(1, "c")), .presenceStats(channel: "c")),
        (Field.bytes(14, Field.text(1, "t")), .refresh(token: "t")),
        (Field.bytes(11, []), .ping),
    ]

    @Test func `what a client writes is read by the protocol's field numbers`() throws {
        for (bytes, method) in Self.read {
            let frame = Field.delimited(Field.varint(1, 5) + bytes)
            #expect(
                try protobufCommands(in: frame) == [ClientCommand(id: CommandID(5), method: method)]
            )
        }
    }

    @Test(
        arguments: [
            ("hello", nil), ("", ""), ("{\"a\":", nil), ("\u{0}", nil), ("1 2", nil), ("NaN", nil),
            (" {\n\"a\" : [1,\t\"a b\"]}", #"{"a":[1,"a b"]}"#), ("[ 1 ]\r", "[1]"),
            ("null", "null"),
            (#" { "a" : "\n" }"#, #" { "a" : "\n" }"#),
        ] as [(String, String?)]
    )
    func `data that is not JSON is refused with its command, and the rest is kept, on one line`(
        data: String,
        kept: String?
    ) throws {
        let payload = Field.text(2, data)
        let commands = try protobufCommands(
            in: Field.delimited(Field.varint(1, 1) + Field.bytes(7, payload))
                + Field.delimited(
                    Field.varint(1, 2) + Field.bytes(13, Field.text(1, data) + Field.text(2, "m"))
                ) + Field.delimited(Field.varint(1, 3) + Field.bytes(4, payload)) + [0]
        )
        let json = kept.map { Array($0.utf8) }
        #expect(
            commands.map(\.method) == [
                json.map { .publish(ChannelPublishRequest(channel: "", data: $0)) }
                    ?? .refused(.badRequest),
                json.map { .rpc(method: "m", data: $0) } ?? .refused(.badRequest),
                json.map { .connect(ConnectRequest(token: nil, data: $0)) }
                    ?? .refused(.badRequest),
                .pong,
            ]
        )
        #expect(commands.map(\.id.rawValue) == [1, 2, 3, 0])
    }

    static let unreadable: [([UInt8], FrameError)] = [
        ([], FrameError(.emptyFrame, at: 0)),
        ([1], FrameError(.badLength, at: 0)),
        ([0x80], FrameError(.badLength, at: 0)),
        ([0, 0x80], FrameError(.badLength, at: 1)),
        ([0xff, 0xff, 0xff, 0xff, 0x0f], FrameError(.badLength, at: 0)),
        ([UInt8](repeating: 0x80, count: 60_000), FrameError(.badLength, at: 0)),
        ([0, 3, 8, 7], FrameError(.badLength, at: 1)),
        ([2, 8, 7], FrameError(.noMethod, at: 1)),
        ([2, 0x5a, 0], FrameError(.noCommandID, at: 1)),
        ([6, 8, 7, 0x5a, 0, 0x3a, 0], FrameError(.twoMethods, at: 1)),
        // A field number of zero, a wire type that is none, a group that does not end.
        ([2, 0, 0], FrameError(.badProtobuf, at: 1)),
        ([2, 0x0f, 0], FrameError(.badProtobuf, at: 1)),
        ([1, 0x0b], FrameError(.badProtobuf, at: 1)),
        // Half a character in a channel's name; an embedded message that is cut off.
        ([0, 5, 0x2a, 3, 0x0a, 1, 0xc3], FrameError(.badProtobuf, at: 2)),
        ([3, 0x2a, 9, 0x0a], FrameError(.badProtobuf, at: 1)),
    ]

    @Test func `a frame that is not messages is refused with its place`() {
        for (frame, error) in Self.unreadable {
            let outcome = FuzzTests.outcome { () throws(FrameError) in
                try protobufCommands(in: frame)
            }
            #expect(outcome == .failure(error), "\(frame.prefix(8))")
        }
        let text = Array(#"{"id":1,"connect":{}}"#.utf8)
        #expect(throws: FrameError.self) { try protobufCommands(in: text) }
    }

    @Test func `a fault does not take back the commands before it, and ends the frame`() throws {
        let frame: [UInt8] = [0, 2, 8, 7, 0]
        var decoder = ProtobufClientFrameDecoder()
        #expect(try decoder.next(in: frame.span)?.method == .pong)
        #expect(throws: FrameError(.noMethod, at: 2)) { try decoder.next(in: frame.span) }
        #expect(try decoder.next(in: frame.span) == nil)
    }

    @Test func `what the schema does not know is skipped, a ping among the commands too`() throws {
        let unknown =
            Field.varint(2, 9) + Field.text(3, "x") + Field.bytes(100, [1, 2, 3])
            + Field.varint(536_870_911, .max)
        #expect(
            try protobufCommands(in: Field.delimited(unknown))
                == [ClientCommand(id: CommandID(0), method: .pong)]
        )
        let known = Field.varint(1, 5) + Field.bytes(6, unknown + Field.text(1, "c")) + unknown
        #expect(
            try protobufCommands(in: Field.delimited(known))
                == [ClientCommand(id: CommandID(5), method: .unsubscribe(channel: "c"))]
        )
    }

    @Test func `empty entries cannot make a small frame a large request`() throws {
        func connect(_ count: Int, _ pair: [UInt8]) -> [UInt8] {
            let pairs = [[UInt8]](repeating: pair, count: count).flatMap(\.self)
            return Field.delimited(Field.varint(1, 1) + Field.bytes(4, pairs))
        }
        for pair in [Field.bytes(3, []), Field.bytes(6, [])] {
            #expect(try protobufCommands(in: connect(1_024, pair)).count == 1)
            #expect(throws: FrameError.self) { try protobufCommands(in: connect(1_025, pair)) }
        }
        for member in ["subs", "headers"] {
            func text(_ count: Int) -> String {
                let pairs = [String](repeating: "\"\":null", count: count).joined(separator: ",")
                return "{\"id\":1,\"connect\":{\"\(member)\":{\(pairs)}}}"
            }
            #expect(try commands(in: text(1_024)).count == 1)
            #expect(refusal(of: text(1_025))?.reason == .tooManyEntries)
        }
    }
}
