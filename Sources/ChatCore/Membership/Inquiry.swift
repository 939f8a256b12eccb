package import Kernel

/// An owner's question to the store, whether a user may do something.
package struct Inquiry: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationID
    package var user: UserID
    /// Whose repeat is allowed whatever has happened since.
    package var message: MessageID?
    package var operation: ChatAction

    package init(
        conversation: ConversationID,
        user: UserID,
        message: MessageID?,
        operation: ChatAction
    ) {
        self.conversation = conversation
        self.user = user
        self.message = message
        self.operation = operation
    }
}

/// The answer to an inquiry, in one snapshot.
package enum Ruling: Equatable, Sendable, BitwiseCopyable {
    case allowed
    case refused(ErrorCode)
    /// The message id stands in the log already.
    case repeated(Offset, unixMilliseconds: UInt64)
}

/// How far a member has read and received; offsets never fall.
package struct Markers: Equatable, Sendable, BitwiseCopyable {
    package var read: Offset
    package var received: Offset

    package init(read: Offset, received: Offset) {
        self.read = read
        self.received = received
    }
}

/// A member's wish to move the markers up; what is lower than the store's stays.
package struct MarkRequest: Equatable, Sendable, BitwiseCopyable {
    package var conversation: ConversationID
    package var user: UserID
    package var markers: Markers

    package init(conversation: ConversationID, user: UserID, markers: Markers) {
        self.conversation = conversation
        self.user = user
        self.markers = markers
    }
}

/// Where a member's markers are, and what lies beyond.
package struct MarkReply: Equatable, Sendable, BitwiseCopyable {
    package var markers: Markers
    /// Countable entries after the read marker.
    package var unread: UInt64
    /// Entries after the read marker that mention the member.
    package var mentions: UInt64

    package init(markers: Markers, unread: UInt64, mentions: UInt64) {
        self.markers = markers
        self.unread = unread
        self.mentions = mentions
    }
}

/// A window of a user's conversations, in the order of their ids.
package struct ListRequest: Equatable, Sendable, BitwiseCopyable {
    package var user: UserID
    /// Exclusive; `nil` is the first window.
    package var after: ConversationID?
    package var limit: UInt32
    /// What the device has, kept by the host; conversations that have not changed since are left out.
    package var known: PayloadHandle

    package init(
        user: UserID,
        after: ConversationID?,
        limit: UInt32,
        known: PayloadHandle
    ) {
        self.user = user
        self.after = after
        self.limit = limit
        self.known = known
    }
}

/// The window, kept by the host.
package struct ListPage: Equatable, Sendable, BitwiseCopyable {
    package var handle: PayloadHandle
    package var count: UInt32
    /// Where the next window begins; `nil` after the last.
    package var next: ConversationID?

    package init(handle: PayloadHandle, count: UInt32, next: ConversationID?) {
        self.handle = handle
        self.count = count
        self.next = next
    }
}
