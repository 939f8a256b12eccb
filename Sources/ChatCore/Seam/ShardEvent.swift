package import Kernel

/// Everything that can happen to a shard.
package enum ShardEvent: Equatable, Sendable, BitwiseCopyable {
    /// Wall time at this instant, in milliseconds since 1970; a jump of the clock is a new such event.
    case wallClock(unixMilliseconds: UInt64)
    /// A client's socket speaks the client protocol. The slot is free until `closed`.
    case opened(ConnectionHandle, ConnectionID)
    /// The socket is gone; the last event with this handle.
    case closed(ConnectionHandle)
    /// A command, in the order in which the client sent it.
    case command(ConnectionHandle, CommandID, Command)
    /// The server subscribes a connection: as a part of the answer to `connect` when it comes before
    /// `authenticated`, else by a push.
    case grant(
        ConnectionHandle,
        ConversationReference,
        since: RecoveryRequest?,
        as: Attendee = .silent
    )
    /// The answer to `authenticate`.
    case authenticated(ConnectionHandle, AuthenticationOutcome)
    /// An application server asks something; answered once by `respond`.
    case asked(ServerRequestID, ServerRequest)
    /// Pongs of a loop round, over a range of the targets that the host staged with the event.
    case pongs(TargetRange)
    /// The client broke the protocol or a limit, or its socket stalled; the connection must end.
    case violated(ConnectionHandle, CloseCode)
    case peer(ShardID, PeerMessage)
    case stored(RequestToken, StoreOutcome)
    /// A partition's lease as the store has it; `nil` means that nobody owns it.
    case lease(PartitionID, Term, owner: ShardID?)
    /// Stop taking work and send the clients away, spread over this time.
    case drain(over: Interval)
    /// How long the oldest of what waits for the shard has waited; told before the events of a round,
    /// at most once in a window of `LoadGauge`, while there is a wait.
    case load(lag: Interval)
    /// The token that let a connection into a conversation holds no more.
    case revoked(ConnectionHandle, ConversationID)
    /// So many bytes wait for a connection: they have come to exceed the high mark or, while
    /// publications are held back, the bound; or there is room, as `awaitRoom` asked.
    case backlog(ConnectionHandle, bytes: UInt32)
    /// `dropPublications` has let those of a conversation go that follow this offset.
    case dropped(ConnectionHandle, ConversationID, after: Offset)
}

/// What became of a connection's credentials.
package enum AuthenticationOutcome: Equatable, Sendable, BitwiseCopyable {
    /// `timeToLive` is `nil` if the credentials do not expire.
    case accepted(UserID, timeToLive: Interval?)
    case expired
    case invalid
    /// None were given, and anonymous clients are not allowed.
    case missing
}
