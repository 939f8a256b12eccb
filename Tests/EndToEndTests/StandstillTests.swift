import Foundation
import Testing

extension Hostile {
    /// A server that is stopped for longer than its clients, its leases and its own timers wait, and then
    /// goes on as if no time had passed.
    struct StandstillTests {
        /// Clients give up long before the server goes on, and come back to a socket that is taken by
        /// nobody; some stay away so long that only the log can tell them what they missed.
        private static func workload(seconds: Int, settle: Int = 30) -> String {
            """
            name: standstill
            users: 24
            messagesPerSecond: 2
            bodyBytes: 64
            rampUp: 500 ms
            duration: \(seconds) s
            settle: \(settle) s
            conversations:
              - { members: 2, perUser: 1 }
              - { members: 24, perUser: 2 }
            cohorts:
              - { name: hasty, share: 2, sendLimit: 128, commandTimeout: 1 s,
                  reconnectMaximum: 300 ms, repeatMaximum: 300 ms }
              - { name: sdk, share: 1, sendLimit: 128, reconnectMaximum: 1 s, repeatMaximum: 1 s }
              - { name: away, share: 1, sendLimit: 128, backoffMinimum: 5 s, reconnectMaximum: 100 ms }
            """
        }

        private static func stop(
            _ server: ServerProcess,
            milliseconds: Int,
            _ meanwhile: () throws -> Void = {}
        ) throws {
            let process = server.process.processIdentifier
            try hold(Foundation.kill(process, SIGSTOP) == 0, "it is stopped")
            defer { _ = Foundation.kill(process, SIGCONT) }
            pause(milliseconds: milliseconds)
            try meanwhile()
        }

        /// Terms only grow, and each partition has one owner or none.
        private static func terms(_ server: ServerProcess) throws -> [Int] {
            let log = try LogFile(path: server.database)
            let count = try log.number("SELECT COUNT(*) FROM leases")
            return try (0..<count).map {
                try log.number("SELECT term FROM leases ORDER BY partition LIMIT 1 OFFSET \($0)")
            }
        }

        @Test(arguments: Seeds.chosen(from: [1]))
        func `a server that stands still for 1, 8 and 20 s loses, doubles and mixes up nothing`(
            seed: UInt64
        ) async throws {
            try await expectHolds(seed: seed, filter: "StandstillTests") { seed in
                let server = try ServerProcess()
                try server.start()
                var terms: [[Int]] = []
                let report = try KillTests.load(Self.workload(seconds: 34), seed: seed, server) {
                    for seconds in [1, 8, 20] {
                        pause(milliseconds: 1500)
                        terms.append(try Self.terms(server))
                        try Self.stop(server, milliseconds: seconds * 1000)
                    }
                }
                let subject = "seed \(seed): \(report)"
                try hold(report.verdict == "pass", subject)
                try hold(report.acknowledged == report.sent && report.sent > 1000, subject)
                try hold(report.reconnects >= 12, "clients gave up and came back: \(subject)")
                try hold(report.deliveriesReceived == report.deliveriesExpected, subject)
                terms.append(try Self.terms(server))
                for (before, after) in zip(terms, terms.dropFirst()) {
                    let isOrdered = zip(before, after).allSatisfy { $0 <= $1 }
                    try hold(isOrdered && before.count == after.count, "\(before), \(after)")
                }
                try hold(server.stop() == 0, "SIGTERM ends with 0")
                let log = try LogFile(path: server.database)
                let faults = try log.faults()
                try hold(faults.isEmpty, "\(faults)")
                try hold(
                    try log.messageCount == report.sent,
                    "each message stands once: \(subject)"
                )
            }
        }

        /// The planted fault: while the server stands still, what it had acknowledged goes from its log.
        @Test func `what is taken from the log behind a standstill is missed`() async throws {
            try await expectHolds(UInt64(2)) { seed in
                let server = try ServerProcess()
                try server.start()
                // Whoever is away meanwhile has only the log to learn from.
                let workload =
                    Self.workload(seconds: 6, settle: 8)
                    + "\nabsences: { every: 2 s, shortest: 1 s, longest: 4 s, silent: 0.5 }\n"
                let report = try KillTests.load(workload, seed: seed, server) {
                    pause(milliseconds: 2500)
                    var isTaken = false
                    // It may have been stopped in the middle of a transaction.
                    for _ in 0..<40 where !isTaken {
                        try Self.stop(server, milliseconds: 1000) {
                            let log = try LogFile(path: server.database)
                            do {
                                try log.execute(
                                    """
                                    DELETE FROM messages WHERE offset > (SELECT head - 20 FROM
                                    conversations WHERE id = messages.conversation)
                                    """
                                )
                                isTaken = true
                            } catch is Broken {
                                return
                            }
                        }
                        pause(milliseconds: 10)
                    }
                    try hold(isTaken, "the server was between two transactions once")
                }
                try hold(report.verdict != "pass", "the clients miss it: \(report)")
                server.kill()
                let faults = try LogFile(path: server.database).faults()
                try hold(!faults.isEmpty, "and so does a look at the log")
            }
        }

        /// The planted fault for a disk that is full: one that says that it wrote.
        @Test func `a full disk that does not say so is found out`() async throws {
            try await expectHolds(UInt64(3)) { seed in
                let server = try ServerProcess()
                try KillTests.prepare(server)
                server.environment["PARLEY_DISK_DROPS"] = "1"
                try server.start()
                let report = try KillTests.load(
                    Self.workload(seconds: 6, settle: 8),
                    seed: seed,
                    server
                ) {
                    pause(milliseconds: 2000)
                    try KillTests.strike(.fullDisk, server, milliseconds: 1500)
                }
                server.kill()
                var isSeen = report.verdict != "pass"
                do {
                    let log = try LogFile(path: server.database)
                    let count = try log.messageCount
                    isSeen = try isSeen || count != report.sent || !log.faults().isEmpty
                } catch is Broken {
                    isSeen = true
                }
                try hold(isSeen, "what was acknowledged is not in the log: \(report)")
            }
        }
    }
}
