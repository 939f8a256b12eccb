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
    /// Puts the full pipeline behind this handler, told until when the first request must have come.
    private let addHTTP: (ChannelPipeline.SynchronousOperations, NIODeadline) throws -> Void
    private let timeout: TimeAmount
    private var bytes: [UInt8] = []
    private var due = NIODeadline.distantFuture
    private var closing: Scheduled<Void>?

    init(
        upgrade: WebSocketUpgrade,
        timeout: TimeAmount,
        addHTTP: @escaping (ChannelPipeline.SynchronousOperations, NIODeadline) throws -> Void
    ) {
        self.upgrade = upgrade
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

    func handlerRemoved(context: ChannelHandlerContext) { self.closing?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let searched = self.bytes.count
        self.bytes += self.unwrapInboundIn(data).readableBytesView
        switch UpgradeHead.read(self.bytes, searched: searched) {
        case .incomplete:
            break
        case .other:
            self.passOn(context)
        case .request(let request, let end):
            do throws(UpgradeRefusal) {
                self.open(request, try self.upgrade.response(to: request), end, context)
            } catch {
                // The pipeline finds the same, and says so to the client.
                self.passOn(context)
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

    private func passOn(_ context: ChannelHandlerContext) {
        self.hand(over: 0, context) {
            try self.addHTTP(context.pipeline.syncOperations, self.due)
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
