package import ChatCore

/// What a server says in one message, as a client reads it.
package enum ServerMessage: Equatable, Sendable {
    /// To be answered by exactly one pong.
    case ping
    case reply(CommandID, ServerReply)
    case publication(channel: String, Publication)
    case unsubscribed(channel: String, code: UInt32, reason: String)
    /// A push of a kind that this client has no use for.
    case otherPush(channel: String)
}

/// The answers to commands.
package enum ServerReply: Equatable, Sendable {
    case connected(ConnectResult)
    case subscribed(SubscribeResult)
    case unsubscribed
    case published
    case history(HistoryResult)
    /// JSON, empty when the server gave none.
    case rpc(data: [UInt8])
    case error(ErrorResult)
    /// The answer to a method that this client does not use.
    case other
}

/// The answer to `connect`.
package struct ConnectResult: Equatable, Sendable {
    package var client = ""
    package var version = ""
    package var expires = false
    /// Seconds.
    package var timeToLive: UInt32 = 0
    /// Seconds between pings; 0 means none.
    package var pingInterval: UInt32 = 0
    /// Whether the server wants pongs.
    package var pong = false

    package init() {}
}

/// The answer to `subscribe`.
package struct SubscribeResult: Equatable, Sendable {
    package var recoverable = false
    package var positioned = false
    package var epoch = ""
    package var offset: UInt64 = 0
    package var wasRecovering = false
    package var recovered = false
    package var publications: [Publication] = []

    package init() {}
}

/// The answer to `history`; the position is the stream's head.
package struct HistoryResult: Equatable, Sendable {
    package var publications: [Publication] = []
    package var epoch = ""
    package var offset: UInt64 = 0

    package init() {}
}

/// The answer to a command that was refused.
package struct ErrorResult: Equatable, Sendable {
    package var code: UInt32 = 0
    package var message = ""
    package var temporary = false

    package init() {}
}

/// The data that answers a `chat.send` rpc.
package struct SendResult: Equatable, Sendable {
    package var offset: UInt64 = 0
    package var epoch = ""
    /// When the message was first sequenced, in milliseconds since 1970.
    package var unixMilliseconds: UInt64 = 0
    package var duplicate = false

    /// Reads the data of an rpc's reply; positions in errors count from its start.
    package init(parsing data: Span<UInt8>) throws(FrameError) {
        var scanner = JSONScanner(0..<data.count)
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        while let name = try scanner.nextMember(&walk, data) {
            switch name {
            case FieldName.offset: self.offset = try scanner.integer(data, as: UInt64.self)
            case FieldName.epoch: self.epoch = try scanner.text(data)
            case FieldName.time: self.unixMilliseconds = try scanner.integer(data, as: UInt64.self)
            case FieldName.duplicate: self.duplicate = try scanner.boolean(data)
            default: _ = try scanner.skipValue(data)
            }
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
    }
}
