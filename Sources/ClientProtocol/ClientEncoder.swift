import ChatCore

/// Appends a client's commands to bytes, one JSON object each, without the newline between them.
package enum ClientEncoder {
    /// Fields that are zero, empty or false are left out; embedded data must be JSON on one line.
    ///
    /// What is refused cannot be asked for.
    package static func append(_ command: ClientCommand, into output: inout [UInt8]) {
        switch command.method {
        case .pong:
            JSONText.append("{}", into: &output)
            return
        case .refused: preconditionFailure("a refusal is what was read, not what is written")
        case .connect, .subscribe, .unsubscribe, .publish, .presence, .presenceStats, .history,
            .ping, .send, .rpc, .refresh, .subRefresh:
            break
        }
        output.append(UInt8(ascii: "{"))
        if command.id.rawValue != 0 {
            JSONText.append("\"id\":", into: &output)
            JSONText.append(UInt64(command.id.rawValue), into: &output)
            output.append(UInt8(ascii: ","))
        }
        JSONText.append("\"", into: &output)
        JSONText.append(Self.name(of: command.method), into: &output)
        JSONText.append("\":{", into: &output)
        var fields = JSONFields()
        Self.append(command.method, as: &fields, into: &output)
        JSONText.append("}}", into: &output)
    }

    private static func name(of method: ClientCommand.Method) -> StaticString {
        switch method {
        case .connect: "connect"
        case .subscribe: "subscribe"
        case .unsubscribe: "unsubscribe"
        case .publish: "publish"
        case .presence: "presence"
        case .presenceStats: "presence_stats"
        case .history: "history"
        case .ping: "ping"
        case .send: "send"
        case .rpc: "rpc"
        case .refresh: "refresh"
        case .subRefresh: "sub_refresh"
        case .pong, .refused: ""
        }
    }

    private static func append(
        _ method: ClientCommand.Method,
        as fields: inout JSONFields,
        into output: inout [UInt8]
    ) {
        switch method {
        case .connect(let request):
            Self.append(request, as: &fields, into: &output)
        case .subscribe(let request):
            fields.append("channel", request.channel, into: &output)
            Self.append(request, as: &fields, into: &output)
        case .history(let request):
            Self.append(request, as: &fields, into: &output)
        case .unsubscribe(let channel), .presence(let channel), .presenceStats(let channel):
            fields.append("channel", channel, into: &output)
        case .publish(let request):
            fields.append("channel", request.channel, into: &output)
            fields.append("data", embedded: request.data, into: &output)
            fields.append("type", UInt64(request.type), into: &output)
        case .send(let data):
            fields.append("data", embedded: data, into: &output)
        case .rpc(let method, let data):
            fields.append("method", method, into: &output)
            fields.append("data", embedded: data, into: &output)
        case .refresh(let token):
            fields.append("token", token ?? "", into: &output)
        case .subRefresh(let channel, let token):
            fields.append("channel", channel, into: &output)
            fields.append("token", token ?? "", into: &output)
        case .ping, .pong, .refused: break
        }
    }

    private static func append(
        _ request: ConnectRequest,
        as fields: inout JSONFields,
        into output: inout [UInt8]
    ) {
        fields.append("token", request.token ?? "", into: &output)
        fields.append("data", embedded: request.data, into: &output)
        fields.append(map: "subs", request.subs, into: &output) { request, subs, output in
            subs.open(quoted: request.channel, into: &output)
            JSONFields.object(into: &output) { Self.append(request, as: &$0, into: &$1) }
        }
        fields.append("name", request.name, into: &output)
        fields.append("version", request.version, into: &output)
        fields.append(map: "headers", request.headers, into: &output) { field, headers, output in
            headers.open(quoted: field.name, into: &output)
            JSONText.append(quoted: field.value, into: &output)
        }
    }

    /// All but the channel, which is the key where requests stand in a map.
    private static func append(
        _ request: SubscribeRequest,
        as fields: inout JSONFields,
        into output: inout [UInt8]
    ) {
        fields.append("token", request.token ?? "", into: &output)
        fields.append("recover", request.recover, into: &output)
        fields.append("epoch", request.epoch, into: &output)
        fields.append("offset", request.offset, into: &output)
        fields.append("positioned", request.positioned, into: &output)
        fields.append("recoverable", request.recoverable, into: &output)
        fields.append("join_leave", request.joinLeave, into: &output)
        fields.append("flag", UInt64(request.flag), into: &output)
        fields.append("type", UInt64(request.type), into: &output)
    }

    private static func append(
        _ request: ChannelHistoryRequest,
        as fields: inout JSONFields,
        into output: inout [UInt8]
    ) {
        fields.append("channel", request.channel, into: &output)
        if request.limit != 0 {
            fields.open("limit", into: &output)
            JSONText.append(request.limit, into: &output)
        }
        if let since = request.since {
            fields.append("since", into: &output) { position, output in
                position.append("offset", since.offset, into: &output)
                position.append("epoch", since.epoch, into: &output)
            }
        }
        fields.append("reverse", request.reverse, into: &output)
    }
}
