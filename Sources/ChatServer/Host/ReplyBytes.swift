import ChatCore
import ClientProtocol
import Kernel
import NIOCore
import Synchronization

/// The frames that a shard's effects become.
enum ReplyBytes {
    static let version = "parley 0.1.0"
    private static let allocator = ByteBufferAllocator()

    static func frame(_ reply: Reply, to id: CommandID, client: String) -> ByteBuffer {
        var bytes: [UInt8] = []
        switch reply {
        case .connected(let reply):
            ServerEncoder.connected(
                id,
                reply,
                client: client,
                version: Self.version,
                node: "",
                into: &bytes
            )
        case .subscribed(let reply):
            ServerEncoder.subscribed(id, reply, into: &bytes) { output in
                guard case .recovered(let page, let through) = reply.recovery, page != .none
                else { return }
                for entry in page.page.entries
                where entry.offset > reply.offset && entry.offset <= through {
                    ServerEncoder.element(Self.publication(entry), into: &output)
                }
            }
        case .unsubscribed: ServerEncoder.unsubscribed(id, into: &bytes)
        case .published: ServerEncoder.published(id, into: &bytes)
        case .sent(let reply): ServerEncoder.sent(id, reply, into: &bytes)
        case .history(let reply):
            let encode = reply.isChat ? ServerEncoder.chatHistory : ServerEncoder.history
            encode(id, reply.epoch, reply.head, &bytes) {
                guard reply.page != .none else { return }
                for entry in reply.page.page.entries {
                    ServerEncoder.element(Self.publication(entry), into: &$0)
                }
            }
        case .created(let name, let reply):
            let channel = name.conversationName
            ServerEncoder.created(id, channel: channel, reply, into: &bytes)
        case .marked(let reply): ServerEncoder.marked(id, reply, into: &bytes)
        case .listed(let page):
            ServerEncoder.listed(
                id,
                page.handle.window.changed,
                gone: page.handle.window.gone,
                cursor: page.next?.cursor ?? "",
                into: &bytes
            )
        case .error(let code): ServerEncoder.error(id, code, into: &bytes)
        }
        return FrameBytes.frame(.text, bytes, allocator: Self.allocator)
    }

    /// The push of a message, encoded once for all targets and all shards of the node.
    static func frame(pushing delivery: Delivery, channel: String) -> ByteBuffer {
        let message = delivery.body.handle.message
        return message.encoded.withLock { encoded in
            if let encoded, encoded.offset == delivery.offset { return encoded.frame }
            var bytes: [UInt8] = []
            let publication = Self.publication(
                message,
                at: delivery.offset,
                unixMilliseconds: delivery.unixMilliseconds,
                count: delivery.count
            )
            ServerEncoder.push(publication, channel: channel, into: &bytes)
            let frame = FrameBytes.frame(.text, bytes, allocator: Self.allocator)
            encoded = (delivery.offset, frame)
            return frame
        }
    }

    /// The messages of a stretch of a page, as one frame of pushes.
    static func frame(pushing delivery: PageDelivery) -> ByteBuffer {
        let channel = delivery.name.conversationName
        var bytes: [UInt8] = []
        for entry in delivery.page.page.entries
        where entry.offset > delivery.after && entry.offset <= delivery.through {
            if !bytes.isEmpty { ServerEncoder.separator(into: &bytes) }
            ServerEncoder.push(Self.publication(entry), channel: channel, into: &bytes)
        }
        return FrameBytes.frame(.text, bytes, allocator: Self.allocator)
    }

    static func frame(unsubscribing channel: String, _ code: UnsubscribeCode) -> ByteBuffer {
        var bytes: [UInt8] = []
        ServerEncoder.unsubscribe(channel: channel, code, into: &bytes)
        return FrameBytes.frame(.text, bytes, allocator: Self.allocator)
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
            info: ClientInfo(user: message.user, client: message.client),
            offset: offset,
            messageID: message.messageID,
            tags: message.note.tags(at: offset, count: count),
            unixMilliseconds: unixMilliseconds
        )
    }
}
