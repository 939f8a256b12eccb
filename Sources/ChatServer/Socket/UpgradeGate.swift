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
    private var closing: Scheduled<Void>?
    /// A granted request that waits until its client may come in.
    private var waiting: Waiting?

    private struct Waiting {
        var request: HTTPRequestHead
        var headers: HTTPHeaders
        /// Where the request ends in the bytes.
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
        let channel = context.channel
        self.due = .now() + self.timeout
        self.closing = context.eventLoop.scheduleTask(deadline: self.due) {
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.closing?.cancel()
        if self.isCounted { self.arrivals.leave() }
        self.waiting = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let searched = self.bytes.count
        self.bytes += self.unwrapInboundIn(data).readableBytesView
        guard self.waiting == nil else { return }
        switch UpgradeHead.read(self.bytes, searched: searched) {
        case .incomplete:
            break
        case .other:
            self.passOn(context, nil)
        case .request(let request, let end):
            do throws(UpgradeRefusal) {
                let headers = try self.upgrade.response(to: request, on: context.channel)
                let granted = Waiting(
                    request: request,
                    headers: headers,
                    end: end,
                    context: context
                )
                switch self.upgrade.entry(of: self) {
                case .now: self.open(granted)
                case .later:
                    self.waiting = granted
                    self.setReading(false, context)
                case .never: self.passOn(context, .overloaded)
                }
            } catch {
                // The pipeline says so to the client.
                self.passOn(context, error)
            }
        }
    }

    /// The turn of whoever waited has come: to come in, or to hear that it took too long.
    func enter(_ isLetIn: Bool) {
        // The client may have gone.
        guard let granted = self.waiting, granted.context.channel.isActive else { return }
        self.waiting = nil
        self.setReading(true, granted.context)
        if isLetIn { self.open(granted) } else { self.passOn(granted.context, .overloaded) }
    }

    /// Nothing more is read from a client who waits, so that it takes no room.
    private func setReading(_ isReading: Bool, _ context: ChannelHandlerContext) {
        // Fails only when the channel has closed in the meantime, which its handlers are told.
        context.channel.setOption(.autoRead, value: isReading).whenFailure { _ in }
    }

    private func open(_ granted: Waiting) {
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
