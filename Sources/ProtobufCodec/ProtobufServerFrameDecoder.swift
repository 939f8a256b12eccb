package import ClientProtocol
import ChatCore
import FoundationEssentials
import Kernel
import ProtobufSchema

/// Reads the messages of one binary frame from a server, one at a time and in order.
///
/// It is used like `ServerFrameDecoder`, and gives the same messages; data is taken as it is.
package struct ProtobufServerFrameDecoder {
    private var splitter = DelimitedSplitter()

    package init() {}

    /// The next message, or `nil` after the last; linear in the frame's bytes.
    package mutating func next(in frame: Span<UInt8>) throws(FrameError) -> ServerMessage? {
        do throws(FrameError) {
            guard let range = try self.splitter.next(in: frame) else { return nil }
            let wire = try WireReply(range: range, of: frame)
            if wire.id != 0 { return .reply(CommandID(wire.id), Self.reply(wire)) }
            guard case .push(let push) = wire.content else { return .ping }
            return .push(channel: push.channel, Self.push(push))
        } catch {
            self.splitter.stop()
            throw error
        }
    }

    private static func reply(_ wire: WireReply) -> ServerReply {
        switch wire.content {
        case .connect(let result): .connected(ConnectResult(result))
        case .subscribe(let result): .subscribed(SubscribeResult(result))
        case .unsubscribe: .unsubscribed
        case .publish: .published
        case .presence(let result): .presence(PresenceResult(result))
        case .presenceStats(let result):
            .presenceStats(
                PresenceStatsResult(numClients: result.numClients, numUsers: result.numUsers)
            )
        case .history(let result): .history(HistoryResult(result))
        case .rpc(let result): .rpc(data: [UInt8](result.data))
        case .refresh(let result): .refreshed(RefreshResult(result))
        case .subRefresh(let result): .subRefreshed(SubRefreshResult(result))
        case .error(let result): .error(ErrorResult(result))
        case .push, .none: .other
        }
    }

    private static func push(_ wire: WirePush) -> ServerPush {
        switch wire.content {
        case .pub(let publication): .publication(Publication(publication))
        case .join(let push): .join(ClientInfo(push.info))
        case .leave(let push): .leave(ClientInfo(push.info))
        case .unsubscribe(let push):
            .unsubscribe(UnsubscribePush(code: push.code, reason: push.reason))
        case .message(let push): .message(data: [UInt8](push.data))
        case .subscribe(let push): .subscribe(SubscribePush(push))
        case .disconnect(let push):
            .disconnect(
                DisconnectPush(code: push.code, reason: push.reason, reconnect: push.reconnect)
            )
        case .refresh(let push): .refresh(RefreshPush(push))
        case .none: .other
        }
    }
}

/// The results.
extension ConnectResult {
    fileprivate init(_ wire: WireConnectResult) {
        self.init()
        self.client = wire.client
        self.version = wire.version
        self.expires = wire.expires
        self.timeToLive = wire.ttl
        self.data = [UInt8](wire.data)
        self.subs = wire.subs.map {
            ServerSubscription(channel: $0.key, result: SubscribeResult($0.value))
        }
        self.pingInterval = wire.ping
        self.pong = wire.pong
        self.session = wire.session
        self.node = wire.node
        self.unixMilliseconds = wire.time
    }
}

extension SubscribeResult {
    fileprivate init(_ wire: WireSubscribeResult) {
        self.init()
        self.expires = wire.expires
        self.timeToLive = wire.ttl
        self.recoverable = wire.recoverable
        self.epoch = wire.epoch
        self.publications = wire.publications.map(Publication.init)
        self.recovered = wire.recovered
        self.offset = wire.offset
        self.positioned = wire.positioned
        self.data = [UInt8](wire.data)
        self.wasRecovering = wire.wasRecovering
    }
}

extension PresenceResult {
    fileprivate init(_ wire: WirePresenceResult) {
        self.init(
            presence: wire.presence.map { pair in
                var info = ClientInfo(pair.value)
                info.client = pair.key
                return info
            }
        )
    }
}

extension HistoryResult {
    fileprivate init(_ wire: WireHistoryResult) {
        self.init()
        self.publications = wire.publications.map(Publication.init)
        self.epoch = wire.epoch
        self.offset = wire.offset
    }
}

extension RefreshResult {
    fileprivate init(_ wire: WireRefreshResult) {
        self.init()
        self.client = wire.client
        self.version = wire.version
        self.expires = wire.expires
        self.timeToLive = wire.ttl
    }
}

extension SubRefreshResult {
    fileprivate init(_ wire: WireSubRefreshResult) {
        self.init()
        self.expires = wire.expires
        self.timeToLive = wire.ttl
    }
}

extension ErrorResult {
    fileprivate init(_ wire: WireError) {
        self.init()
        self.code = wire.code
        self.message = wire.message
        self.temporary = wire.temporary
    }
}

/// The pushes.
extension Publication {
    fileprivate init(_ wire: WirePublication) {
        self.init(
            data: [UInt8](wire.data),
            info: wire.hasInfo ? ClientInfo(wire.info) : nil,
            offset: Offset(wire.offset),
            messageID: wire.tags.last { $0.key == "id" }?.value,
            tags: wire.tags.filter { $0.key != "id" }.map { Publication.Tag($0.key, $0.value) },
            unixMilliseconds: wire.time
        )
    }
}

extension ClientInfo {
    fileprivate init(_ wire: WireClientInfo) {
        self.init(
            user: wire.user,
            client: wire.client,
            connInfo: [UInt8](wire.connInfo),
            chanInfo: [UInt8](wire.chanInfo)
        )
    }
}

extension SubscribePush {
    fileprivate init(_ wire: WireSubscribePush) {
        self.init()
        self.recoverable = wire.recoverable
        self.epoch = wire.epoch
        self.offset = wire.offset
        self.positioned = wire.positioned
        self.data = [UInt8](wire.data)
    }
}

extension RefreshPush {
    fileprivate init(_ wire: WireRefreshPush) {
        self.init()
        self.expires = wire.expires
        self.timeToLive = wire.ttl
    }
}
