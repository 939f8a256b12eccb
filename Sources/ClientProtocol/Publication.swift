package import Kernel

/// One message as subscribers see it.
package struct Publication: Equatable, Sendable {
    /// JSON without newlines.
    package var data: [UInt8]
    /// Who sent it; `nil` when the server did.
    package var info: ClientInfo?
    /// `.start`, which the wire leaves out, in a conversation without a log.
    package var offset: Offset
    /// The client's own id of the message, which travels as the tag `id`.
    package var messageID: String?
    /// What else goes into the tags, in this order; none is called `id`.
    package var tags: [Tag]
    /// When it was sequenced, in milliseconds since 1970; 0, which the wire leaves out, is unknown.
    package var unixMilliseconds: UInt64

    package init(
        data: [UInt8],
        info: ClientInfo? = nil,
        offset: Offset = .start,
        messageID: String? = nil,
        tags: [Tag] = [],
        unixMilliseconds: UInt64 = 0
    ) {
        self.data = data
        self.info = info
        self.offset = offset
        self.messageID = messageID
        self.tags = tags
        self.unixMilliseconds = unixMilliseconds
    }

    /// Appends the object, as it stands in a push and in the array of a reply.
    package func append(into output: inout [UInt8]) {
        output.reserveCapacity(output.count + self.data.count + 192)
        JSONText.append("{\"data\":", into: &output)
        output.append(contentsOf: self.data)
        if let info = self.info {
            JSONText.append(",\"info\":{\"user\":", into: &output)
            JSONText.append(quoted: info.user, into: &output)
            JSONText.append(",\"client\":", into: &output)
            JSONText.append(quoted: info.client, into: &output)
            output.append(UInt8(ascii: "}"))
        }
        if self.offset != .start {
            JSONText.append(",\"offset\":", into: &output)
            JSONText.append(self.offset.rawValue, into: &output)
        }
        self.appendTags(into: &output)
        if self.unixMilliseconds != 0 {
            JSONText.append(",\"time\":", into: &output)
            JSONText.append(self.unixMilliseconds, into: &output)
        }
        output.append(UInt8(ascii: "}"))
    }

    private func appendTags(into output: inout [UInt8]) {
        guard self.messageID != nil || !self.tags.isEmpty else { return }
        JSONText.append(",\"tags\":{", into: &output)
        if let messageID = self.messageID {
            JSONText.append("\"id\":", into: &output)
            JSONText.append(quoted: messageID, into: &output)
        }
        for (index, tag) in self.tags.enumerated() {
            if index > 0 || self.messageID != nil { output.append(UInt8(ascii: ",")) }
            JSONText.append(quoted: tag.name, into: &output)
            output.append(UInt8(ascii: ":"))
            JSONText.append(quoted: tag.value, into: &output)
        }
        output.append(UInt8(ascii: "}"))
    }

    /// One of a publication's tags.
    package struct Tag: Equatable, Sendable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }
}

/// The sender of a publication.
package struct ClientInfo: Equatable, Sendable {
    package var user: String
    /// The id of the connection.
    package var client: String

    package init(user: String, client: String) {
        self.user = user
        self.client = client
    }
}
