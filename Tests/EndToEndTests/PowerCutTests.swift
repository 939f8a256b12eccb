import Foundation
import Testing

extension Hostile {
    /// Power that fails at an instant drawn by a seed, on a disk that keeps only what was synced and torn
    /// pieces of the rest.
    struct PowerCutTests {
        /// What became of the acknowledged messages after a cut.
        struct Outcome {
            var acknowledged = 0
            var lost = 0
            var epochBefore = ""
            var epochAfter = ""
            var faults: [String: Int] = [:]
        }

        /// The disk that forgets, as a library for the server to load first.
        static func disk(in directory: URL) throws -> String {
            let source = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "Disk/forgetful.c")
            let library = directory.appending(path: "disk.so").path(percentEncoded: false)
            let compiler = try run(
                URL(filePath: "/usr/bin/env"),
                [
                    "clang", "-shared", "-fPIC", "-O2", "-o", library,
                    source.path(percentEncoded: false), "-ldl", "-lpthread",
                ]
            )
            try hold(compiler.code == 0, "the disk is built: \(compiler.text)")
            return library
        }

        /// Sends until the power fails, starts on what the disk kept, and asks for every acknowledged message.
        private static func cut(seed: UInt64, lies: Bool) throws -> Outcome {
            let place = temporaryDirectory()
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            defer {
                do {
                    try FileManager.default.removeItem(at: place)
                } catch {
                    NSLog("%@", "a temporary directory stays: \(error)")
                }
            }
            let mirror = place.appending(path: "mirror").path(percentEncoded: false)
            try FileManager.default.createDirectory(
                atPath: mirror,
                withIntermediateDirectories: true
            )
            let server = try ServerProcess()
            server.environment = [
                "LD_PRELOAD": try Self.disk(in: place), "PARLEY_DISK": server.data,
                "PARLEY_MIRROR": mirror, "PARLEY_DISK_SEED": "\(seed)",
            ]
            if lies { server.environment["PARLEY_DISK_LIES"] = "1" }
            try server.start()
            let peer = try WebSocketPeer(port: server.port)
            try peer.connect()
            var outcome = Outcome()
            var offsets: [String: Int] = [:]
            let rounds = 12 + Int(seed % 7)
            for round in 0..<rounds {
                let commands = (0..<20).map {
                    Self.send("m\(round)-\($0)", id: round * 20 + $0 + 10)
                }
                peer.send(commands.joined(separator: "\n"))
                // The last round's answers may come or not: the power fails while they are under way.
                for index in 0..<(round == rounds - 1 ? Int(seed % 20) : 20) {
                    let id = round * 20 + index + 10
                    let reply = try peer.message { $0.hasPrefix("{\"id\":\(id),") }
                    guard let sent = Self.sent(reply) else { throw Broken(description: reply) }
                    offsets["m\(round)-\(index)"] = sent.offset
                    outcome.epochBefore = sent.epoch
                }
            }
            server.kill()
            outcome.acknowledged = offsets.count
            server.environment = [:]
            try FileManager.default.removeItem(atPath: server.data)
            try FileManager.default.moveItem(atPath: mirror, toPath: server.data)
            try server.start()
            try Self.ask(server, offsets, &outcome)
            try hold(server.stop() == 0, "SIGTERM ends with 0")
            outcome.faults = try LogFile(path: server.database).faults()
            return outcome
        }

        private static func ask(
            _ server: ServerProcess,
            _ offsets: [String: Int],
            _ outcome: inout Outcome
        ) throws {
            let peer = try WebSocketPeer(port: server.port)
            try peer.connect()
            for (index, (message, offset)) in offsets.sorted(by: { $0.value < $1.value })
                .enumerated()
            {
                peer.send(Self.send(message, id: index + 10))
                let reply = try peer.message { $0.hasPrefix("{\"id\":\(index + 10),") }
                guard let sent = Self.sent(reply) else { throw Broken(description: reply) }
                outcome.epochAfter = sent.epoch
                if !sent.isDuplicate || sent.offset != offset { outcome.lost += 1 }
            }
        }

