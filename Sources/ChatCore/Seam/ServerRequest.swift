package import Kernel

/// The number that a host gives what an application server asks, and that the response carries.
@frozen package struct ServerRequestID: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt64

    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// What an application server asks of a shard: it has been let in, and no namespace restricts it.
///
/// The host knows users by their names, and makes of what is asked about a user one request for each
/// connection that it means.
package enum ServerRequest: Equatable, Sendable, BitwiseCopyable {
    /// With a message id it is once in the log however often it is repeated.
    case publish(ConversationReference, MessageID?, Body)
    case history(ConversationReference, HistoryRequest)
    /// Subscribes a connection, which is told by a push.
    case subscribe(
        ConnectionHandle,
        ConversationReference,
        since: RecoveryRequest?,
        as: Attendee
    )
    case unsubscribe(ConnectionHandle, ConversationID)
    case disconnect(ConnectionHandle, CloseCode)
    /// A connection's credentials hold for so long from now, for ever if `nil`; it is told by a push.
    case refresh(ConnectionHandle, timeToLive: Interval?)
    /// Passes a message on to whoever is subscribed, at most once, and keeps it nowhere.
    case pass(ConversationReference, Body)
    /// Who is in a conversation.
    case members(ConversationReference)
    /// How many are in a conversation.
    case counts(ConversationReference)
}

/// How what an application server asked has ended.
package enum ServerResponse: Equatable, Sendable, BitwiseCopyable {
    case published(SendReply)
    case history(HistoryReply)
    /// The `member` effects that came since the last reply, push or response, as a list.
    case members
    case counts(clients: UInt32, users: UInt32)
    case done
    case refused(ErrorCode)
}
