import Crypto
import Foundation

/// A client's side of a WebSocket, written down from RFC 6455 and free to break it.
final class WebSocketPeer {
    /// A frame as it came.
    struct Frame: Equatable {
        var opcode: UInt8
        var isLast: Bool
        var payload: [UInt8]

        var text: String { String(decoding: self.payload, as: UTF8.self) }
        var closeCode: UInt16 {
            guard self.payload.count >= 2 else { return 1005 }
            return UInt16(self.payload[0]) << 8 | UInt16(self.payload[1])
        }
    }

    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let secret = "secret"
    let socket: RawSocket
    /// The subprotocol that the server has chosen.
    let subprotocol: String?
    private var messages: [String] = []

    /// Upgrades; `early` goes out in the same bytes as the request.
    init(
        port: Int,
        query: String = "",
        subprotocols: String? = nil,
        early: [UInt8] = [],
        receiveBuffer: Int32? = nil
    ) throws {
        self.socket = try RawSocket(port: port, receiveBuffer: receiveBuffer)
        let request = Self.request(
            path: "/connection/websocket" + query,
            subprotocols: subprotocols
        )
        self.socket.send(Array(request.utf8) + early)
        let head = try self.socket.text(through: "\r\n\r\n")
        self.subprotocol = head.split(separator: "\r\n")
            .first { $0.lowercased().hasPrefix("sec-websocket-protocol:") }
            .map { String($0.dropFirst(23)).trimmingCharacters(in: .whitespaces) }
        try hold(head.hasPrefix("HTTP/1.1 101 "), "the upgrade is accepted: \(head)")
        // The example of RFC 6455, section 1.3.
        try hold(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the key is answered: \(head)")
    }

    static func request(
        path: String = "/connection/websocket",
        version: String = "13",
        key: String? = WebSocketPeer.key,
        subprotocols: String? = nil
    ) -> String {
        "GET \(path) HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: \(version)\r\n"
            + (key.map { "Sec-WebSocket-Key: \($0)\r\n" } ?? "")
            + (subprotocols.map { "Sec-WebSocket-Protocol: \($0)\r\n" } ?? "") + "\r\n"
    }

    /// One frame; `length` may lie about the payload's.
    static func frame(
        _ payload: [UInt8],
        opcode: UInt8 = 1,
        isLast: Bool = true,
        reserved: UInt8 = 0,
        isMasked: Bool = true,
        length: UInt64? = nil
    ) -> [UInt8] {
        var bytes = [(isLast ? 0x80 : 0) | reserved << 4 | opcode]
        let mask: UInt8 = isMasked ? 0x80 : 0
        let count = length ?? UInt64(payload.count)
        switch count {
        case ..<126: bytes.append(mask | UInt8(count))
        case ..<65_536: bytes += [mask | 126, UInt8(count >> 8), UInt8(count & 255)]
        default:
            bytes.append(mask | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(count >> UInt64(shift) & 255))
            }
        }
        guard isMasked else { return bytes + payload }
        let key: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    func send(_ text: String) { self.socket.send(Self.frame(Array(text.utf8))) }

    /// The next frame; `nil` after the time or at the end.
    func next(milliseconds: Int = 5000) -> Frame? {
        let end = Date().addingTimeInterval(Double(milliseconds) / 1000)
        while true {
            if let frame = self.takeFrame() { return frame }
            guard Date() < end, !self.socket.isAtEnd else { return nil }
            self.socket.receive(milliseconds: 20)
        }
    }

    private func takeFrame() -> Frame? {
        let bytes = self.socket.received
        guard bytes.count >= 2 else { return nil }
        var header = 2
        var length = Int(bytes[1] & 0x7f)
        if length >= 126 {
            header = length == 126 ? 4 : 10
            guard bytes.count >= header else { return nil }
            length = bytes[2..<header].reduce(0) { $0 << 8 | Int($1) }
        }
        guard bytes.count >= header + length else { return nil }
        let taken = self.socket.take(header + length)
        return Frame(
            opcode: bytes[0] & 15,
            isLast: bytes[0] & 0x80 != 0,
            payload: Array(taken[header...])
        )
    }

    /// Says `connect`, and waits for the answer.
    func connect(user: String = "alice") throws {
        self.send("{\"id\":1,\"connect\":{\"token\":\"\(Self.token(user: user))\"}}")
        let reply = try self.message { $0.contains("\"id\":1,") }
        try hold(reply.contains("\"connect\""), "the connection is taken: \(reply)")
    }

    /// The next message that fits; answers pings meanwhile and keeps nothing else.
    func message(
        milliseconds: Int = 5000,
        where fits: (String) -> Bool = { _ in true }
    ) throws -> String {
        let end = Date().addingTimeInterval(Double(milliseconds) / 1000)
        while true {
            while !self.messages.isEmpty {
                let message = self.messages.removeFirst()
                if message == "{}" { self.send("{}") } else if fits(message) { return message }
            }
            let left = Int(end.timeIntervalSinceNow * 1000)
            guard left > 0, let frame = self.next(milliseconds: left) else {
                throw Broken(description: "a message comes in time")
            }
            try hold(frame.opcode != 8, "the connection stays open: \(frame.closeCode)")
            if frame.opcode == 1 {
                self.messages += frame.text.split(separator: "\n").map(String.init)
            }
        }
    }

    /// The code with which the server closes within the time; 1006 for an end without one, `nil` for none.
    func closeCode(milliseconds: Int = 5000) -> UInt16? {
        let end = Date().addingTimeInterval(Double(milliseconds) / 1000)
        while Date() < end {
            if let frame = self.next(milliseconds: 50) {
                if frame.opcode == 8 { return frame.closeCode }
            } else if self.socket.isAtEnd {
                return 1006
            }
        }
        return nil
    }

    /// A token of the server's own kind, unless told otherwise.
    static func token(
        user: String,
        algorithm: String = "HS256",
        secret: String = WebSocketPeer.secret,
        claims: String = ""
    ) -> String {
        let head = Self.base64("{\"alg\":\"\(algorithm)\",\"typ\":\"JWT\"}")
        let body = Self.base64("{\"sub\":\"\(user)\"\(claims)}")
        let signed = Data("\(head).\(body)".utf8)
        let key = SymmetricKey(data: Data(secret.utf8))
        let code = Data(HMAC<SHA256>.authenticationCode(for: signed, using: key))
        return "\(head).\(body)." + Self.base64(code)
    }

    static func base64(_ text: String) -> String { Self.base64(Data(text.utf8)) }

    private static func base64(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }
}
