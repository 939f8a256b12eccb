import CLinux
import Glibc
import Histogram

/// Many clients on one thread and one epoll, so cheap that a server is the limit.
///
/// Each client connects with a token, subscribes to one conversation, and checks that every offset
/// comes once and in order. The first subscriber to receive a message decodes it in full; the others
/// compare their bytes with what was decoded, and decode only what differs.
@safe package final class Swarm {
    static let ringSize: UInt64 = 4096
    static let bufferSize = 1 << 20

    // Invariant: allocated in `init`, freed in `deinit`, never handed out beyond a call.
    let buffer: UnsafeMutableRawBufferPointer
    private let epoll: Int32
    private let timer: Int32
    // Invariant: written by `epoll_wait` and read before its next call.
    private var events: [epoll_event]
    private let server: LoopbackServer
    let handshake: [UInt8]
    let tokens: [String]
    var clients: [SwarmClient] = []
    var streams: [SwarmStream]
    package var counts = SwarmCounts()
    package var faults = SwarmFaults()
    /// Clients whose message was acknowledged, once for each; whoever drives the swarm empties it.
    var acknowledged: [Int32] = []
    /// From the intended time of a send to each delivery, in microseconds, while somebody looks.
    var latencies: Histogram<UInt64>?
    /// A JSON string of the messages' size, quotes included.
    package let body: [UInt8]
    var scratch: [UInt8] = []

    /// Clients will speak to a server on a port of this machine; `tokens` are its users'.
    package init(
        port: Int,
        tokens: [String],
        channels: [String],
        bodyBytes: Int
    ) throws(SystemError) {
        self.epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard self.epoll >= 0 else { throw SystemError(call: "epoll_create1", code: errno) }
        self.timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK))
        unsafe self.buffer = .allocate(byteCount: Self.bufferSize, alignment: 16)
        unsafe self.events = unsafe Array(repeating: epoll_event(), count: 512)
        self.server = LoopbackServer(port: port)
        self.handshake = Array(Self.handshake(port: port).utf8)
        self.tokens = tokens
        self.streams = channels.map { SwarmStream(channel: $0) }
        self.body = [0x22] + [UInt8](repeating: 0x78, count: max(0, bodyBytes - 2)) + [0x22]
        try self.register(self.timer, as: .max, EPOLL_CTL_ADD, EPOLLIN.rawValue)
    }

    deinit {
        for client in self.clients where client.phase != .closed { close(client.descriptor) }
        close(self.timer)
        close(self.epoll)
        unsafe self.buffer.deallocate()
    }

    /// A request for a WebSocket of a server on a port of this machine.
    static func handshake(port: Int) -> String {
        """
        GET /connection/websocket HTTP/1.1\r
        Host: 127.0.0.1:\(port)\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Key: cGFybGV5IGJlbmNoIHNlcg==\r
        Sec-WebSocket-Version: 13\r
        \r\n
        """
    }

    /// Nanoseconds of the monotonic clock.
    package static var now: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Begins to connect one more client, as the user of a token, to a conversation.
    package func add(token: Int, stream: Int) throws(SystemError) {
        let descriptor = try self.server.connect(self.clients.count)
        let index = self.clients.count
        self.clients.append(SwarmClient(descriptor: descriptor, token: token, stream: stream))
        let wanted = EPOLLIN.rawValue | EPOLLOUT.rawValue
        try self.register(descriptor, as: UInt64(index), EPOLL_CTL_ADD, wanted)
    }

    /// Handles what the sockets have for us; waits for it until an instant at most.
    package func poll(until deadline: UInt64) throws(SystemError) {
        try self.arm(deadline)
        let limit = unsafe Int32(self.events.count)
        let count = unsafe self.events.withUnsafeMutableBufferPointer {
            unsafe epoll_wait(self.epoll, $0.baseAddress, limit, 1_000)
        }
        guard count >= 0 || errno == EINTR else {
            throw SystemError(call: "epoll_wait", code: errno)
        }
        for position in 0..<max(0, Int(count)) {
            let event = unsafe self.events[position]
            // Every socket was registered with this member of the union.
            let key = unsafe event.data.u64
            if key == .max {
                self.disarm()
                continue
            }
            let index = Int(key)
            guard self.clients[index].phase != .closed else { continue }
            if unsafe event.events & EPOLLOUT.rawValue != 0 { try self.becameWritable(index) }
            let news = EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
            if unsafe event.events & news != 0 { try self.read(index) }
        }
    }

    private func register(
        _ descriptor: Int32,
        as key: UInt64,
        _ operation: Int32,
        _ wanted: UInt32
    ) throws(SystemError) {
        var event = unsafe epoll_event(events: wanted, data: epoll_data_t(u64: key))
        guard unsafe epoll_ctl(self.epoll, operation, descriptor, &event) == 0 else {
            throw SystemError(call: "epoll_ctl", code: errno)
        }
    }

    private func arm(_ deadline: UInt64) throws(SystemError) {
        var setting = itimerspec()
        // A time of zero would disarm it.
        setting.it_value.tv_sec = Int(deadline / 1_000_000_000)
        setting.it_value.tv_nsec = max(1, Int(deadline % 1_000_000_000))
        let flags = Int32(TFD_TIMER_ABSTIME)
        guard unsafe timerfd_settime(self.timer, flags, &setting, nil) == 0 else {
            throw SystemError(call: "timerfd_settime", code: errno)
        }
    }

    private func disarm() {
        var expirations: UInt64 = 0
        _ = unsafe Glibc.read(self.timer, &expirations, 8)
    }

    // MARK: Sending

    private func becameWritable(_ index: Int) throws(SystemError) {
        switch self.clients[index].phase {
        case .connecting:
            self.clients[index].phase = .upgrading
            self.clients[index].unsent = self.handshake
        case .upgrading, .authenticating, .subscribing, .ready, .closed:
            break
        }
        try self.writeUnsent(index)
    }

    private func writeUnsent(_ index: Int) throws(SystemError) {
        let descriptor = self.clients[index].descriptor
        let bytes = self.clients[index].unsent
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno != EAGAIN {
            self.end(index, "the server cut the connection off while we sent")
            return
        }
        self.clients[index].unsent = Array(bytes.dropFirst(max(0, count)))
        let isOver = self.clients[index].unsent.isEmpty
        let wanted = isOver ? EPOLLIN.rawValue : EPOLLIN.rawValue | EPOLLOUT.rawValue
        try self.register(descriptor, as: UInt64(index), EPOLL_CTL_MOD, wanted)
    }

    /// Sends one text frame, masked as RFC 6455 asks of clients.
    func transmit(_ index: Int, _ payload: [UInt8]) throws(SystemError) {
        self.scratch.removeAll(keepingCapacity: true)
        MaskedFrame.append(payload, key: UInt32(truncatingIfNeeded: Swarm.now), to: &self.scratch)
        guard self.clients[index].unsent.isEmpty else {
            self.clients[index].unsent += self.scratch
            return
        }
        let descriptor = self.clients[index].descriptor
        let count = unsafe self.scratch.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count < self.scratch.count else { return }
        self.clients[index].unsent = Array(self.scratch.dropFirst(max(0, count)))
        try self.writeUnsent(index)
    }

    /// The client has no socket any more; that is a fault unless it was wanted.
    func end(_ index: Int, _ reason: @autoclosure () -> String) {
        guard self.clients[index].phase != .closed else { return }
        if self.clients[index].phase == .ready { self.counts.ready -= 1 }
        self.clients[index].phase = .closed
        close(self.clients[index].descriptor)
        self.faults.add("client \(index): \(reason())")
    }
}

/// Client frames of RFC 6455, section 5.2.
enum MaskedFrame {
    static func append(_ payload: [UInt8], key: UInt32, to output: inout [UInt8]) {
        output.append(0x81)
        if payload.count < 126 {
            output.append(0x80 | UInt8(payload.count))
        } else {
            precondition(payload.count < 65_536, "a client's message has a limit")
            output.append(0x80 | 126)
            output.append(UInt8(payload.count >> 8))
            output.append(UInt8(payload.count & 0xff))
        }
        for shift in [24, 16, 8, 0] as [UInt32] { output.append(UInt8(key >> shift & 0xff)) }
        for (index, byte) in payload.enumerated() {
            output.append(byte ^ UInt8(key >> UInt32(24 - 8 * (index & 3)) & 0xff))
        }
    }
}
