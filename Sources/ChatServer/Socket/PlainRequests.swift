import NIOCore
import NIOHTTP1

/// Answers the requests that do not become a socket: health, metrics, and refusals.
final class PlainRequests: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let metrics: @Sendable () -> EventLoopFuture<String>
    private var head: HTTPRequestHead?

    init(metrics: @escaping @Sendable () -> EventLoopFuture<String>) { self.metrics = metrics }

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
        case WebSocketUpgrade.endpoint:
            let text = "expected a WebSocket upgrade with the JSON encoding\n"
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
        if status == .upgradeRequired { headers.add(name: "Upgrade", value: "websocket") }
        if !request.isKeepAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: request.version, status: status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        let body = context.channel.allocator.buffer(string: text)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        let channel = context.channel
        let isLast = !request.isKeepAlive
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).whenComplete { _ in
            if isLast { channel.close(promise: nil) }
        }
    }
}
