import ChatCore
import ClientProtocol
import Foundation
import Kernel
import ProtobufCodec
import Testing

extension WebSocketPeer {
    /// Sends commands as one binary frame.
    func send(_ commands: [ClientCommand]) {
        var bytes: [UInt8] = []
        for command in commands { ProtobufClientEncoder.append(command, into: &bytes) }
        self.socket.send(Self.frame(bytes, opcode: 2))
    }

    func send(_ id: UInt32, _ method: ClientCommand.Method) {
        self.send([ClientCommand(id: CommandID(id), method: method)])
    }

    /// The next binary message that is no ping; answers pings meanwhile.
    func binaryMessage(milliseconds: Int = 5000) throws -> ServerMessage {
        while let frame = self.next(milliseconds: milliseconds) {
            try hold(frame.opcode == 2, "Protobuf comes in binary frames: \(frame)")
            var decoder = ProtobufServerFrameDecoder()
            var messages: [ServerMessage] = []
            while let message = try decoder.next(in: frame.payload.span) {
                messages.append(message)
            }
            try hold(messages.count == 1, "a reply has a frame of its own: \(messages)")
            guard messages == [.ping] else { return messages[0] }
            try hold(frame.payload == [0], "a ping is the byte 0: \(frame.payload)")
            self.send(0, .pong)
        }
        throw Broken(description: "a message comes in time")
    }

    /// Says `connect` in Protobuf, and gives the answer.
    func connectBinary(user: String = "alice") throws -> ConnectResult {
        self.send(1, .connect(ConnectRequest(token: Self.token(user: user))))
        let message = try self.binaryMessage()
        guard case .reply(CommandID(1), .connected(let result)) = message else {
            throw Broken(description: "the connection is taken: \(message)")
        }
        return result
    }
}

extension Hostile {
    /// Which encoding a client asks for, and what the server makes of it.
    @Suite(.liveHost) struct EncodingTests {
        struct Choice: Sendable {
            var query = ""
            var offered: String?
            var chosen: String?
            var isProtobuf = false
        }

        static let choices = [
            Choice(), Choice(offered: ""), Choice(offered: "chat"),
            Choice(query: "?format=json&cf_protocol=json"), Choice(query: "?informat=protobuf"),
            Choice(offered: "centrifuge-json", chosen: "centrifuge-json"),
            Choice(
                offered: "chat , centrifuge-protobuf",
                chosen: "centrifuge-protobuf",
                isProtobuf: true
            ),
            Choice(
                offered: "centrifuge-json, centrifuge-protobuf",
                chosen: "centrifuge-protobuf",
                isProtobuf: true
            ),
            Choice(query: "?format=protobuf", isProtobuf: true),
            Choice(query: "?x=1&cf_protocol=protobuf", offered: "", isProtobuf: true),
        ]

