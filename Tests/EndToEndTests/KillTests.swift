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

        /// Kills the server three times at instants that the seed draws, while the load runs.
        private static func run(seed: UInt64, _ server: ServerProcess) throws -> Report {
            let file = server.directory.appending(path: "kill.yaml")
            try Self.workload.write(to: file, atomically: true, encoding: .utf8)
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
            let random = KeyedRandom(seed: seed)
            for life in 0..<3 {
                let draw = random.draw(RandomPurpose(900), UInt64(life))
                pause(milliseconds: 1200 + Int(KeyedRandom.below(900, draw)))
                server.kill()
                try server.start()
            }
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
