package import ChatCore
package import Kernel

/// Everything that a client asks of its host, and everything that a measurer or oracle sees of it.
package enum ClientEffect: Equatable, Sendable, BitwiseCopyable {
    case openSocket(SocketNumber)
    case command(SocketNumber, CommandID, ClientRequest)
    case pong(SocketNumber)
    /// A pong that no ping asked for: a breach of the protocol.
    case unaskedPong(SocketNumber)
    /// Nothing more is expected from it.
    case closeSocket(SocketNumber)
    /// As if the network were gone: the server is not told, and nothing is answered any more.
    case abandonSocket(SocketNumber)
    case observe(Observation)
}

/// What a client says to a server.
package enum ClientRequest: Equatable, Sendable, BitwiseCopyable {
    case connect
    /// With `since`, a request to recover.
    case subscribe(ConversationNumber, since: RecoveryRequest?)
    case send(OutgoingMessage)
    /// Messages after `since`, at most `limit`.
    case history(ConversationNumber, since: Position, limit: UInt32)
    case mark(ConversationNumber, read: Offset)
    /// What has changed since the views of the client.
    case sync
}

/// What happened on the device, as its user sees it.
package enum Observation: Equatable, Sendable, BitwiseCopyable {
    case connected(SocketNumber)
    /// With the close code, or 0 when the client gave the socket up; `retries` after a pause.
    case disconnected(SocketNumber, code: UInt16, retries: Bool)
    /// The subscription stands; everything after `from` is owed to this device.
    case subscribed(ConversationNumber, from: Position, hasLog: Bool)
    /// After an absence, and what was missed follows.
    case recovered(ConversationNumber, from: Position)
    /// The server cannot fill the gap after `from`: history up to `head` is paged.
    case unrecovered(ConversationNumber, from: Position, head: Position)
    /// The stream's past is lost, as the server declared; the log is read from its start.
    case epochChanged(ConversationNumber, from: Epoch, to: Epoch)
    /// Paging is done: the device has everything up to here.
    case caughtUp(ConversationNumber, Position)
    /// The log ends its answers before the head that it states.
    case unreadable(ConversationNumber, after: Position, head: Position)
    case ended(ConversationNumber, code: UInt16)
    /// The server sent the device away for breaking the protocol, as it must.
    case sentAway(Trespass)
    /// The server answered what came behind a breach of the protocol.
    case tolerated(Trespass)
    /// In the order the device sees them; without a log the epoch is meaningless.
    case delivered(IncomingMessage, Epoch)
    /// Seen before and dropped; `isExcused` if paging made the client overtake the live stream.
    case repeated(IncomingMessage, Epoch, isExcused: Bool)
    case acknowledged(OutgoingMessage, Position, isDuplicate: Bool)
    /// Sent again under the same id.
    case resent(MessageID)
    /// The server refused it for good.
    case gaveUp(MessageID, code: UInt16)
    /// Too many wait for their acknowledgement: not sent.
    case refused(MessageID)
}
