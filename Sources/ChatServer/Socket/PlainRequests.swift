import NIOCore
import NIOHTTP1

/// Answers the requests that do not become a socket: health, metrics, and refusals.
final class PlainRequests: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let metrics: @Sendable () -> EventLoopFuture<String>
    /// When the first request must have come whole.
    private let due: NIODeadline
    /// From an answer to the end of the next request.
    private let timeout: TimeAmount
    private var head: HTTPRequestHead?
    private var deadline: Scheduled<Void>?

    init(
        metrics: @escaping @Sendable () -> EventLoopFuture<String>,
        due: NIODeadline,
        timeout: TimeAmount
    ) {
        self.metrics = metrics
        self.due = due
        self.timeout = timeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.awaitRequest(context.channel, until: self.due)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        context.fireChannelInactive()
    }

    /// A client that takes too long over its request would hold its socket for nothing.
    private func awaitRequest(_ channel: any Channel, until due: NIODeadline) {
        self.deadline?.cancel()
        self.deadline = channel.eventLoop.scheduleTask(deadline: due) {
            channel.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            self.answer(head, context)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = head.uri.prefix { $0 != "?" }
        switch String(path) {
        case "/health":
            self.respond(.ok, "application/json", "{\"status\":\"ok\"}\n", head, context)
        case "/metrics":
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            self.metrics().hop(to: context.eventLoop).whenSuccess { text in
                let (requests, context) = bound.value
                requests.respond(.ok, "text/plain; version=0.0.4", text, head, context)
            }
        case WebSocketUpgrade.endpoint where WebSocketUpgrade.lacksKey(head):
            self.respond(.badRequest, "text/plain", "no Sec-WebSocket-Key\n", head, context)
        case WebSocketUpgrade.endpoint where WebSocketUpgrade.isAcceptable(head):
            // Only a shard that takes nobody at the moment lets such a request come here.
            self.respond(.serviceUnavailable, "text/plain", "overloaded\n", head, context)
        case WebSocketUpgrade.endpoint:
            let text = "expected a WebSocket upgrade\n"
            self.respond(.upgradeRequired, "text/plain", text, head, context)
        default:
            self.respond(.notFound, "text/plain", "not found\n", head, context)
        }
    }

    private func respond(
        _ status: HTTPResponseStatus,
        _ type: String,
        _ text: String,
        _ request: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: type)
        headers.add(name: "Content-Length", value: String(text.utf8.count))
        if status == .upgradeRequired {
            headers.add(name: "Upgrade", value: "websocket")
            headers.add(name: "Sec-WebSocket-Version", value: "13")
        }
        // What follows a request for an upgrade is not read as HTTP, whatever the answer was.
        let isLast = !request.isKeepAlive || request.headers.contains(name: "Upgrade")
        if status == .serviceUnavailable { headers.add(name: "Retry-After", value: "1") }
        if isLast { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: request.version, status: status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            let body = context.channel.allocator.buffer(string: text)
            context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        }
        self.awaitRequest(context.channel, until: .now() + self.timeout)
        let channel = context.channel
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).whenComplete { _ in
            if isLast { channel.close(promise: nil) }
        }
    }
}
