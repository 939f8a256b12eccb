package import ChatCore
package import Kernel

/// A client's index in its workload: its stable id in traces and keyed randomness.
@frozen package struct ClientNumber: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt32

    @inlinable package init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

/// A conversation's index in its workload; the host knows its name and id.
@frozen package struct ConversationNumber: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt32

    @inlinable package init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

/// Which of a client's sockets, counted from 1; what comes late from an older one is ignored.
@frozen package struct SocketNumber: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt32

    @inlinable package init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

/// Everything that can happen to a client.
package enum ClientEvent: Equatable, Sendable, BitwiseCopyable {
    /// The device is switched on.
    case start
    case socket(SocketNumber, SocketEvent)
    /// The user sends; `intended` is when the workload wanted it, however late this event is.
    case send(OutgoingMessage)
    /// The user has read all that the device has of a conversation.
    case read(ConversationNumber)
    /// The device goes out of reach until then; if silently, nobody tells the server.
    case leave(until: Instant, isSilent: Bool)
    /// The device breaks the protocol; one that is not online lets it be.
    case trespass(Trespass)
    /// The device is switched off, for good.
    case stop
}

/// A breach of the client protocol, for which a server must send a device away.
package enum Trespass: UInt8, Equatable, Sendable, BitwiseCopyable, CaseIterable {
    /// A pong that no ping asked for.
    case unaskedPong
    /// A second `connect` on one socket.
    case secondConnect
    /// A command on a new socket that has not said `connect`.
    case commandBeforeConnect
    /// A new socket that never says anything.
    case silence

    /// The code with which it must be closed.
    var code: CloseCode {
        switch self {
        case .unaskedPong, .secondConnect, .commandBeforeConnect: .badRequest
        case .silence: .stale
        }
    }
}

/// What a socket brings.
package enum SocketEvent: Equatable, Sendable, BitwiseCopyable {
    /// The WebSocket speaks the client protocol.
    case opened
    /// It could not be opened.
    case failed
    /// It is gone, with the code of its close frame; 1006 if there was none.
    case closed(code: UInt16)
    /// The publications that came with a `subscribed` follow it; those of a `page` come before it.
    case reply(CommandID, ReplyOutcome)
    case publication(IncomingMessage)
    case unsubscribed(ConversationNumber, code: UInt16)
    /// Comes before the reply `synced`: where the user stands in a conversation that has changed.
    case listed(ConversationNumber, Position, MarkReply)
    /// Likewise: the user is no member.
    case gone(ConversationNumber)
    case ping
}

/// A message that the user wants sent.
package struct OutgoingMessage: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationNumber
    package var id: MessageID
    package var byteCount: UInt32
    package var intended: Instant
    /// What it does.
    ///
    /// Where that names another entry, the client chooses which. Users are named by the low half of
    /// their ids alone, which is their number.
    package var operation: ChatAction

    package init(
        conversation: ConversationNumber,
        id: MessageID,
        byteCount: UInt32,
        intended: Instant,
        operation: ChatAction = .message
    ) {
        self.conversation = conversation
        self.id = id
        self.byteCount = byteCount
        self.intended = intended
        self.operation = operation
    }
}

/// One message as it reaches the device.
package struct IncomingMessage: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationNumber
    /// `.start` in a conversation without a log.
    package var offset: Offset
    /// Of the sender's choosing, if the host knows it; the client only passes it on.
    package var message: MessageID?
    package var source: Source

    /// The way a message came.
    package enum Source: Equatable, Sendable, BitwiseCopyable {
        case live
        /// With the reply to a subscribe that asked to recover.
        case recovered
        /// With a page of history.
        case page
    }

    package init(
        conversation: ConversationNumber,
        offset: Offset,
        message: MessageID?,
        source: Source
    ) {
        self.conversation = conversation
        self.offset = offset
        self.message = message
        self.source = source
    }
}

/// How a command ended.
package enum ReplyOutcome: Equatable, Sendable, BitwiseCopyable {
    case connected(pingInterval: Interval, expectsPongs: Bool)
    case subscribed(Subscribed)
    case sent(Position, isDuplicate: Bool)
    /// The page's publications came before; `head` is the log's end, and `epoch` its incarnation.
    case page(head: Position, count: UInt32)
    case marked(MarkReply)
    /// What has changed came before.
    case synced
    case error(code: UInt16, isTemporary: Bool)

    /// The answer to a subscribe.
    package struct Subscribed: Equatable, Sendable, BitwiseCopyable {
        package var hasLog: Bool
        /// The head, or the position that was asked for when it was recovered.
        package var position: Position
        package var recovery: Recovery

        /// How a request to recover ended.
        package enum Recovery: Equatable, Sendable, BitwiseCopyable {
            case notRequested
            case recovered
            case unrecovered
        }

        package init(hasLog: Bool, position: Position, recovery: Recovery) {
            self.hasLog = hasLog
            self.position = position
            self.recovery = recovery
        }
    }
}
