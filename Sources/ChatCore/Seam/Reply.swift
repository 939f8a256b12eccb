package import Kernel

/// What a command is answered with.
package enum Reply: Equatable, Sendable, BitwiseCopyable {
    /// The host adds what only it knows: the client id string, the version, the node.
    case connected(ConnectReply)
    /// A part of the answer to `connect`, whose other parts follow, `connected` as the last.
    case connectedSubscription(SubscribeReply)
    case subscribed(SubscribeReply)
    case unsubscribed
    case published
    case sent(SendReply)
    /// A conversation was made; the name is the wire's, kept by the host.
    case created(name: PayloadHandle, SendReply)
    case history(HistoryReply)
    case marked(MarkReply)
    /// An rpc that has nothing to tell.
    case done
    case listed(ListPage)
    case presence(PresenceReply)
    /// `nil` if the new credentials do not end.
    case refreshed(timeToLive: Interval?)
    case subRefreshed(timeToLive: Interval?)
    /// An rpc's answer as the store has written it, kept by the host.
    case told(PayloadHandle)
    case error(ErrorCode)
}

/// The answer to `connect`.
package struct ConnectReply: Equatable, Sendable, BitwiseCopyable {
    package var pingInterval: Interval
    /// How long the credentials still hold; `nil` if they do not expire.
    package var timeToLive: Interval?

    package init(pingInterval: Interval, timeToLive: Interval?) {
        self.pingInterval = pingInterval
        self.timeToLive = timeToLive
    }
}

/// The answer to `subscribe`.
package struct SubscribeReply: Equatable, Sendable, BitwiseCopyable {
    /// The wire name, kept by the host.
    package var name: PayloadHandle
    /// Without a log there are no positions.
    package var hasLog: Bool
    package var epoch: Epoch
    /// The head, or the position that the client sent when it was recovered.
    package var offset: Offset
    package var recovery: Recovery
    /// How long the subscription's credentials still hold; `nil` if they do not end.
    package var timeToLive: Interval?
    /// Who subscribes, as the host keeps it, lent with the effect.
    package var attendee: PayloadHandle

    /// How a request to recover ended.
    package enum Recovery: Equatable, Sendable, BitwiseCopyable {
        case notRequested
        /// The missed messages are those of `page` up to `through`.
        case recovered(page: PayloadHandle, through: Offset)
        case unrecovered
    }

    package init(
        name: PayloadHandle,
        hasLog: Bool,
        epoch: Epoch,
        offset: Offset,
        recovery: Recovery,
        timeToLive: Interval? = nil,
        attendee: PayloadHandle = .none
    ) {
        self.name = name
        self.hasLog = hasLog
        self.epoch = epoch
        self.offset = offset
        self.recovery = recovery
        self.timeToLive = timeToLive
        self.attendee = attendee
    }
}

/// The answer to `chat.send`.
package struct SendReply: Equatable, Sendable, BitwiseCopyable {
    package var epoch: Epoch
    package var offset: Offset
    /// When the message was first sequenced, in milliseconds since 1970.
    package var unixMilliseconds: UInt64
    package var isDuplicate: Bool

    package init(epoch: Epoch, offset: Offset, unixMilliseconds: UInt64, isDuplicate: Bool) {
        self.epoch = epoch
        self.offset = offset
        self.unixMilliseconds = unixMilliseconds
        self.isDuplicate = isDuplicate
    }
}

/// The answer to `history`.
package struct HistoryReply: Equatable, Sendable, BitwiseCopyable {
    package var page: PayloadHandle
    package var epoch: Epoch
    /// The head, not the end of the page.
    package var head: Offset
    /// Whether `chat.history` asked.
    package var isChat: Bool

    package init(page: PayloadHandle, epoch: Epoch, head: Offset, isChat: Bool = false) {
        self.page = page
        self.epoch = epoch
        self.head = head
        self.isChat = isChat
    }
}
