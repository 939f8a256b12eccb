import Testing

extension Hostile {
    /// RFC 6455 as a strict peer checks it, in the spirit of the Autobahn suite.
    @Suite(.liveHost) struct FramingRuleTests {
        struct Fault: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var code: UInt16
            var frames: [[UInt8]]

            init(_ name: String, _ code: UInt16, _ frames: [UInt8]...) {
                self.testDescription = name
                self.code = code
                self.frames = frames
            }
        }

        typealias Peer = WebSocketPeer

        static let command = Array("{\"id\":9,\"unsubscribe\":{\"channel\":\"a\"}}".utf8)
        static let part = Array(command[..<10])
        static let badText: [UInt8] = [0x22, 0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xed, 0xa0, 0x80, 0x22]

        static let faults: [Fault] = [
            Fault("unmasked", 1002, Peer.frame(command, isMasked: false)),
            Fault("reserved bit 1", 1002, Peer.frame(command, reserved: 4)),
            Fault("reserved bit 2", 1002, Peer.frame(command, reserved: 2)),
            Fault("reserved bit 3", 1002, Peer.frame(command, reserved: 1)),
            Fault("data opcode 3", 1002, Peer.frame(command, opcode: 3)),
            Fault("data opcode 7", 1002, Peer.frame([], opcode: 7)),
            Fault("control opcode 11", 1002, Peer.frame([], opcode: 11)),
            Fault("control opcode 15", 1002, Peer.frame([], opcode: 15)),
            Fault(
                "ping of 126 bytes",
                1002,
                Peer.frame([UInt8](repeating: 0, count: 126), opcode: 9)
            ),
            Fault("fragmented ping", 1002, Peer.frame([], opcode: 9, isLast: false)),
            Fault("fragmented close", 1002, Peer.frame([3, 0xe8], opcode: 8, isLast: false)),
            Fault("continuation of nothing", 1002, Peer.frame(command, opcode: 0)),
            Fault(
                "message inside a message",
                1002,
                Peer.frame(part, isLast: false),
                Peer.frame(command)
            ),
            Fault("65,537 bytes", 1009, Peer.frame([UInt8](repeating: 32, count: 65_537))),
            Fault("a length of 2^62", 1009, Peer.frame([], length: 1 << 62)),
            Fault(
                "65,537 bytes in parts",
                1009,
                Peer.frame([UInt8](repeating: 32, count: 40_000), isLast: false),
                Peer.frame([UInt8](repeating: 32, count: 25_537), opcode: 0)
            ),
            Fault("half a surrogate in UTF-8", 1007, Peer.frame(badText)),
            Fault("UTF-8 cut off", 1007, Peer.frame([0x22, 0xc3, 0x22])),
            Fault(
                "bad UTF-8 in parts",
                1007,
                Peer.frame(Array(badText[..<4]), isLast: false),
                Peer.frame(Array(badText[4...]), opcode: 0)
            ),
            Fault("close with one byte", 1002, Peer.frame([3], opcode: 8)),
            Fault("close with 999", 1002, Peer.frame([3, 231], opcode: 8)),
            Fault("close with 1005", 1002, Peer.frame([3, 237], opcode: 8)),
            Fault("close with 1006", 1002, Peer.frame([3, 238], opcode: 8)),
            Fault("close with 2999", 1002, Peer.frame([0x0b, 0xb7], opcode: 8)),
            Fault("close with 5000", 1002, Peer.frame([0x13, 0x88], opcode: 8)),
            Fault("close for a bad reason", 1007, Peer.frame([3, 0xe8, 0xff], opcode: 8)),
            Fault("empty close", 1000, Peer.frame([], opcode: 8)),
            Fault("close with 1000", 1000, Peer.frame([3, 0xe8, 0x6f, 0x6b], opcode: 8)),
            Fault("close with 1014", 1014, Peer.frame([3, 0xf6], opcode: 8)),
            Fault("close with 1015", 1002, Peer.frame([3, 0xf7], opcode: 8)),
            Fault("close with 4999", 4999, Peer.frame([0x13, 0x87], opcode: 8)),
        ]

        @Test(arguments: Self.faults)
        func `a frame that breaks the rules is answered with its code`(_ fault: Fault) async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                try peer.connect()
                for frame in fault.frames { peer.socket.send(frame) }
                let code = peer.closeCode()
                try hold(code == fault.code, "\(String(describing: code))")
            }
        }

        @Test(arguments: ["{}", "\u{8}"])
        func `after the goodbye of both sides the server hangs up`(text: String) async throws {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                try peer.connect()
                peer.send(text)
                let code = peer.closeCode()
                try hold(code == 3501, "\(String(describing: code))")
                peer.socket.send(Peer.frame([3, 0xe8], opcode: 8))
                try hold(peer.socket.ends(within: 1000), "the server hangs up")
            }
        }

        @Test func `a message in parts is one message, whatever control frames come between`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                for chunk in [1, 3, 7, Self.command.count] {
                    let peer = try WebSocketPeer(port: port)
                    try peer.connect()
                    var rest = Self.command[...]
                    var opcode: UInt8 = 1
                    while !rest.isEmpty {
                        let part = Array(rest.prefix(chunk))
                        rest = rest.dropFirst(chunk)
                        peer.socket.send(Peer.frame(part, opcode: opcode, isLast: rest.isEmpty))
                        opcode = 0
                        peer.socket.send(Peer.frame(part, opcode: 9))
                        while let frame = peer.next(milliseconds: 1000) {
                            guard frame.opcode == 10 else { continue }
                            try hold(frame.payload == part, "a pong repeats its ping")
                            break
                        }
                    }
                    peer.send("{\"id\":10,\"unsubscribe\":{\"channel\":\"b\"}}")
                    _ = try peer.message { $0.hasPrefix("{\"id\":10,") }
                }
            }
        }

        @Test(arguments: [0, 1, 125])
        func `a ping of any permitted size is answered`(size: Int) async throws {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(port: port)
                try peer.connect()
                let payload = (0..<size).map { UInt8($0 & 255) }
                peer.socket.send(Peer.frame(payload, opcode: 9))
                peer.socket.send(Peer.frame([1], opcode: 10))
                let frame = peer.next()
                try hold(
                    frame?.opcode == 10 && frame?.payload == payload,
                    "\(String(describing: frame))"
                )
            }
        }

        @Test func `what comes in the same bytes as the upgrade is heard, one byte at a time too`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let connect = "{\"id\":1,\"connect\":{\"token\":\"\(Peer.token(user: "a"))\"}}"
                let frame = Peer.frame(Array(connect.utf8))
                let early = try WebSocketPeer(port: port, early: frame)
                _ = try early.message { $0.contains("\"connect\"") }
                let slow = try WebSocketPeer(port: port)
                for byte in frame { slow.socket.send([byte]) }
                _ = try slow.message { $0.contains("\"connect\"") }
            }
        }
    }
}
