import Glibc
import LoadGenerator

/// A listener that says to its clients what a test tells it to; everything on the test's thread.
final class ScriptedServer {
    private let listener: Int32
    private var sockets: [Int32] = []
    let port: Int

    init() {
        self.listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(listener, $0, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        precondition(status, "a loopback port can be had")
        self.port = Int(address.sin_port.bigEndian)
    }

    deinit {
        for socket in self.sockets { close(socket) }
        close(self.listener)
    }

    /// Takes one more client through upgrade, connect and subscribe, its stream being at offset 0.
    func admit(to swarm: Swarm) throws {
        let ready = swarm.counts.ready
        try swarm.add(token: 0, stream: 0)
        try swarm.poll(until: Swarm.now + 1_000_000_000)
        let socket = accept(self.listener, nil, nil)
        precondition(socket >= 0, "the client has connected")
        self.sockets.append(socket)
        self.hear(socket)
        self.send(
            Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".utf8),
            socket
        )
        try swarm.poll(until: Swarm.now + 1_000_000_000)
        for reply in ["{\"id\":1,\"connect\":{}}", "{\"id\":2,\"subscribe\":{\"offset\":0}}"] {
            self.hear(socket)
            self.send(Self.frame(reply), socket)
            try swarm.poll(until: Swarm.now + 1_000_000_000)
        }
        precondition(swarm.counts.ready == ready + 1, "the client took the script")
    }

    /// Says the same bytes to one client.
    func say(_ bytes: [UInt8], to client: Int) { self.send(bytes, self.sockets[client]) }

    static func frame(_ text: String) -> [UInt8] {
        let payload = Array(text.utf8)
        precondition(payload.count < 65_536, "a short frame")
        let length =
            payload.count < 126
            ? [UInt8(payload.count)]
            : [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        return [0x81] + length + payload
    }

    static func push(_ offset: UInt64, body: [UInt8], channel: String = "c") -> String {
        let data = String(decoding: body, as: UTF8.self)
        return "{\"push\":{\"channel\":\"\(channel)\",\"pub\":{\"data\":\(data),"
            + "\"offset\":\(offset),\"tags\":{\"id\":\"1-5\"}}}}"
    }

    private func hear(_ socket: Int32) {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe recv(socket, $0.baseAddress, $0.count, 0)
        }
        precondition(count > 0, "the client said something")
    }

    private func send(_ bytes: [UInt8], _ socket: Int32) {
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        precondition(count == bytes.count, "a small write is taken whole")
    }
}
