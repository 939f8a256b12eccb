import ChatCore
import Kernel

/// Presence in a digest: stable ids, no handles and no tokens.
extension TraceDigest {
    mutating func digest(_ command: PresenceCommand) {
        switch command {
        case .members(let reference):
            self.word(1)
            self.conversation(reference.id)
            self.word(UInt64(reference.namespace))
            self.word(UInt64(reference.access.rawValue))
        case .counts(let reference):
            self.word(2)
            self.conversation(reference.id)
            self.word(UInt64(reference.namespace))
            self.word(UInt64(reference.access.rawValue))
        case .watch(let user, let remaining):
            self.word(3)
            self.user(user.id)
            self.word(UInt64(remaining))
        case .unwatch(let user, let remaining):
            self.word(4)
            self.user(user)
            self.word(UInt64(remaining))
        case .choose(let choice):
            self.word(5)
            self.word(UInt64(choice.rawValue))
        }
    }

    mutating func digest(_ reply: PresenceReply) {
        switch reply {
        case .members: self.word(1)
        case .counts(let clients, let users):
            self.word(2)
            self.word(UInt64(clients))
            self.word(UInt64(users))
        case .watching: self.word(3)
        case .done: self.word(4)
        }
    }

    mutating func digest(
        _ effect: PresenceEffect,
        _ effects: borrowing EffectBuffer<ShardEffect>,
        shard: Int
    ) {
        switch effect {
        case .member: self.word(1)
        case .status(let user, let state):
            self.word(2)
            self.user(user.id)
            self.word(UInt64(state.rawValue))
        case .statuses(let window, let targets):
            self.word(3)
            self.word(window.nanoseconds)
            self.targets(targets, effects, shard: shard)
        case .attendance(let isJoin, _, _, let targets):
            self.word(isJoin ? 4 : 5)
            self.targets(targets, effects, shard: shard)
        }
    }

    mutating func digest(_ message: PresenceMessage) {
        switch message {
        case .announce(let announcement): self.digest(announcement)
        case .announced(let subject, let term, let ordinal, let excess):
            self.word(2)
            self.digest(subject)
            self.word(term.rawValue)
            self.word(ordinal)
            self.word(UInt64(excess))
        case .beacon(let incarnation):
            self.word(3)
            self.word(incarnation)
        case .announceAgain: self.word(4)
        case .watch(let user, let incarnation):
            self.word(5)
            self.user(user)
            self.word(incarnation)
        case .unwatch(let user, let incarnation):
            self.word(6)
            self.user(user)
            self.word(incarnation)
        case .status(let status):
            self.word(7)
            self.user(status.user)
            self.word(status.term.rawValue)
            self.word(status.version)
            self.word(status.state.map { UInt64($0.rawValue) } ?? .max)
        case .statusSeen(let user, let version):
            self.word(8)
            self.user(user)
            self.word(version)
        case .attendance(let attendance):
            self.word(attendance.isJoin ? 9 : 10)
            self.conversation(attendance.conversation)
            self.word(attendance.connection.rawValue)
        case .ask(_, let conversation, let wantsMembers):
            self.word(wantsMembers ? 11 : 12)
            self.conversation(conversation)
        case .counted(_, let clients, let users):
            self.word(13)
            self.word(UInt64(clients))
            self.word(UInt64(users))
        case .member(_, let index, let count, let entry):
            self.word(14)
            self.word(UInt64(index))
            self.word(UInt64(count))
            self.word(entry.connection.rawValue)
        }
    }

    private mutating func digest(_ announcement: Announcement) {
        self.word(1)
        self.digest(announcement.subject)
        self.user(announcement.user)
        self.word(announcement.ordinal)
        self.word(UInt64(announcement.standing.rawValue))
        self.word(announcement.answeredTerm.rawValue)
        self.word(UInt64(announcement.choice.rawValue))
        self.word(announcement.chosenAt)
        self.word(UInt64(announcement.connections))
    }

    private mutating func digest(_ subject: PresenceSubject) {
        switch subject {
        case .user(let user):
            self.word(0)
            self.user(user)
        case .member(let conversation, let connection):
            self.word(1)
            self.conversation(conversation)
            self.word(connection.rawValue)
        }
    }
}
