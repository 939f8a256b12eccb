import Foundation
import Testing

/// The built command and the Centrifuge SDK from PyPI, unmodified, over real sockets.
///
/// `make test` names the interpreter that has the SDK in PARLEY_PYTHON.
struct ClientSDKTests {
    static let python = ProcessInfo.processInfo.environment["PARLEY_PYTHON"]

    @Test(.enabled(if: Self.python != nil), .timeLimit(.minutes(3)))
    func `a public SDK sends once, recovers, and finds everything after kill -9`() throws {
        let python = try #require(Self.python)
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "sdk.py")
        let command = Bundle.main.bundleURL.appending(path: "parley")
        let data = FileManager.default.temporaryDirectory
            .appending(path: "parley-end-to-end-\(ProcessInfo.processInfo.processIdentifier)")
        defer {
            do {
                try FileManager.default.removeItem(at: data)
            } catch {
                Issue.record("the data directory cannot be removed: \(error)")
            }
        }
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [script, command, data].map { $0.path(percentEncoded: false) }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let checks = String(decoding: printed, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect((Int(checks) ?? 0) > 40, "\(checks)")
    }
}
