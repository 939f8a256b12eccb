import Kernel
import NIOCore
import NIOHTTP1
import Synchronization

/// Whether a connection is busy with a request for media: told to the handlers behind.
enum MediaActivity: Sendable {
    case began
    case ended
}

/// Answers the requests for media on a connection, and passes the others on.
///
/// A file goes through in pieces: nothing more is read from the socket while a piece is on its way to
/// the disk, and nothing more from the disk while one is on its way to the socket.
final class MediaRequests: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    enum Phase {
        /// None is under way.
        case idle
        /// Its head has come, and nothing is done before its end.
        case announced
        /// The desk says whether it may be.
        case asking
        case receiving(UploadFile)
        /// All has come.
        case keeping
        case sending(DownloadFile)
        /// The last answer has been given; what comes is not looked at.
        case passingOver
    }

    let desk: MediaDesk
    private let origins: OriginPolicy
    var phase = Phase.idle
    /// Counts requests, so that what comes late for one is told from what concerns the next.
    private(set) var ordinal: UInt64 = 0
    var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "")
    private(set) var pass: MediaPass?
    /// What has come and is not on its way to the disk.
    var waiting: [UInt8] = []
    var isWriting = false
    var hasEnded = false
    private var holdsPlace = false
    private var isReadHeld = false
    var received: UInt64 = 0
    /// Bytes since the last look at the pace.
    var moved = 0
    private var pace: RepeatedTask?

    init(desk: MediaDesk, origins: OriginPolicy) {
        self.desk = desk
        self.origins = origins
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (self.unwrapInboundIn(data), self.phase) {
        case (.head(let head), .idle) where head.uri.hasPrefix(MediaKey.path):
            self.begin(head, context)
        case (_, .idle): context.fireChannelRead(data)
        case (.end, .announced):
            self.hasEnded = true
            self.admit(context)
        case (.body(let part), .asking), (.body(let part), .receiving): self.take(part, context)
        case (.end, .asking), (.end, .receiving):
            self.hasEnded = true
            self.pump(context)
        case (.end, .passingOver): if !self.hasEnded { context.close(promise: nil) }
        case (_, .announced), (_, .keeping), (_, .sending), (_, .passingOver), (.head, _): break
        }
    }

    func read(context: ChannelHandlerContext) {
        if self.isFull { self.isReadHeld = true } else { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end(context)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.end(context) }

    private var isFull: Bool {
        switch self.phase {
        case .asking: !self.hasEnded
        case .receiving: self.isWriting
        case .idle, .announced, .keeping, .sending, .passingOver: false
        }
    }

    func readAgain(_ context: ChannelHandlerContext) {
        guard self.isReadHeld, !self.isFull else { return }
        self.isReadHeld = false
        context.read()
    }

    // MARK: Beginnings and ends

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.ordinal += 1
        self.head = head
        self.pass = nil
        self.hasEnded = false
        self.received = 0
        self.waiting = []
        self.phase = .announced
        context.fireUserInboundEventTriggered(MediaActivity.began)
        self.keepPace(context)
        // Before a file comes, its client may be told that it need not.
        if head.method == .PUT { self.admit(context) }
    }

    private func admit(_ context: ChannelHandlerContext) {
        self.phase = .asking
        do throws(MediaRefusal) {
            try self.decide(self.head, context)
        } catch {
            self.refuse(error, context)
        }
    }

    private func decide(
        _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) throws(MediaRefusal) {
        guard self.origins.admits(head) else {
            throw MediaRefusal(.forbidden, "this origin is not allowed")
        }
        switch head.method {
        case .OPTIONS:
            self.respond(.noContent, [:], "", context)
        case .PUT:
            let pass = try self.desk.pass(head.uri, isPut: true)
            try UploadHead.check(head, pass)
            try self.enter(pass)
            self.ask(context, pass)
        case .GET, .HEAD:
            let pass = try self.desk.pass(head.uri, isPut: false)
            try self.enter(pass)
            self.fetch(context, pass)
        default: throw MediaRefusal(.methodNotAllowed, "expected PUT, GET or HEAD")
        }
    }

    private func enter(_ pass: MediaPass) throws(MediaRefusal) {
        try self.desk.enter(pass.user)
        self.pass = pass
        self.holdsPlace = true
    }

    /// Ends what is under way, without a word.
    func end(_ context: ChannelHandlerContext) {
        if case .receiving(let upload) = self.phase { self.desk.discard(upload) }
        if self.holdsPlace, let pass = self.pass { self.desk.leave(pass.user) }
        self.holdsPlace = false
        self.ordinal += 1
        self.waiting = []
        self.isWriting = false
        self.pace?.cancel()
        self.pace = nil
        self.phase = .idle
    }

    func refuse(_ refusal: MediaRefusal, _ context: ChannelHandlerContext) {
        self.desk.statistics.refused.add(1, ordering: .relaxed)
        var headers: HTTPHeaders = ["Content-Type": "text/plain"]
        if refusal.status == .serviceUnavailable { headers.add(name: "Retry-After", value: "1") }
        if refusal.status == .methodNotAllowed {
            headers.add(name: "Allow", value: "PUT, GET, HEAD, OPTIONS")
        }
        self.respond(refusal.status, headers, refusal.text + "\n", context)
    }

    /// Answers with all that there is to say.
    func respond(
        _ status: HTTPResponseStatus,
        _ headers: HTTPHeaders,
        _ text: String,
        _ context: ChannelHandlerContext
    ) {
        var headers = headers
        if status != .noContent {
            headers.add(name: "Content-Length", value: String(text.utf8.count))
        }
        self.write(status, headers, context)
        if self.head.method != .HEAD, !text.isEmpty {
            let body = context.channel.allocator.buffer(string: text)
            context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        }
        self.conclude(context)
    }

    /// What follows a request for an upgrade is not read as HTTP.
    private var isLast: Bool {
        !self.hasEnded || !self.head.isKeepAlive || self.head.headers.contains(name: "Upgrade")
    }

    func write(
        _ status: HTTPResponseStatus,
        _ headers: HTTPHeaders,
        _ context: ChannelHandlerContext
    ) {
        var headers = headers
        headers.add(name: "X-Content-Type-Options", value: "nosniff")
        if let origin = self.head.headers["Origin"].first, self.origins.admits(self.head) {
            headers.add(name: "Access-Control-Allow-Origin", value: origin)
            headers.add(name: "Access-Control-Allow-Methods", value: "PUT, GET, HEAD")
            headers.add(name: "Access-Control-Allow-Headers", value: "Content-Type, Range")
            headers.add(name: "Vary", value: "Origin")
        }
        if self.isLast { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: self.head.version, status: status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Ends an answer, and takes what comes next: another request, or nothing more.
    ///
    /// A client that is still writing would not see the answer if its bytes met a closed socket, so for a
    /// while they are passed over.
    func conclude(_ context: ChannelHandlerContext) {
        let (isLast, hasEnded) = (self.isLast, self.hasEnded)
        self.end(context)
        let channel = context.channel
        if isLast {
            self.phase = .passingOver
            context.eventLoop.scheduleTask(in: self.patience) { channel.close(promise: nil) }
        } else {
            context.fireUserInboundEventTriggered(MediaActivity.ended)
        }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).whenComplete { _ in
            if isLast, hasEnded { channel.close(promise: nil) }
        }
        self.readAgain(context)
    }

    var patience: TimeAmount {
        .nanoseconds(Int64(clamping: self.desk.policy.patience.nanoseconds))
    }

    /// Looks again and again whether the peer moves enough bytes; what waits for the disk is not its fault.
    func keepPace(_ context: ChannelHandlerContext) {
        self.moved = 0
        self.pace?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.pace = context.eventLoop.scheduleRepeatedTask(
            initialDelay: self.patience,
            delay: self.patience
        ) { _ in
            let (requests, context) = bound.value
            let isSlow = requests.moved < MediaPolicy.progress && !requests.isWriting
            requests.moved = 0
            if isSlow { requests.giveUp(context) }
        }
    }

    private func giveUp(_ context: ChannelHandlerContext) {
        switch self.phase {
        case .receiving:
            let text = "too slow; expected \(MediaPolicy.progress) bytes in \(self.patience)"
            self.refuse(MediaRefusal(.requestTimeout, text), context)
        case .announced, .sending: context.close(promise: nil)
        case .idle, .asking, .keeping, .passingOver: break
        }
    }
}
