import ChatCore
import ClientProtocol
import Kernel
import NIOCore
import Synchronization

/// The frames that a shard's effects become.
enum ReplyBytes {
    static let version = "parley 0.1.0"
    private static let allocator = ByteBufferAllocator()

    static func frame(_ reply: Reply, to id: CommandID, of socket: ClientSocket) -> ByteBuffer {
        var reply = Self.reply(reply, client: socket.client)
        if case .connected(var result) = reply {
            result.subs = socket.subscriptions
            result.session = socket.session
            socket.subscriptions = []
            if socket.dialect.pingsByFrame {
                // The protocol's own pings are none then.
                result.pingInterval = 0
                result.pong = false
            }
            reply = .connected(result)
        }
        return Self.frame(.reply(id, reply), socket.dialect.format)
    }

    static func frame(_ message: ServerMessage, _ format: WireFormat) -> ByteBuffer {
        var bytes: [UInt8] = []
        format.append(message, into: &bytes)
        return FrameBytes.frame(format.opcode, bytes, allocator: Self.allocator)
    }

    /// What a WebSocket's own ping says, so that its pong is told from those that nobody asked for.
    static let pingMark = [UInt8(ascii: "p")]

    static func ping(_ dialect: Dialect) -> ByteBuffer {
        dialect.pingsByFrame
            ? FrameBytes.frame(.ping, Self.pingMark, allocator: Self.allocator)
            : Self.frame(.ping, dialect.format)
    }

    private static func reply(_ reply: Reply, client: String) -> ServerReply {
        switch reply {
        case .connected(let reply):
            return .connected(
                ConnectResult(reply, client: client, version: Self.version, node: "")
            )
        case .subscribed(let reply), .connectedSubscription(let reply):
            return .subscribed(Self.result(reply))
        case .unsubscribed: return .unsubscribed
        case .published: return .published
        case .sent(let reply): return .rpc(data: SendResult(reply).data)
        case .history(let reply):
            var result = HistoryResult(epoch: reply.epoch, head: reply.head)
            if reply.page != .none {
                result.publications = reply.page.page.entries.map(Self.publication)
            }
            return reply.isChat ? .rpc(data: ChatResults.history(result)) : .history(result)
        case .created(let name, let reply):
            return .rpc(data: ChatResults.created(channel: name.conversationName, reply))
        case .told(let answer): return .rpc(data: answer.answer)
        case .done: return .rpc(data: Array("{}".utf8))
        case .marked(let reply): return .rpc(data: ChatResults.marked(reply))
        case .listed(let page):
            let window = page.handle.window
            let cursor = page.next?.cursor ?? ""
            return .rpc(
                data: ChatResults.listed(window.changed, gone: window.gone, cursor: cursor)
            )
        case .refreshed(let timeToLive):
            var result = RefreshResult(timeToLive)
            result.client = client
            result.version = Self.version
            return .refreshed(result)
        case .subRefreshed(let timeToLive): return .subRefreshed(SubRefreshResult(timeToLive))
        case .error(let code): return .error(ErrorResult(code))
        case .presence: preconditionFailure("what answers about presence is a draft")
        }
    }

    /// A subscription of the answer to `connect`.
    static func subscription(_ reply: SubscribeReply) -> ServerSubscription {
        ServerSubscription(channel: reply.name.conversationName, result: Self.result(reply))
    }

    private static func result(_ reply: SubscribeReply) -> SubscribeResult {
        var result = SubscribeResult(reply)
        if reply.attendee != .none { result.data = reply.attendee.subscriber.data }
        if case .recovered(let page, let through) = reply.recovery, page != .none {
            result.publications = page.page.entries
                .filter { $0.offset > reply.offset && $0.offset <= through }
                .map(Self.publication)
        }
        return result
    }

