import ChatCore
import ClientProtocol
import Foundation
import Kernel
import NIOCore
import NIOWebSocket

/// One client's socket after the upgrade: frames in, ready bytes out.
final class ClientSocket: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    /// The most bytes of one message from a client, over all its fragments.
    static let messageLimit = 65_536

    /// With more commands than this waiting for the shard, nothing more is read from the socket.
    static let waitingLimit = 512

    private enum Phase {
        case open
        /// We said goodbye first, and wait for the client to.
        case closing
        case closed
    }

    private let host: ShardHost
    let dialect: Dialect
    private let meter: WireMeter?
    private var phase = Phase.open
    private var fragments: [UInt8]?
    /// Whether the message under way is text, which must be UTF-8.
    private var isText = false
    private(set) var channel: (any Channel)?
    private(set) var handle = ConnectionHandle(slot: 0, generation: 0)
    /// The connection's id on the wire.
    let client = UUID().uuidString.lowercased()
    private(set) var user = ""
    /// Whether its token was good, so that `user` is who it speaks for.
    private(set) var isIdentified = false
    /// What its tokens say of it, for others to know: JSON, empty when they say nothing.
    private(set) var connInfo: [UInt8] = []
    private var channelInfo: [String: [UInt8]] = [:]
    /// What an application server says to it in parting.
    var farewell: Farewell?
    private(set) var token: String?
    /// What can revoke the tokens that the client came in by.
    private(set) var marks = SocketMarks()
    /// Where the client says that it was in the subscriptions that the server makes.
    private(set) var claims: [SubscribeRequest] = []
    /// The subscriptions of the answer to `connect`, until it is complete.
    var subscriptions: [ServerSubscription] = []
    /// Commands that came while the token was being checked: they need to know whose they are.
    private var held: [ClientCommand]?
    private var heldBytes = 0

    /// Bytes that were given to the channel since the socket opened.
    private var writtenBytes = 0
    /// What the socket had accepted when the host last looked.
    private var acceptedBytes = 0
    private var stalledSeconds = 0
    /// Commands that the shard has not taken yet.
    private var waitingCommands = 0
    private var closingSeconds = 0
    /// Whether the host looks after this socket once a second.
    var isWatched = false
    var backlog = BacklogGauge()

    init(host: ShardHost, dialect: Dialect, meter: WireMeter?) {
        self.host = host
        self.dialect = dialect
        self.meter = meter
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // A socket that died during the upgrade would never tell of its end.
        guard context.channel.isActive else {
            self.phase = .closed
            return
        }
        self.channel = context.channel
        self.handle = self.host.open(self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard self.phase != .closed else { return }
        self.phase = .closed
        self.host.closed(self)
        context.fireChannelInactive()
        self.host.passSocket()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        self.host.passSocket()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.host.foundRoom(self) }
        context.fireChannelWritabilityChanged()
    }

    /// Whether at most the low mark's bytes wait in the channel.
    var hasRoom: Bool { self.channel?.isWritable ?? false }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = self.unwrapInboundIn(data)
        guard self.phase == .open else {
            if frame.opcode == .connectionClose { context.close(promise: nil) }
            return
        }
        guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            self.end(code: 1002, reason: "protocol error")
            return
        }
        let payload = FrameBytes.unmasked(frame)
        switch frame.opcode {
        case .text, .binary:
            guard self.fragments == nil else {
                self.end(code: 1002, reason: "a message began inside another")
                return
            }
            self.isText = frame.opcode == .text
            if frame.fin { self.receive(payload) } else { self.gather(payload) }
        case .continuation:
            guard self.fragments != nil else {
                self.end(code: 1002, reason: "a continuation of nothing")
                return
            }
            self.gather(payload)
            if frame.fin, let whole = self.fragments {
                self.fragments = nil
                self.receive(whole)
            }
        case .ping:
            let answer = FrameBytes.frame(
                .pong,
                payload,
                allocator: context.channel.allocator
            )
            self.host.send(answer, to: self.handle)
        case .pong:
            // Any other was sent unasked, which is allowed and means nothing.
            guard self.dialect.pingsByFrame, payload == ReplyBytes.pingMark else { return }
            self.host.pong(self.handle)
        case .connectionClose:
            self.end(code: Self.answer(toClose: payload), reason: "")
            context.close(promise: nil)
        default:
            self.end(code: 1002, reason: "unknown opcode")
        }
    }

    /// The code that answers a client's close: its own, or why it is none (RFC 6455, section 7.4).
    private static func answer(toClose payload: [UInt8]) -> UInt16 {
        guard !payload.isEmpty else { return 1000 }
        guard payload.count >= 2 else { return 1002 }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: break
        default: return 1002
        }
        return Self.isUTF8(Array(payload.dropFirst(2))) ? code : 1007
    }

    private static func isUTF8(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try UTF8Span(validating: bytes.span)
            return true
        } catch {
            return false
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // After a goodbye the decoder refuses whatever still comes; hanging up on bytes that have not
        // been read would reset the connection, and so destroy the goodbye.
        guard self.phase == .open else { return }
        if case .invalidFrameLength? = error as? NIOWebSocketError {
            // At once: the rest of the frame comes as further errors, before the shard's next round.
            self.end(code: CloseCode.messageTooBig.rawValue, reason: "message too big")
        } else if error is NIOWebSocketError {
            self.end(code: 1002, reason: "protocol error")
        } else {
            context.close(promise: nil)
        }
    }

    private func gather(_ payload: [UInt8]) {
        let gathered = self.fragments?.count ?? 0
        guard gathered + payload.count <= Self.messageLimit else {
            self.host.violated(self.handle, .messageTooBig)
            return
        }
        if gathered == 0 {
            self.fragments = payload
        } else {
            self.fragments?.append(contentsOf: payload)
        }
    }

    private func receive(_ bytes: [UInt8]) {
        if self.isText, self.dialect.format == .protobuf {
            self.refuse(bytes)
            return
        }
        if self.held != nil { self.heldBytes += bytes.count }
        var reader = CommandReader(self.dialect.format)
        do throws(FrameError) {
            while let command = try reader.next(in: bytes.span) {
                guard let held = self.held else {
                    self.pass(command)
                    continue
                }
                guard held.count < self.host.gatedLimit, self.heldBytes <= Self.messageLimit else {
                    self.host.violated(self.handle, .tooManyRequests)
                    return
                }
                self.held?.append(command)
            }
        } catch {
            self.refuse(bytes)
        }
    }

    /// Ends over a message that cannot be read; what is read is UTF-8.
    private func refuse(_ bytes: [UInt8]) {
        if self.isText, !Self.isUTF8(bytes) {
            self.end(code: 1007, reason: "text that is not UTF-8")
        } else {
            self.host.violated(self.handle, FrameError.closeCode)
        }
    }

    private func pass(_ command: ClientCommand) {
        var translation = CommandTranslation(
            namespaces: self.host.namespaces,
            verifier: self.host.verifier,
            user: self.user,
            client: self.client,
            connInfo: self.connInfo,
            channelInfo: self.channelInfo
        )
        let translated = translation.translate(command)
        self.connInfo = translation.connInfo
        self.channelInfo = translation.channelInfo
        if let shown = translation.shown, !self.marks.keep(shown) {
            self.host.violated(self.handle, .conversationLimit)
        }
        switch translated {
        case .connect(let id, let request):
            // The core takes one connect only; a second one's token is never looked at.
            if self.phase == .open, self.token == nil {
                self.token = request.token ?? ""
                self.claims = request.subs
                self.held = []
            }
            self.submit(id, .connect)
        case .command(let id, let command):
            if case .unsubscribe(let conversation) = command { self.marks.forget(conversation) }
            self.submit(id, command)
        case .commands(let id, let commands):
            for command in commands { self.submit(id, command) }
        case .pong:
            self.host.pong(self.handle)
        case .violated(let code):
            self.host.violated(self.handle, code)
        }
    }

    private func submit(_ id: CommandID, _ command: Command) {
        self.waitingCommands += 1
        if self.waitingCommands == Self.waitingLimit { self.setReading(false) }
        self.host.submit(.command(self.handle, id, command))
    }

    /// The shard has taken one of this socket's commands.
    func commandTaken() {
        self.waitingCommands -= 1
        if self.waitingCommands == Self.waitingLimit / 2 { self.setReading(true) }
    }

    private func setReading(_ isReading: Bool) {
        // Fails only when the channel has closed in the meantime, which its handler is told.
        self.channel?.setOption(.autoRead, value: isReading).whenFailure { _ in }
    }

    /// The token was good.
    func identify(as user: String, info: [UInt8]) {
        self.user = user
        self.connInfo = info
        self.isIdentified = true
    }

    /// As others in a channel see it, to which the server subscribes it.
    func attendee(_ granted: Granted) -> Attendee {
        if !granted.info.isEmpty { self.channelInfo[granted.channel] = granted.info }
        let info = ClientInfo(
            user: self.user,
            client: self.client,
            connInfo: self.connInfo,
            chanInfo: granted.info
        )
        let subscriber = Kept(Subscriber(info: info, data: granted.data))
        return Attendee(
            info: subscriber.retained(),
            wantsJoinLeave: granted.hearsAttendance
        )
    }

    /// A subscription has ended: what was said of it is not said any more.
    func forgetInfo(of channel: String) {
        if !self.channelInfo.isEmpty { self.channelInfo[channel] = nil }
    }

    /// What it is told when it has to go.
    func goodbye(_ code: CloseCode) -> Farewell {
        guard let farewell = self.farewell, farewell.meaning == code else { return Farewell(code) }
        return farewell
    }

    /// The token was checked, and the shard told: lets the commands through that waited.
    func authenticated(by mark: TokenMark? = nil) {
        if let mark { _ = self.marks.keep(.connection(mark)) }
        let held = self.held ?? []
        self.held = nil
        for command in held { self.pass(command) }
    }

    /// Ends what the client came in by and that holds no more.
    func endRevoked(_ isRevoked: (TokenMark) -> Bool) {
        guard self.phase == .open else { return }
        if let mark = self.marks.connection, isRevoked(mark) {
            self.host.violated(self.handle, .invalidToken)
            return
        }
        for conversation in self.marks.takeRevoked(isRevoked) {
            self.host.submit(.revoked(self.handle, conversation))
        }
    }

    /// Gives ready bytes to the channel, which writes them as far as the client takes them.
    func write(_ bytes: ByteBuffer) {
        guard self.phase != .closed, let channel = self.channel else { return }
        self.writtenBytes += bytes.readableBytes
        channel.writeAndFlush(bytes, promise: nil)
    }

    /// Says goodbye after what was sent, and waits for the client's answer; at once if it is stuck.
    func end(code: UInt16, reason: String) {
        guard self.phase == .open, let channel = self.channel else { return }
        let goodbye = FrameBytes.close(code: code, reason: reason, allocator: channel.allocator)
        self.host.send(goodbye, to: self.handle)
        self.phase = .closing
        self.host.finish(self.handle)
        let isStuck = code == CloseCode.slow.rawValue || code == CloseCode.writeError.rawValue
        if isStuck { channel.close(promise: nil) } else { self.host.watch(self) }
    }

    /// Bytes that the socket has not accepted yet.
    var queuedBytes: Int {
        guard let channel = self.channel, let options = channel.syncOptions else { return 0 }
        do {
            return try options.getOption(.bufferedWritableBytes)
        } catch {
            // A channel that has closed in the meantime has no options, and nothing queued.
            return 0
        }
    }

    /// The host's look once a second while bytes wait or a goodbye is open; false when there is
    /// nothing left to watch.
    func inspect(writeTimeoutSeconds: Int) -> Bool {
        switch self.phase {
        case .closed:
            return false
        case .closing:
            self.closingSeconds += 1
            if self.closingSeconds > 5 { self.channel?.close(promise: nil) }
            return self.closingSeconds <= 5
        case .open:
            let queued = self.queuedBytes
            let accepted = (self.meter?.byteCount ?? self.writtenBytes) - queued
            self.stalledSeconds = accepted == self.acceptedBytes ? self.stalledSeconds + 1 : 0
            self.acceptedBytes = accepted
            guard queued > 0 else { return false }
            if self.stalledSeconds > writeTimeoutSeconds {
                self.host.violated(self.handle, .writeError)
                return false
            }
            return true
        }
    }
}
