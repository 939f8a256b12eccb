import ClientProtocol
import NIOCore
import NIOHTTP1

/// Answers the requests that do not become a socket: health, metrics, the server API, and refusals.
final class PlainRequests: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let metrics: @Sendable () -> EventLoopFuture<String>
    /// When the first request must have come whole.
    private let due: NIODeadline
    /// From an answer to the end of the next request.
    private let timeout: TimeAmount
    private let api: ServerApi
    private let origins: OriginPolicy
    private let arrivals: Arrivals
    /// Why the first request, which wanted a socket, gets none.
    private let refusal: UpgradeRefusal?
    private var head: HTTPRequestHead?
    /// Of a request to the server API that shows the key; others have none that is read.
    private var body = ByteBuffer()
    private var isAdmitted = false
    private var isTooLong = false

    /// The most bytes of a body; a longer one is refused.
    private static let bodyLimit = 1 << 20
    private static let apiPath = "/api/"
    private var deadline: Scheduled<Void>?

    init(
        metrics: @escaping @Sendable () -> EventLoopFuture<String>,
        api: ServerApi,
        origins: OriginPolicy,
        arrivals: Arrivals,
        due: NIODeadline,
        timeout: TimeAmount,
        refusal: UpgradeRefusal?
    ) {
        self.refusal = refusal
        self.metrics = metrics
        self.api = api
        self.origins = origins
        self.arrivals = arrivals
        self.due = due
        self.timeout = timeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.awaitRequest(context.channel, until: self.due)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.arrivals.leave()
    }

    /// A file takes the time that it takes.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event as? MediaActivity {
        case .began: self.deadline?.cancel()
        case .ended: self.awaitRequest(context.channel, until: .now() + self.timeout)
        case nil: context.fireUserInboundEventTriggered(event)
        }
    }

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
        case .head(let head):
            self.head = head
            self.body.clear()
            self.isTooLong = false
            self.isAdmitted =
                self.isApi(head) && self.api.admits(head.headers["X-API-Key"].first)
        case .body(var part):
            guard self.isAdmitted, !self.isTooLong else { return }
            // Read to its end all the same: a client that is still writing would not see an answer.
            self.isTooLong = self.body.readableBytes + part.readableBytes > Self.bodyLimit
            if !self.isTooLong { self.body.writeBuffer(&part) }
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            if self.isApi(head) {
                self.answerApi(head, context)
            } else {
                self.answer(head, context)
            }
        }
    }

    private func isApi(_ head: HTTPRequestHead) -> Bool {
        self.api.isOffered && head.uri.hasPrefix(Self.apiPath)
    }

    /// One method of the server API; its errors are in answers of status 200.
    private func answerApi(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.deadline?.cancel()
        guard head.method == .POST else {
            self.respond(.methodNotAllowed, "text/plain", "expected POST\n", head, context)
            return
        }
        guard self.isAdmitted else {
            self.respond(.unauthorized, "text/plain", "expected X-API-Key\n", head, context)
            return
        }
        guard !self.isTooLong else {
            self.respond(.payloadTooLarge, "text/plain", "too long\n", head, context)
            return
        }
        let method = head.uri.prefix { $0 != "?" }.dropFirst(Self.apiPath.count)
        let body = Array(self.body.readableBytesView)
        self.body.clear()
        guard let answer = self.api.answer(String(method), body, on: context.eventLoop) else {
            self.respond(.notFound, "text/plain", "no such method\n", head, context)
            return
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        answer.whenSuccess { response in
            let (requests, context) = bound.value
            guard context.channel.isActive else { return }
            var text: [UInt8] = []
            response.append(into: &text)
            let body = String(decoding: text, as: UTF8.self)
            requests.respond(.ok, "application/json", body, head, context)
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
        case WebSocketUpgrade.endpoint where !self.origins.admits(head):
            self.respond(.forbidden, "text/plain", "this origin is not allowed\n", head, context)
        case WebSocketUpgrade.endpoint
        where WebSocketUpgrade.isAcceptable(head) && self.refusal == .crowded:
            let text = "too many connections from this address\n"
            self.respond(.tooManyRequests, "text/plain", text, head, context)
        case WebSocketUpgrade.endpoint where WebSocketUpgrade.isAcceptable(head):
            let text = """
                expected the first request of its connection, in HTTP/1.1, without a body and with a head of at \
                most 16 KiB

                """
            self.respond(.badRequest, "text/plain", text, head, context)
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
        if status == .methodNotAllowed { headers.add(name: "Allow", value: "POST") }
        // What follows a request for an upgrade is not read as HTTP, whatever the answer was.
        let isLast = !request.isKeepAlive || request.headers.contains(name: "Upgrade")
        // A place is free again when one of its connections has closed: nobody knows when.
        if status == .tooManyRequests { headers.add(name: "Retry-After", value: "10") }
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
