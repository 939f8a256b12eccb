package import ChatCore

/// What a client says in one message.
package struct ClientCommand: Equatable, Sendable {
    /// 0 for the methods that have no reply: `send` and `pong`.
    package var id: CommandID
    package var method: Method

    package init(id: CommandID, method: Method) {
        self.id = id
        self.method = method
    }

    /// The methods; data is JSON without whitespace between its tokens.
    package enum Method: Equatable, Sendable {
        case connect(ConnectRequest)
        case subscribe(SubscribeRequest)
        case unsubscribe(channel: String)
        case publish(channel: String, data: [UInt8])
        case presence(channel: String)
        case presenceStats(channel: String)
        case history(ChannelHistoryRequest)
        case ping
        case send(data: [UInt8])
        /// `data` is empty when the client gave none.
        case rpc(method: String, data: [UInt8])
        case refresh(token: String?)
        case subRefresh(channel: String, token: String?)
        /// The answer to a server's ping: `{}`.
        case pong
    }
}

/// The fields of `connect` that this server reads.
package struct ConnectRequest: Equatable, Sendable {
    package var token: String?
    /// The client library's name and version, as it states them; unchecked.
    package var name: String
    package var version: String
    /// JSON, empty when the client gave none.
    package var data: [UInt8]

    package init(token: String?, name: String = "", version: String = "", data: [UInt8] = []) {
        self.token = token
        self.name = name
        self.version = version
        self.data = data
    }
}

/// The fields of `subscribe` that this server reads.
package struct SubscribeRequest: Equatable, Sendable {
    package var channel: String
    package var token: String?
    package var recover: Bool
    /// The text of the epoch; see `EpochText`.
    package var epoch: String
    package var offset: UInt64
    /// Bit 0: the server may use a numeric channel id; bit 1: refuse what cannot be recovered.
    package var flag: UInt32
    /// 0 is a stream; this server offers no other.
    package var type: UInt32

    /// The bit of `flag` that asks for error 112 instead of an unrecovered subscription.
    package static let rejectsUnrecovered: UInt32 = 2

    package init(
        channel: String,
        token: String? = nil,
        recover: Bool = false,
        epoch: String = "",
        offset: UInt64 = 0,
        flag: UInt32 = 0,
        type: UInt32 = 0
    ) {
        self.channel = channel
        self.token = token
        self.recover = recover
        self.epoch = epoch
        self.offset = offset
        self.flag = flag
        self.type = type
    }
}

/// The fields of `history`.
package struct ChannelHistoryRequest: Equatable, Sendable {
    package var channel: String
    /// 0 asks for the position alone, -1 for as many as the server allows.
    package var limit: Int32
    package var since: StreamPosition?
    package var reverse: Bool

    package init(channel: String, limit: Int32, since: StreamPosition? = nil, reverse: Bool = false)
    {
        self.channel = channel
        self.limit = limit
        self.since = since
        self.reverse = reverse
    }
}

/// A position as the wire has it.
package struct StreamPosition: Equatable, Sendable {
    package var offset: UInt64
    package var epoch: String

    package init(offset: UInt64, epoch: String) {
        self.offset = offset
        self.epoch = epoch
    }
}
