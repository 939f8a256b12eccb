/// The body of a request to the server API: the fields of all its methods, which never differ in
/// meaning between them.
package struct ApiRequest: Equatable, Sendable {
    package var channel = ""
    package var channels: [String] = []
    /// JSON without whitespace between its tokens; empty when there was none.
    package var data: [UInt8] = []
    package var user = ""
    /// Not empty: publishes the same at most once in a channel.
    package var idempotencyKey: String?
    /// 0 asks for the position alone.
    package var limit: Int32 = 0
    package var since: StreamPosition?
    package var reverse = false
    /// The code that a disconnect closes with, if one was given.
    package var disconnectCode: UInt32?
    /// Whether a field was given that changes what is asked and that this server does not know.
    package var asksForMore = false

    package init() {}

    /// Reads a body, of which an empty one has no fields; positions in errors count from its start.
    package init(parsing data: Span<UInt8>) throws(FrameError) {
        var scanner = JSONScanner(0..<data.count)
        scanner.skipSpace(data)
        guard scanner.position < data.count else { return }
        var walk = try scanner.enterObject(data)
        while let key = try scanner.nextKey(&walk, data) {
            switch key {
            case "channel": self.channel = try scanner.text(data)
            case "channels":
                try scanner.forEachElement(data) { scanner throws(FrameError) in
                    self.channels.append(try scanner.text(data))
                }
            case "data": self.data = try scanner.embedded(data)
            case "user": self.user = try scanner.text(data)
            case "idempotency_key":
                let key = try scanner.optionalText(data) ?? ""
                self.idempotencyKey = key.isEmpty ? nil : key
            case "limit": self.limit = try scanner.integer(data, as: Int32.self)
            case "reverse": self.reverse = try scanner.boolean(data)
            case "since": self.since = try scanner.position(data)
            case "disconnect": self.disconnectCode = try scanner.code(data)
            case "b64data", "client", "session", "skip_history", "tags", "delta":
                self.asksForMore = try scanner.hasValue(data) || self.asksForMore
            default: _ = try scanner.skipValue(data)
            }
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
    }
}

extension JSONScanner {
    fileprivate mutating func position(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> StreamPosition? {
        if try self.skipNull(bytes) { return nil }
        var position = StreamPosition(offset: 0, epoch: "")
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.offset: position.offset = try self.integer(bytes, as: UInt64.self)
            case FieldName.epoch: position.epoch = try self.text(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return position
    }

    fileprivate mutating func code(_ bytes: Span<UInt8>) throws(FrameError) -> UInt32? {
        if try self.skipNull(bytes) { return nil }
        var code: UInt32?
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            if name == .code {
                code = try self.integer(bytes, as: UInt32.self)
            } else {
                _ = try self.skipValue(bytes)
            }
        }
        return code
    }

    /// Skips a value, and says whether it is more than false, null or empty.
    fileprivate mutating func hasValue(_ bytes: Span<UInt8>) throws(FrameError) -> Bool {
        let start = self.position
        _ = try self.skipValue(bytes)
        var text: [UInt8] = []
        for index in start..<self.position where !Self.isSpace(bytes[index]) {
            text.append(bytes[index])
        }
        return !["false", "null", "\"\"", "{}", "[]"].contains { Array($0.utf8) == text }
    }
}
