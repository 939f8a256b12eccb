import Foundation
import Testing

extension Hostile {
    struct LoadEndTests {
        private struct Report: Decodable {
            var verdict: String
            var wasCutShort: Bool
            var sent: Int
            var acknowledged: Int
            var violationCount: Int
        }

        @Test(arguments: [SIGTERM, SIGINT])
        func `a load that is told to end prints what it has`(_ signal: Int32) async throws {
            try await expectHolds(signal) { signal in
                let server = try ServerProcess()
                try server.start()
                let file = server.directory.appending(path: "long.yaml")
                try RecordTests.workload.replacing("duration: 3 s", with: "duration: 300 s")
                    .write(to: file, atomically: true, encoding: .utf8)
                let load = Process()
                load.executableURL = ServerProcess.command
                load.arguments = [
                    "load", file.path(percentEncoded: false), "--json", "--url",
                    "ws://127.0.0.1:\(server.port)/connection/websocket",
                    "--token-hmac-secret", WebSocketPeer.secret,
                ]
                let output = Pipe()
                load.standardOutput = output
                try load.run()
                pause(milliseconds: 2500)
                kill(load.processIdentifier, signal)
                let start = Date()
                let printed = output.fileHandleForReading.readDataToEndOfFile()
                load.waitUntilExit()
                try hold(Date().timeIntervalSince(start) < 5, "it ends soon")
                try hold(load.terminationStatus == 1, "a shortfall: \(load.terminationStatus)")
                let report = try JSONDecoder().decode(Report.self, from: printed)
                try hold(report.wasCutShort && report.verdict == "shortfall", "\(report)")
                try hold(report.violationCount == 0 && report.sent > 50, "\(report)")
                try hold(report.acknowledged > 40, "\(report)")
            }
        }
    }
}
