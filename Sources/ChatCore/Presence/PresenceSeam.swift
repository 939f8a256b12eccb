package import Kernel

/// What a client asks about presence.
package enum PresenceCommand: Equatable, Sendable, BitwiseCopyable {
    /// Everybody who is in a conversation.
    case members(ConversationReference)
    /// How many are in a conversation.
    case counts(ConversationReference)
    /// One of the users that a `presence.watch` names; `remaining` more commands of the same id follow.
    case watch(UserReference, remaining: UInt16)
    case unwatch(UserID, remaining: UInt16)
    case choose(PresenceChoice)

    /// Whether no more commands of the same id follow.
    var isLast: Bool {
        switch self {
        case .members, .counts, .choose: true
        case .watch(_, let remaining), .unwatch(_, let remaining): remaining == 0
        }
    }
}

/// A user as a command names one.
package struct UserReference: Equatable, Sendable, BitwiseCopyable {
    package var id: UserID
    /// The name, kept by the host.
    package var name: PayloadHandle

    package init(id: UserID, name: PayloadHandle) {
        self.id = id
        self.name = name
    }
}

/// Who subscribes, as others in the conversation see it.
package struct Attendee: Equatable, Sendable, BitwiseCopyable {
    /// User, client, and what their tokens say of them, kept by the host.
    package var info: PayloadHandle
    /// Whether the subscriber asked to hear who joins and leaves.
    package var wantsJoinLeave: Bool

    package init(info: PayloadHandle, wantsJoinLeave: Bool) {
        self.info = info
        self.wantsJoinLeave = wantsJoinLeave
    }

    /// Nobody in particular, who does not want to hear.
    package static var silent: Self { Self(info: .none, wantsJoinLeave: false) }
}

/// What a command about presence is answered with.
package enum PresenceReply: Equatable, Sendable, BitwiseCopyable {
    /// The `member` effects that came since the last reply or push, as a list.
    case members
    case counts(clients: UInt32, users: UInt32)
    /// The `status` effects that came since the last reply or push, as a list.
    case watching
    case done
}

/// What a shard tells clients about presence.
package enum PresenceEffect: Equatable, Sendable, BitwiseCopyable {
    /// One entry of the list that the next reply of `members` closes.
    case member(info: PayloadHandle)
    /// One entry of the list that the next `statuses`, or reply of `watching`, closes.
    case status(UserReference, PresenceState)
    /// The list as a push to a range of targets; `window` is the W in force.
    case statuses(window: Interval, targets: TargetRange)
    /// Somebody has joined or left a conversation.
    case attendance(isJoin: Bool, info: PayloadHandle, name: PayloadHandle, targets: TargetRange)
}
