package import ChatCore

/// The chat operations besides `chat.send`, as the data of their rpcs ask for them.
///
/// Every list and text is bounded: what is longer is refused as a bad request.
package enum ChatRequest: Equatable, Sendable {
    case create(CreateRequest)
    case change(ChangeRequest)
    /// `read` and `received` are offsets; 0 leaves a marker where it is.
    case mark(channel: String, read: UInt64, received: UInt64)
    case typing(channel: String, isOn: Bool)
    case history(ChatHistoryRequest)
    case list(ChatListRequest)

    /// The most members that one creation names.
    package static let memberLimit = 100
    /// The most users that one message mentions.
    package static let mentionLimit = 32
    /// The most conversations that one `chat.sync` says it knows.
    package static let knownLimit = 1_000
    /// The most bytes of an id, of a user's name or of a cursor.
    package static let textLimit = 255

    /// Reads the data of the rpc `method`; `nil` if there is no such method.
    package static func parse(
        method: String,
        _ data: Span<UInt8>
    ) throws(FrameError) -> ChatRequest? {
        guard let kind = ChatMethod(rawValue: method) else { return nil }
        let fields = try ChatFields(parsing: data)
        switch kind {
        case .create: return .create(try fields.create())
        case .join: return .change(try fields.change(.join))
        case .leave: return .change(try fields.change(.leave))
        case .invite: return .change(try fields.change(.invite(try fields.userName())))
        case .remove: return .change(try fields.change(.remove(try fields.userName())))
        case .role:
            return .change(try fields.change(.role(try fields.userName(), try fields.memberRole())))
        case .edit:
            guard !fields.body.isEmpty else { throw fields.missing }
            return .change(try fields.change(.edit(try fields.entry())))
        case .delete: return .change(try fields.change(.delete(try fields.entry())))
        case .react:
            guard !fields.body.isEmpty else { throw fields.missing }
            return .change(try fields.change(.react(try fields.entry())))
        case .mark:
            guard !fields.channel.isEmpty, fields.read > 0 || fields.received > 0 else {
                throw fields.missing
            }
            return .mark(channel: fields.channel, read: fields.read, received: fields.received)
        case .typing:
            guard !fields.channel.isEmpty else { throw fields.missing }
            return .typing(channel: fields.channel, isOn: fields.isOn)
        case .history:
            guard !fields.channel.isEmpty, fields.before == nil || fields.after == nil else {
                throw fields.missing
            }
            return .history(
                ChatHistoryRequest(
                    channel: fields.channel,
                    before: fields.before,
                    after: fields.after,
                    limit: fields.limit
                )
            )
        case .list, .sync:
            return .list(
                ChatListRequest(
                    known: fields.known,
                    cursor: fields.cursor.isEmpty ? nil : fields.cursor,
                    limit: fields.limit
                )
            )
        }
    }
}

/// The names of the rpcs.
enum ChatMethod: String, CaseIterable {
    case create = "chat.create"
    case join = "chat.join"
    case leave = "chat.leave"
    case invite = "chat.invite"
    case remove = "chat.remove"
    case role = "chat.role"
    case edit = "chat.edit"
    case delete = "chat.delete"
    case react = "chat.react"
    case mark = "chat.mark"
    case typing = "chat.typing"
    case history = "chat.history"
    case list = "chat.list"
    case sync = "chat.sync"
}

/// The data of `chat.create`.
package struct CreateRequest: Equatable, Sendable {
    /// Not empty; unique for the user, and what the conversation's name is made of.
    package var id: String
    /// The namespace in which the conversation lies.
    package var namespace: String
    package var members: [String]
    package var isPublic: Bool
    /// JSON, such as a title; empty when the client gave none.
    package var body: [UInt8]
}

/// The data of an operation on a conversation, which is an entry of its log.
package struct ChangeRequest: Equatable, Sendable {
    package var channel: String
    /// Not empty; unique for the user in the channel.
    package var id: String
    package var kind: Kind
    /// JSON, empty when the client gave none.
    package var body: [UInt8]

    /// What is asked for; users are called as their tokens call them.
    package enum Kind: Equatable, Sendable {
        case join
        case leave
        case invite(String)
        case remove(String)
        case role(String, MemberRole)
        case edit(UInt64)
        case delete(UInt64)
        case react(UInt64)
    }
}

/// The data of `chat.history`: messages before or after an offset, or the newest.
package struct ChatHistoryRequest: Equatable, Sendable {
    package var channel: String
    /// Exclusive, newest first.
    package var before: UInt64?
    /// Exclusive, oldest first.
    package var after: UInt64?
    /// 0 is as many as the server allows.
    package var limit: UInt32
}

/// The data of `chat.list`, and of `chat.sync` with what the device knows.
package struct ChatListRequest: Equatable, Sendable {
    package var known: [KnownChannel]
    /// Where the window begins, as the one before said it.
    package var cursor: String?
    /// 0 is as many as the server allows.
    package var limit: UInt32

    /// What a device has of a conversation.
    package struct KnownChannel: Equatable, Sendable {
        package var channel = ""
        package var offset: UInt64 = 0
        package var epoch = ""
        /// The user's read marker, as the device knows it.
        package var read: UInt64 = 0
    }
}

