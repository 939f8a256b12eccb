package import ClientProtocol
import ChatCore
import FoundationEssentials
import ProtobufSchema

/// Appends a client's commands to bytes, each after its length.
package enum ProtobufClientEncoder {
    /// Fields that are zero, empty or false are left out; what is refused cannot be asked for.
    package static func append(_ command: ClientCommand, into output: inout [UInt8]) {
        if case .pong = command.method {
            output.append(0)
            return
        }
        var wire = WireCommand()
        wire.id = command.id.rawValue
        Self.set(command.method, of: &wire)
        wire.appendDelimited(to: &output)
    }

    private static func set(_ method: ClientCommand.Method, of wire: inout WireCommand) {
        switch method {
        case .connect(let request): wire.connect = WireConnectRequest(request)
        case .subscribe(let request):
            wire.subscribe = WireSubscribeRequest(request)
            wire.subscribe.channel = request.channel
        case .unsubscribe(let channel): wire.unsubscribe.channel = channel
        case .publish(let request):
            wire.publish.channel = request.channel
            wire.publish.data = Data(request.data)
            wire.publish.type = request.type
        case .presence(let channel): wire.presence.channel = channel
        case .presenceStats(let channel): wire.presenceStats.channel = channel
        case .history(let request): wire.history = WireHistoryRequest(request)
        case .ping: wire.ping = WireNothing()
        case .send(let data): wire.send.data = Data(data)
        case .rpc(let method, let data):
            wire.rpc.method = method
            wire.rpc.data = Data(data)
        case .refresh(let token): wire.refresh.token = token ?? ""
        case .subRefresh(let channel, let token):
            wire.subRefresh.channel = channel
            wire.subRefresh.token = token ?? ""
        case .pong, .refused:
            preconditionFailure("a refusal is what was read, not what is written")
        }
    }
}

extension WireConnectRequest {
    fileprivate init(_ request: ConnectRequest) {
        self.init()
        self.token = request.token ?? ""
        self.data = Data(request.data)
        self.subs = request.subs.map { request in
            var pair = WireSubscribeRequestPair()
            pair.key = request.channel
            pair.value = WireSubscribeRequest(request)
            return pair
        }
        self.name = request.name
        self.version = request.version
        self.headers = request.headers.map { WireTextPair($0.name, $0.value) }
    }
}

extension WireSubscribeRequest {
    /// All but the channel, which is the key where requests stand in a map.
    fileprivate init(_ request: SubscribeRequest) {
        self.init()
        self.token = request.token ?? ""
        self.recover = request.recover
        self.epoch = request.epoch
        self.offset = request.offset
        self.positioned = request.positioned
        self.recoverable = request.recoverable
        self.joinLeave = request.joinLeave
        self.flag = request.flag
        self.type = request.type
    }
}

extension WireHistoryRequest {
    fileprivate init(_ request: ChannelHistoryRequest) {
        self.init()
        self.channel = request.channel
        self.limit = request.limit
        if let since = request.since {
            self.since.offset = since.offset
            self.since.epoch = since.epoch
        }
        self.reverse = request.reverse
    }
}

extension WireTextPair {
    init(_ key: String, _ value: String) {
        self.init()
        self.key = key
        self.value = value
    }
}
