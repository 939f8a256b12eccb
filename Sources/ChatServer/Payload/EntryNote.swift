import ChatCore
package import ClientProtocol
package import Kernel

/// What the host keeps of an entry's operation beside its body: the texts of its tags.
package struct EntryNote: Sendable, Equatable {
    /// An operation's number in the log; never renumbered.
    package enum Kind: UInt64, Sendable {
        case message = 0
        case reply = 1
        case create = 2
        case join = 3
        case leave = 4
        case invite = 5
        case remove = 6
        case role = 7
        case edit = 8
        case delete = 9
        case react = 10
        /// Stands in no log.
        case typing = 11

        /// The tag `kind`; a message has none.
        var text: String {
            switch self {
            case .message: ""
            case .reply: "reply"
            case .create: "create"
            case .join: "join"
            case .leave: "leave"
            case .invite: "invite"
            case .remove: "remove"
            case .role: "role"
            case .edit: "edit"
            case .delete: "delete"
            case .react: "react"
            case .typing: "typing"
            }
        }

        /// Whether an entry of this kind ends somebody's membership.
        var isDeparture: Bool {
            switch self {
            case .leave, .remove: true
            case .message, .reply, .create, .join, .invite, .role, .edit, .delete, .react,
                .typing:
                false
            }
        }

        /// Whether other entries may name an entry of this kind.
        var isMessage: Bool {
            switch self {
            case .message, .reply: true
            case .create, .join, .leave, .invite, .remove, .role, .edit, .delete, .react,
                .typing:
                false
            }
        }
    }

    package var kind: Kind
    /// The user whom it is about; empty if it is about nobody.
    package var subject: String
    /// The offset that it names, or the role that it gives; else 0.
    package var detail: UInt64

    /// A plain message.
    package static var message: Self { Self(kind: .message, subject: "", detail: 0) }

    package init(kind: Kind, subject: String = "", detail: UInt64 = 0) {
        self.kind = kind
        self.subject = subject
        self.detail = detail
    }

    /// The tags of an entry at `offset`, `count` countable ones standing up to it.
    func tags(at offset: Offset, count: UInt64) -> [Publication.Tag] {
        var tags: [Publication.Tag] = []
        if self.kind != .message { tags.append(Publication.Tag("kind", self.kind.text)) }
        if !self.subject.isEmpty { tags.append(Publication.Tag("user", self.subject)) }
        switch self.kind {
        case .role:
            let role = MemberRole(rawValue: UInt8(truncatingIfNeeded: self.detail))
            tags.append(Publication.Tag("role", role?.text ?? "member"))
        case .reply, .edit, .delete, .react:
            tags.append(Publication.Tag("offset", String(self.detail)))
        case .message, .create, .join, .leave, .invite, .remove, .typing: break
        }
        // In a conversation of messages alone the count is the offset, and is not said.
        if count != offset.rawValue { tags.append(Publication.Tag("count", String(count))) }
        return tags
    }
}

/// What a device says that it has of its user's conversations.
package final class KnownConversations: KeptBytes, @unchecked Sendable {
    /// The device's place in one conversation.
    package struct Place: Sendable {
        package var name: String
        package var offset: Offset
        package var epoch: Epoch?
        package var read: Offset
    }

    package let places: [ConversationID: Place]
    /// In the order in which the device named them.
    package let order: [ConversationID]

    package init(_ places: [Place]) {
        var byID: [ConversationID: Place] = [:]
        var order: [ConversationID] = []
        for place in places {
            let id = ConversationID(named: place.name)
            if byID.updateValue(place, forKey: id) == nil { order.append(id) }
        }
        self.places = byID
        self.order = order
        super.init()
    }
}

/// A window of a user's conversations as it was read.
package final class ConversationWindow: KeptBytes, @unchecked Sendable {
    package let changed: [ListedChannel]
    /// Names of known conversations of which the user is no member.
    package let gone: [String]

    package init(changed: [ListedChannel], gone: [String]) {
        self.changed = changed
        self.gone = gone
        super.init()
    }
}

extension PayloadHandle {
    package var known: KnownConversations {
        guard let known = self.kept as? KnownConversations else {
            preconditionFailure("the handle names what a device knows")
        }
        return known
    }

    package var window: ConversationWindow {
        guard let window = self.kept as? ConversationWindow else {
            preconditionFailure("the handle names a window")
        }
        return window
    }
}
