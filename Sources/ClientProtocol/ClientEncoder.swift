import ChatCore

/// Appends a client's commands to bytes, one JSON object each, without the newline between them.
package enum ClientEncoder {
    /// Fields that are zero, empty or false are left out; embedded data must be JSON on one line.
    package static func append(_ command: ClientCommand, into output: inout [UInt8]) {
        if case .pong = command.method {
            JSONText.append("{}", into: &output)
            return
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
        var fields = FieldList()
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
        case .pong: ""
        }
    }

    private static func append(
        _ method: ClientCommand.Method,
        as fields: inout FieldList,
        into output: inout [UInt8]
    ) {
        switch method {
        case .connect(let request):
            fields.append("token", request.token ?? "", into: &output)
            fields.append("name", request.name, into: &output)
            fields.append("version", request.version, into: &output)
            fields.append("data", embedded: request.data, into: &output)
        case .subscribe(let request):
            Self.append(request, as: &fields, into: &output)
        case .history(let request):
            Self.append(request, as: &fields, into: &output)
        case .unsubscribe(let channel), .presence(let channel), .presenceStats(let channel):
            fields.append("channel", channel, into: &output)
        case .publish(let channel, let data):
            fields.append("channel", channel, into: &output)
            fields.append("data", embedded: data, into: &output)
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
        case .ping, .pong: break
        }
    }

    private static func append(
        _ request: SubscribeRequest,
        as fields: inout FieldList,
        into output: inout [UInt8]
    ) {
        fields.append("channel", request.channel, into: &output)
        fields.append("token", request.token ?? "", into: &output)
        fields.append("recover", request.recover, into: &output)
        fields.append("epoch", request.epoch, into: &output)
        fields.append("offset", request.offset, into: &output)
        fields.append("flag", UInt64(request.flag), into: &output)
        fields.append("type", UInt64(request.type), into: &output)
    }

    private static func append(
        _ request: ChannelHistoryRequest,
        as fields: inout FieldList,
        into output: inout [UInt8]
    ) {
        fields.append("channel", request.channel, into: &output)
        if request.limit != 0 {
            fields.open("limit", into: &output)
            JSONText.append(request.limit, into: &output)
        }
        if let since = request.since {
            fields.open("since", into: &output)
            output.append(UInt8(ascii: "{"))
            var position = FieldList()
            position.append("offset", since.offset, into: &output)
            position.append("epoch", since.epoch, into: &output)
            output.append(UInt8(ascii: "}"))
        }
        fields.append("reverse", request.reverse, into: &output)
    }
}

/// The members of an object that is being written: zero, empty and false ones are left out.
private struct FieldList {
    private var isEmpty = true

    mutating func open(_ name: StaticString, into output: inout [UInt8]) {
        JSONText.append(self.isEmpty ? "\"" : ",\"", into: &output)
        JSONText.append(name, into: &output)
        JSONText.append("\":", into: &output)
        self.isEmpty = false
    }

    mutating func append(_ name: StaticString, _ text: String, into output: inout [UInt8]) {
        guard !text.isEmpty else { return }
        self.open(name, into: &output)
        JSONText.append(quoted: text, into: &output)
    }

    mutating func append(_ name: StaticString, _ number: UInt64, into output: inout [UInt8]) {
        guard number != 0 else { return }
        self.open(name, into: &output)
        JSONText.append(number, into: &output)
    }

    mutating func append(_ name: StaticString, _ flag: Bool, into output: inout [UInt8]) {
        guard flag else { return }
        self.open(name, into: &output)
        JSONText.append("true", into: &output)
    }

    mutating func append(
        _ name: StaticString,
        embedded value: [UInt8],
        into output: inout [UInt8]
    ) {
        guard !value.isEmpty else { return }
        self.open(name, into: &output)
        output.append(contentsOf: value)
    }
}
