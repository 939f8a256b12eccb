import Foundation
import Testing

/// The built command's exit codes and what it says on bad input.
struct ExitCodeTests {
    static func run(_ arguments: [String]) throws -> (status: Int32, error: String) {
        let process = Process()
        process.executableURL = Bundle.main.bundleURL.appending(path: "parley")
        process.arguments = arguments
        let error = Pipe()
        process.standardError = error
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let text = error.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    @Test(arguments: [
        ("serve", "no data directory; expected --data DIR"),
        ("serve --data d", "expected --token-hmac-secret"),
        ("serve --port 65536 --data d", "expected 0 to 65535"),
        ("serve --config /nowhere.yaml", "/nowhere.yaml:1: cannot be read"),
        ("simulate /nowhere.yaml", "/nowhere.yaml: cannot be read"),
        ("load /nowhere.yaml --url ws://localhost:1/ --token-hmac-secret s", "/nowhere.yaml"),
        ("bench engine --repetitions 0", "expected at least 1"),
        ("sing", "Unexpected argument 'sing'"),
    ])
    func `bad input ends with 2 and says what was expected`(
        line: String,
        reason: String
    ) throws {
        let (status, error) = try Self.run(line.split(separator: " ").map(String.init))
        #expect(status == 2)
        #expect(error.contains(reason), "\(error)")
    }

    @Test func `a folder that cannot be written ends with 2`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let scenario = root.appending(path: "models/scenarios/smoke.yaml").path
        let (status, error) = try Self.run(["simulate", scenario, "--out", "/dev/null/run"])
        #expect(status == 2)
        #expect(error.contains("--out: /dev/null/run: cannot be written"), "\(error)")
    }

    @Test func `help is no error`() throws {
        #expect(try Self.run(["--help"]).status == 0)
        #expect(try Self.run(["serve", "--help"]).status == 0)
    }
}
