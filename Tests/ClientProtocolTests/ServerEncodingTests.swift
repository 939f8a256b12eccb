import ChatCore
import ClientProtocol
import Kernel
import Testing

/// What the server writes, byte by byte: clients index these members without asking.
struct ServerEncodingTests {
    static let publication = Publication(
        data: Array(#"{"t":"hi"}"#.utf8),
        info: ClientInfo(user: "7", client: "6f0c"),
        offset: Offset(41),
        messageID: "m-1",
        unixMilliseconds: 1_700_000_000_123
    )

    static func reply(
        hasLog: Bool,
        offset: UInt64,
        _ recovery: SubscribeReply.Recovery
    )
        -> SubscribeReply
    {
        SubscribeReply(
            name: .none,
            hasLog: hasLog,
            epoch: Epoch(0x2a),
            offset: Offset(offset),
            recovery: recovery
        )
    }

    @Test func `a connect reply has the client's id, the version and the ping interval`() {
        #expect(
            text {
                ServerEncoder.connected(
                    CommandID(1),
                    ConnectReply(pingInterval: .seconds(25), timeToLive: nil),
                    client: "6f0c",
                    version: "parley 0.1",
                    node: "",
                    into: &$0
                )
            }
                == #"{"id":1,"connect":{"client":"6f0c","version":"parley 0.1","ping":25,"pong":true}}"#
        )
    }

