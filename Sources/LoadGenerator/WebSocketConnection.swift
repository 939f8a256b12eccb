import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// What a socket tells its loop; always on the socket's event loop.
struct SocketCallbacks {
    var opened: (any Channel) -> Void
    /// In a few words, why.
    var failed: (String) -> Void
    /// The text of one frame.
    var text: (ByteBuffer) -> Void
    /// 1006 when the peer sent no close frame.
    var closed: (UInt16) -> Void
}

/// Opens a WebSocket; one of `opened` and `failed` is called once, and after `opened` later `closed`.
func openWebSocket(
    to endpoint: Endpoint,
    trusting trust: ServerTrust?,
    on loop: any EventLoop,
    _ callbacks: SocketCallbacks
) {
    let bound = NIOLoopBound(callbacks, eventLoop: loop)
    ClientBootstrap(group: loop)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .connectTimeout(.seconds(10))
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                if let trust {
                    let layer = try trust.layer(to: endpoint.host)
                    try channel.pipeline.syncOperations.addHandler(layer)
                }
                try addUpgrade(to: channel, endpoint: endpoint, callbacks: bound)
            }
        }
        .connect(host: endpoint.host, port: endpoint.port)
        .whenFailure { error in loop.execute { bound.value.failed(reason(of: error)) } }
}

/// The part of an error that its user can do something about.
private func reason(of error: any Error) -> String {
    guard let failure = error as? NIOConnectionError else { return "\(error)" }
    guard let first = failure.connectionErrors.first else {
        return "no address of host \(failure.host) is known"
    }
    guard let refusal = first.error as? IOError else { return "\(first.error)" }
    return unsafe String(cString: strerror(refusal.errnoCode))
}

private func addUpgrade(
    to channel: any Channel,
    endpoint: Endpoint,
    callbacks: NIOLoopBound<SocketCallbacks>
) throws {
    let request = UpgradeRequest(endpoint: endpoint, callbacks: callbacks.value)
    let boundRequest = NIOLoopBound(request, eventLoop: channel.eventLoop)
    let upgrader = NIOWebSocketClientUpgrader(maxFrameSize: 1 << 24) { channel, _ in
        channel.eventLoop.makeCompletedFuture {
            boundRequest.value.isUpgraded = true
            try channel.pipeline.syncOperations.addHandler(SocketFrames(callbacks.value))
            callbacks.value.opened(channel)
        }
    }
    try channel.pipeline.syncOperations.addHTTPClientHandlers(
        leftOverBytesStrategy: .forwardBytes,
        withClientUpgrade: (
            upgraders: [upgrader],
            completionHandler: { context in
                context.pipeline.syncOperations.removeHandler(boundRequest.value, promise: nil)
            }
        )
    )
    try channel.pipeline.syncOperations.addHandler(request)
}

/// Asks for the upgrade, and reports a server that refuses it.
private final class UpgradeRequest: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let endpoint: Endpoint
    private let callbacks: SocketCallbacks
    var isUpgraded = false
    private var reason = "closed before it was a WebSocket"

    init(endpoint: Endpoint, callbacks: SocketCallbacks) {
        self.endpoint = endpoint
        self.callbacks = callbacks
    }

    func channelActive(context: ChannelHandlerContext) {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: self.endpoint.path)
        head.headers.add(name: "Host", value: "\(self.endpoint.host):\(self.endpoint.port)")
        head.headers.add(name: "Content-Length", value: "0")
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = self.unwrapInboundIn(data) {
            self.reason = "no WebSocket, but HTTP \(head.status.code)"
        }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.reason = "\(error)"
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !self.isUpgraded { self.callbacks.failed(self.reason) }
        context.fireChannelInactive()
    }
}

/// The frames of an upgraded socket.
private final class SocketFrames: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let callbacks: SocketCallbacks
    private var closeCode: UInt16 = 1_006

    init(_ callbacks: SocketCallbacks) { self.callbacks = callbacks }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = self.unwrapInboundIn(data)
        switch frame.opcode {
        case .text: self.callbacks.text(frame.unmaskedData)
        case .ping:
            let pong = WebSocketFrame(
                fin: true,
                opcode: .pong,
                maskKey: .random(),
                data: frame.unmaskedData
            )
            context.writeAndFlush(self.wrapOutboundOut(pong), promise: nil)
        case .connectionClose:
            var body = frame.unmaskedData
            self.closeCode = body.readInteger() ?? 1_005
            context.close(promise: nil)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.callbacks.closed(self.closeCode)
        context.fireChannelInactive()
    }
}
