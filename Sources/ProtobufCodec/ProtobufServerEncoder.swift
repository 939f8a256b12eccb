package import ClientProtocol
import ChatCore
import FoundationEssentials
import Kernel
import ProtobufSchema

/// Appends the server's messages to bytes, each after its length.
package enum ProtobufServerEncoder {
    /// Appends one message: a reply has its result even if that is empty; a ping is a length of zero.
    package static func append(_ message: ServerMessage, into output: inout [UInt8]) {
        var wire = WireReply()
        switch message {
        case .ping: break
        case .reply(let id, let reply):
            wire.id = id.rawValue
            wire.content = Self.content(reply)
        case .push(let channel, let push):
            var content = WirePush()
            content.channel = channel
            content.content = Self.content(push)
            wire.push = content
        }
        wire.appendDelimited(to: &output)
    }

    private static func content(_ reply: ServerReply) -> WireReply.OneOf_Content? {
        switch reply {
        case .connected(let result): .connect(WireConnectResult(result))
        case .subscribed(let result): .subscribe(WireSubscribeResult(result))
        case .unsubscribed: .unsubscribe(WireNothing())
        case .published: .publish(WireNothing())
        case .presence(let result): .presence(WirePresenceResult(result))
        case .presenceStats(let result): .presenceStats(WirePresenceStatsResult(result))
        case .history(let result): .history(WireHistoryResult(result))
        case .rpc(let data): .rpc(WireRPCResult(data))
        case .refreshed(let result): .refresh(WireRefreshResult(result))
        case .subRefreshed(let result): .subRefresh(WireSubRefreshResult(result))
        case .error(let result): .error(WireError(result))
        case .other: nil
        }
    }

    private static func content(_ push: ServerPush) -> WirePush.OneOf_Content? {
        switch push {
        case .publication(let publication): .pub(WirePublication(publication))
        case .join(let info): .join(WireInfoPush(info))
        case .leave(let info): .leave(WireInfoPush(info))
        case .unsubscribe(let push): .unsubscribe(WireUnsubscribePush(push))
        case .message(let data): .message(WireMessagePush(data))
        case .subscribe(let push): .subscribe(WireSubscribePush(push))
        case .disconnect(let push): .disconnect(WireDisconnectPush(push))
        case .refresh(let push): .refresh(WireRefreshPush(push))
        case .other: nil
        }
    }
}

/// The results.
extension WireConnectResult {
    fileprivate init(_ result: ConnectResult) {
        self.init()
        self.client = result.client
        self.version = result.version
        self.expires = result.expires
        self.ttl = result.timeToLive
        self.data = Data(result.data)
        self.subs = result.subs.map { subscription in
            var pair = WireSubscribeResultPair()
            pair.key = subscription.channel
            pair.value = WireSubscribeResult(subscription.result)
            return pair
        }
        self.ping = result.pingInterval
        self.pong = result.pong
        self.session = result.session
        self.node = result.node
        self.time = result.unixMilliseconds
    }
}

extension WireSubscribeResult {
    fileprivate init(_ result: SubscribeResult) {
        self.init()
        self.expires = result.expires
        self.ttl = result.timeToLive
        self.recoverable = result.recoverable
        self.epoch = result.epoch
        self.publications = result.publications.map(WirePublication.init)
        self.recovered = result.recovered
        self.offset = result.offset
        self.positioned = result.positioned
        self.data = Data(result.data)
        self.wasRecovering = result.wasRecovering
    }
}

extension WirePresenceResult {
    fileprivate init(_ result: PresenceResult) {
        self.init()
        self.presence = result.presence.map { info in
            var pair = WireClientInfoPair()
            pair.key = info.client
            pair.value = WireClientInfo(info)
            return pair
        }
    }
}

extension WirePresenceStatsResult {
    fileprivate init(_ result: PresenceStatsResult) {
        self.init()
        self.numClients = result.numClients
        self.numUsers = result.numUsers
    }
}

extension WireHistoryResult {
    fileprivate init(_ result: HistoryResult) {
        self.init()
        self.publications = result.publications.map(WirePublication.init)
        self.epoch = result.epoch
        self.offset = result.offset
    }
}

extension WireRPCResult {
    fileprivate init(_ data: [UInt8]) {
        self.init()
        self.data = Data(data)
    }
}

extension WireRefreshResult {
    fileprivate init(_ result: RefreshResult) {
        self.init()
        self.client = result.client
        self.version = result.version
        self.expires = result.expires
        self.ttl = result.timeToLive
    }
}

extension WireSubRefreshResult {
    fileprivate init(_ result: SubRefreshResult) {
        self.init()
        self.expires = result.expires
        self.ttl = result.timeToLive
    }
}

extension WireError {
    fileprivate init(_ result: ErrorResult) {
        self.init()
        self.code = result.code
        self.message = result.message
        self.temporary = result.temporary
    }
}

/// The pushes.
extension WirePublication {
    fileprivate init(_ publication: Publication) {
        self.init()
        self.data = Data(publication.data)
        if let info = publication.info { self.info = WireClientInfo(info) }
        self.offset = publication.offset.rawValue
        if let messageID = publication.messageID { self.tags = [WireTextPair("id", messageID)] }
        for tag in publication.tags { self.tags.append(WireTextPair(tag.name, tag.value)) }
        self.time = publication.unixMilliseconds
    }
}

extension WireClientInfo {
    fileprivate init(_ info: ClientInfo) {
        self.init()
        self.user = info.user
        self.client = info.client
        self.connInfo = Data(info.connInfo)
        self.chanInfo = Data(info.chanInfo)
    }
}

extension WireInfoPush {
    fileprivate init(_ info: ClientInfo) {
        self.init()
        self.info = WireClientInfo(info)
    }
}

extension WireUnsubscribePush {
    fileprivate init(_ push: UnsubscribePush) {
        self.init()
        self.code = push.code
        self.reason = push.reason
    }
}

extension WireMessagePush {
    fileprivate init(_ data: [UInt8]) {
        self.init()
        self.data = Data(data)
    }
}

extension WireSubscribePush {
    fileprivate init(_ push: SubscribePush) {
        self.init()
        self.recoverable = push.recoverable
        self.epoch = push.epoch
        self.offset = push.offset
        self.positioned = push.positioned
        self.data = Data(push.data)
    }
}

extension WireDisconnectPush {
    fileprivate init(_ push: DisconnectPush) {
        self.init()
        self.code = push.code
        self.reason = push.reason
        self.reconnect = push.reconnect
    }
}

extension WireRefreshPush {
    fileprivate init(_ push: RefreshPush) {
        self.init()
        self.expires = push.expires
        self.ttl = push.timeToLive
    }
}