/// All fields that the operations know; each reads those it needs.
struct ChatFields {
    var channel = ""
    var id = ""
    var namespace = ""
    var user = ""
    var role = ""
    var cursor = ""
    var body: [UInt8] = []
    var members: [String] = []
    var isPublic = false
    var isOn = false
    var offset: UInt64 = 0
    var read: UInt64 = 0
    var received: UInt64 = 0
    var before: UInt64?
    var after: UInt64?
    var limit: UInt32 = 0
    var known: [ChatListRequest.KnownChannel] = []

    init(parsing data: Span<UInt8>) throws(FrameError) {
        guard !data.isEmpty else { return }
        var scanner = JSONScanner(0..<data.count)
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        while let name = try scanner.nextMember(&walk, data) {
            try self.read(name, &scanner, data)
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
    }

    private mutating func read(
        _ name: FieldName,
        _ scanner: inout JSONScanner,
        _ data: Span<UInt8>
    ) throws(FrameError) {
        switch name {
        case FieldName.channel: self.channel = try scanner.text(data)
        case FieldName.id: self.id = try scanner.boundedText(data)
        case FieldName.namespace: self.namespace = try scanner.boundedText(data)
        case FieldName.user: self.user = try scanner.boundedText(data)
        case FieldName.role: self.role = try scanner.boundedText(data)
        case FieldName.cursor: self.cursor = try scanner.boundedText(data)
        case FieldName.body: self.body = try scanner.embedded(data)
        case FieldName.members:
            self.members = try scanner.texts(data, limit: ChatRequest.memberLimit)
        case FieldName.isPublic: self.isPublic = try scanner.boolean(data)
        case FieldName.isOn: self.isOn = try scanner.boolean(data)
        case FieldName.offset: self.offset = try scanner.integer(data, as: UInt64.self)
        case FieldName.read: self.read = try scanner.integer(data, as: UInt64.self)
        case FieldName.received: self.received = try scanner.integer(data, as: UInt64.self)
        case FieldName.before: self.before = try scanner.integer(data, as: UInt64.self)
        case FieldName.after: self.after = try scanner.integer(data, as: UInt64.self)
        case FieldName.limit: self.limit = try scanner.integer(data, as: UInt32.self)
        case FieldName.known: self.known = try scanner.knownChannels(data)
        default: _ = try scanner.skipValue(data)
        }
    }

    var missing: FrameError { FrameError(.missingField, at: 0) }

    func userName() throws(FrameError) -> String {
        guard !self.user.isEmpty else { throw self.missing }
        return self.user
    }

    func memberRole() throws(FrameError) -> MemberRole {
        switch self.role {
        case "member": return .member
        case "admin": return .admin
        case "owner": return .owner
        default: throw self.missing
        }
    }

    func entry() throws(FrameError) -> UInt64 {
        guard self.offset > 0 else { throw self.missing }
        return self.offset
    }

    func change(_ kind: ChangeRequest.Kind) throws(FrameError) -> ChangeRequest {
        guard !self.channel.isEmpty, !self.id.isEmpty else { throw self.missing }
        return ChangeRequest(channel: self.channel, id: self.id, kind: kind, body: self.body)
    }

    func create() throws(FrameError) -> CreateRequest {
        guard !self.id.isEmpty, self.members.allSatisfy({ !$0.isEmpty }) else {
            throw self.missing
        }
        return CreateRequest(
            id: self.id,
            namespace: self.namespace.isEmpty ? "c" : self.namespace,
            members: self.members,
            isPublic: self.isPublic,
            body: self.body
        )
    }
}

extension JSONScanner {
    /// A text of at most 255 bytes.
    mutating func boundedText(_ bytes: Span<UInt8>) throws(FrameError) -> String {
        let start = self.position
        let text = try self.text(bytes)
        guard text.utf8.count <= ChatRequest.textLimit else {
            throw FrameError(.tooLong, at: start)
        }
        return text
    }

    /// An array of at most `limit` bounded texts.
    mutating func texts(_ bytes: Span<UInt8>, limit: Int) throws(FrameError) -> [String] {
        var texts: [String] = []
        try self.forEachElement(bytes) { scanner throws(FrameError) in
            guard texts.count < limit else { throw scanner.failure(.tooLong) }
            texts.append(try scanner.boundedText(bytes))
        }
        return texts
    }

    fileprivate mutating func knownChannels(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> [ChatListRequest.KnownChannel] {
        var known: [ChatListRequest.KnownChannel] = []
        try self.forEachElement(bytes) { scanner throws(FrameError) in
            guard known.count < ChatRequest.knownLimit else { throw scanner.failure(.tooLong) }
            var channel = ChatListRequest.KnownChannel()
            var walk = try scanner.enterObject(bytes)
            while let name = try scanner.nextMember(&walk, bytes) {
                switch name {
                case FieldName.channel: channel.channel = try scanner.boundedText(bytes)
                case FieldName.offset:
                    channel.offset = try scanner.integer(bytes, as: UInt64.self)
                case FieldName.epoch: channel.epoch = try scanner.boundedText(bytes)
                case FieldName.read: channel.read = try scanner.integer(bytes, as: UInt64.self)
                default: _ = try scanner.skipValue(bytes)
                }
            }
            known.append(channel)
        }
        return known
    }
}
