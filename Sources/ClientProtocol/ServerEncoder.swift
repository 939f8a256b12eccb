import ChatCore

/// Appends the server's messages to bytes, one JSON object each, without the newline between them.
package enum ServerEncoder {
    /// Appends one message: a reply has its result's member even if that is empty.
    package static func append(_ message: ServerMessage, into output: inout [UInt8]) {
        switch message {
        case .ping: JSONText.append("{}", into: &output)
        case .reply(let id, let reply):
            JSONFields.object(into: &output) { fields, output in
                fields.append(required: "id", UInt64(id.rawValue), into: &output)
                Self.append(reply, as: &fields, into: &output)
            }
        case .push(let channel, let push):
            JSONText.append("{\"push\":", into: &output)
            JSONFields.object(into: &output) { fields, output in
                fields.append("channel", channel, into: &output)
                Self.append(push, as: &fields, into: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// Appends what must stand before a message that is not the first of its frame.
    package static func separator(into output: inout [UInt8]) {
        output.append(UInt8(ascii: "\n"))
    }

    private static func append(
        _ reply: ServerReply,
        as fields: inout JSONFields,
        into output: inout [UInt8]
    ) {
        switch reply {
        case .connected(let result):
            fields.append("connect", into: &output) { result.append(as: &$0, into: &$1) }
        case .subscribed(let result):
            fields.append("subscribe", into: &output) { result.append(as: &$0, into: &$1) }
        case .unsubscribed: fields.append("unsubscribe", into: &output) { _, _ in }
        case .published: fields.append("publish", into: &output) { _, _ in }
        case .presence(let result):
            fields.append("presence", into: &output) { result.append(as: &$0, into: &$1) }
        case .presenceStats(let result):
            fields.append("presence_stats", into: &output) { stats, output in
                stats.append(required: "num_clients", UInt64(result.numClients), into: &output)
                stats.append(required: "num_users", UInt64(result.numUsers), into: &output)
            }
        case .history(let result):
            fields.append("history", into: &output) { result.append(as: &$0, into: &$1) }
        case .rpc(let data):
            fields.append("rpc", into: &output) { $0.append("data", embedded: data, into: &$1) }
        case .refreshed(let result):
            fields.append("refresh", into: &output) { result.append(as: &$0, into: &$1) }
        case .subRefreshed(let result):
            fields.append("sub_refresh", into: &output) {
                $0.append(expires: result.expires, result.timeToLive, into: &$1)
            }
        case .error(let result):
            fields.append("error", into: &output) { error, output in
                error.append(required: "code", UInt64(result.code), into: &output)
                error.append(required: "message", result.message, into: &output)
                error.append("temporary", result.temporary, into: &output)
            }
        case .other: break
        }
    }

    private static func append(
        _ push: ServerPush,
        as fields: inout JSONFields,
        into output: inout [UInt8]
    ) {
        switch push {
        case .publication(let publication):
            fields.open("pub", into: &output)
            publication.append(into: &output)
        case .join(let info):
            fields.append("join", into: &output) { $0.append("info", info, into: &$1) }
        case .leave(let info):
            fields.append("leave", into: &output) { $0.append("info", info, into: &$1) }
        case .unsubscribe(let push):
            fields.append("unsubscribe", into: &output) {
                $0.append(required: "code", UInt64(push.code), into: &$1)
                $0.append(required: "reason", push.reason, into: &$1)
            }
        case .message(let data):
            fields.append("message", into: &output) { $0.append("data", embedded: data, into: &$1) }
        case .subscribe(let push):
            fields.append("subscribe", into: &output) { fields, output in
                fields.append("recoverable", push.recoverable, into: &output)
                fields.append("epoch", push.epoch, into: &output)
                fields.append("offset", push.offset, into: &output)
                fields.append("positioned", push.positioned, into: &output)
                fields.append("data", embedded: push.data, into: &output)
            }
        case .disconnect(let push):
            fields.append("disconnect", into: &output) {
                $0.append(required: "code", UInt64(push.code), into: &$1)
                $0.append(required: "reason", push.reason, into: &$1)
                $0.append("reconnect", push.reconnect, into: &$1)
            }
        case .refresh(let push):
            fields.append("refresh", into: &output) {
                $0.append(expires: push.expires, push.timeToLive, into: &$1)
            }
        case .other: break
        }
    }
}
