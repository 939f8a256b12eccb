import ChatCore
import ClientProtocol
import Kernel
import Testing

/// What the server writes, byte by byte: clients index these members without asking.
struct ServerEncodingTests {
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

    static func text(_ reply: ServerReply) -> String {
        text(.reply(CommandID(7), reply))
    }

    static func text(_ message: ServerMessage) -> String {
        String(decoding: encoded { ServerEncoder.append(message, into: &$0) }, as: UTF8.self)
    }

    static func connect(_ reply: ConnectReply, node: String = "") -> ServerReply {
        .connected(ConnectResult(reply, client: "6f0c", version: "v", node: node))
    }

    @Test func `a connect reply has the client's id, the version and the ping interval`() {
        let reply = ConnectReply(pingInterval: .seconds(25), timeToLive: nil)
        #expect(
            Self.text(Self.connect(reply))
                == #"{"id":7,"connect":{"client":"6f0c","version":"v","ping":25,"pong":true}}"#
        )
    }

    @Test(arguments: [(59_999, 59), (60_000, 60), (999, 1), (0, 1)] as [(UInt64, UInt64)])
    func `credentials that expire have a time to live that is never zero and never too late`(
        milliseconds: UInt64,
        seconds: UInt64
    ) {
        let reply = ConnectReply(
            pingInterval: .milliseconds(1_500),
            timeToLive: .milliseconds(milliseconds)
        )
        #expect(
            Self.text(Self.connect(reply, node: "n\"1"))
                == #"{"id":7,"connect":{"client":"6f0c","version":"v","expires":true,"ttl":\#(seconds),"#
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
            var result = SubscribeResult(reply)
            if result.recovered {
                result.publications = [
                    Publication(data: [UInt8(ascii: "1")], offset: Offset(41)),
                    Publication(data: [UInt8(ascii: "2")], offset: Offset(42)),
                ]
            }
            #expect(Self.text(.subscribed(result)) == #"{"id":7,"subscribe":{\#(fields)}}"#)
        }
    }

    @Test func `a reply has its result member, and what is always emitted, even when it is empty`()
    {
        let cases: [(ServerReply, String)] = [
            (.connected(ConnectResult()), #""connect":{}"#),
            (.subscribed(SubscribeResult()), #""subscribe":{}"#),
            (.unsubscribed, #""unsubscribe":{}"#),
            (.published, #""publish":{}"#),
            (.presence(PresenceResult()), #""presence":{"presence":{}}"#),
            (
                .presence(PresenceResult(presence: [ClientInfo(user: "", client: "")])),
                #""presence":{"presence":{"":{"user":"","client":""}}}"#
            ),
            (
                .presenceStats(PresenceStatsResult()),
                #""presence_stats":{"num_clients":0,"num_users":0}"#
            ),
            (
                .history(HistoryResult(epoch: Epoch(.max), head: .start)),
                #""history":{"publications":[],"epoch":"ffffffff","offset":0}"#
            ),
            (.history(HistoryResult()), #""history":{"publications":[],"epoch":"","offset":0}"#),
            (.rpc(data: []), #""rpc":{}"#),
            (.refreshed(RefreshResult()), #""refresh":{}"#),
            (.subRefreshed(SubRefreshResult()), #""sub_refresh":{}"#),
        ]
        for (reply, member) in cases { #expect(Self.text(reply) == #"{"id":7,\#(member)}"#) }
    }

    @Test func `a chat.send is answered with all four fields, zero and false too`() {
        let result = SendResult(
            SendReply(
                epoch: Epoch(1),
                offset: Offset(44),
                unixMilliseconds: 0,
                isDuplicate: false
            )
        )
        #expect(
            Self.text(.rpc(data: result.data))
                == #"{"id":7,"rpc":{"data":{"offset":44,"epoch":"00000001","time":0,"duplicate":false}}}"#
        )
    }

    @Test func `a publication is one encoding, in a push as in an array`() {
        let bare =
            #"{"data":{"t":"hi"},"info":{"user":"7","client":"6f0c"},"offset":41,"tags":{"id":"m-1","kind":"role","user":"é\""},"time":1700000000123}"#
        #expect(
            Self.text(.push(channel: "c:77", .publication(MessageExamples.publication)))
                == #"{"push":{"channel":"c:77","pub":\#(bare)}}"#
        )
        var page = HistoryResult()
        page.publications = [MessageExamples.publication, MessageExamples.publication]
        #expect(Self.text(.history(page)).contains(#""publications":[\#(bare),\#(bare)]"#))
    }

    @Test func `what a publication does not have is left out, but a sender is whole`() {
        let empty = Publication(data: Array("null".utf8))
        var anonymous = empty
        anonymous.info = ClientInfo(user: "", client: "")
        let cases = [
            (empty, #"{"data":null}"#),
            (anonymous, #"{"data":null,"info":{"user":"","client":""}}"#),
        ]
        for (publication, bare) in cases {
            #expect(
                Self.text(.push(channel: "c", .publication(publication)))
                    == #"{"push":{"channel":"c","pub":\#(bare)}}"#
            )
        }
    }

    @Test func `a push has the members that clients read without asking`() {
        var subscribe = SubscribePush()
        subscribe.recoverable = true
        subscribe.epoch = "e"
        subscribe.offset = 5
        subscribe.positioned = true
        subscribe.data = Array("1".utf8)
        var refresh = RefreshPush()
        refresh.expires = true
        refresh.timeToLive = 9
        let nobody = ClientInfo(user: "", client: "")
        let disconnect = DisconnectPush(code: 3005, reason: "expired", reconnect: true)
        let cases: [(ServerMessage, String)] = [
            (
                .push(channel: "c", .join(MessageExamples.info)),
                #""channel":"c","join":{"info":{"user":"7","client":"6f0c","conn_info":{"name":"é"},"chan_info":[1]}}"#
            ),
            (
                .push(channel: "c", .leave(nobody)),
                #""channel":"c","leave":{"info":{"user":"","client":""}}"#
            ),
            (
                .push(channel: "c", .unsubscribe(UnsubscribePush(.insufficientState))),
                #""channel":"c","unsubscribe":{"code":2500,"reason":"insufficient state"}"#
            ),
            (
                .push(channel: "c", .unsubscribe(UnsubscribePush(code: 0, reason: ""))),
                #""channel":"c","unsubscribe":{"code":0,"reason":""}"#
            ),
            (.push(channel: "", .message(data: Array("{}".utf8))), #""message":{"data":{}}"#),
            (
                .push(channel: "c", .subscribe(subscribe)),
                #""channel":"c","subscribe":{"recoverable":true,"epoch":"e","offset":5,"positioned":true,"data":1}"#
            ),
            (.push(channel: "c", .subscribe(SubscribePush())), #""channel":"c","subscribe":{}"#),
            (
                .push(channel: "", .disconnect(disconnect)),
                #""disconnect":{"code":3005,"reason":"expired","reconnect":true}"#
            ),
            (.push(channel: "", .refresh(refresh)), #""refresh":{"expires":true,"ttl":9}"#),
        ]
        for (push, members) in cases { #expect(Self.text(push) == #"{"push":{\#(members)}}"#) }
    }

    @Test func `a ping is an empty object, and messages are set apart by a newline`() {
        let frame = encoded {
            ServerEncoder.append(.ping, into: &$0)
            ServerEncoder.separator(into: &$0)
            ServerEncoder.append(.ping, into: &$0)
        }
        #expect(String(decoding: frame, as: UTF8.self) == "{}\n{}")
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
            (.expired, "expired", false),
            (.tooManyRequests, "too many requests", true),
            (.unrecoverablePosition, "unrecoverable position", false),
            (.notMember, "not a member", false), (.notFound, "not found", false),
            (.roleTooLow, "not allowed in this role", false), (.unchanged, "unchanged", false),
            (.lastOwner, "the last owner", false), (.tooLarge, "too large", false),
            (.unsupportedType, "unsupported media type", false),
        ]
        #expect(table.map(\.0) == ErrorCode.allCases)
        for (code, message, isTemporary) in table {
            let flag = isTemporary ? #","temporary":true"# : ""
            #expect(
                Self.text(.error(ErrorResult(code)))
                    == #"{"id":7,"error":{"code":\#(code.rawValue),"message":"\#(message)"\#(flag)}}"#
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
            let message = ServerMessage.push(
                channel: channel,
                .publication(Publication(data: [0x30]))
            )
            let push = encoded { ServerEncoder.append(message, into: &$0) }
            #expect(!push.contains { $0 < 0x20 })
            #expect(try messages(in: push) == [message])
        }
    }

    @Test(arguments: [
        0, 1, 9, 10, 99, 100, 1 << 53, UInt64.max - 1, UInt64.max, 10_000_000_000_000_000_000,
    ])
    func `every offset is written in full`(offset: UInt64) throws {
        let publication = Publication(data: [0x30], offset: Offset(offset))
        let message = ServerMessage.push(channel: "c", .publication(publication))
        let push = encoded { ServerEncoder.append(message, into: &$0) }
        #expect(try messages(in: push) == [message])
        #expect(Self.text(message).contains("\"offset\":\(offset)}") == (offset > 0))
    }
}
