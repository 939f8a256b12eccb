import ChatCore
import ChatServer
import EventTrace
import Foundation
import Kernel
import LoadGenerator
import Logging
import Synchronization
import Testing
import Workload

extension Hostile {
    /// The core's promises on live shards, sockets and a disk, while the bus between the shards and the
    /// store fail, leases move, devices come and go, and the server starts anew in the middle.
    @Suite(.tags(.socket)) struct LiveLawTests {
        static let workload = """
            name: law
            users: 24
            messagesPerSecond: 6
            bodyBytes: 64
            rampUp: 500 ms
            duration: 5 s
            settle: 15 s
            conversations:
              - { members: 2, perUser: 2 }
              - { members: 24, perUser: 1 }
            cohorts:
              - { name: sdk, share: 2, sendLimit: 128, readsWholeLog: true, commandTimeout: 1500 ms,
                  backoffMinimum: 50 ms, reconnectMaximum: 300 ms, repeatMaximum: 300 ms }
              - { name: eager, share: 1, sendLimit: 128, readsWholeLog: true, eager: true, pageLimit: 10,
                  commandTimeout: 1500 ms, backoffMinimum: 50 ms, reconnectMaximum: 300 ms,
                  repeatMaximum: 300 ms }
              - { name: impatient, share: 1, sendLimit: 128, readsWholeLog: true,
                  commandTimeout: 150 ms, backoffMinimum: 10 ms, reconnectMaximum: 100 ms,
                  repeatMaximum: 100 ms }
            absences: { every: 2 s, shortest: 50 ms, longest: 2 s, silent: 0.5 }
            trespassEvery: 4 s
            """

        /// References to bytes that shards were given and have not given back.
        final class References: Sendable {
            private let count = Mutex(0)

            func add(_ step: ShardStep) {
                var given = step.event?.references ?? 0
                for case .release in step.effects { given -= 1 }
                self.count.withLock { $0 += given }
            }

            var open: Int { self.count.withLock { $0 } }
        }

        /// Little room and short patience, so that every limit is reached; a patient gateway leaves it
        /// to the heads to show what was lost.
        static func shard(isPatient: Bool) -> ShardConfiguration {
            var shard = ShardConfiguration()
            shard.partitionCount = 12
            shard.pingInterval = .seconds(1)
            shard.pongTimeout = .milliseconds(500)
            shard.connectTimeout = .seconds(2)
            shard.requestTimeout = .milliseconds(400)
            shard.headInterval = .milliseconds(200)
            shard.leaseInterval = .milliseconds(100)
            shard.interestRetry = .milliseconds(100)
            shard.interestRenewal = isPatient ? .seconds(60) : .milliseconds(400)
            shard.interestLease = isPatient ? .seconds(150) : .seconds(1)
            shard.storeRetry = .milliseconds(30)
            shard.recoveryLimit = 40
            shard.historyLimit = 16
            shard.pendingLimit = 32
            shard.heldLimit = 8
            shard.recentMessageLimit = 64
            shard.historyRequestLimit = 1
            shard.shardPublishBytes = 32 << 10
            return shard
        }

        static func weather(seed: UInt64, repeats: Bool) -> Weather {
            var weather = Weather(seed: seed, lasts: .seconds(4))
            weather.lossMillionths = 40_000
            weather.repeatMillionths = repeats ? 40_000 : 0
            weather.delayMillionths = 100_000
            weather.failedMillionths = 15_000
            weather.unknownMillionths = 15_000
            weather.unreadableMillionths = 30_000
            weather.pauseMillionths = 10_000
            weather.leaselessMillionths = 120_000
            return weather
        }

        /// Under way, the server's process does not end, but all of its memory does.
        private static func run(
            seed: UInt64,
            data: URL,
            conduct: ShardConduct
        ) async throws -> LoadReport {
            let isEven = seed.isMultiple(of: 2)
            var configuration = ServerConfiguration(
                dataPath: data.path(percentEncoded: false),
                tokens: TokenPolicy(keys: [.secret(WebSocketPeer.secret)])
            )
            configuration.host = "127.0.0.1"
            configuration.port = 0
            configuration.shardCount = 3
            configuration.drainSeconds = 1
            configuration.shard = Self.shard(isPatient: isEven)
            configuration.weather = Self.weather(seed: seed, repeats: !isEven)
            configuration.observer = { conduct.see($0) }
            var log = Logger(label: "parley")
            log.logLevel = .critical
            let first = try await LiveServer.start(configuration, log: log)
            configuration.port = first.port
            let url = "ws://127.0.0.1:\(configuration.port)/connection/websocket"
            var options = LoadOptions(
                workload: try Workload(yaml: Self.workload, file: "law.yaml"),
                endpoint: try #require(Endpoint(url)),
                secret: WebSocketPeer.secret,
                seed: seed,
                run: "law\(seed)",
                loops: 1
            )
            options.networkRepeats = !isEven
            let load = options
            async let report = LoadRun.run(load, onProgress: { _ in }, isCutShort: { false })
            try await Task.sleep(for: .seconds(3))
            let references = References()
            configuration.weather = Self.weather(seed: seed + 100, repeats: !isEven)
            try await first.drain()
            conduct.restart()
            configuration.observer = {
                references.add($0)
                conduct.see($0)
            }
            let second = try await LiveServer.start(configuration, log: log)
            let done = try await report
            if !isEven { try await Self.expectEmpty(port: second.port) }
            let open = references.open
            #expect(open == 0 || isEven, "\(open) references were not given back")
            try await second.drain()
            return done
        }

        /// When everybody has left, and the leases on interest have ended, nothing is left behind.
        private static func expectEmpty(port: Int) async throws {
            var text = ""
            for _ in 0..<60 {
                try await Task.sleep(for: .milliseconds(100))
                text = try await withCheckedThrowingContinuation { done in
                    Thread.detachNewThread {
                        done.resume(
                            with: Result {
                                let socket = try RawSocket(port: port)
                                socket.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                                return try socket.response().body
                            }
                        )
                    }
                }
                let isEmpty = ["connections", "subscriptions", "conversations"].allSatisfy {
                    text.contains("parley_\($0) 0\n")
                }
                if isEmpty { return }
            }
            let left = text.split(separator: "\n").filter { $0.hasPrefix("parley_con") }
            Issue.record("left behind: \(left)")
        }

        @Test(arguments: UInt64(1)...2)
        func `the promises hold on live shards while all that they rest on fails`(
            seed: UInt64
        ) async throws {
            let data = temporaryDirectory()
            let timeout = Self.shard(isPatient: false).requestTimeout
            let conduct = ShardConduct(requestTimeout: timeout)
            let report = try await Self.run(seed: seed, data: data, conduct: conduct)
            #expect(conduct.faults.isEmpty, "seed \(seed): \(conduct.faults.prefix(5))")
            #expect(conduct.answers > 500 && conduct.appends > 500)
            #expect(report.verdict == .pass, "seed \(seed): \(Self.summary(report))")
            #expect(report.acknowledged == report.sent && report.sent > 500)
            #expect(report.epochChanges == 0, "nothing was lost, so no loss may be declared")
            #expect(report.resent > 0 && report.duplicates > 0 && report.unrecovered > 0)
            #expect(report.reconnects > 48 && report.sentAway > 0)
            let log = try LogFile(path: data.path(percentEncoded: false) + "/parley.sqlite")
            let faults = try log.faults()
            #expect(faults.isEmpty, "\(faults)")
            #expect(try log.messageCount == Int(report.sent), "each message stands once")
            try FileManager.default.removeItem(at: data)
        }

        private static func summary(_ report: LoadReport) -> String {
            """
            \(report.verdict), \(report.connected) of \(report.users) settled, \
            \(report.acknowledged) of \(report.sent) acknowledged, \
            \(report.deliveriesReceived) of \(report.deliveriesExpected) delivered, \
            \(report.violations)
            """
        }
    }
}
