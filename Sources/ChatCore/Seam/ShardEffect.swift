package import Kernel

/// Everything that a shard can ask of its host.
package enum ShardEffect: Equatable, Sendable, BitwiseCopyable {
    /// Check the credentials that came with this connection's `connect`.
    case authenticate(ConnectionHandle)
    case reply(ConnectionHandle, CommandID, Reply)
    /// One message to a range of the step's targets; `.start` as offset means without a position.
    case deliver(Delivery, name: PayloadHandle, targets: TargetRange)
    /// Messages of a page after one offset up to another, as ordinary pushes, to a range of targets.
    case deliverPage(PageDelivery, targets: TargetRange)
    /// The server has made a subscription for a client that is connected.
    case subscribe(ConnectionHandle, SubscribeReply)
    /// The subscription has ended without the client asking for it.
    case unsubscribe(ConnectionHandle, name: PayloadHandle, UnsubscribeCode)
    /// The server has renewed a connection's credentials, which hold for so long; for ever if `nil`.
    case refresh(ConnectionHandle, timeToLive: Interval?)
    /// What is news to connections of one user, on the user's own channel.
    case hint(Hint, targets: TargetRange)
    case ping(targets: TargetRange)
    case presence(PresenceEffect)
    /// Flush what was sent, then close; `closed` follows.
    case close(ConnectionHandle, CloseCode)
    case respond(ServerRequestID, ServerResponse)
    case peer(ShardID, PeerMessage)
    case store(RequestToken, StoreRequest)
    /// Gives back one reference to bytes that the host keeps.
    case release(PayloadHandle)
    /// Draining is complete: no connection is left and nothing is in flight.
    case drained
    /// Let go of the publications that wait for a connection behind its last reply, and tell by
    /// `dropped` which, before anything else of the connection.
    case dropPublications(ConnectionHandle)
    /// When at most the low mark's bytes wait for a connection, and all that is pending for it has been
    /// handed over, tell by `backlog`, once.
    case awaitRoom(ConnectionHandle)
}

/// A stretch of a page that was read to close a hole, or for a client that had fallen behind.
package struct PageDelivery: Equatable, Sendable, BitwiseCopyable {
    package var page: PayloadHandle
    package var name: PayloadHandle
    package var conversation: ConversationID
    /// Exclusive.
    package var after: Offset
    package var through: Offset

    package init(
        page: PayloadHandle,
        name: PayloadHandle,
        conversation: ConversationID,
        after: Offset,
        through: Offset
    ) {
        self.page = page
        self.name = name
        self.conversation = conversation
        self.after = after
        self.through = through
    }
}
