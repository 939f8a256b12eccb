import Foundation
import Testing

extension Hostile {
    struct StallTests {
        private static func send(_ message: String, id: Int) -> String {
            "{\"id\":\(id),\"rpc\":{\"method\":\"chat.send\",\"data\":{\"channel\":\"stall\","
                + "\"id\":\"\(message)\",\"body\":1}}}"
        }

        @Test func `while a sync does not return everybody is told to try again, in time`()
            async throws
        {
            try await expectHolds(5.0) { patience in
                let server = try ServerProcess()
                let mirror = server.directory.appending(path: "mirror").path(percentEncoded: false)
                let flag = server.directory.appending(path: "stall").path(percentEncoded: false)
                try FileManager.default.createDirectory(
                    atPath: mirror,
                    withIntermediateDirectories: true
                )
                server.environment = [
                    "LD_PRELOAD": try PowerCutTests.disk(in: server.directory),
                    "PARLEY_DISK": server.data, "PARLEY_MIRROR": mirror,
                    "PARLEY_DISK_STALL": flag,
                ]
                try server.start()
                let sender = try WebSocketPeer(port: server.port)
                try sender.connect()
                let reader = try WebSocketPeer(port: server.port)
                try reader.connect(user: "reader")
                sender.send(Self.send("first", id: 10))
                _ = try sender.message { $0.contains("\"offset\":1") }
                try hold(FileManager.default.createFile(atPath: flag, contents: nil), "a flag")
                sender.send(Self.send("second", id: 11))
                pause(milliseconds: 200)
                let start = Date()
                reader.send("{\"id\":2,\"subscribe\":{\"channel\":\"elsewhere\"}}")
                reader.send("{\"id\":3,\"history\":{\"channel\":\"stall\",\"limit\":0}}")
                for (peer, id) in [(sender, 11), (reader, 2), (reader, 3)] {
                    let reply = try peer.message(milliseconds: 6000) {
                        $0.hasPrefix("{\"id\":\(id),")
                    }
                    try hold(reply.contains("\"code\":100,"), reply)
                    try hold(reply.contains("\"temporary\":true"), reply)
                    let waited = Date().timeIntervalSince(start)
                    try hold(waited < patience && waited > 3, "\(id) after \(waited) s")
                }
                try FileManager.default.removeItem(atPath: flag)
                reader.send("{\"id\":4,\"subscribe\":{\"channel\":\"elsewhere\"}}")
                let subscribed = try reader.message { $0.hasPrefix("{\"id\":4,") }
                try hold(subscribed.contains("\"subscribe\":"), subscribed)
                sender.send(Self.send("second", id: 12))
                let sent = try sender.message { $0.hasPrefix("{\"id\":12,") }
                try hold(sent.contains("\"offset\":2"), "once in the log: \(sent)")
                try hold(server.stop() == 0, "SIGTERM ends with 0")
            }
        }
    }
}
