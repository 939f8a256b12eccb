import Glibc

/// A server on a port of this machine, as the sockets of many clients reach it.
struct LoopbackServer {
    /// Clients of one source address; far fewer than there are ports, also when many were closed lately.
    private static let clientsAnAddress = 500

    private let address: sockaddr_in

    init(port: Int) {
        self.address = Self.address(0, port: in_port_t(port))
    }

    private static func address(_ number: Int, port: in_port_t) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001 + number).bigEndian
        return address
    }

    /// Begins to connect a client with a fresh socket, which is returned; fails as `connect` does, and the socket
    /// is closed.
    func connect(_ client: Int) throws(SystemError) -> Int32 {
        let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(AF_INET, Int32(kind), 0)
        guard descriptor >= 0 else { throw SystemError(call: "socket", code: errno) }
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
        self.giveSource(descriptor, number: client / Self.clientsAnAddress)
        let status = unsafe Self.withPointer(to: self.address) {
            unsafe Glibc.connect(descriptor, $0, $1)
        }
        guard status == 0 || errno == EINPROGRESS else {
            let code = errno
            close(descriptor)
            throw SystemError(call: "connect", code: code)
        }
        return descriptor
    }

    /// Lets a socket speak from an address of its own: Linux searches long for a free port once half
    /// of those between two addresses are taken, and a client would pay for that.
    private func giveSource(_ descriptor: Int32, number: Int) {
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        unsafe setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &one, size)
        let source = Self.address(number, port: 0)
        // Where it is refused, the system's choice of an address is as good, if slower.
        _ = unsafe Self.withPointer(to: source) { unsafe bind(descriptor, $0, $1) }
    }

    private static func withPointer<Result>(
        to address: sockaddr_in,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = address
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
