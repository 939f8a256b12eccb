import Foundation
import Kernel
import Testing

extension Hostile {
    /// `kill -9` in the middle of a load of several users, groups and pairs.
    struct KillTests {
        static let workload = """
            name: kill
            users: 24
            messagesPerSecond: 10
            bodyBytes: 64
            rampUp: 500 ms
            duration: 7 s
            settle: 25 s
            conversations:
              - { members: 2, perUser: 1 }
              - { members: 24, perUser: 2 }
            cohorts:
              - { name: hasty, share: 3, sendLimit: 128, reconnectMaximum: 300 ms }
              - { name: away, share: 1, sendLimit: 128, backoffMinimum: 5 s, reconnectMaximum: 100 ms }
            """

        struct Report: Decodable {
            var verdict: String
            var violations: [String]
            var sent: Int
            var acknowledged: Int
            var reconnects: Int
            var unrecovered: Int
            var deliveriesExpected: Int
            var deliveriesReceived: Int
        }

        /// What befalls the server.
        enum Trouble: String, CaseIterable {
            /// It is killed, and starts anew.
            case death
            /// It is stopped, and goes on as if no time had passed.
            case standstill
            /// Its disk takes no more writes for a while.
            case fullDisk
        }

        static func strike(
            _ trouble: Trouble,
            _ server: ServerProcess,
            milliseconds: Int
        ) throws {
            switch trouble {
            case .death:
                server.kill()
                try server.start()
            case .standstill:
                let process = server.process.processIdentifier
                try hold(Foundation.kill(process, SIGSTOP) == 0, "it is stopped")
                pause(milliseconds: milliseconds)
                try hold(Foundation.kill(process, SIGCONT) == 0, "it goes on")
            case .fullDisk:
                let flag = Self.fullFlag(of: server)
                try hold(FileManager.default.createFile(atPath: flag, contents: nil), "a flag")
                pause(milliseconds: milliseconds)
                try FileManager.default.removeItem(atPath: flag)
            }
        }

        static func fullFlag(of server: ServerProcess) -> String {
            server.directory.appending(path: "full").path(percentEncoded: false)
        }

        /// A server whose disk may be full.
        static func prepare(_ server: ServerProcess) throws {
            let mirror = server.directory.appending(path: "mirror").path(percentEncoded: false)
            try FileManager.default.createDirectory(
                atPath: mirror,
                withIntermediateDirectories: true
            )
            server.environment = [
                "LD_PRELOAD": try PowerCutTests.disk(in: server.directory),
                "PARLEY_DISK": server.data, "PARLEY_MIRROR": mirror,
                "PARLEY_DISK_FULL": Self.fullFlag(of: server),
            ]
        }

        /// Strikes the server three times at instants that the seed draws, while the load runs.
        private static func run(
            seed: UInt64,
            _ server: ServerProcess,
            _ trouble: Trouble = .death
        ) throws -> Report {
            try Self.load(Self.workload, seed: seed, server) {
                let random = KeyedRandom(seed: seed)
                for life in 0..<3 {
                    let draw = random.draw(RandomPurpose(900), UInt64(life))
                    pause(milliseconds: 1200 + Int(KeyedRandom.below(900, draw)))
                    // Shorter and longer than the patience of the server with itself, and of its clients.
                    let length = 300 + Int(KeyedRandom.below(life == 1 ? 6000 : 900, draw >> 20))
                    try Self.strike(trouble, server, milliseconds: length)
                }
            }
        }

        /// Has clients of a process of their own live by a workload, while `meanwhile` runs; their report.
        static func load(
            _ workload: String,
            seed: UInt64,
            _ server: ServerProcess,
            meanwhile: () throws -> Void
        ) throws -> Report {
            let file = server.directory.appending(path: "load.yaml")
            try workload.write(to: file, atomically: true, encoding: .utf8)
            let load = Process()
            load.executableURL = ServerProcess.command
            load.arguments = [
                "load", file.path(percentEncoded: false), "--seed", "\(seed)", "--json",
                "--url", "ws://127.0.0.1:\(server.port)/connection/websocket",
                "--token-hmac-secret", WebSocketPeer.secret,
            ]
            let output = Pipe()
            load.standardOutput = output
            try load.run()
            try meanwhile()
            let printed = output.fileHandleForReading.readDataToEndOfFile()
            load.waitUntilExit()
            return try JSONDecoder().decode(Report.self, from: printed)
        }

        @Test(arguments: Seeds.chosen(from: [1, 2, 3]))
        func `nothing acknowledged is lost and nothing stands twice, however often the server dies`(
            seed: UInt64
        ) async throws {
            try await expectHolds(seed: seed, filter: "KillTests") { seed in
                let server = try ServerProcess()
                try server.start()
                let report = try Self.run(seed: seed, server)
                try hold(report.verdict == "pass", "seed \(seed): \(report)")
                try hold(report.acknowledged == report.sent && report.sent > 1000, "\(report)")
                try hold(report.reconnects >= 24, "clients lived through the deaths: \(report)")
                try hold(report.unrecovered > 0, "someone was away beyond recovery: \(report)")
                try hold(report.deliveriesReceived == report.deliveriesExpected, "\(report)")
                try hold(server.stop() == 0, "SIGTERM ends with 0")
                let log = try LogFile(path: server.database)
                let faults = try log.faults()
                try hold(faults.isEmpty, "\(faults)")
                try hold(try log.messageCount == report.sent, "each message stands once: \(report)")
                try Self.plant(in: log)
            }
        }

        @Test(arguments: [Trouble.standstill, .fullDisk], Seeds.chosen(from: [1]))
        func
            `nothing acknowledged is lost or out of order while the server or its disk stands still`(
                trouble: Trouble,
                seed: UInt64
            ) async throws
        {
            try await expectHolds(seed: seed, filter: "KillTests") { seed in
                let server = try ServerProcess()
                if trouble == .fullDisk { try Self.prepare(server) }
                try server.start()
                let report = try Self.run(seed: seed, server, trouble)
                let subject = "\(trouble), seed \(seed): \(report)"
                try hold(report.verdict == "pass", subject)
                try hold(report.acknowledged == report.sent && report.sent > 1000, subject)
                try hold(report.deliveriesReceived == report.deliveriesExpected, subject)
                try hold(server.stop() == 0, "SIGTERM ends with 0")
                let log = try LogFile(path: server.database)
                let faults = try log.faults()
                try hold(faults.isEmpty, "\(faults)")
                try hold(try log.messageCount == report.sent, "each message stands once: \(report)")
            }
        }

        /// The look at the file must find what it looks for.
        private static func plant(in log: LogFile) throws {
            for (fault, wrong) in [
                ("offsets that are not dense", "DELETE FROM messages WHERE offset = 2"),
                ("heads that are not the last offset", "UPDATE conversations SET head = head + 1"),
                (
                    "message ids that stand twice",
                    "UPDATE messages SET user = 'u', message_id = 'm' WHERE offset < 4"
                ),
                ("message ids without an entry", "DELETE FROM message_ids WHERE offset = 1"),
            ] {
                try log.execute("BEGIN")
                try log.execute(wrong)
                let found = try log.faults()
                try hold(found[fault] != nil, "\(wrong) is seen: \(found)")
                try log.execute("ROLLBACK")
            }
        }
    }
}
