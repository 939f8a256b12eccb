package import Kernel

/// What a member may do in a conversation; a greater role may do all that a lesser one may.
package enum MemberRole: UInt8, Equatable, Comparable, Sendable, BitwiseCopyable, CaseIterable {
    case member = 1
    case admin = 2
    case owner = 3

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// What an entry of a conversation's log does: each change of a conversation is one entry.
package enum ChatAction: Equatable, Sendable, BitwiseCopyable {
    case message
    /// A message that answers the one at this offset.
    case reply(Offset)
    /// The first entry of a members' conversation; the host keeps whom it makes members beside the
    /// creator. Everybody may join a public one.
    case create(isPublic: Bool)
    case join
    case leave
    case invite(UserID)
    case remove(UserID)
    case role(UserID, MemberRole)
    /// Gives the message at this offset another body.
    case edit(Offset)
    /// Takes the body of the message at this offset away.
    case delete(Offset)
    case react(Offset)

    /// Whether the entry adds to what a member has not read.
    package var isCountable: Bool {
        switch self {
        case .message, .reply: true
        case .create, .join, .leave, .invite, .remove, .role, .edit, .delete, .react: false
        }
    }

    /// Whether it says something, rather than changing who is a member.
    package var isContent: Bool {
        switch self {
        case .message, .reply, .edit, .delete, .react: true
        case .create, .join, .leave, .invite, .remove, .role: false
        }
    }

    /// Whether it asks for somebody's attention, which who blocks the performer does not give.
    package var reachesOthers: Bool {
        switch self {
        case .message, .reply, .edit, .react, .create, .invite: true
        case .join, .leave, .remove, .role, .delete: false
        }
    }

    /// Another user whom it is about.
    package var subject: UserID? {
        switch self {
        case .invite(let user), .remove(let user), .role(let user, _): user
        case .message, .reply, .create, .join, .leave, .edit, .delete, .react: nil
        }
    }

    /// Another entry that it is about.
    package var entry: Offset? {
        switch self {
        case .reply(let offset), .edit(let offset), .delete(let offset), .react(let offset): offset
        case .message, .create, .join, .leave, .invite, .remove, .role: nil
        }
    }

    /// Whose membership it ends, when `performer` does it.
    package func departing(by performer: UserID) -> UserID? {
        switch self {
        case .leave: performer
        case .remove(let user): user
        case .message, .reply, .create, .join, .invite, .role, .edit, .delete, .react: nil
        }
    }

    /// Who has which role afterwards, when `performer` does it; `nil` as role is no member.
    package func roleChange(by performer: UserID) -> (user: UserID, role: MemberRole?)? {
        switch self {
        case .create: (performer, .owner)
        case .join: (performer, .member)
        case .leave: (performer, nil)
        case .invite(let user): (user, .member)
        case .remove(let user): (user, nil)
        case .role(let user, let role): (user, role)
        case .message, .reply, .edit, .delete, .react: nil
        }
    }
}
