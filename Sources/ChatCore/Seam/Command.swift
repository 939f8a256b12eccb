package import Kernel

/// The number that a client gives a command, and that its reply carries.
@frozen package struct CommandID: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt32

    @inlinable package init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

/// What a conversation's name itself says of who may enter.
package enum NameAccess: UInt8, Equatable, Sendable, BitwiseCopyable, CaseIterable {
    /// The namespace's policy decides.
    case open
    /// Only a subscription token lets in (`$` before the name).
    case tokenOnly
    /// The name lists its users after a `#`, and the connection's user is one of them.
    case listed
    /// The name lists its users, and the connection's user is none of them.
    case unlisted
}

/// A conversation as a command names it: its id, its partition's key, and the policy of its namespace.
package struct ConversationReference: Equatable, Sendable, BitwiseCopyable {
    package var id: ConversationID
    /// Which of the configured namespaces the name belongs to.
    package var namespace: UInt8
    /// The name, kept by the host.
    package var name: PayloadHandle
    /// As seen by the user of the connection that names it.
    package var access: NameAccess

    package init(
        id: ConversationID,
        namespace: UInt8,
        name: PayloadHandle,
        access: NameAccess = .open
    ) {
        self.id = id
        self.namespace = namespace
        self.name = name
        self.access = access
    }
}

/// A message's body as the host keeps it.
package struct Body: Equatable, Sendable, BitwiseCopyable {
    package var handle: PayloadHandle
    /// The size of the body alone, without framing.
    package var byteCount: UInt32

    package init(handle: PayloadHandle, byteCount: UInt32) {
        self.handle = handle
        self.byteCount = byteCount
    }
}

/// What a client asks for.
package enum Command: Equatable, Sendable, BitwiseCopyable {
    /// Must come first and once; the host keeps the token that came with it.
    case connect
    /// `since` is present when the client asks to recover from a position.
    case subscribe(ConversationReference, since: RecoveryRequest?, as: Attendee = .silent)
    /// With a subscription token, which the host has checked.
    case subscribeByToken(
        ConversationReference,
        since: RecoveryRequest?,
        SubscriptionGrant,
        as: Attendee = .silent
    )
    case unsubscribe(ConversationID)
    /// Without a message id: no duplicate suppression.
    case publish(ConversationReference, Body)
    /// `chat.send`: once in the log however often it is repeated.
    case send(ConversationReference, MessageID, Body)
    /// A change of a members' conversation; with a message id, as `send`.
    case operate(ConversationReference, MessageID, ChatAction, Body)
    case history(ConversationReference, HistoryRequest)
    /// The user is typing, or has stopped: told to whoever looks, and kept nowhere.
    case typing(ConversationReference, Body)
    /// Moves the user's own markers up.
    case mark(ConversationReference, Markers)
    /// A window of the user's conversations; `known` is what the device has, kept by the host.
    case list(known: PayloadHandle, after: ConversationID?, limit: UInt32)
    case presence(PresenceCommand)
    /// New credentials for the connection, which the host has checked.
    case refresh(AuthenticationOutcome)
    /// New credentials for a subscription, which the host has checked.
    case subRefresh(ConversationID, SubscriptionGrant)
    /// What concerns the user's own account; the note is kept by the host.
    case account(AccountAction, note: PayloadHandle)
    /// Understood as far as its id, and refused: what the host's codec or policy found wrong.
    case refused(ErrorCode)
}

/// What became of a subscription token.
package enum SubscriptionGrant: Equatable, Sendable, BitwiseCopyable {
    /// Good for the connection's user and the conversation; `timeToLive` is `nil` if it does not end.
    case accepted(timeToLive: Interval?)
    case expired
    /// Malformed, or not signed by anybody who may.
    case invalid
    /// Signed for another user or another conversation.
    case foreign
}

/// The position that a returning subscriber claims.
package struct RecoveryRequest: Equatable, Sendable, BitwiseCopyable {
    /// `nil` matches any epoch: the client has never seen one.
    package var epoch: Epoch?
    package var offset: Offset
    /// Whether the subscription is refused with error 112 when the position cannot be recovered.
    package var refusesUnrecovered: Bool

    package init(epoch: Epoch?, offset: Offset, refusesUnrecovered: Bool) {
        self.epoch = epoch
        self.offset = offset
        self.refusesUnrecovered = refusesUnrecovered
    }

    /// Whether the position may be one of the stream with this epoch.
    func isIn(_ epoch: Epoch) -> Bool { self.epoch == nil || self.epoch == epoch }
}

/// A page of a conversation's log, as a client asks for it.
package struct HistoryRequest: Equatable, Sendable, BitwiseCopyable {
    /// The exclusive start; `nil` reads from the beginning (or, in reverse, from the head).
    package var since: Offset?
    /// The epoch that `since` belongs to, when the client stated one.
    package var epoch: Epoch?
    /// 0 asks for the head alone.
    package var limit: UInt32
    package var isReversed: Bool
    /// Whether it was asked as `chat.history`, which is answered as an rpc is.
    package var isChat: Bool

    package init(
        since: Offset?,
        epoch: Epoch?,
        limit: UInt32,
        isReversed: Bool,
        isChat: Bool = false
    ) {
        self.since = since
        self.epoch = epoch
        self.limit = limit
        self.isReversed = isReversed
        self.isChat = isChat
    }
}

/// The error codes that the core or its hosts reply with; from 400 on, those of chat.
package enum ErrorCode: UInt16, Equatable, Sendable, BitwiseCopyable, CaseIterable {
    case `internal` = 100
    case unauthorized = 101
    case unknownConversation = 102
    case permissionDenied = 103
    case methodNotFound = 104
    case alreadySubscribed = 105
    case limitExceeded = 106
    case badRequest = 107
    case notAvailable = 108
    case tokenExpired = 109
    case expired = 110
    case tooManyRequests = 111
    case unrecoverablePosition = 112
    /// Not a member of the conversation, or there is none: strangers are not told which.
    case notMember = 1403
    /// The entry or the member that an operation is about is not there.
    case notFound = 1404
    /// A member, but not one who may do this: by the role, or because the other does not wish it.
    case roleTooLow = 1405
    /// Would change nothing: is a member already, has the role already.
    case unchanged = 1409
    /// Would leave members without an owner.
    case lastOwner = 1410
    /// A file that is larger than the server takes.
    case tooLarge = 1413
    /// A file of a media type that the server does not take.
    case unsupportedType = 1415
}

/// The codes with which a server closes a connection.
package enum CloseCode: UInt16, Equatable, Sendable, BitwiseCopyable, CaseIterable {
    case messageTooBig = 1009
    case shutdown = 3001
    case internalError = 3004
    case connectionExpired = 3005
    case subscriptionExpired = 3006
    case slow = 3008
    case writeError = 3009
    case insufficientState = 3010
    case forceReconnect = 3011
    case noPong = 3012
    case tooManyRequests = 3013
    case stateInvalidated = 3014
    case invalidToken = 3500
    case badRequest = 3501
    case stale = 3502
    case forceDisconnect = 3503
    case connectionLimit = 3504
    case conversationLimit = 3505
    case inappropriateProtocol = 3506
    case permissionDenied = 3507
    case notAvailable = 3508
    case tooManyErrors = 3509
}

/// The codes of an unsubscribe push.
package enum UnsubscribeCode: UInt16, Equatable, Sendable, BitwiseCopyable, CaseIterable {
    case server = 2000
    case insufficientState = 2500
    case subscriptionExpired = 2501
    case stateInvalidated = 2502
}
