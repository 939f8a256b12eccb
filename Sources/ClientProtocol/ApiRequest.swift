/// The body of a request to the server API: the fields of all its methods, which never differ in
/// meaning between them.
package struct ApiRequest: Equatable, Sendable {
    package var channel = ""
    package var channels: [String] = []
    package var user = ""
    /// Of the user's connections only the one with this id; empty is any.
    package var client = ""
    package var session = ""
    /// Ids of connections that are left alone.
    package var spared: [String] = []
    /// What is published, or what a subscriber is told, and who the subscriber is.
    package var terms = SubscriptionTerms()
    package var tags: [Publication.Tag] = []
    package var skipsHistory = false
    /// Not empty: publishes the same at most once in a channel.
    package var idempotencyKey: String?
    /// Whether a version was given, of which only newer ones were to be published.
    package var isVersioned = false
    /// 0 asks for the position alone.
    package var limit: Int32 = 0
    package var since: StreamPosition?
    package var recoverSince: StreamPosition?
    package var reverse = false
    /// What a disconnect closes with, if it was given.
    package var disconnect: DisconnectPush?
    package var isExpired = false
    /// Seconds since 1970; 0 is never.
    package var expireAt: Int64 = 0
    /// Which channels are meant; empty is all.
    package var pattern = ""

    package init() {}

    /// Reads a body, of which an empty one has no fields; positions in errors count from its start.
    package init(parsing data: Span<UInt8>) throws(FrameError) {
        var scanner = JSONScanner(0..<data.count)
        scanner.skipSpace(data)
        guard scanner.position < data.count else { return }
        var walk = try scanner.enterObject(data)
        while let name = try scanner.nextKey(&walk, data) {
            if try scanner.take(name, into: &self.terms, data) { continue }
            try self.read(name, &scanner, data)
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
    }

    private mutating func read(
        _ name: String,
        _ scanner: inout JSONScanner,
        _ data: Span<UInt8>
    ) throws(FrameError) {
        switch name {
        case "channel": self.channel = try scanner.text(data)
        case "channels": self.channels = try scanner.texts(data)
        case "user": self.user = try scanner.text(data)
        case "client": self.client = try scanner.text(data)
        case "session": self.session = try scanner.text(data)
        case "whitelist": self.spared = try scanner.texts(data)
        case "tags": self.tags = try scanner.tags(data)
        case "skip_history": self.skipsHistory = try scanner.boolean(data)
        case "idempotency_key": self.idempotencyKey = try scanner.optionalText(data)
        case "version":
            self.isVersioned = try scanner.integer(data, as: UInt64.self) != 0 || self.isVersioned
        case "limit": self.limit = try scanner.integer(data, as: Int32.self)
        case "since": self.since = try scanner.streamPosition(data)
        case "recover_since": self.recoverSince = try scanner.streamPosition(data)
        case "reverse": self.reverse = try scanner.boolean(data)
        case "disconnect": self.disconnect = try scanner.disconnection(data)
        case "expired": self.isExpired = try scanner.boolean(data)
        case "expire_at": self.expireAt = try scanner.integer(data, as: Int64.self)
        case "pattern": self.pattern = try scanner.text(data)
        default: _ = try scanner.skipValue(data)
        }
    }
}

/// The body of a `batch`: requests with their methods, in their order.
package struct ApiBatch: Equatable, Sendable {
    package struct Command: Equatable, Sendable {
        package var method: String
        /// The request's own body.
        package var body: [UInt8]
    }

    /// More get error 106.
    package static let limit = 1_000

    package var commands: [Command] = []
    /// Whether a command need not wait for the answer to the one before.
    package var isParallel = false

    package init(parsing data: Span<UInt8>) throws(FrameError) {
        var scanner = JSONScanner(0..<data.count)
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        while let name = try scanner.nextKey(&walk, data) {
            switch name {
            case "commands":
                try scanner.forEachElement(data) { scanner throws(FrameError) in
                    self.commands.append(try scanner.batchCommand(data))
                }
            case "parallel": self.isParallel = try scanner.boolean(data)
            default: _ = try scanner.skipValue(data)
            }
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
    }
}

extension JSONScanner {
    /// An object whose one member is a method with its request.
    fileprivate mutating func batchCommand(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ApiBatch.Command {
        let start = self.position
        var command: ApiBatch.Command?
        var walk = try self.enterObject(bytes)
        while let method = try self.nextKey(&walk, bytes) {
            guard command == nil else { throw FrameError(.twoMethods, at: start) }
            command = ApiBatch.Command(method: method, body: try self.embedded(bytes))
        }
        guard let command else { throw FrameError(.noMethod, at: start) }
        return command
    }

    fileprivate mutating func texts(_ bytes: Span<UInt8>) throws(FrameError) -> [String] {
        var texts: [String] = []
        try self.forEachElement(bytes) { scanner throws(FrameError) in
            texts.append(try scanner.text(bytes))
        }
        return texts
    }

    /// The members of an object whose values are strings.
    mutating func tags(_ bytes: Span<UInt8>) throws(FrameError) -> [Publication.Tag] {
        var tags: [Publication.Tag] = []
        var walk = try self.enterObject(bytes)
        while let name = try self.nextKey(&walk, bytes) {
            let tag = Publication.Tag(name, try self.text(bytes))
            // One name has one value: in Protobuf there is room for no other.
            if let place = tags.firstIndex(where: { $0.name == name }) {
                tags[place] = tag
            } else {
                tags.append(tag)
            }
            guard tags.count <= Publication.Tag.limit else { throw self.failure(.tooLong) }
        }
        return tags
    }

    fileprivate mutating func disconnection(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> DisconnectPush? {
        if try self.skipNull(bytes) { return nil }
        var disconnect = DisconnectPush(code: 0, reason: "", reconnect: false)
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.code: disconnect.code = try self.integer(bytes, as: UInt32.self)
            case FieldName.reason: disconnect.reason = try self.text(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return disconnect
    }
}
