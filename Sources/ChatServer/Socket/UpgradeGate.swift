import NIOCore
import NIOHTTP1

/// The first on a fresh connection: makes a client's socket of a request for one, and leaves everything
/// else to an HTTP pipeline that it puts in its own place.
///
/// The two never share a connection, so no frame is ever taken for a request.
final class UpgradeGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let upgrade: WebSocketUpgrade
    private let arrivals: Arrivals
    /// Whether this handler has to say when the connection is no arrival any more.
    private var isCounted = true
    /// What is put behind this handler is told until when the first request must have come, and why it is
    /// refused, if that is known.
    typealias AddHTTP =
        (ChannelPipeline.SynchronousOperations, NIODeadline, UpgradeRefusal?) throws -> Void

    private let addHTTP: AddHTTP
    private let timeout: TimeAmount
    private var bytes: [UInt8] = []
    private var due = NIODeadline.distantFuture
    private var closing: Scheduled<Void>?

    init(
        upgrade: WebSocketUpgrade,
        arrivals: Arrivals,
        timeout: TimeAmount,
        addHTTP: @escaping AddHTTP
    ) {
        self.upgrade = upgrade
        self.arrivals = arrivals
        self.timeout = timeout
        self.addHTTP = addHTTP
    }

    /// A client that takes too long over its request would hold its socket for nothing.
    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        self.due = .now() + self.timeout
        self.closing = context.eventLoop.scheduleTask(deadline: self.due) {
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.closing?.cancel()
        if self.isCounted { self.arrivals.leave() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let searched = self.bytes.count
        self.bytes += self.unwrapInboundIn(data).readableBytesView
        switch UpgradeHead.read(self.bytes, searched: searched) {
        case .incomplete:
            break
        case .other:
            self.passOn(context, nil)
        case .request(let request, let end):
            do throws(UpgradeRefusal) {
                let headers = try self.upgrade.response(to: request, on: context.channel)
                self.open(request, headers, end, context)
            } catch {
                // The pipeline says so to the client.
                self.passOn(context, error)
            }
        }
    }

    private func open(
        _ request: HTTPRequestHead,
        _ headers: HTTPHeaders,
        _ end: Int,
        _ context: ChannelHandlerContext
    ) {
        var response = context.channel.allocator.buffer(capacity: 256)
        response.writeString("HTTP/1.1 101 Switching Protocols\r\n")
        for (name, value) in headers { response.writeString("\(name): \(value)\r\n") }
        response.writeString("\r\n")
        context.writeAndFlush(self.wrapOutboundOut(response), promise: nil)
        self.hand(over: end, context) {
            try self.upgrade.addSocket(for: request, to: context.pipeline.syncOperations)
        }
    }

    private func passOn(_ context: ChannelHandlerContext, _ refusal: UpgradeRefusal?) {
        self.hand(over: 0, context) {
            try self.addHTTP(context.pipeline.syncOperations, self.due, refusal)
            self.isCounted = false
        }
    }

    /// Puts other handlers behind this one, gives them what came after byte `start`, and leaves.
    private func hand(
        over start: Int,
        _ context: ChannelHandlerContext,
        _ addHandlers: () throws -> Void
    ) {
        do {
            try addHandlers()
        } catch {
            // The channel has closed in the meantime.
            context.close(promise: nil)
            return
        }
        let rest = context.channel.allocator.buffer(bytes: self.bytes[start...])
        self.bytes = []
        if rest.readableBytes > 0 {
            context.fireChannelRead(NIOAny(rest))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
