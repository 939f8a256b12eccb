import ChatCore
import Kernel

/// Reads the messages of one frame from a server, one at a time and in order.
///
/// It is used like `ClientFrameDecoder`.
package struct ServerFrameDecoder {
    private var splitter = MessageSplitter()

    package init() {}

    /// The next message, or `nil` after the last; linear in the frame's bytes.
    package mutating func next(in frame: Span<UInt8>) throws(FrameError) -> ServerMessage? {
        do throws(FrameError) {
            guard let range = try self.splitter.next(in: frame) else { return nil }
            var scanner = JSONScanner(range)
            scanner.skipSpace(frame)
            let message = try scanner.serverMessage(frame)
            scanner.skipSpace(frame)
            guard scanner.position == range.upperBound else {
                throw scanner.failure(.trailingBytes)
            }
            return message
        } catch {
            self.splitter.stop()
            throw error
        }
    }
}

extension JSONScanner {
    /// A message with neither id nor push is a ping, as the client libraries have it.
    fileprivate mutating func serverMessage(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ServerMessage {
        guard self.peek(bytes) == UInt8(ascii: "{") else { throw self.failure(.expectedObject) }
        var walk = try self.enterObject(bytes)
        var id: UInt32 = 0
        var push: ServerMessage?
        var reply = ServerReply.other
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.id: id = try self.integer(bytes, as: UInt32.self)
            case FieldName.push: push = try self.push(bytes)
            default: reply = try self.result(name, bytes) ?? reply
            }
        }
        if id != 0 { return .reply(CommandID(id), reply) }
        return push ?? .ping
    }

    /// The result of a method; `nil` of a member that is none.
    private mutating func result(
        _ name: FieldName,
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ServerReply? {
        switch name {
        case FieldName.connect: return .connected(try self.connectResult(bytes))
        case FieldName.subscribe: return .subscribed(try self.subscribeResult(bytes))
        case FieldName.presence: return .presence(try self.presenceResult(bytes))
        case FieldName.presenceStats: return .presenceStats(try self.presenceStatsResult(bytes))
        case FieldName.history: return .history(try self.historyResult(bytes))
        case FieldName.rpc: return .rpc(data: try self.dataMember(bytes))
        case FieldName.refresh: return .refreshed(try self.refreshResult(bytes))
        case FieldName.subRefresh: return .subRefreshed(try self.subRefreshResult(bytes))
        case FieldName.error: return .error(try self.errorResult(bytes))
        case FieldName.publish:
            try self.skipObject(bytes)
            return .published
        case FieldName.unsubscribe:
            try self.skipObject(bytes)
            return .unsubscribed
        default:
            _ = try self.skipValue(bytes)
            return nil
        }
    }

    private mutating func skipObject(_ bytes: Span<UInt8>) throws(FrameError) {
        var walk = try self.enterObject(bytes)
        while try self.nextMember(&walk, bytes) != nil { _ = try self.skipValue(bytes) }
    }
}

/// The results.
extension JSONScanner {
    private mutating func connectResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ConnectResult {
        var result = ConnectResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.client: result.client = try self.text(bytes)
            case FieldName.version: result.version = try self.text(bytes)
            case FieldName.expires: result.expires = try self.boolean(bytes)
            case FieldName.ttl: result.timeToLive = try self.integer(bytes, as: UInt32.self)
            case FieldName.data: result.data = try self.embedded(bytes)
            case FieldName.subs: result.subs = try self.serverSubscriptions(bytes)
            case FieldName.session: result.session = try self.text(bytes)
            case FieldName.node: result.node = try self.text(bytes)
            case FieldName.time:
                result.unixMilliseconds = try self.integer(bytes, as: UInt64.self)
            case FieldName.ping: result.pingInterval = try self.integer(bytes, as: UInt32.self)
            case FieldName.pong: result.pong = try self.boolean(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func serverSubscriptions(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> [ServerSubscription] {
        var subscriptions: [ServerSubscription] = []
        var walk = try self.enterObject(bytes)
        while let channel = try self.nextKey(&walk, bytes) {
            let result = try self.subscribeResult(bytes)
            subscriptions.append(ServerSubscription(channel: channel, result: result))
        }
        return subscriptions
    }

    private mutating func subscribeResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> SubscribeResult {
        var result = SubscribeResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.expires: result.expires = try self.boolean(bytes)
            case FieldName.ttl: result.timeToLive = try self.integer(bytes, as: UInt32.self)
            case FieldName.data: result.data = try self.embedded(bytes)
            case FieldName.recoverable: result.recoverable = try self.boolean(bytes)
            case FieldName.positioned: result.positioned = try self.boolean(bytes)
            case FieldName.epoch: result.epoch = try self.text(bytes)
            case FieldName.offset: result.offset = try self.integer(bytes, as: UInt64.self)
            case FieldName.recovered: result.recovered = try self.boolean(bytes)
            case FieldName.wasRecovering: result.wasRecovering = try self.boolean(bytes)
            case FieldName.publications: result.publications = try self.publications(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func historyResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> HistoryResult {
        var result = HistoryResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.epoch: result.epoch = try self.text(bytes)
            case FieldName.offset: result.offset = try self.integer(bytes, as: UInt64.self)
            case FieldName.publications: result.publications = try self.publications(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func errorResult(_ bytes: Span<UInt8>) throws(FrameError) -> ErrorResult {
        var result = ErrorResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.code: result.code = try self.integer(bytes, as: UInt32.self)
            case FieldName.message: result.message = try self.text(bytes)
            case FieldName.temporary: result.temporary = try self.boolean(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func presenceResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> PresenceResult {
        var result = PresenceResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            guard name == .presence else {
                _ = try self.skipValue(bytes)
                continue
            }
            var clients = try self.enterObject(bytes)
            while let client = try self.nextKey(&clients, bytes) {
                guard var info = try self.clientInfo(bytes) else { continue }
                info.client = client
                result.presence.append(info)
            }
        }
        return result
    }

    private mutating func presenceStatsResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> PresenceStatsResult {
        var result = PresenceStatsResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.numClients: result.numClients = try self.integer(bytes, as: UInt32.self)
            case FieldName.numUsers: result.numUsers = try self.integer(bytes, as: UInt32.self)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func refreshResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> RefreshResult {
        var result = RefreshResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.client: result.client = try self.text(bytes)
            case FieldName.version: result.version = try self.text(bytes)
            case FieldName.expires: result.expires = try self.boolean(bytes)
            case FieldName.ttl: result.timeToLive = try self.integer(bytes, as: UInt32.self)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func subRefreshResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> SubRefreshResult {
        var result = SubRefreshResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.expires: result.expires = try self.boolean(bytes)
            case FieldName.ttl: result.timeToLive = try self.integer(bytes, as: UInt32.self)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }
}
