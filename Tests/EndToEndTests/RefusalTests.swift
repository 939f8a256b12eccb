import Foundation
import Testing

/// What the built command says of input that it cannot use.
struct RefusalTests {
    @Test(arguments: [
        ["simulate", "/nonexistent/scenario.yaml"],
        ["replay", "/nonexistent/run"],
        ["report", "/nonexistent/run", "--out", "/nonexistent/report"],
        [
            "load", "/nonexistent/workload.yaml", "--url", "ws://localhost:1/connection/websocket",
            "--token-hmac-secret", "secret",
        ],
    ])
    func `bad input ends with 2, its file and what was expected`(arguments: [String]) throws {
        let process = Process()
        process.executableURL = Bundle.main.bundleURL.appending(path: "parley")
        process.arguments = arguments
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let said = String(
            decoding: errors.fileHandleForReading.readDataToEndOfFile(),
            as: UTF8.self
        )
        process.waitUntilExit()
        #expect(process.terminationStatus == 2)
        #expect(said.contains("/nonexistent/") && said.contains("expected"), "\(said)")
    }
}
