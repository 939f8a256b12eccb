package import ChatCore

/// The data of the `chat.send` rpc: a message with the client's own id, once in the log however often
/// it is repeated.
package struct SendRequest: Equatable, Sendable {
    package var channel: String
    /// Not empty; unique for the user in the channel.
    package var id: String
    /// JSON without whitespace between its tokens.
    package var body: [UInt8]
    /// The offset of the message that this one answers; 0 answers none.
    package var replyTo: UInt64 = 0
    /// Users whom the message mentions, at most `ChatRequest.mentionLimit`.
    package var mentions: [String] = []

    /// The rpc's name.
    package static let method = "chat.send"

    /// What data that is no such request is answered with.
    package static var errorCode: ErrorCode { .badRequest }

    package init(channel: String, id: String, body: [UInt8]) {
        self.channel = channel
        self.id = id
        self.body = body
    }

    /// Reads an rpc's data, as a `ClientCommand` carries it; positions in errors count from its start.
    package init(parsing data: Span<UInt8>) throws(FrameError) {
        self.init(channel: "", id: "", body: [])
        var scanner = JSONScanner(0..<data.count)
        guard !data.isEmpty else { throw scanner.failure(.missingField) }
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        while let name = try scanner.nextMember(&walk, data) {
            switch name {
            case FieldName.channel: self.channel = try scanner.text(data)
            case FieldName.id: self.id = try scanner.text(data)
            case FieldName.body: self.body = try scanner.embedded(data)
            case FieldName.replyTo: self.replyTo = try scanner.integer(data, as: UInt64.self)
            case FieldName.mentions:
                self.mentions = try scanner.texts(data, limit: ChatRequest.mentionLimit)
            default: _ = try scanner.skipValue(data)
            }
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
        guard !self.channel.isEmpty, !self.id.isEmpty, !self.body.isEmpty else {
            throw scanner.failure(.missingField)
        }
    }

    /// The rpc that asks for this.
    package var command: ClientCommand.Method {
        var data: [UInt8] = []
        data.reserveCapacity(self.body.count + self.channel.utf8.count + self.id.utf8.count + 32)
        JSONText.append("{\"channel\":", into: &data)
        JSONText.append(quoted: self.channel, into: &data)
        JSONText.append(",\"id\":", into: &data)
        JSONText.append(quoted: self.id, into: &data)
        JSONText.append(",\"body\":", into: &data)
        data.append(contentsOf: self.body)
        data.append(UInt8(ascii: "}"))
        return .rpc(method: Self.method, data: data)
    }
}
