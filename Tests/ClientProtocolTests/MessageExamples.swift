import ChatCore
import ClientProtocol
import Kernel

/// Messages of every kind that a server writes, with all fields and with none.
enum MessageExamples {
    static let info = ClientInfo(
        user: "7",
        client: "6f0c",
        connInfo: Array(#"{"name":"é"}"#.utf8),
        chanInfo: Array("[1]".utf8)
    )

    static let publication = Publication(
        data: Array(#"{"t":"hi"}"#.utf8),
        info: ClientInfo(user: "7", client: "6f0c"),
        offset: Offset(41),
        messageID: "m-1",
        tags: [Publication.Tag("kind", "role"), Publication.Tag("user", "é\"")],
        unixMilliseconds: 1_700_000_000_123
    )

    static let connect: ConnectResult = {
        var result = ConnectResult(
            ConnectReply(pingInterval: .seconds(25), timeToLive: .seconds(60)),
            client: "6f0c",
            version: "v",
            node: "n"
        )
        result.data = Array("null".utf8)
        result.subs = [
            ServerSubscription(channel: "#\"é", result: Self.subscribe),
            ServerSubscription(channel: "b", result: SubscribeResult()),
        ]
        result.session = "s"
        result.unixMilliseconds = 1_700_000_000_123
        return result
    }()

    static let subscribe: SubscribeResult = {
        var result = SubscribeResult(
            SubscribeReply(
                name: .none,
                hasLog: true,
                epoch: Epoch(42),
                offset: Offset(40),
                recovery: .recovered(page: .none, through: Offset(42))
            )
        )
        result.expires = true
        result.timeToLive = 5
        result.publications = [Self.publication, Publication(data: Array("0".utf8))]
        result.data = Array("[]".utf8)
        return result
    }()

    static let history: HistoryResult = {
        var result = HistoryResult(epoch: Epoch(42), head: Offset(50))
        result.publications = [Self.publication, Self.publication]
        return result
    }()

    static let refresh: RefreshResult = {
        var result = RefreshResult()
        result.client = "6f0c"
        result.version = "v"
        result.expires = true
        result.timeToLive = 7
        return result
    }()

    static let subRefresh: SubRefreshResult = {
        var result = SubRefreshResult()
        result.expires = true
        result.timeToLive = 7
        return result
    }()

    static let replies: [ServerReply] = [
        .connected(Self.connect), .connected(ConnectResult()),
        .subscribed(Self.subscribe), .subscribed(SubscribeResult()),
        .unsubscribed, .published,
        .presence(PresenceResult()),
        .presence(PresenceResult(presence: [Self.info, ClientInfo(user: "", client: "b")])),
        .presenceStats(PresenceStatsResult()),
        .presenceStats(PresenceStatsResult(numClients: 3, numUsers: 2)),
        .history(Self.history), .history(HistoryResult()),
        .rpc(data: Array("7".utf8)), .rpc(data: []),
        .refreshed(Self.refresh), .refreshed(RefreshResult()),
        .subRefreshed(Self.subRefresh), .subRefreshed(SubRefreshResult()),
        .error(ErrorResult(.tooManyRequests)), .error(ErrorResult(.badRequest)),
    ]

    static let pushes: [ServerMessage] = {
        var subscribe = SubscribePush()
        subscribe.recoverable = true
        subscribe.epoch = "0000002a"
        subscribe.offset = .max
        subscribe.positioned = true
        subscribe.data = Array("1".utf8)
        var refresh = RefreshPush()
        refresh.expires = true
        refresh.timeToLive = 9
        return [
            .push(channel: "c", .publication(Self.publication)),
            .push(channel: "\"\\\n\u{1}é😀", .publication(Publication(data: Array("{}".utf8)))),
            .push(channel: "c", .join(Self.info)),
            .push(channel: "c", .leave(ClientInfo(user: "", client: ""))),
            .push(channel: "c", .unsubscribe(UnsubscribePush(.server))),
            .push(channel: "c", .unsubscribe(UnsubscribePush(code: 0, reason: ""))),
            .push(channel: "", .message(data: Array("[]".utf8))),
            .push(channel: "c", .subscribe(subscribe)),
            .push(channel: "c", .subscribe(SubscribePush())),
            .push(
                channel: "",
                .disconnect(DisconnectPush(code: 3501, reason: "bad request", reconnect: true))
            ),
            .push(channel: "", .refresh(refresh)),
            .push(channel: "", .refresh(RefreshPush())),
        ]
    }()

    static let messages: [ServerMessage] =
        Self.replies.enumerated().map { .reply(CommandID(.max - UInt32($0)), $1) } + Self.pushes
        + [.ping]

    /// Whether a server may say this: what a reader has no word for, and data that a reader leaves
    /// empty, are not written.
    static func isWritten(_ message: ServerMessage) -> Bool {
        switch message {
        case .reply(_, .other), .push(_, .other): false
        case .push(_, .publication(let publication)): !publication.data.isEmpty
        case .reply(_, .connected(let result)):
            result.subs.allSatisfy { Self.isWritten($0.result.publications) }
        case .reply(_, .subscribed(let result)): Self.isWritten(result.publications)
        case .reply(_, .history(let result)): Self.isWritten(result.publications)
        case .reply, .push, .ping: true
        }
    }

    private static func isWritten(_ publications: [Publication]) -> Bool {
        publications.allSatisfy { !$0.data.isEmpty }
    }
}
