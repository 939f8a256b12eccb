package import Kernel

/// What shards say to each other about presence; the bus may lose, repeat, reorder and delay any of it.
package enum PresenceMessage: Equatable, Sendable, BitwiseCopyable {
    /// Gateway to owner: this is how it is; repeated until it is answered.
    case announce(Announcement)
    /// Owner to gateway: known; so many connections of the user are too many.
    case announced(PresenceSubject, Term, ordinal: UInt64, excess: UInt32 = 0)
    /// Gateway to owner: I am there.
    case beacon(incarnation: UInt64)
    /// Owner to gateway: you were held to be lost; announce everything again.
    case announceAgain
    /// Gateway to a user's owner: tell me how the user is, now and later.
    case watch(UserID, incarnation: UInt64)
    case unwatch(UserID, incarnation: UInt64)
    /// Owner to gateway; repeated until it was seen.
    case status(UserStatus)
    case statusSeen(UserID, version: UInt64)
    /// Owner to gateway: somebody has joined or left.
    case attendance(Attendance)
    /// Gateway to owner: who is there? The token comes back in each answer.
    case ask(RequestToken, ConversationID, wantsMembers: Bool)
    case counted(RequestToken, clients: UInt32, users: UInt32)
    /// One of `count` members.
    case member(RequestToken, index: UInt32, count: UInt32, GatheringEntry)
}

/// What a presence is of.
@frozen package enum PresenceSubject: Hashable, Sendable, BitwiseCopyable {
    /// A user, on any connection of a gateway shard.
    case user(UserID)
    /// One connection in a conversation.
    case member(ConversationID, ConnectionID)
}

/// One presence as a gateway shard has it: absolute, so that what is lost or repeated does no harm.
package struct Announcement: Equatable, Sendable, BitwiseCopyable {
    package var subject: PresenceSubject
    package var user: UserID
    /// Grows with each change at the gateway; its upper half is the gateway's incarnation.
    package var ordinal: UInt64
    package var info: PayloadHandle
    package var namespace: UInt8
    package var standing: Standing
    /// The term in which this presence was last answered; `none` if it never was.
    package var answeredTerm: Term
    package var choice: PresenceChoice
    /// Wall time of the choice in milliseconds since 1970; 0 if the user has not chosen.
    package var chosenAt: UInt64
    /// Of a user at the gateway.
    package var connections: UInt32

    package enum Standing: UInt8, Equatable, Sendable, BitwiseCopyable {
        case present
        case absent
        /// Absent because the gateway drains.
        case sentAway
    }
}

/// How a user appears, as its owner says.
package struct UserStatus: Equatable, Sendable, BitwiseCopyable {
    package var user: UserID
    package var term: Term
    /// Grows with each change in a term.
    package var version: UInt64
    /// `nil` while the owner does not know.
    package var state: PresenceState?
}

/// Somebody has joined a conversation, or left it.
package struct Attendance: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationID
    package var isJoin: Bool
    /// The connection that joined; it is told by its own gateway.
    package var connection: ConnectionID
    package var info: PayloadHandle
}

/// One session in a conversation.
package struct GatheringEntry: Equatable, Sendable, BitwiseCopyable {
    package var connection: ConnectionID
    package var info: PayloadHandle
}

extension PresenceMessage {
    /// The bytes that the message carries a reference to.
    package var payload: PayloadHandle {
        switch self {
        case .announce(let announcement): announcement.info
        case .attendance(let attendance): attendance.info
        case .member(_, _, _, let entry): entry.info
        case .announced, .beacon, .announceAgain, .watch, .unwatch, .status, .statusSeen, .ask,
            .counted:
            .none
        }
    }
}
