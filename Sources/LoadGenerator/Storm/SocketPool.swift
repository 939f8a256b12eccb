import CLinux
import Glibc

/// The WebSockets of many clients on one thread and one epoll: one at a time for each client.
///
/// News come from `poll` only, so that whoever hears of them may open, write to and close sockets.
@safe final class SocketPool {
    /// What became of a client's socket.
    enum News {
        case opened
        /// It could not be opened, or not upgraded: then with the status of the answer.
        case failed(status: Int?)
        /// The text of one frame.
        case text([UInt8])
        /// 1006 when the peer sent no close frame.
        case closed(code: UInt16)
    }

    private struct Socket {
        enum Phase {
            case none
            case connecting
            case upgrading
            case open
        }

        var descriptor: Int32 = -1
        var phase = Phase.none
        /// Counts up with each socket, so that news of an earlier one are told apart.
        var serial: UInt32 = 0
        /// The beginning of a frame whose end has not come.
        var unread: [UInt8] = []
        /// What the socket has not taken yet.
        var unsent: [UInt8] = []
    }

    private let epoll: Int32
    // Invariant: written by `epoll_wait` and read before its next call.
    private var events: [epoll_event]
    private var buffer = [UInt8](repeating: 0, count: 1 << 18)
    private let server: LoopbackServer
    private let handshake: [UInt8]
    private var sockets: [Socket]
    /// Clients whose socket could not even be begun, to be told at the next poll.
    private var stillborn: [Int] = []
    private var scratch: [UInt8] = []

    /// Makes room for `count` clients of a server on a port of this machine.
    init(count: Int, port: Int) throws(SystemError) {
        self.epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard self.epoll >= 0 else { throw SystemError(call: "epoll_create1", code: errno) }
        unsafe self.events = unsafe Array(repeating: epoll_event(), count: 512)
        self.server = LoopbackServer(port: port)
        self.handshake = Array(Swarm.handshake(port: port).utf8)
        self.sockets = Array(repeating: Socket(), count: count)
    }

    deinit {
        for socket in self.sockets where socket.phase != .none {
            Glibc.close(socket.descriptor)
        }
        Glibc.close(self.epoll)
    }

    /// Begins to connect a client that has no socket.
    func open(_ client: Int) throws(SystemError) {
        precondition(self.sockets[client].phase == .none, "a client has one socket at a time")
        let descriptor: Int32
        do throws(SystemError) {
            descriptor = try self.server.connect(client)
        } catch {
            guard error.call == "connect" else { throw error }
            self.stillborn.append(client)
            return
        }
        self.sockets[client].descriptor = descriptor
        self.sockets[client].phase = .connecting
        self.sockets[client].serial &+= 1
        try self.register(client, EPOLL_CTL_ADD, EPOLLIN.rawValue | EPOLLOUT.rawValue)
    }

    /// Ends a client's socket, if it has one, and says nothing more of it; `isReset` cuts it off, as
    /// a network does that forgets its connections.
    func close(_ client: Int, isReset: Bool = false) {
        guard self.sockets[client].phase != .none else { return }
        let descriptor = self.sockets[client].descriptor
        if isReset {
            var option = linger(l_onoff: 1, l_linger: 0)
            let size = socklen_t(MemoryLayout<linger>.size)
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
        }
        Glibc.close(descriptor)
        self.sockets[client].phase = .none
        self.sockets[client].descriptor = -1
        self.sockets[client].unread = []
        self.sockets[client].unsent = []
    }

    /// Sends one text frame, masked as RFC 6455 asks of clients; nothing without an open socket.
    func send(_ client: Int, _ payload: [UInt8]) throws(SystemError) {
        guard self.sockets[client].phase == .open else { return }
        self.scratch.removeAll(keepingCapacity: true)
        let key = UInt32(truncatingIfNeeded: Swarm.now)
        MaskedFrame.append(payload, key: key, to: &self.scratch)
        self.sockets[client].unsent += self.scratch
        try self.writeUnsent(client)
    }

    /// Tells what the sockets have brought; waits for it until an instant of `Swarm.now` at most.
    func poll(
        until deadline: UInt64,
        _ tell: (Int, News) throws(SystemError) -> Void
    ) throws(SystemError) {
        let stillborn = self.stillborn
        self.stillborn.removeAll()
        for client in stillborn { try tell(client, .failed(status: nil)) }
        let now = Swarm.now
        let wait = deadline > now ? min(1_000, (deadline - now + 999_999) / 1_000_000) : 0
        let limit = unsafe Int32(self.events.count)
        let count = unsafe self.events.withUnsafeMutableBufferPointer {
            unsafe epoll_wait(self.epoll, $0.baseAddress, limit, Int32(wait))
        }
        guard count >= 0 || errno == EINTR else {
            throw SystemError(call: "epoll_wait", code: errno)
        }
        for position in 0..<max(0, Int(count)) {
            let event = unsafe self.events[position]
            // Every socket was registered with this member of the union.
            let key = unsafe event.data.u64
            let what = unsafe event.events
            let client = Int(key & 0xffff_ffff)
            guard self.isCurrent(client, key) else { continue }
            if what & EPOLLOUT.rawValue != 0 { try self.becameWritable(client) }
            let news = EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
            if what & news != 0 { try self.read(client, key, tell) }
        }
    }

