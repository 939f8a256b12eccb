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
    package var hasLog: Bool
    package var allowsSubscribe: Bool
    package var allowsPublish: Bool
    package var allowsHistory: Bool
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
        allowsPublish: Bool = true,
        allowsHistory: Bool = true,
        isMembersOnly: Bool = false,
        presence: Bool = false,
        presenceReaders: Audience = .subscribers,
        joinLeave: Bool = false,
        forcePushJoinLeave: Bool = false
    ) {
        self.hasLog = hasLog
        self.allowsSubscribe = allowsSubscribe
        self.allowsPublish = allowsPublish
        self.allowsHistory = allowsHistory
        self.isMembersOnly = isMembersOnly
        self.presence = presence
        self.presenceReaders = presenceReaders
        self.joinLeave = joinLeave
        self.forcePushJoinLeave = forcePushJoinLeave
    }
}
