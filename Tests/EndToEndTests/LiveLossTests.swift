import ChatServer
import Foundation
import Kernel
import LoadGenerator
import Logging
import Testing
import Workload

extension Hostile {
    /// A store that has lost what it acknowledged: on live shards, sockets and a disk, everybody who had a
    /// part in it is told so, and nobody is shown another message in its place.
    @Suite(.tags(.socket)) struct LiveLossTests {
        /// What is put back between a stop and a start of the server.
        enum Copy {
            case none
            case database
            /// The witness of its commits as well: the planted fault, a loss that nobody can see.
            case directory
        }

        private static func configuration(_ data: URL, _ weather: Weather) -> ServerConfiguration {
            var configuration = ServerConfiguration(
                dataPath: data.path(percentEncoded: false),
                tokens: TokenPolicy(keys: [.secret(WebSocketPeer.secret)])
            )
            configuration.host = "127.0.0.1"
            configuration.port = 0
            configuration.shardCount = 3
            configuration.drainSeconds = 1
            configuration.shard = LiveLawTests.shard(isPatient: false)
            configuration.weather = weather
            return configuration
        }

        /// A bus and a store in trouble, but owners that stay: their memory is what shows a loss, so that
        /// no append's fate is unknown and no conversation falls idle.
        private static func weather(seed: UInt64, loses: Bool) -> Weather {
            var weather = LiveLawTests.weather(seed: seed, repeats: true)
            weather.leaselessMillionths = 0
            if loses {
                weather.unknownMillionths = 0
                weather.losesAfter = .milliseconds(2500)
                weather.delayMillionths = 300_000
                weather.longestDelay = .milliseconds(400)
            }
            return weather
        }

        private static func load(port: Int, seed: UInt64) throws -> LoadOptions {
            let url = "ws://127.0.0.1:\(port)/connection/websocket"
            let workload = LiveLawTests.workload.replacing("members: 2,", with: "members: 12,")
            var options = LoadOptions(
                workload: try Workload(yaml: workload, file: "loss.yaml"),
                endpoint: try #require(Endpoint(url)),
                secret: WebSocketPeer.secret,
                seed: seed,
                run: "loss\(seed)",
                loops: 1
            )
            options.networkRepeats = true
            return options
        }

        private static func replace(_ name: String, in data: URL, by copy: URL) throws {
            let path = data.appending(path: name)
            try FileManager.default.removeItem(at: path)
            for rest in ["-wal", "-shm"] {
                let path = data.appending(path: name + rest).path(percentEncoded: false)
                guard FileManager.default.fileExists(atPath: path) else { continue }
                try FileManager.default.removeItem(atPath: path)
            }
            try FileManager.default.moveItem(at: copy, to: path)
        }

        private static func run(
            seed: UInt64,
            data: URL,
            copy: Copy,
            loses: Bool
        ) async throws -> LoadReport {
            var configuration = Self.configuration(data, Self.weather(seed: seed, loses: loses))
            var log = Logger(label: "parley")
            log.logLevel = .critical
            let first = try await LiveServer.start(configuration, log: log)
            configuration.port = first.port
            let load = try Self.load(port: first.port, seed: seed)
            async let report = LoadRun.run(load, onProgress: { _ in }, isCutShort: { false })
            guard copy != .none else {
                let done = try await report
                try await first.drain()
                return done
            }
            try await Task.sleep(for: .seconds(2))
            let database = data.appending(path: "copy.sqlite")
            let witness = data.appending(path: "copy.commits")
            try FileManager.default.copyItem(
                at: data.appending(path: "parley.commits"),
                to: witness
            )
            try LogFile(path: data.path(percentEncoded: false) + "/parley.sqlite")
                .execute("VACUUM INTO '\(database.path(percentEncoded: false))'")
            try await Task.sleep(for: .milliseconds(1500))
            try await first.drain()
            try Self.replace("parley.sqlite", in: data, by: database)
            if copy == .directory { try Self.replace("parley.commits", in: data, by: witness) }
            configuration.weather = nil
            let second = try await LiveServer.start(configuration, log: log)
            let done = try await report
            try await second.drain()
            return done
        }

        private static func expectDeclared(_ report: LoadReport, _ data: URL) throws {
            #expect(report.verdict == .pass, "\(report.verdict), \(report.violations)")
            #expect(report.epochChanges > 0 && report.acknowledged == report.sent)
            let log = try LogFile(path: data.path(percentEncoded: false) + "/parley.sqlite")
            let faults = try log.faults()
            #expect(faults.isEmpty, "\(faults)")
            #expect(try log.messageCount < Int(report.sent), "something was lost")
            try FileManager.default.removeItem(at: data)
        }

        @Test(arguments: UInt64(1)...2)
        func `a database that is put back from a copy says that it lost commits`(
            seed: UInt64
        ) async throws {
            let data = temporaryDirectory()
            let report = try await Self.run(seed: seed, data: data, copy: .database, loses: false)
            try Self.expectDeclared(report, data)
        }

        @Test func `a loss that nobody declares is caught`() async throws {
            let data = temporaryDirectory()
            let report = try await Self.run(seed: 1, data: data, copy: .directory, loses: false)
            #expect(report.verdict == .violation)
            try FileManager.default.removeItem(at: data)
        }

        @Test(arguments: UInt64(1)...2)
        func `owners find out what a running store has lost`(seed: UInt64) async throws {
            let data = temporaryDirectory()
            let report = try await Self.run(seed: seed, data: data, copy: .none, loses: true)
            try Self.expectDeclared(report, data)
        }
    }
}
