import Kernel
import NIOCore
import NIOHTTP1

/// Answers the requests that do not become a socket: health, metrics, and refusals.
final class PlainRequests: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let metrics: @Sendable () -> EventLoopFuture<String>
    /// From the open socket, or from the last answer, to the end of a request.
    private let timeout: Interval
    private var head: HTTPRequestHead?
    private var deadline: Scheduled<Void>?

    init(metrics: @escaping @Sendable () -> EventLoopFuture<String>, timeout: Interval) {
        self.metrics = metrics
        self.timeout = timeout
    }

    func handlerAdded(context: ChannelHandlerContext) { self.awaitRequest(context.channel) }

    func handlerRemoved(context: ChannelHandlerContext) { self.deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        context.fireChannelInactive()
    }

    /// A client that takes too long over its request would hold its socket for nothing.
    private func awaitRequest(_ channel: any Channel) {
        self.deadline?.cancel()
        let delay = TimeAmount.nanoseconds(Int64(clamping: self.timeout.nanoseconds))
        self.deadline = channel.eventLoop.scheduleTask(in: delay) { channel.close(promise: nil) }
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
        if !request.isKeepAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: request.version, status: status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            let body = context.channel.allocator.buffer(string: text)
            context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        }
        self.awaitRequest(context.channel)
        let channel = context.channel
        let isLast = !request.isKeepAlive
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).whenComplete { _ in
            if isLast { channel.close(promise: nil) }
        }
    }
}