    /// What the server API answers.
    static func answer(_ response: ServerResponse) -> ApiResponse {
        switch response {
        case .published(let reply): return .published(reply.offset, reply.epoch)
        case .history(let reply):
            var result = HistoryResult(epoch: reply.epoch, head: reply.head)
            if reply.page != .none {
                result.publications = reply.page.page.entries.map(Self.publication)
            }
            return .history(result)
        case .counts(let clients, let users):
            return .presenceStats(PresenceStatsResult(numClients: clients, numUsers: users))
        case .done: return .done
        case .refused(let code): return .error(code)
        case .members: preconditionFailure("who is there is a draft")
        }
    }

    /// The push of a subscription that the server has made.
    static func frame(subscribing reply: SubscribeReply, _ format: WireFormat) -> ByteBuffer {
        let result = Self.result(reply)
        var push = SubscribePush()
        push.recoverable = result.recoverable
        push.positioned = result.positioned
        push.epoch = result.epoch
        push.offset = result.offset
        push.data = result.data
        return Self.frame(
            .push(channel: reply.name.conversationName, .subscribe(push)),
            format
        )
    }

    /// The push of credentials that the server has renewed; `nil` do not end.
    static func frame(refreshing timeToLive: Interval?, _ format: WireFormat) -> ByteBuffer {
        var push = RefreshPush()
        if let timeToLive {
            push.expires = true
            push.timeToLive = ConnectResult.seconds(left: timeToLive)
        }
        return Self.frame(.push(channel: "", .refresh(push)), format)
    }

    /// The push of a message, encoded once in a format for all targets and all shards of the node.
    static func frame(
        pushing delivery: Delivery,
        channel: String,
        _ format: WireFormat
    ) -> ByteBuffer {
        let message = delivery.body.handle.message
        return message.encoded.withLock { encoded in
            if encoded.offset == delivery.offset, let frame = encoded[format] { return frame }
            let publication = Self.publication(
                message,
                at: delivery.offset,
                unixMilliseconds: delivery.unixMilliseconds,
                count: delivery.count
            )
            let frame = Self.frame(.push(channel: channel, .publication(publication)), format)
            if encoded.offset != delivery.offset {
                encoded = EncodedFrames(offset: delivery.offset)
            }
            encoded[format] = frame
            return frame
        }
    }

    /// The messages of a stretch of a page, as one frame of pushes.
    static func frame(pushing delivery: PageDelivery, _ format: WireFormat) -> ByteBuffer {
        let channel = delivery.name.conversationName
        var bytes: [UInt8] = []
        for entry in delivery.page.page.entries
        where entry.offset > delivery.after && entry.offset <= delivery.through {
            let push = ServerPush.publication(Self.publication(entry))
            format.append(.push(channel: channel, push), into: &bytes)
        }
        return FrameBytes.frame(format.opcode, bytes, allocator: Self.allocator)
    }

    static func frame(
        unsubscribing channel: String,
        _ code: UnsubscribeCode,
        _ format: WireFormat
    ) -> ByteBuffer {
        Self.frame(.push(channel: channel, .unsubscribe(UnsubscribePush(code))), format)
    }

    private static func publication(_ entry: MessagePage.Entry) -> Publication {
        Self.publication(
            entry.message,
            at: entry.offset,
            unixMilliseconds: entry.unixMilliseconds,
            count: entry.count
        )
    }

    private static func publication(
        _ message: Message,
        at offset: Offset,
        unixMilliseconds: UInt64,
        count: UInt64
    ) -> Publication {
        Publication(
            data: message.body,
            // What an application server publishes comes from no client.
            info: message.client.isEmpty
                ? nil
                : ClientInfo(
                    user: message.user,
                    client: message.client,
                    connInfo: message.extra.connInfo,
                    chanInfo: message.extra.chanInfo
                ),
            offset: offset,
            messageID: message.messageID,
            tags: message.note.tags(at: offset, count: count) + message.extra.tags,
            unixMilliseconds: unixMilliseconds
        )
    }
}
