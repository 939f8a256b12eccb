package import Kernel

/// What shards say to each other.
///
/// The bus may lose, repeat, reorder and delay any of it.
package enum PeerMessage: Equatable, Sendable, BitwiseCopyable {
    /// Gateway to owner: sequence this message.
    case publish(PublishRequest)
    /// Owner to gateway: how a publish ended; echoes its token.
    case published(RequestToken, PublishOutcome)
    /// Gateway to owner: deliver this conversation to me; repeated to renew the lease on interest.
    case interest(Interest)
    /// Owner to gateway: this incarnation of the interest is registered; everything after the head will be
    /// delivered.
    case interested(ConversationID, Term, StreamHead, incarnation: UInt64)
    /// Gateway to owner: stop, unless a later incarnation of the interest has been registered.
    case withdraw(ConversationID, incarnation: UInt64)
    /// Owner to gateway: one message for everybody there.
    case delivery(Delivery)
    /// Gateway to owner: pass this on to whoever looks; it stands nowhere in the log.
    case signal(Delivery)
    /// Owner to gateway: the same.
    case signalled(Delivery)
    /// Owner to gateway: this is how far the conversation has come.
    case head(ConversationID, Term, StreamHead)
    case presence(PresenceMessage)
    /// Owner or gateway to gateway: a delivery as the owner would send it, to be passed on to the
    /// gateway shards of the route as well.
    case relayed(Delivery, Route)
    case inbox(InboxMessage)
}

/// A message on its way to the sequencer.
package struct PublishRequest: Equatable, Sendable, BitwiseCopyable {
    /// Chosen by the gateway; says which command waits for the outcome.
    package var token: RequestToken
    package var conversation: ConversationID
    package var namespace: UInt8
    package var user: UserID
    /// `nil` for a plain publish, which promises no duplicate suppression.
    package var message: MessageID?
    package var operation: ChatAction
    package var body: Body

    package init(
        token: RequestToken,
        conversation: ConversationID,
        namespace: UInt8,
        user: UserID,
        message: MessageID?,
        operation: ChatAction = .message,
        body: Body
    ) {
        self.token = token
        self.conversation = conversation
        self.namespace = namespace
        self.user = user
        self.message = message
        self.operation = operation
        self.body = body
    }
}

/// How a publish ended, as the owner tells the gateway.
package enum PublishOutcome: Equatable, Sendable, BitwiseCopyable {
    case accepted(SendReply)
    /// Certainly not in the log, or of unknown fate: a repeat with the same message id is safe.
    case refused(ErrorCode)
}

/// A gateway shard's wish to be sent a conversation.
package struct Interest: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationID
    /// Grows with each new registration, so that a late withdrawal cannot end a newer interest.
    package var incarnation: UInt64
    /// How far the gateway has delivered, if it has: a position above the owner's head proves loss.
    package var delivered: Position?

    package init(conversation: ConversationID, incarnation: UInt64, delivered: Position?) {
        self.conversation = conversation
        self.incarnation = incarnation
        self.delivered = delivered
    }
}

/// Where a conversation's stream ends.
package struct StreamHead: Equatable, Sendable, BitwiseCopyable {
    package var epoch: Epoch
    package var offset: Offset
    /// How many countable entries there are up to the offset.
    package var count: UInt64

    package init(epoch: Epoch, offset: Offset, count: UInt64 = 0) {
        self.epoch = epoch
        self.offset = offset
        self.count = count
    }
}

/// One message for all of a gateway shard's subscribers.
package struct Delivery: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationID
    package var term: Term
    package var epoch: Epoch
    /// `.start` in a conversation without a log.
    package var offset: Offset
    /// When the message was sequenced, in milliseconds since 1970: what the log says as well.
    package var unixMilliseconds: UInt64
    /// Countable entries up to this one: what the log says as well.
    package var count: UInt64
    /// Whose membership ends with it.
    package var departing: UserID?
    package var body: Body

    package init(
        conversation: ConversationID,
        term: Term,
        epoch: Epoch,
        offset: Offset,
        unixMilliseconds: UInt64,
        count: UInt64 = 0,
        departing: UserID? = nil,
        body: Body
    ) {
        self.conversation = conversation
        self.term = term
        self.epoch = epoch
        self.offset = offset
        self.unixMilliseconds = unixMilliseconds
        self.count = count
        self.departing = departing
        self.body = body
    }
}
