import ChatCore
import Kernel

/// Hints in a digest: stable ids, and no names of the host's.
extension TraceDigest {
    mutating func digest(_ hint: Hint) {
        self.word(17)
        self.conversation(hint.conversation)
        self.word(UInt64(hint.head.epoch.rawValue))
        self.word(hint.head.offset.rawValue)
        self.digest(hint.standing)
    }

    private mutating func digest(_ standing: MemberStanding) {
        self.user(standing.user)
        self.word(standing.read.rawValue)
        self.word(standing.unread)
        self.word(standing.mentions)
    }

    mutating func digest(_ message: InboxMessage) {
        switch message {
        case .moved(let conversation, let head):
            self.word(1)
            self.conversation(conversation)
            self.word(UInt64(head.epoch.rawValue))
            self.word(head.offset.rawValue)
        case .marked(let user, let conversation, let hasOthers):
            self.word(2)
            self.user(user)
            self.conversation(conversation)
            self.word(hasOthers ? 1 : 0)
        case .hint(let hint, let receipt):
            self.word(3)
            self.digest(hint)
            self.coded(receipt)
        case .received(let user, let conversation, let receipt):
            self.word(4)
            self.user(user)
            self.conversation(conversation)
            self.coded(receipt)
        }
    }

    mutating func digest(_ part: AudiencePart) {
        switch part {
        case .begins(_, let head):
            self.word(1)
            self.word(UInt64(head.epoch.rawValue))
            self.word(head.offset.rawValue)
        case .member(let standing):
            self.word(2)
            self.digest(standing)
        case .ends(let next):
            self.word(3)
            self.word(next == nil ? 0 : 1)
            if let next { self.user(next) }
        }
    }

    mutating func digest(_ request: AudienceRequest) {
        self.word(11)
        self.conversation(request.conversation)
        self.word(request.user == nil ? 0 : 1)
        if let user = request.user { self.user(user) }
        self.word(UInt64(request.partitions.count))
        self.word(UInt64(request.partitions.first))
        self.word(request.partitions.low)
        self.word(request.partitions.high)
        self.word(request.after == nil ? 0 : 1)
        if let after = request.after { self.user(after) }
        self.word(UInt64(request.limit))
    }

    mutating func digest(_ request: PlanRequest) {
        self.word(12)
        switch request {
        case .note(let through, let fence):
            self.word(1)
            self.word(through)
            self.word(fence)
        case .read(let after, let limit):
            self.word(2)
            self.word(after)
            self.word(UInt64(limit))
        }
    }
}
