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

    /// One of a publication's tags.
    package struct Tag: Equatable, Sendable {
        package var name: String
        package var value: String

        /// More than so many are refused.
        package static let limit = 32

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }
}

/// A connection in a channel: who sent a publication, who is present, who came or left.
package struct ClientInfo: Equatable, Sendable {
    package var user: String
    /// The id of the connection.
    package var client: String
    /// What the connection's credentials say of it, and what the subscription's do: JSON, empty when
    /// they say nothing.
    package var connInfo: [UInt8]
    package var chanInfo: [UInt8]

    package init(user: String, client: String, connInfo: [UInt8] = [], chanInfo: [UInt8] = []) {
        self.user = user
        self.client = client
        self.connInfo = connInfo
        self.chanInfo = chanInfo
    }
}
