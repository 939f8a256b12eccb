package import ChatCore
package import Kernel

/// The answer to `connect`.
package struct ConnectResult: Equatable, Sendable {
    package var client = ""
    package var version = ""
    package var expires = false
    /// Seconds, never 0 when the credentials expire.
    package var timeToLive: UInt32 = 0
    /// JSON, empty when the server gave none.
    package var data: [UInt8] = []
    /// The subscriptions that the server has made for the client.
    package var subs: [ServerSubscription] = []
    /// Seconds between pings; 0 means none.
    package var pingInterval: UInt32 = 0
    /// Whether the server wants pongs.
    package var pong = false
    package var session = ""
    package var node = ""
    /// The server's clock, in milliseconds since 1970; 0 is unknown.
    package var unixMilliseconds: UInt64 = 0

    package init() {}

    /// The core's answer, with what only the host knows: the connection's id, the server's version and
    /// the node's name.
    package init(_ reply: ConnectReply, client: String, version: String, node: String) {
        self.client = client
        self.version = version
        self.node = node
        if let timeToLive = reply.timeToLive {
            self.expires = true
            self.timeToLive = Self.seconds(left: timeToLive)
        }
        // Rounded up: a client gives up on a server that pings later than it said.
        let (seconds, rest) = reply.pingInterval.nanoseconds
            .quotientAndRemainder(dividingBy: 1_000_000_000)
        self.pingInterval = UInt32(clamping: seconds + (rest == 0 ? 0 : 1))
        self.pong = true
    }

    /// How long credentials hold, in whole seconds: never zero, and rounded down, as a refresh is
    /// better early than late.
    package static func seconds(left interval: Interval) -> UInt32 {
        UInt32(clamping: max(1, interval.nanoseconds / 1_000_000_000))
    }
}

/// A subscription that the server has made, as the answer to `connect` tells of it.
package struct ServerSubscription: Equatable, Sendable {
    package var channel: String
    package var result: SubscribeResult

    package init(channel: String, result: SubscribeResult) {
        self.channel = channel
        self.result = result
    }
}

/// The answer to `subscribe`.
package struct SubscribeResult: Equatable, Sendable {
    package var expires = false
    /// Seconds, never 0 when the subscription expires.
    package var timeToLive: UInt32 = 0
    package var recoverable = false
    package var positioned = false
    package var epoch = ""
    /// The head, or the position that the client sent when it was recovered.
    package var offset: UInt64 = 0
    package var wasRecovering = false
    package var recovered = false
    package var publications: [Publication] = []
    /// JSON, empty when the server gave none.
    package var data: [UInt8] = []

    package init() {}

    /// The core's answer, without the publications that were missed.
    package init(_ reply: SubscribeReply) {
        if reply.hasLog {
            self.recoverable = true
            self.positioned = true
            self.epoch = EpochText.text(of: reply.epoch)
            self.offset = reply.offset.rawValue
        }
        if let timeToLive = reply.timeToLive {
            self.expires = true
            self.timeToLive = ConnectResult.seconds(left: timeToLive)
        }
        switch reply.recovery {
        case .notRequested: break
        case .unrecovered: self.wasRecovering = true
        case .recovered:
            self.wasRecovering = true
            self.recovered = true
        }
    }
}

/// The answer to `presence`: who is there.
package struct PresenceResult: Equatable, Sendable {
    /// One for each connection, told apart by `client`.
    package var presence: [ClientInfo]

    package init(presence: [ClientInfo] = []) { self.presence = presence }
}

/// The answer to `presence_stats`: how many are there.
package struct PresenceStatsResult: Equatable, Sendable {
    package var numClients: UInt32
    package var numUsers: UInt32

    package init(numClients: UInt32 = 0, numUsers: UInt32 = 0) {
        self.numClients = numClients
        self.numUsers = numUsers
    }
}

/// The answer to `history`; the position is the stream's head.
package struct HistoryResult: Equatable, Sendable {
    package var publications: [Publication] = []
    package var epoch = ""
    package var offset: UInt64 = 0

    package init() {}

    /// The core's answer, without the publications of the page.
    package init(epoch: Epoch, head: Offset) {
        self.epoch = EpochText.text(of: epoch)
        self.offset = head.rawValue
    }
}

/// The answer to `refresh`.
package struct RefreshResult: Equatable, Sendable {
    package var client = ""
    package var version = ""
    package var expires = false
    /// Seconds, never 0 when the credentials expire.
    package var timeToLive: UInt32 = 0

    package init() {}

    /// `nil` if the credentials do not expire.
    package init(_ timeToLive: Interval?) {
        guard let timeToLive else { return }
        self.expires = true
        self.timeToLive = ConnectResult.seconds(left: timeToLive)
    }
}

/// The answer to `sub_refresh`.
package struct SubRefreshResult: Equatable, Sendable {
    package var expires = false
    /// Seconds, never 0 when the subscription expires.
    package var timeToLive: UInt32 = 0

    package init() {}

    /// `nil` if the credentials do not expire.
    package init(_ timeToLive: Interval?) {
        guard let timeToLive else { return }
        self.expires = true
        self.timeToLive = ConnectResult.seconds(left: timeToLive)
    }
}

/// The answer to a command that was refused.
package struct ErrorResult: Equatable, Sendable {
    package var code: UInt32 = 0
    package var message = ""
    package var temporary = false

    package init() {}

    package init(_ code: ErrorCode) {
        self.code = UInt32(code.rawValue)
        self.message = code.message.description
        self.temporary = code.isTemporary
    }
}
