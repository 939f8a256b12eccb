package import ClientProtocol
import ChatCore
import FoundationEssentials
import ProtobufSchema

/// Reads the commands of one binary frame from a client, one at a time and in order.
///
/// It is used like `ClientFrameDecoder`, and gives the same commands: data is JSON on one line, and a
/// command whose data is not JSON is given as refused.
package struct ProtobufClientFrameDecoder {
    private var splitter = DelimitedSplitter()

    package init() {}

    /// The next command, or `nil` after the last; linear in the frame's bytes.
    package mutating func next(in frame: Span<UInt8>) throws(FrameError) -> ClientCommand? {
        do throws(FrameError) {
            guard let range = try self.splitter.next(in: frame) else { return nil }
            guard !range.isEmpty else { return ClientCommand(id: CommandID(0), method: .pong) }
            return try Self.command(WireCommand(range: range, of: frame), at: range.lowerBound)
        } catch {
            self.splitter.stop()
            throw error
        }
    }

    private static func command(
        _ wire: WireCommand,
        at start: Int
    ) throws(FrameError) -> ClientCommand {
        switch wire.methodCount {
        case 0:
            guard wire.id == 0 else { throw FrameError(.noMethod, at: start) }
            return ClientCommand(id: CommandID(0), method: .pong)
        case 1: break
        default: throw FrameError(.twoMethods, at: start)
        }
        // Its data is of no use to anybody, so that it need not be JSON.
        guard !wire.hasSend else {
            return ClientCommand(id: CommandID(0), method: .send(data: [UInt8](wire.send.data)))
        }
        guard wire.id != 0 else { throw FrameError(.noCommandID, at: start) }
        guard wire.connect.subs.count <= ConnectRequest.entryLimit,
            wire.connect.headers.count <= ConnectRequest.entryLimit
        else { throw FrameError(.tooManyEntries, at: start) }
        return ClientCommand(
            id: CommandID(wire.id),
            method: Self.method(wire) ?? .refused(.badRequest)
        )
    }

    /// The one method that the command has; `nil` if its data is not JSON.
    private static func method(_ wire: WireCommand) -> ClientCommand.Method? {
        if wire.hasConnect { return ConnectRequest(wire.connect).map { .connect($0) } }
        if wire.hasSubscribe {
            return .subscribe(SubscribeRequest(wire.subscribe, channel: wire.subscribe.channel))
        }
        if wire.hasUnsubscribe { return .unsubscribe(channel: wire.unsubscribe.channel) }
        if wire.hasPublish { return ChannelPublishRequest(wire.publish).map { .publish($0) } }
        if wire.hasPresence { return .presence(channel: wire.presence.channel) }
        if wire.hasPresenceStats { return .presenceStats(channel: wire.presenceStats.channel) }
        if wire.hasHistory { return .history(ChannelHistoryRequest(wire.history)) }
        if wire.hasRpc {
            return wire.rpc.data.json.map { .rpc(method: wire.rpc.method, data: $0) }
        }
        if wire.hasRefresh { return .refresh(token: wire.refresh.token.unlessEmpty) }
        if wire.hasSubRefresh {
            let request = wire.subRefresh
            return .subRefresh(channel: request.channel, token: request.token.unlessEmpty)
        }
        return .ping
    }
}

extension WireCommand {
    fileprivate var methodCount: Int {
        let methods: InlineArray = [
            self.hasConnect, self.hasSubscribe, self.hasUnsubscribe, self.hasPublish,
            self.hasPresence, self.hasPresenceStats, self.hasHistory, self.hasPing, self.hasSend,
            self.hasRpc, self.hasRefresh, self.hasSubRefresh,
        ]
        var count = 0
        for index in methods.indices where methods[index] { count += 1 }
        return count
    }
}

extension String {
    fileprivate var unlessEmpty: String? { self.isEmpty ? nil : self }
}

extension Data {
    /// Application data on one line; `nil` if it is not JSON.
    fileprivate var json: [UInt8]? { self.isEmpty ? [] : JSONData.onOneLine([UInt8](self)) }
}

extension ConnectRequest {
    fileprivate init?(_ wire: WireConnectRequest) {
        guard let data = wire.data.json else { return nil }
        self.init(
            token: wire.token.unlessEmpty,
            name: wire.name,
            version: wire.version,
            data: data,
            subs: wire.subs.map { SubscribeRequest($0.value, channel: $0.key) },
            headers: wire.headers.map { HeaderField(name: $0.key, value: $0.value) }
        )
    }
}

extension SubscribeRequest {
    fileprivate init(_ wire: WireSubscribeRequest, channel: String) {
        self.init(
            channel: channel,
            token: wire.token.unlessEmpty,
            recover: wire.recover,
            epoch: wire.epoch,
            offset: wire.offset,
            positioned: wire.positioned,
            recoverable: wire.recoverable,
            joinLeave: wire.joinLeave,
            flag: wire.flag,
            type: wire.type
        )
    }
}

extension ChannelPublishRequest {
    fileprivate init?(_ wire: WirePublishRequest) {
        guard let data = wire.data.json else { return nil }
        self.init(channel: wire.channel, data: data, type: wire.type)
    }
}

extension ChannelHistoryRequest {
    fileprivate init(_ wire: WireHistoryRequest) {
        var since: StreamPosition?
        if wire.hasSince {
            since = StreamPosition(offset: wire.since.offset, epoch: wire.since.epoch)
        }
        self.init(channel: wire.channel, limit: wire.limit, since: since, reverse: wire.reverse)
    }
}