        private static func send(_ message: String, id: Int) -> String {
            "{\"id\":\(id),\"rpc\":{\"method\":\"chat.send\",\"data\":{\"channel\":\"power\","
                + "\"id\":\"\(message)\",\"body\":\"\(String(repeating: "x", count: 200))\"}}}"
        }

        private static func sent(
            _ reply: String
        ) -> (offset: Int, epoch: String, isDuplicate: Bool)? {
            let form = /"offset":(\d+),"epoch":"(\w+)","time":\d+,"duplicate":(\w+)/
            guard let found = reply.firstMatch(of: form), let offset = Int(found.1) else {
                return nil
            }
            return (offset, String(found.2), found.3 == "true")
        }

        /// Full by a flag's file, so that it can be emptied again.
        @Test func `a full disk refuses for a while, and loses nothing`() async throws {
            try await expectHolds(UInt64(7)) { seed in
                let server = try ServerProcess()
                let mirror = server.directory.appending(path: "mirror").path(percentEncoded: false)
                let flag = server.directory.appending(path: "full").path(percentEncoded: false)
                try FileManager.default.createDirectory(
                    atPath: mirror,
                    withIntermediateDirectories: true
                )
                server.environment = [
                    "LD_PRELOAD": try Self.disk(in: server.directory), "PARLEY_DISK": server.data,
                    "PARLEY_MIRROR": mirror, "PARLEY_DISK_SEED": "\(seed)",
                    "PARLEY_DISK_FULL": flag,
                ]
                try server.start()
                let peer = try WebSocketPeer(port: server.port)
                try peer.connect()
                var id = 10
                func reply(to message: String) throws -> String {
                    id += 1
                    peer.send(Self.send(message, id: id))
                    return try peer.message { $0.hasPrefix("{\"id\":\(id),") }
                }
                try hold(Self.sent(try reply(to: "first"))?.offset == 1, "there is space")
                try hold(FileManager.default.createFile(atPath: flag, contents: nil), "a flag")
                for _ in 0..<3 {
                    let refused = try reply(to: "second")
                    try hold(refused.contains("\"code\":100,"), "no space is temporary: \(refused)")
                    try hold(refused.contains("\"temporary\":true"), refused)
                }
                try FileManager.default.removeItem(atPath: flag)
                var second = try reply(to: "second")
                for _ in 0..<20 where Self.sent(second) == nil {
                    pause(milliseconds: 50)
                    second = try reply(to: "second")
                }
                try hold(Self.sent(second)?.offset == 2, "the place comes back: \(second)")
                let first = Self.sent(try reply(to: "first"))
                try hold(
                    first?.offset == 1 && first?.isDuplicate == true,
                    "\(String(describing: first))"
                )
                try hold(server.stop() == 0, "SIGTERM ends with 0")
                let faults = try LogFile(path: server.database).faults()
                try hold(faults.isEmpty, "\(faults)")
            }
        }

        @Test(arguments: Seeds.chosen(from: [1, 2, 3, 4, 5, 6]))
        func `nothing acknowledged is lost when the power fails`(seed: UInt64) async throws {
            try await expectHolds(seed: seed, filter: "PowerCutTests") { seed in
                let outcome = try Self.cut(seed: seed, lies: false)
                try hold(outcome.lost == 0, "seed \(seed): \(outcome)")
                try hold(outcome.acknowledged > 200 && outcome.faults.isEmpty, "\(outcome)")
                try hold(outcome.epochBefore == outcome.epochAfter, "no loss, no epoch: \(outcome)")
            }
        }

        /// The planted fault: the same look must find what a disk loses that only says it synced.
        ///
        /// A disk that is left with torn sectors alone may also stop the server from starting, which
        /// says so; some seed must show the loss itself.
        @Test func `a disk that lies about its syncs is found out`() async throws {
            try await expectHolds(UInt64(3)) { last in
                var losses = 0
                for seed in 1...last {
                    do {
                        let outcome = try Self.cut(seed: seed, lies: true)
                        try hold(outcome.lost > 0, "seed \(seed): the loss is seen: \(outcome)")
                        losses += 1
                    } catch let broken as Broken where broken.description.contains("cannot start") {
                        continue
                    }
                }
                try hold(losses > 0, "no seed of \(last) showed a loss")
            }
        }
    }
}
