package import Kernel

/// The number that a host gives what an application server asks, and that the response carries.
@frozen package struct ServerRequestID: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt64

    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// What an application server asks of a shard: it has been let in, and no namespace restricts it.
package enum ServerRequest: Equatable, Sendable, BitwiseCopyable {
    /// With a message id it is once in the log however often it is repeated.
    case publish(ConversationReference, MessageID?, Body)
    case history(ConversationReference, HistoryRequest)
    /// Subscribes the connections that a user has at this shard.
    case subscribe(UserID, ConversationReference)
    case unsubscribe(UserID, ConversationID)
    /// Closes the connections that a user has at this shard.
    case disconnect(UserID, CloseCode)
}

/// How what an application server asked has ended.
package enum ServerResponse: Equatable, Sendable, BitwiseCopyable {
    case published(SendReply)
    case history(HistoryReply)
    case done
    case refused(ErrorCode)
}
