import ChatCore
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
    private var arrival: Int?
    private var channel: (any Channel)?
    /// What was granted and waits at the door, until the shard has time for it.
    private var granted: Granted?

    private struct Granted {
        var request: HTTPRequestHead
        var headers: HTTPHeaders
        var end: Int
        var context: ChannelHandlerContext
    }

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
        self.channel = context.channel
        self.due = .now() + self.timeout
        self.arrival = self.upgrade.expect(self, until: self.due)
    }

    /// Its time is over.
    func giveUp() { self.channel?.close(promise: nil) }

    func handlerRemoved(context: ChannelHandlerContext) {
        if let arrival = self.arrival { self.upgrade.forget(arrival) }
        self.arrival = nil
        self.channel = nil
        self.granted = nil
        if self.isCounted { self.arrivals.leave() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let searched = self.bytes.count
        self.bytes += self.unwrapInboundIn(data).readableBytesView
        guard self.granted == nil else {
            // No client says much before it knows that it is one.
            if self.bytes.count > UpgradeHead.limit { context.close(promise: nil) }
            return
        }
        switch UpgradeHead.read(self.bytes, searched: searched) {
        case .incomplete:
            break
        case .other:
            self.passOn(context, nil)
        case .request(let request, let end):
            do throws(UpgradeRefusal) {
                let headers = try self.upgrade.response(to: request, on: context.channel)
                let granted = Granted(
                    request: request,
                    headers: headers,
                    end: end,
                    context: context
                )
                switch self.upgrade.knock(self) {
                case .enter: self.open(granted)
                case .wait: self.granted = granted
                case .turnAway: self.turnAway(context)
                }
            } catch {
                // The pipeline says so to the client.
                self.passOn(context, error)
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        self.upgrade.passSocket()
    }

    /// Goes through the door; false if its connection is gone, or its time is over.
    func enter() -> Bool {
        guard let granted = self.granted, granted.context.channel.isActive else { return false }
        self.granted = nil
        self.open(granted)
        return true
    }

    /// Is not let in.
    func turnAway() {
        guard let granted = self.granted, granted.context.channel.isActive else { return }
        self.granted = nil
        self.turnAway(granted.context)
    }

    private func open(_ granted: Granted) {
        let context = granted.context
        var response = context.channel.allocator.buffer(capacity: 256)
        response.writeString("HTTP/1.1 101 Switching Protocols\r\n")
        for (name, value) in granted.headers { response.writeString("\(name): \(value)\r\n") }
        response.writeString("\r\n")
        context.writeAndFlush(self.wrapOutboundOut(response), promise: nil)
        self.hand(over: granted.end, context) {
            try self.upgrade.addSocket(for: granted.request, to: context.pipeline.syncOperations)
        }
    }

    /// Costs as little as may be, because there are many of them when there are any.
    private func turnAway(_ context: ChannelHandlerContext) {
        let response = context.channel.allocator.buffer(staticString: Self.overloaded)
        context.writeAndFlush(self.wrapOutboundOut(response), promise: nil)
        context.close(promise: nil)
    }

    private static let overloaded: StaticString = """
        HTTP/1.1 503 Service Unavailable\r
        Retry-After: 1\r
        Connection: close\r
        Content-Type: text/plain\r
        Content-Length: 11\r
        \r
        overloaded

        """

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