        @Test(arguments: Self.choices)
        func `a client is answered in the encoding that it asked for`(
            _ choice: Choice
        )
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let peer = try WebSocketPeer(
                    port: port,
                    query: choice.query,
                    subprotocols: choice.offered
                )
                try hold(peer.subprotocol == choice.chosen, "\(String(describing: peer))")
                if choice.isProtobuf {
                    let result = try peer.connectBinary()
                    try hold(!result.client.isEmpty && !result.version.isEmpty, "\(result)")
                    try hold(result.pingInterval == 2 && result.pong, "\(result)")
                } else {
                    try peer.connect()
                }
            }
        }

        @Test func `clients of both encodings share a channel, its history and its recovery`()
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let channel = "shared-\(UUID().uuidString)"
                let text = try WebSocketPeer(port: port)
                try text.connect()
                text.send("{\"id\":2,\"subscribe\":{\"channel\":\"\(channel)\"}}")
                _ = try text.message { $0.contains("\"subscribe\"") }
                let binary = try WebSocketPeer(port: port, query: "?format=protobuf")
                _ = try binary.connectBinary()
                binary.send(2, .subscribe(SubscribeRequest(channel: channel)))
                guard case .reply(_, .subscribed(let position)) = try binary.binaryMessage() else {
                    throw Broken(description: "the subscription is made")
                }

                text.send(
                    "{\"id\":3,\"publish\":{\"channel\":\"\(channel)\",\"data\":{\"é\": [1]}}}"
                )
                let first = try binary.publication(channel)
                try hold(first.data == Array("{\"é\":[1]}".utf8), "\(first)")
                try hold(first.offset == Offset(1) && first.info?.user == "alice", "\(first)")

                let spaced = Array(" {\n\"b\" : 2 }\n".utf8)
                binary.send(3, .publish(ChannelPublishRequest(channel: channel, data: spaced)))
                let push = try text.message { $0.contains("\"offset\":2") }
                try hold(push.contains("{\"data\":{\"b\":2},"), "no line ends in it: \(push)")
                try hold(try binary.publication(channel).offset == Offset(2), "own message")

                let request = SendRequest(channel: channel, id: "m", body: Array("[ ]".utf8))
                binary.send(4, request.command)
                _ = try text.message { $0.contains("{\"data\":[],") && $0.contains("\"m\"") }
                try hold(try binary.publication(channel).messageID == "m", "the tag")

                let history = ChannelHistoryRequest(channel: channel, limit: -1, reverse: true)
                binary.send(5, .history(history))
                guard case .reply(_, .history(let page)) = try binary.reply(5) else {
                    throw Broken(description: "the page is read")
                }
                try hold(page.publications.map(\.offset.rawValue) == [3, 2, 1], "\(page)")

                let back = SubscribeRequest(
                    channel: channel,
                    recover: true,
                    epoch: position.epoch,
                    offset: 1
                )
                binary.send(6, .unsubscribe(channel: channel))
                _ = try binary.reply(6)
                binary.send(7, .subscribe(back))
                guard case .reply(_, .subscribed(let recovered)) = try binary.reply(7) else {
                    throw Broken(description: "the subscription is made again")
                }
                try hold(recovered.recovered && recovered.offset == 1, "\(recovered)")
                try hold(recovered.publications.map(\.offset.rawValue) == [2, 3], "\(recovered)")
            }
        }

        @Test(arguments: ["hello", "\u{0}\u{1}", "{\"a\":", "1 2"])
        func `bytes that are not JSON are refused, and nothing is written`(
            body: String
        )
            async throws
        {
            try await expectHolds(LiveHost.port) { port in
                let channel = "raw-\(UUID().uuidString)"
                let peer = try WebSocketPeer(port: port, query: "?format=protobuf")
                _ = try peer.connectBinary()
                let data = Array(body.utf8)
                let send = SendRequest(channel: channel, id: "m", body: data)
                let refused: [ClientCommand.Method] = [
                    .publish(ChannelPublishRequest(channel: channel, data: data)),
                    .publish(ChannelPublishRequest(channel: channel, data: [])),
                    send.command,
                    .rpc(method: "chat.send", data: data),
                ]
                for (index, method) in refused.enumerated() {
                    let id = UInt32(index + 2)
                    peer.send(id, method)
                    let reply = try peer.reply(id)
                    let isRefused = reply == .reply(CommandID(id), .error(ErrorResult(.badRequest)))
                    try hold(isRefused, "\(reply)")
                }
                let history = ChannelHistoryRequest(channel: channel, limit: 10)
                peer.send(9, .history(history))
                guard case .reply(_, .history(let page)) = try peer.reply(9) else {
                    throw Broken(description: "the page is read")
                }
                try hold(page.offset == 0, "\(page)")
            }
        }

        static let faults: [(name: String, frame: [UInt8])] = [
            ("empty", WebSocketPeer.frame([], opcode: 2)),
            ("cut off", WebSocketPeer.frame([9, 8, 7], opcode: 2)),
            ("garbage", WebSocketPeer.frame(Array("hello".utf8), opcode: 2)),
            ("no method", WebSocketPeer.frame([2, 8, 7], opcode: 2)),
            ("a pong unasked", WebSocketPeer.frame([0], opcode: 2)),
            (
                "60,000 groups",
                WebSocketPeer.frame(
                    [0xe0, 0xd4, 0x03] + [UInt8](repeating: 0x0b, count: 60_000),
                    opcode: 2
                )
            ),
            ("text", WebSocketPeer.frame(Array("{}".utf8))),
            ("text that is Protobuf", WebSocketPeer.frame([4, 8, 7, 0x32, 0])),
        ]

        @Test(arguments: Self.faults.indices)
        func `what is no Protobuf ends its connection alone`(_ index: Int) async throws {
            try await expectHolds(LiveHost.port) { port in
                let fault = Self.faults[index]
                let peer = try WebSocketPeer(port: port, query: "?format=protobuf")
                _ = try peer.connectBinary()
                peer.socket.send(fault.frame)
                let code = peer.closeCode()
                try hold(code == 3501, "\(fault.name): \(String(describing: code))")
                try expectUnharmed(port: port)
            }
        }

        @Test(arguments: ["", "&format=protobuf"])
        func `the WebSocket's own pings stand for the protocol's when a client asks for them`(
            format: String
        ) async throws {
            try await expectHolds(LiveHost.port) { port in
                let query = "?cf_ws_frame_ping_pong=true" + format
                let peer = try WebSocketPeer(port: port, query: query)
                if format.isEmpty {
                    peer.send(
                        "{\"id\":1,\"connect\":{\"token\":\"\(WebSocketPeer.token(user: "a"))\"}}"
                    )
                    let reply = try peer.message { $0.contains("\"id\":1,") }
                    try hold(!reply.contains("\"ping\"") && !reply.contains("\"pong\""), reply)
                } else {
                    let result = try peer.connectBinary()
                    try hold(result.pingInterval == 0 && !result.pong, "\(result)")
                }
                // One that nobody asked for is allowed by RFC 6455, section 5.5.3.
                peer.socket.send(WebSocketPeer.frame([], opcode: 10))
                for _ in 0..<2 {
                    let ping = peer.next()
                    try hold(ping?.opcode == 9, "\(String(describing: ping))")
                    peer.socket.send(WebSocketPeer.frame(ping?.payload ?? [], opcode: 10))
                }
                // The third is not answered.
                let ping = peer.next()
                try hold(ping?.opcode == 9, "\(String(describing: ping))")
                let code = peer.closeCode()
                try hold(code == 3012, "\(String(describing: code))")
            }
        }
    }
}

extension WebSocketPeer {
    /// The next publication of the channel.
    fileprivate func publication(_ channel: String) throws -> Publication {
        while true {
            let message = try self.binaryMessage()
            if case .push(channel, .publication(let publication)) = message { return publication }
        }
    }

    /// The reply to the command.
    fileprivate func reply(_ id: UInt32) throws -> ServerMessage {
        while true {
            let message = try self.binaryMessage()
            if case .reply(CommandID(id), _) = message { return message }
        }
    }
}
