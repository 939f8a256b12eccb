package import Kernel

/// Whom an operation on a conversation is open to.
package enum Audience: UInt8, Equatable, Sendable, BitwiseCopyable, CaseIterable {
    case nobody
    /// Connections that are subscribed, and the users whom the name lists.
    case subscribers
    /// Every connection; where the name itself restricts who may enter, as `subscribers`.
    case clients
}

/// The policy of the conversations whose names begin alike.
package struct Namespace: Equatable, Sendable {
    /// Whether messages are kept: without a log there are no offsets, and at most one delivery.
    ///
    /// A conversation with a log is always positioned and recoverable.
    package var hasLog: Bool
    /// Whether a client may subscribe to an open name without a token.
    package var allowsSubscribe: Bool
    package var publishers: Audience
    package var historyReaders: Audience
    /// The newest messages that history and recovery reach; `nil` is the whole log.
    package var historySize: UInt32?
    /// How old a message may be that history and recovery reach; `nil` is any age.
    package var historyAge: Interval?
    /// Whether its conversations belong to their members; needs a log.
    package var isMembersOnly: Bool
    /// Whether it is known who is subscribed.
    package var presence: Bool
    package var presenceReaders: Audience
    /// Whether joins and leaves are told to subscribers who ask for them.
    package var joinLeave: Bool
    /// Whether joins and leaves are told to all subscribers.
    package var forcePushJoinLeave: Bool

    package init(
        hasLog: Bool = true,
        allowsSubscribe: Bool = true,
        publishers: Audience = .clients,
        historyReaders: Audience = .clients,
        historySize: UInt32? = nil,
        historyAge: Interval? = nil,
        isMembersOnly: Bool = false,
        presence: Bool = false,
        presenceReaders: Audience = .subscribers,
        joinLeave: Bool = false,
        forcePushJoinLeave: Bool = false
    ) {
        self.hasLog = hasLog
        self.allowsSubscribe = allowsSubscribe
        self.publishers = publishers
        self.historyReaders = historyReaders
        self.historySize = historySize
        self.historyAge = historyAge
        self.isMembersOnly = isMembersOnly
        self.presence = presence
        self.presenceReaders = presenceReaders
        self.joinLeave = joinLeave
        self.forcePushJoinLeave = forcePushJoinLeave
    }
}
