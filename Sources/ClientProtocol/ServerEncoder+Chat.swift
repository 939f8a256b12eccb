package import ChatCore
package import Kernel

/// A conversation in the window of a user's list.
package struct ListedChannel: Equatable, Sendable {
    package var channel: String
    package var head: StreamHead
    package var members: UInt64
    package var role: MemberRole
    package var state: MarkReply

    package init(
        channel: String,
        head: StreamHead,
        members: UInt64,
        role: MemberRole,
        state: MarkReply
    ) {
        self.channel = channel
        self.head = head
        self.members = members
        self.role = role
        self.state = state
    }
}

extension MemberRole {
    /// The role as the wire has it.
    package var text: StaticString {
        switch self {
        case .member: "member"
        case .admin: "admin"
        case .owner: "owner"
        }
    }
}

/// The replies to the chat operations; all are the data of an rpc.
extension ServerEncoder {
    /// The reply to `chat.create`, which names the conversation.
    package static func created(
        _ id: CommandID,
        channel: String,
        _ reply: SendReply,
        into output: inout [UInt8]
    ) {
        Self.openRPC(id, into: &output)
        JSONText.append("\"channel\":", into: &output)
        JSONText.append(quoted: channel, into: &output)
        output.append(UInt8(ascii: ","))
        Self.append(reply, into: &output)
        JSONText.append("}}}", into: &output)
    }

    /// The reply to `chat.mark`: where the markers are, and what lies beyond.
    package static func marked(
        _ id: CommandID,
        _ reply: MarkReply,
        into output: inout [UInt8]
    ) {
        Self.openRPC(id, into: &output)
        Self.append(reply, into: &output)
        JSONText.append("}}}", into: &output)
    }

    /// The reply to `chat.history`; `publications` appends each message by `element(_:into:)`.
    package static func chatHistory(
        _ id: CommandID,
        epoch: Epoch,
        head: Offset,
        into output: inout [UInt8],
        publications: (inout [UInt8]) -> Void
    ) {
        Self.openRPC(id, into: &output)
        JSONText.append("\"publications\":[", into: &output)
        publications(&output)
        JSONText.append("],\"epoch\":\"", into: &output)
        EpochText.append(epoch, into: &output)
        JSONText.append("\",\"offset\":", into: &output)
        JSONText.append(head.rawValue, into: &output)
        JSONText.append("}}}", into: &output)
    }

    /// The reply to `chat.list` and `chat.sync`; `cursor` is empty after the last window.
    package static func listed(
        _ id: CommandID,
        _ channels: [ListedChannel],
        gone: [String],
        cursor: String,
        into output: inout [UInt8]
    ) {
        Self.openRPC(id, into: &output)
        JSONText.append("\"changed\":[", into: &output)
        for (index, channel) in channels.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            Self.append(channel, into: &output)
        }
        JSONText.append("],\"gone\":[", into: &output)
        for (index, name) in gone.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            JSONText.append(quoted: name, into: &output)
        }
        output.append(UInt8(ascii: "]"))
        if !cursor.isEmpty {
            JSONText.append(",\"cursor\":", into: &output)
            JSONText.append(quoted: cursor, into: &output)
        }
        JSONText.append("}}}", into: &output)
    }

    private static func append(_ channel: ListedChannel, into output: inout [UInt8]) {
        JSONText.append("{\"channel\":", into: &output)
        JSONText.append(quoted: channel.channel, into: &output)
        JSONText.append(",\"offset\":", into: &output)
        JSONText.append(channel.head.offset.rawValue, into: &output)
        JSONText.append(",\"epoch\":\"", into: &output)
        EpochText.append(channel.head.epoch, into: &output)
        JSONText.append("\",\"count\":", into: &output)
        JSONText.append(channel.head.count, into: &output)
        JSONText.append(",\"members\":", into: &output)
        JSONText.append(channel.members, into: &output)
        JSONText.append(",\"role\":\"", into: &output)
        JSONText.append(channel.role.text, into: &output)
        JSONText.append("\",", into: &output)
        Self.append(channel.state, into: &output)
        output.append(UInt8(ascii: "}"))
    }

    private static func append(_ reply: MarkReply, into output: inout [UInt8]) {
        JSONText.append("\"read\":", into: &output)
        JSONText.append(reply.markers.read.rawValue, into: &output)
        JSONText.append(",\"recv\":", into: &output)
        JSONText.append(reply.markers.received.rawValue, into: &output)
        JSONText.append(",\"unread\":", into: &output)
        JSONText.append(reply.unread, into: &output)
        JSONText.append(",\"mentions\":", into: &output)
        JSONText.append(reply.mentions, into: &output)
    }

    static func append(_ reply: SendReply, into output: inout [UInt8]) {
        JSONText.append("\"offset\":", into: &output)
        JSONText.append(reply.offset.rawValue, into: &output)
        JSONText.append(",\"epoch\":\"", into: &output)
        EpochText.append(reply.epoch, into: &output)
        JSONText.append("\",\"time\":", into: &output)
        JSONText.append(reply.unixMilliseconds, into: &output)
        JSONText.append(",\"duplicate\":", into: &output)
        JSONText.append(reply.isDuplicate ? "true" : "false", into: &output)
    }

    private static func openRPC(_ id: CommandID, into output: inout [UInt8]) {
        Self.open(id, "rpc", into: &output)
        JSONText.append("\"data\":{", into: &output)
    }
}
