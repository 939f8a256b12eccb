package import ChatCore
import Kernel

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
    package var text: String {
        switch self {
        case .member: "member"
        case .admin: "admin"
        case .owner: "owner"
        }
    }
}

/// The data that answers the rpcs of chat, as JSON on one line; every field is written.
package enum ChatResults {
    /// The answer to `chat.create`, which names the conversation.
    package static func created(channel: String, _ reply: SendReply) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { fields, output in
            fields.append(required: "channel", channel, into: &output)
            fields.append(required: "offset", reply.offset.rawValue, into: &output)
            fields.append(required: "epoch", EpochText.text(of: reply.epoch), into: &output)
            fields.append(required: "time", reply.unixMilliseconds, into: &output)
            fields.open("duplicate", into: &output)
            JSONText.append(reply.isDuplicate ? "true" : "false", into: &output)
        }
        return output
    }

    /// The answer to `chat.mark`: where the markers are, and what lies beyond.
    package static func marked(_ reply: MarkReply) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { Self.append(reply, as: &$0, into: &$1) }
        return output
    }

    /// What a device that does not look is told of a conversation on its user's own channel.
    package static func hint(channel: String, _ hint: Hint) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { fields, output in
            fields.append(required: "channel", channel, into: &output)
            fields.append(required: "offset", hint.head.offset.rawValue, into: &output)
            fields.append(required: "epoch", EpochText.text(of: hint.head.epoch), into: &output)
            fields.append(required: "unread", hint.standing.unread, into: &output)
            fields.append(required: "mentions", hint.standing.mentions, into: &output)
        }
        return output
    }

    /// The answer to `chat.history`.
    package static func history(_ result: HistoryResult) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { result.append(as: &$0, into: &$1) }
        return output
    }

    /// The answer to `chat.list` and `chat.sync`; `cursor` is empty after the last window.
    package static func listed(
        _ channels: [ListedChannel],
        gone: [String],
        cursor: String
    ) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { fields, output in
            fields.open("changed", into: &output)
            output.append(UInt8(ascii: "["))
            for (index, channel) in channels.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSONFields.object(into: &output) { Self.append(channel, as: &$0, into: &$1) }
            }
            output.append(UInt8(ascii: "]"))
            fields.open("gone", into: &output)
            output.append(UInt8(ascii: "["))
            for (index, name) in gone.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSONText.append(quoted: name, into: &output)
            }
            output.append(UInt8(ascii: "]"))
            fields.append("cursor", cursor, into: &output)
        }
        return output
    }

    private static func append(
        _ channel: ListedChannel,
        as fields: inout JSONFields,
        into output: inout [UInt8]
    ) {
        fields.append(required: "channel", channel.channel, into: &output)
        fields.append(required: "offset", channel.head.offset.rawValue, into: &output)
        fields.append(required: "epoch", EpochText.text(of: channel.head.epoch), into: &output)
        fields.append(required: "count", channel.head.count, into: &output)
        fields.append(required: "members", channel.members, into: &output)
        fields.append(required: "role", channel.role.text, into: &output)
        Self.append(channel.state, as: &fields, into: &output)
    }

    private static func append(
        _ reply: MarkReply,
        as fields: inout JSONFields,
        into output: inout [UInt8]
    ) {
        fields.append(required: "read", reply.markers.read.rawValue, into: &output)
        fields.append(required: "recv", reply.markers.received.rawValue, into: &output)
        fields.append(required: "unread", reply.unread, into: &output)
        fields.append(required: "mentions", reply.mentions, into: &output)
    }
}
