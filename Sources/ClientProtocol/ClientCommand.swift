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

    /// The methods; data is JSON on one line.
    package enum Method: Equatable, Sendable {
        case connect(ConnectRequest)
        case subscribe(SubscribeRequest)
        case unsubscribe(channel: String)
        case publish(ChannelPublishRequest)
        case presence(channel: String)
        case presenceStats(channel: String)
        case history(ChannelHistoryRequest)
        case ping
        case send(data: [UInt8])
        /// `data` is empty when the client gave none.
        case rpc(method: String, data: [UInt8])
        case refresh(token: String?)
        case subRefresh(channel: String, token: String?)
        /// The answer to a server's ping: an empty message.
        case pong
        /// Understood as far as its id, and to be refused: bytes that must be JSON are not.
        case refused(ErrorCode)
    }
}

/// The fields of `connect` that this server reads.
package struct ConnectRequest: Equatable, Sendable {
    package var token: String?
    /// JSON, empty when the client gave none.
    package var data: [UInt8]
    /// Where the client stands in the subscriptions that the server makes for it.
    ///
    /// They are no wish for others; of a channel that is repeated the last counts.
    package var subs: [SubscribeRequest]
    /// The client library's name and version, as it states them; unchecked.
    package var name: String
    package var version: String
    /// Headers that a browser's socket cannot send, as the client states them; unchecked.
    package var headers: [HeaderField]

    /// The most subscriptions, and the most headers, that a readable request has.
    ///
    /// Without it a small frame of empty entries would become a large request.
    package static let entryLimit = 1_024

    package init(
        token: String?,
        name: String = "",
        version: String = "",
        data: [UInt8] = [],
        subs: [SubscribeRequest] = [],
        headers: [HeaderField] = []
    ) {
        self.token = token
        self.name = name
        self.version = version
        self.data = data
        self.subs = subs
        self.headers = headers
    }
}

/// A header of an HTTP request that was not sent as one.
package struct HeaderField: Equatable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
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
    /// Whether the client asks for a stream whose position is watched, and which it can recover.
    package var positioned: Bool
    package var recoverable: Bool
    /// Whether the client asks to be told of joins and leaves.
    package var joinLeave: Bool
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
        positioned: Bool = false,
        recoverable: Bool = false,
        joinLeave: Bool = false,
        flag: UInt32 = 0,
        type: UInt32 = 0
    ) {
        self.channel = channel
        self.token = token
        self.recover = recover
        self.epoch = epoch
        self.offset = offset
        self.positioned = positioned
        self.recoverable = recoverable
        self.joinLeave = joinLeave
        self.flag = flag
        self.type = type
    }
}

/// The fields of `publish`.
package struct ChannelPublishRequest: Equatable, Sendable {
    package var channel: String
    /// JSON on one line, empty when the client gave none.
    package var data: [UInt8]
    /// 0 is a message of a stream; this server offers no other.
    package var type: UInt32

    package init(channel: String, data: [UInt8], type: UInt32 = 0) {
        self.channel = channel
        self.data = data
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