    @Test(arguments: [(59_999, 59), (60_000, 60), (999, 1), (0, 1)] as [(UInt64, UInt64)])
    func `credentials that expire have a time to live that is never zero and never too late`(
        milliseconds: UInt64,
        seconds: UInt64
    ) {
        #expect(
            text {
                ServerEncoder.connected(
                    CommandID(1),
                    ConnectReply(
                        pingInterval: .milliseconds(1_500),
                        timeToLive: .milliseconds(milliseconds)
                    ),
                    client: "c",
                    version: "v",
                    node: "n\"1",
                    into: &$0
                )
            }
                == #"{"id":1,"connect":{"client":"c","version":"v","expires":true,"ttl":\#(seconds),"#
                + #""ping":2,"pong":true,"node":"n\"1"}}"#
        )
    }

    @Test func `a subscribe reply tells the head, or the client's own position when recovered`() {
        let page = SubscribeReply.Recovery.recovered(
            page: PayloadHandle(rawValue: 1),
            through: Offset(42)
        )
        let cases: [(SubscribeReply, String)] = [
            (
                Self.reply(hasLog: true, offset: 17, .notRequested),
                #""recoverable":true,"positioned":true,"epoch":"0000002a","offset":17"#
            ),
            (
                Self.reply(hasLog: true, offset: 0, .notRequested),
                #""recoverable":true,"positioned":true,"epoch":"0000002a""#
            ),
            (
                Self.reply(hasLog: true, offset: 17, .unrecovered),
                #""recoverable":true,"positioned":true,"epoch":"0000002a","offset":17,"was_recovering":true"#
            ),
            (
                Self.reply(hasLog: true, offset: 40, page),
                #""recoverable":true,"positioned":true,"epoch":"0000002a","offset":40,"recovered":true,"#
                    + #""was_recovering":true,"publications":[{"data":1,"offset":41},{"data":2,"offset":42}]"#
            ),
            (Self.reply(hasLog: false, offset: 0, .notRequested), ""),
            (Self.reply(hasLog: false, offset: 0, .unrecovered), #""was_recovering":true"#),
        ]
        for (reply, fields) in cases {
            let written = text {
                ServerEncoder.subscribed(CommandID(2), reply, into: &$0) { output in
                    for number in UInt8(1)...2 {
                        let publication = Publication(
                            data: [UInt8(ascii: "0") + number],
                            offset: Offset(40 + UInt64(number))
                        )
                        ServerEncoder.element(publication, into: &output)
                    }
                }
            }
            #expect(written == #"{"id":2,"subscribe":{\#(fields)}}"#)
        }
    }

    @Test func `a reply has its result member even when it is empty`() {
        #expect(
            text { ServerEncoder.unsubscribed(CommandID(7), into: &$0) }
                == #"{"id":7,"unsubscribe":{}}"#
        )
        #expect(
            text { ServerEncoder.published(CommandID(7), into: &$0) } == #"{"id":7,"publish":{}}"#
        )
        #expect(
            text {
                ServerEncoder.history(
                    CommandID(7),
                    epoch: Epoch(.max),
                    head: .start,
                    into: &$0
                ) { _ in }
            } == #"{"id":7,"history":{"publications":[],"epoch":"ffffffff","offset":0}}"#
        )
    }

    @Test func `a chat.send is answered with all four fields, zero and false too`() {
        let reply = SendReply(
            epoch: Epoch(1),
            offset: Offset(44),
            unixMilliseconds: 0,
            isDuplicate: false
        )
        #expect(
            text { ServerEncoder.sent(CommandID(3), reply, into: &$0) }
                == #"{"id":3,"rpc":{"data":{"offset":44,"epoch":"00000001","time":0,"duplicate":false}}}"#
        )
    }

    @Test func `a publication is one encoding, in a push as in an array`() {
        let bare =
            #"{"data":{"t":"hi"},"info":{"user":"7","client":"6f0c"},"offset":41,"tags":{"id":"m-1"},"time":1700000000123}"#
        #expect(text { Self.publication.append(into: &$0) } == bare)
        let push = #"{"push":{"channel":"c:77","pub":\#(bare)}}"#
        #expect(text { ServerEncoder.push(Self.publication, channel: "c:77", into: &$0) } == push)
        #expect(
            text { ServerEncoder.push(encoded: Array(bare.utf8), channel: "c:77", into: &$0) }
                == push
        )
        #expect(
            text {
                $0.append(UInt8(ascii: "["))
                ServerEncoder.element(Array(bare.utf8), into: &$0)
                ServerEncoder.element(Array(bare.utf8), into: &$0)
            } == "[\(bare),\(bare)"
        )
    }

    @Test func `what a publication does not have is left out, but a sender is whole`() {
        let empty = Publication(data: Array("null".utf8))
        #expect(text { empty.append(into: &$0) } == #"{"data":null}"#)
        var anonymous = empty
        anonymous.info = ClientInfo(user: "", client: "")
        #expect(
            text { anonymous.append(into: &$0) }
                == #"{"data":null,"info":{"user":"","client":""}}"#
        )
    }

    @Test func `an unsubscribe push has both its code and its reason`() {
        #expect(
            text { ServerEncoder.unsubscribe(channel: "c", .insufficientState, into: &$0) }
                == #"{"push":{"channel":"c","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#
        )
    }

    @Test func `a ping is an empty object, and messages are set apart by a newline`() {
        #expect(
            text {
                ServerEncoder.ping(into: &$0)
                ServerEncoder.separator(into: &$0)
                ServerEncoder.ping(into: &$0)
            } == "{}\n{}"
        )
    }

    @Test
    func `an error has the protocol's message, and is temporary only where the client may retry`() {
        let table: [(ErrorCode, String, Bool)] = [
            (.internal, "internal server error", true), (.unauthorized, "unauthorized", false),
            (.unknownConversation, "unknown channel", false),
            (.permissionDenied, "permission denied", false),
            (.methodNotFound, "method not found", false),
            (.alreadySubscribed, "already subscribed", false),
            (.limitExceeded, "limit exceeded", false), (.badRequest, "bad request", false),
            (.notAvailable, "not available", false), (.tokenExpired, "token expired", false),
            (.tooManyRequests, "too many requests", true),
            (.unrecoverablePosition, "unrecoverable position", false),
        ]
        #expect(table.map(\.0) == ErrorCode.allCases)
        for (code, message, isTemporary) in table {
            let flag = isTemporary ? #","temporary":true"# : ""
            #expect(
                text { ServerEncoder.error(CommandID(9), code, into: &$0) }
                    == #"{"id":9,"error":{"code":\#(code.rawValue),"message":"\#(message)"\#(flag)}}"#
            )
        }
    }

    @Test(arguments: CloseCode.allCases)
    func `a close reason fits into the frame`(code: CloseCode) {
        #expect((1...123).contains(code.reason.utf8CodeUnitCount))
    }

    @Test(
        arguments: [
            (1000, true), (1009, false), (2999, true), (3000, true), (3499, true), (3500, false),
            (3999, false), (4000, true), (4499, true), (4500, false), (4999, false), (5000, true),
        ] as [(UInt16, Bool)]
    )
    func `a close code tells clients whether to come back`(code: UInt16, returns: Bool) {
        #expect(CloseCode.invitesReconnect(code) == returns)
    }

    @Test(arguments: [
        ("", EpochText.none), ("00000000", .known(Epoch(0))), ("0000002a", .known(Epoch(42))),
        ("ffffffff", .known(Epoch(.max))), ("FFFFFFFF", .foreign), ("0000002A", .foreign),
        ("2a", .foreign), ("00000002a", .foreign), ("AbCd", .foreign), ("0000002g", .foreign),
        (" 000002a", .foreign), ("0000002é", .foreign), ("+000002a", .foreign),
    ])
    func `only what this server writes is an epoch that can match`(
        wire: String,
        meaning: EpochText
    ) {
        #expect(EpochText(parsing: wire) == meaning)
        if case .known(let epoch) = meaning { #expect(EpochText.text(of: epoch) == wire) }
    }

    @Test func `every string that is written is read back`() throws {
        for value in UInt32.min...0x1ff {
            let scalar = try #require(Unicode.Scalar(value))
            let channel = "a\(scalar)b\(scalar)\(scalar)"
            let push = encoded {
                ServerEncoder.push(Publication(data: [0x30]), channel: channel, into: &$0)
            }
            #expect(!push.contains { $0 < 0x20 })
            #expect(
                try messages(in: push)
                    == [.publication(channel: channel, Publication(data: [0x30]))]
            )
        }
    }

    @Test(arguments: [
        0, 1, 9, 10, 99, 100, 1 << 53, UInt64.max - 1, UInt64.max, 10_000_000_000_000_000_000,
    ])
    func `every offset is written in full`(offset: UInt64) throws {
        let publication = Publication(data: [0x30], offset: Offset(offset))
        let push = encoded { ServerEncoder.push(publication, channel: "c", into: &$0) }
        #expect(try messages(in: push) == [.publication(channel: "c", publication)])
        #expect(
            text { publication.append(into: &$0) }.contains("\"offset\":\(offset)}") == (offset > 0)
        )
    }
}
