package import ChatCore

/// What a server says in one message: what it writes, and what a client reads.
package enum ServerMessage: Equatable, Sendable {
    /// To be answered by exactly one pong.
    case ping
    case reply(CommandID, ServerReply)
    /// The channel is empty in pushes that concern the whole connection.
    case push(channel: String, ServerPush)
}

/// The answers to commands.
package enum ServerReply: Equatable, Sendable {
    case connected(ConnectResult)
    case subscribed(SubscribeResult)
    case unsubscribed
    case published
    case presence(PresenceResult)
    case presenceStats(PresenceStatsResult)
    case history(HistoryResult)
    /// JSON, empty when the server gave none.
    case rpc(data: [UInt8])
    case refreshed(RefreshResult)
    case subRefreshed(SubRefreshResult)
    case error(ErrorResult)
    /// The answer to a method that this client does not know; no server writes it.
    case other
}

/// What a server says unasked.
package enum ServerPush: Equatable, Sendable {
    case publication(Publication)
    case join(ClientInfo)
    case leave(ClientInfo)
    /// A subscription has ended without the client asking for it.
    case unsubscribe(UnsubscribePush)
    /// A message to this connection alone: JSON.
    case message(data: [UInt8])
    /// The server has made a subscription for the client.
    case subscribe(SubscribePush)
    /// Where a close frame cannot say it.
    case disconnect(DisconnectPush)
    case refresh(RefreshPush)
    /// A push of a kind that this client does not know; no server writes it.
    case other
}

/// The push that ends a subscription; see `UnsubscribeCode` for what clients make of it.
package struct UnsubscribePush: Equatable, Sendable {
    package var code: UInt32
    package var reason: String

    package init(code: UInt32, reason: String) {
        self.code = code
        self.reason = reason
    }

    package init(_ code: UnsubscribeCode) {
        self.init(code: UInt32(code.rawValue), reason: code.reason.description)
    }
}

/// The push that begins a subscription which the client did not ask for.
package struct SubscribePush: Equatable, Sendable {
    package var recoverable = false
    package var epoch = ""
    package var offset: UInt64 = 0
    package var positioned = false
    /// JSON, empty when the server gave none.
    package var data: [UInt8] = []

    package init() {}
}

/// The push that announces the end of the connection.
package struct DisconnectPush: Equatable, Sendable {
    package var code: UInt32
    package var reason: String
    package var reconnect: Bool

    package init(code: UInt32, reason: String, reconnect: Bool) {
        self.code = code
        self.reason = reason
        self.reconnect = reconnect
    }
}

/// The push that tells that the connection's credentials were renewed.
package struct RefreshPush: Equatable, Sendable {
    package var expires = false
    /// Seconds, never 0 when the credentials expire.
    package var timeToLive: UInt32 = 0

    package init() {}
}
