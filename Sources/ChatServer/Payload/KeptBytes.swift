import ChatCore
package import ClientProtocol
package import Kernel
import NIOCore
import Synchronization

/// What a `PayloadHandle` of the live host names: an object that is kept alive by counted references.
///
/// The handle is the object's address; each reference that the core holds is one retain.
package class KeptBytes: @unchecked Sendable {
    // Invariant of the unchecked conformance: this class has no state, and every subclass has only
    // immutable state or state behind a mutex.
    init() {}

    /// A handle with a reference of its own.
    package final func retained() -> PayloadHandle {
        let pointer = unsafe Unmanaged.passRetained(self).toOpaque()
        return PayloadHandle(rawValue: UInt64(UInt(bitPattern: pointer)))
    }

    /// The object that a handle lends.
    fileprivate static func borrowed(_ handle: PayloadHandle) -> KeptBytes {
        // Invariant: a handle that the core holds or lends has a reference that is not given back yet.
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(handle.rawValue)) else {
            preconditionFailure("a handle without bytes was used")
        }
        return unsafe Unmanaged<KeptBytes>.fromOpaque(pointer).takeUnretainedValue()
    }
}

extension PayloadHandle {
    /// The object that a handle which the core holds or lends names.
    var kept: KeptBytes { KeptBytes.borrowed(self) }

    /// Adds a reference, for an event that carries the handle on.
    package func retain() {
        guard self != .none else { return }
        _ = KeptBytes.borrowed(self).retained()
    }

    /// Gives one reference back.
    package func release() {
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(self.rawValue)) else { return }
        // Invariant: the caller owns the reference that it gives back.
        unsafe Unmanaged<KeptBytes>.fromOpaque(pointer).release()
    }

    /// The message that this handle names; traps if it names something else.
    package var message: Message {
        guard let message = KeptBytes.borrowed(self) as? Message else {
            preconditionFailure("the handle names a message")
        }
        return message
    }

    package var page: MessagePage {
        guard let page = KeptBytes.borrowed(self) as? MessagePage else {
            preconditionFailure("the handle names a page")
        }
        return page
    }

    var subscriber: Subscriber {
        guard let subscriber = KeptBytes.borrowed(self) as? Kept<Subscriber> else {
            preconditionFailure("the handle names a subscriber")
        }
        return subscriber.content
    }

    var userName: String {
        guard let name = KeptBytes.borrowed(self) as? Kept<String> else {
            preconditionFailure("the handle names a user's name")
        }
        return name.content
    }

    package var conversationName: String {
        guard let name = KeptBytes.borrowed(self) as? ConversationName else {
            preconditionFailure("the handle names a conversation's name")
        }
        return name.text
    }
}

/// Who subscribes to a channel.
struct Subscriber: Sendable {
    /// As others may know it.
    var info: ClientInfo
    /// What it is told itself: JSON on one line, or empty.
    var data: [UInt8] = []
}

/// A message's bytes and the strings that go with it to clients and into the log.
package final class Message: KeptBytes, @unchecked Sendable {
    /// JSON on one line.
    package let body: [UInt8]
    /// The client's own id of the message, as it wrote it.
    package let messageID: String?
    package let user: String
    package let client: String
    package let conversation: String
    package let note: EntryNote
    /// Users whom it makes members, or mentions.
    package let people: [String]
    package let extra: MessageExtra
    /// The last frames made of this message, so that all shards of a node share them.
    let encoded = Mutex(EncodedFrames(offset: .start))

    package init(
        body: [UInt8],
        messageID: String?,
        user: String,
        client: String,
        conversation: String,
        note: EntryNote = .message,
        people: [String] = [],
        extra: MessageExtra = MessageExtra()
    ) {
        self.body = body
        self.messageID = messageID
        self.user = user
        self.client = client
        self.conversation = conversation
        self.note = note
        self.people = people
        self.extra = extra
        super.init()
    }

    /// The body, and what its sender's tokens or an application server add to it.
    package var byteCount: Int { self.body.count + self.extra.byteCount }
}

/// The frames of a message at one offset, by format.
struct EncodedFrames {
    var offset: Offset
    private var json: ByteBuffer?
    private var protobuf: ByteBuffer?

    init(offset: Offset) { self.offset = offset }

    subscript(format: WireFormat) -> ByteBuffer? {
        get {
            switch format {
            case .json: self.json
            case .protobuf: self.protobuf
            }
        }
        set {
            switch format {
            case .json: self.json = newValue
            case .protobuf: self.protobuf = newValue
            }
        }
    }
}

/// Messages read from the log in ascending or descending order of offset.
package final class MessagePage: KeptBytes, @unchecked Sendable {
    package struct Entry: Sendable {
        package var offset: Offset
        package var unixMilliseconds: UInt64
        /// Countable entries up to this one.
        package var count: UInt64
        package var message: Message
    }

    package let entries: [Entry]

    package init(_ entries: [Entry]) {
        self.entries = entries
        super.init()
    }
}

/// Anything that is kept for a handle to name, and does not change.
package final class Kept<Content: Sendable>: KeptBytes, @unchecked Sendable {
    package let content: Content

    package init(_ content: Content) {
        self.content = content
        super.init()
    }
}

/// A conversation's name on the wire.
package final class ConversationName: KeptBytes, @unchecked Sendable {
    package let text: String

    /// The name of the conversation that a user creates under an id.
    static func created(in namespace: String, by user: String, as id: String) -> String {
        let id = ConversationID(named: "\(user.utf8.count):\(user)\(id)")
        return "\(namespace):\(id.cursor)"
    }

    package init(_ text: String) {
        self.text = text
        super.init()
    }
}
