package import ChatCore
package import Kernel

/// Appends the server's messages to bytes, one JSON object each, without the newline between them.
package enum ServerEncoder {
    /// The server's ping.
    package static func ping(into output: inout [UInt8]) {
        JSONText.append("{}", into: &output)
    }

    /// Appends what must stand before a message that is not the first of its frame.
    package static func separator(into output: inout [UInt8]) {
        output.append(UInt8(ascii: "\n"))
    }

    /// The reply to `connect`, in whole seconds, with what only the host knows: the connection's id, the server's version
    /// and the node's name.
    package static func connected(
        _ id: CommandID,
        _ reply: ConnectReply,
        client: String,
        version: String,
        node: String,
        into output: inout [UInt8]
    ) {
        Self.open(id, "connect", into: &output)
        JSONText.append("\"client\":", into: &output)
        JSONText.append(quoted: client, into: &output)
        JSONText.append(",\"version\":", into: &output)
        JSONText.append(quoted: version, into: &output)
        if let timeToLive = reply.timeToLive {
            // Never zero, and rounded down: a refresh is better early than late.
            let seconds = max(1, timeToLive.nanoseconds / 1_000_000_000)
            JSONText.append(",\"expires\":true,\"ttl\":", into: &output)
            JSONText.append(seconds, into: &output)
        }
        // Rounded up: a client gives up on a server that pings later than it said.
        let (seconds, rest) = reply.pingInterval.nanoseconds
            .quotientAndRemainder(dividingBy: 1_000_000_000)
        JSONText.append(",\"ping\":", into: &output)
        JSONText.append(seconds + (rest == 0 ? 0 : 1), into: &output)
        JSONText.append(",\"pong\":true", into: &output)
        if !node.isEmpty {
            JSONText.append(",\"node\":", into: &output)
            JSONText.append(quoted: node, into: &output)
        }
        JSONText.append("}}", into: &output)
    }

    /// The reply to `subscribe`; `publications` is called if the position was recovered, and appends
    /// each missed message by `element(_:into:)`.
    package static func subscribed(
        _ id: CommandID,
        _ reply: SubscribeReply,
        into output: inout [UInt8],
        publications: (inout [UInt8]) -> Void
    ) {
        Self.open(id, "subscribe", into: &output)
        if reply.hasLog {
            JSONText.append("\"recoverable\":true,\"positioned\":true,\"epoch\":\"", into: &output)
            EpochText.append(reply.epoch, into: &output)
            output.append(UInt8(ascii: "\""))
            if reply.offset != .start {
                JSONText.append(",\"offset\":", into: &output)
                JSONText.append(reply.offset.rawValue, into: &output)
            }
        }
        switch reply.recovery {
        case .notRequested: break
        case .unrecovered:
            if reply.hasLog { output.append(UInt8(ascii: ",")) }
            JSONText.append("\"was_recovering\":true", into: &output)
        case .recovered:
            if reply.hasLog { output.append(UInt8(ascii: ",")) }
            JSONText.append(
                "\"recovered\":true,\"was_recovering\":true,\"publications\":[",
                into: &output
            )
            publications(&output)
            output.append(UInt8(ascii: "]"))
        }
        JSONText.append("}}", into: &output)
    }

    /// The reply to `history`; `publications` appends each message of the page by `element(_:into:)`.
    package static func history(
        _ id: CommandID,
        epoch: Epoch,
        head: Offset,
        into output: inout [UInt8],
        publications: (inout [UInt8]) -> Void
    ) {
        Self.open(id, "history", into: &output)
        JSONText.append("\"publications\":[", into: &output)
        publications(&output)
        JSONText.append("],\"epoch\":\"", into: &output)
        EpochText.append(epoch, into: &output)
        JSONText.append("\",\"offset\":", into: &output)
        JSONText.append(head.rawValue, into: &output)
        JSONText.append("}}", into: &output)
    }

    /// Appends one encoded publication to the array that a reply has just opened or continued.
    package static func element(_ publication: [UInt8], into output: inout [UInt8]) {
        // An element ends with a brace, so that only the array's own bracket stands before the first.
        if output.last != UInt8(ascii: "[") { output.append(UInt8(ascii: ",")) }
        output.append(contentsOf: publication)
    }

    /// The same of a publication that is not encoded yet.
    package static func element(_ publication: Publication, into output: inout [UInt8]) {
        if output.last != UInt8(ascii: "[") { output.append(UInt8(ascii: ",")) }
        publication.append(into: &output)
    }

    /// The reply to `unsubscribe`, also when there was no subscription.
    package static func unsubscribed(_ id: CommandID, into output: inout [UInt8]) {
        Self.open(id, "unsubscribe", into: &output)
        JSONText.append("}}", into: &output)
    }

    /// The reply to `publish`, which tells no offset.
    package static func published(_ id: CommandID, into output: inout [UInt8]) {
        Self.open(id, "publish", into: &output)
        JSONText.append("}}", into: &output)
    }

    /// The reply to `chat.send`.
    package static func sent(_ id: CommandID, _ reply: SendReply, into output: inout [UInt8]) {
        Self.open(id, "rpc", into: &output)
        JSONText.append("\"data\":{", into: &output)
        Self.append(reply, into: &output)
        JSONText.append("}}}", into: &output)
    }

    /// The reply to a command that is refused.
    package static func error(_ id: CommandID, _ code: ErrorCode, into output: inout [UInt8]) {
        Self.open(id, "error", into: &output)
        JSONText.append("\"code\":", into: &output)
        JSONText.append(UInt64(code.rawValue), into: &output)
        JSONText.append(",\"message\":\"", into: &output)
        JSONText.append(code.message, into: &output)
        output.append(UInt8(ascii: "\""))
        if code.isTemporary { JSONText.append(",\"temporary\":true", into: &output) }
        JSONText.append("}}", into: &output)
    }

    /// A message for all subscribers of a channel: one encoding, whoever reads it.
    package static func push(
        _ publication: Publication,
        channel: String,
        into output: inout [UInt8]
    ) {
        Self.openPush(channel, "pub", into: &output)
        publication.append(into: &output)
        JSONText.append("}}", into: &output)
    }

    /// The same of a publication that is encoded already, as the log of a host may keep it.
    package static func push(
        encoded publication: [UInt8],
        channel: String,
        into output: inout [UInt8]
    ) {
        Self.openPush(channel, "pub", into: &output)
        output.append(contentsOf: publication)
        JSONText.append("}}", into: &output)
    }

    /// Tells a client that a subscription has ended without its asking.
    package static func unsubscribe(
        channel: String,
        _ code: UnsubscribeCode,
        into output: inout [UInt8]
    ) {
        Self.openPush(channel, "unsubscribe", into: &output)
        JSONText.append("{\"code\":", into: &output)
        JSONText.append(UInt64(code.rawValue), into: &output)
        JSONText.append(",\"reason\":\"", into: &output)
        JSONText.append(code.reason, into: &output)
        JSONText.append("\"}}}", into: &output)
    }

    static func open(
        _ id: CommandID,
        _ member: StaticString,
        into output: inout [UInt8]
    ) {
        JSONText.append("{\"id\":", into: &output)
        JSONText.append(UInt64(id.rawValue), into: &output)
        JSONText.append(",\"", into: &output)
        JSONText.append(member, into: &output)
        JSONText.append("\":{", into: &output)
    }

    private static func openPush(
        _ channel: String,
        _ member: StaticString,
        into output: inout [UInt8]
    ) {
        JSONText.append("{\"push\":{\"channel\":", into: &output)
        JSONText.append(quoted: channel, into: &output)
        JSONText.append(",\"", into: &output)
        JSONText.append(member, into: &output)
        JSONText.append("\":", into: &output)
    }
}
