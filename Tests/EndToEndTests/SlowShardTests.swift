import ChatCore
import ChatServer
import EventTrace
import Foundation
import Kernel
import Logging
import Synchronization
import Testing

extension Hostile {
    /// Bounds of the live host that only a server with small ones comes to.
    struct SlowShardTests {
        /// Holds one shard's thread up, from inside its steps.
        private final class Brake: Sendable {
            private let held = Mutex<ShardID?>(nil)

            func hold(_ shard: ShardID?) { self.held.withLock { $0 = shard } }

            func pass(_ step: ShardStep) {
                while self.held.withLock({ $0 == step.shard }) { pause(milliseconds: 5) }
            }
        }

        private struct Scene: Sendable {
            var port: Int
            var brake: Brake
        }

        private static func expectServed(
            _ configure: (inout ServerConfiguration) -> Void,
            _ body: @escaping @Sendable (Scene) throws -> Void
        ) async throws {
            let data = temporaryDirectory()
            let brake = Brake()
            var configuration = ServerConfiguration(
                dataPath: data.path(percentEncoded: false),
                tokens: TokenPolicy(keys: [.secret(WebSocketPeer.secret)])
            )
            configuration.host = "127.0.0.1"
            configuration.port = 0
            configuration.shardCount = 2
            configuration.drainSeconds = 1
            configuration.shard.overload = nil
            configuration.shard.connectTimeout = .seconds(2)
            configuration.observer = { brake.pass($0) }
            configure(&configuration)
            var log = Logger(label: "parley")
            log.logLevel = .critical
            let server = try await LiveServer.start(configuration, log: log)
            let scene = Scene(port: server.port, brake: brake)
            try await expectHolds(scene, body)
            try await server.drain()
            try FileManager.default.removeItem(at: data)
        }

        private static func metric(_ name: String, port: Int) throws -> Int {
            let socket = try RawSocket(port: port)
            socket.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            let text = try socket.response().body
            let line = text.split(separator: "\n").first { $0.hasPrefix("parley_\(name) ") }
            guard let value = line?.split(separator: " ").last, let number = Int(value) else {
                throw Broken(description: "\(name) is counted: \(text)")
            }
            return number
        }

        /// The offsets of a channel that a reader hears of, in their order.
        private static func offsets(
            of reader: WebSocketPeer,
            in channel: String,
            until last: Int
        ) throws -> [Int] {
            var offsets: [Int] = []
            let end = Date().addingTimeInterval(30)
            while offsets.last != last, Date() < end {
                guard let text = reader.next(milliseconds: 500)?.text else { continue }
                for line in text.split(separator: "\n") where line.contains("\"\(channel)\"") {
                    guard let found = line.firstMatch(of: /"offset":(\d+)/) else { continue }
                    offsets.append(Int(found.1) ?? 0)
                }
            }
            return offsets
        }

        /// A channel to which `sender` can publish although a shard stands still: its owner is the other one, as
        /// is the sender's shard; `nil` if all these channels, or the sender, belong to the one that stands still.
        private static func open(_ channels: [String], _ sender: WebSocketPeer) throws -> String? {
            for (index, channel) in channels.enumerated() {
                let id = 100 + index
                sender.send("{\"id\":\(id),\"publish\":{\"channel\":\"\(channel)\",\"data\":0}}")
                if sender.next(milliseconds: 150)?.text.hasPrefix("{\"id\":\(id),\"publish\"")
                    == true
                {
                    return channel
                }
            }
            return nil
        }

        private static func subscriber(_ port: Int, to channels: [String]) throws -> WebSocketPeer {
            let reader = try WebSocketPeer(port: port)
            try reader.connect(user: "reader")
            for (index, channel) in channels.enumerated() {
                reader.send("{\"id\":\(index + 2),\"subscribe\":{\"channel\":\"\(channel)\"}}")
                _ = try reader.message { $0.hasPrefix("{\"id\":\(index + 2),") }
            }
            return reader
        }

        @Test(.timeLimit(.minutes(2)))
        func `a shard that stands still is not waited for, and gets all when it goes on`()
            async throws
        {
            try await Self.expectServed({
                $0.mailboxLimit = 50
                $0.shard.headInterval = .seconds(1)
            }) { scene in
                let rounds = (0..<2).map { round in (0..<8).map { "s\(round)-\($0)" } }
                // Connections are dealt to the event loops in turn: each has a reader.
                let readers = try (0..<2).map { _ in
                    try Self.subscriber(scene.port, to: rounds[0] + rounds[1])
                }
                let sender = try WebSocketPeer(port: scene.port)
                try sender.connect(user: "sender")
                var found: String?
                for round in 0..<2 where found == nil {
                    scene.brake.hold(ShardID(node: NodeID(0), index: UInt16(round)))
                    found = try Self.open(rounds[round], sender)
                    guard found == nil else { break }
                    scene.brake.hold(nil)
                    while sender.next(milliseconds: 500) != nil {}
                }
                guard let channel = found else {
                    throw Broken(description: "a shard goes on while the other stands still")
                }
                let count = 300
                for number in 1..<count {
                    let publication = "\"channel\":\"\(channel)\",\"data\":\(number)"
                    sender.send("{\"id\":\(200 + number),\"publish\":{\(publication)}}")
                }
                let last = "{\"id\":\(199 + count),"
                _ = try sender.message(milliseconds: 20_000) { $0.hasPrefix(last) }
                scene.brake.hold(nil)
                for reader in readers {
                    let offsets = try Self.offsets(of: reader, in: channel, until: count)
                    try hold(offsets == Array(1...count), "\(offsets)")
                }
                let lost = try Self.metric("peer_messages_lost_total", port: scene.port)
                try hold(lost > 0, "the mailbox was full")
            }
        }

        @Test func `more connections than may arrive are closed, and sockets do not count`()
            async throws
        {
            try await Self.expectServed({ $0.arrivalLimit = 5 }) { scene in
                let peers = try (0..<10).map { number in
                    let peer = try WebSocketPeer(port: scene.port)
                    try peer.connect(user: "peer-\(number)")
                    return peer
                }
                let silent = try (0..<5).map { _ in try RawSocket(port: scene.port) }
                pause(milliseconds: 200)
                for _ in 0..<3 {
                    let excess = try RawSocket(port: scene.port)
                    try hold(excess.ends(within: 1000), "one too many is closed")
                }
                for peer in peers {
                    peer.send("{\"id\":5,\"publish\":{\"channel\":\"a\",\"data\":1}}")
                    _ = try peer.message { $0.contains("\"publish\":{}") }
                }
                // Those who say nothing for too long make room.
                for socket in silent { try hold(socket.ends(within: 4000), "patience ends") }
                pause(milliseconds: 200)
                for _ in 0..<20 {
                    let health = try RawSocket(port: scene.port)
                    health.send("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    try hold(try health.response().status == 200, "there is room again")
                    try hold(health.ends(within: 1000), "and it is given back")
                }
            }
        }
    }
}