    private func key(of client: Int) -> UInt64 {
        UInt64(self.sockets[client].serial) << 32 | UInt64(client)
    }

    private func isCurrent(_ client: Int, _ key: UInt64) -> Bool {
        self.sockets[client].phase != .none && self.key(of: client) == key
    }

    private func register(
        _ client: Int,
        _ operation: Int32,
        _ wanted: UInt32
    ) throws(SystemError) {
        let key = self.key(of: client)
        var event = unsafe epoll_event(events: wanted, data: epoll_data_t(u64: key))
        let descriptor = self.sockets[client].descriptor
        guard unsafe epoll_ctl(self.epoll, operation, descriptor, &event) == 0 else {
            throw SystemError(call: "epoll_ctl", code: errno)
        }
    }

    private func becameWritable(_ client: Int) throws(SystemError) {
        if self.sockets[client].phase == .connecting {
            self.sockets[client].phase = .upgrading
            self.sockets[client].unsent = self.handshake
        }
        try self.writeUnsent(client)
        guard self.sockets[client].unsent.isEmpty else { return }
        try self.register(client, EPOLL_CTL_MOD, EPOLLIN.rawValue)
    }

    /// Writes as much as the socket takes; if it is broken, a reading of it will tell.
    private func writeUnsent(_ client: Int) throws(SystemError) {
        guard !self.sockets[client].unsent.isEmpty else { return }
        let descriptor = self.sockets[client].descriptor
        let count = unsafe self.sockets[client].unsent.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        self.sockets[client].unsent.removeFirst(max(0, count))
        guard !self.sockets[client].unsent.isEmpty else { return }
        try self.register(client, EPOLL_CTL_MOD, EPOLLIN.rawValue | EPOLLOUT.rawValue)
    }

    // MARK: Reading

    private func read(
        _ client: Int,
        _ key: UInt64,
        _ tell: (Int, News) throws(SystemError) -> Void
    ) throws(SystemError) {
        let descriptor = self.sockets[client].descriptor
        let count = unsafe self.buffer.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        guard count > 0 else {
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            return try self.end(client, code: 1_006, tell)
        }
        var bytes = self.sockets[client].unread
        self.sockets[client].unread = []
        bytes += self.buffer[..<count]
        let used = try self.consume(client, key, bytes, tell)
        guard self.isCurrent(client, key), used < bytes.count else { return }
        self.sockets[client].unread = Array(bytes[used...])
    }

    private func end(
        _ client: Int,
        code: UInt16,
        _ tell: (Int, News) throws(SystemError) -> Void
    ) throws(SystemError) {
        let wasOpen = self.sockets[client].phase == .open
        self.close(client)
        try tell(client, wasOpen ? .closed(code: code) : .failed(status: nil))
    }

    private static func headEnd(of bytes: [UInt8]) -> Int? {
        let feed = UInt8(ascii: "\n")
        for end in bytes.indices.dropFirst(3) where bytes[end] == feed && bytes[end - 2] == feed {
            return end + 1
        }
        return nil
    }

    /// Takes what is whole; returns how much that is.
    private func consume(
        _ client: Int,
        _ key: UInt64,
        _ bytes: [UInt8],
        _ tell: (Int, News) throws(SystemError) -> Void
    ) throws(SystemError) -> Int {
        var position = 0
        if self.sockets[client].phase == .upgrading {
            guard let end = Self.headEnd(of: bytes) else { return 0 }
            let status = Int(String(decoding: bytes.dropFirst(9).prefix(3), as: UTF8.self))
            guard status == 101 else {
                self.close(client)
                try tell(client, .failed(status: status))
                return end
            }
            position = end
            self.sockets[client].phase = .open
            try tell(client, .opened)
        }
        while self.isCurrent(client, key) {
            let head = unsafe bytes.withUnsafeBytes {
                unsafe ServerFrameHead(UnsafeRawBufferPointer(rebasing: $0[position...]))
            }
            guard let head, position + head.end <= bytes.count else { break }
            let payload = Array(bytes[(position + head.start)..<(position + head.end)])
            position += head.end
            if head.opcode == 0x1 {
                try tell(client, .text(payload))
            } else {
                let isClose = head.opcode == 0x8 && payload.count >= 2
                let code = isClose ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : 1_005
                try self.end(client, code: code, tell)
            }
        }
        return position
    }
}
