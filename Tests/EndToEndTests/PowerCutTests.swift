import Foundation
import Testing

/// The built server on a disk that loses what was not synced.
///
/// `make test` names the interpreter that has the SDK in PARLEY_PYTHON.
struct PowerCutTests {
    static let python = ProcessInfo.processInfo.environment["PARLEY_PYTHON"]

    /// Messages whose acknowledgement came before the cut, and how many of them are gone after it.
    private static func cut(seed: UInt64, lies: Bool) throws -> (lookedFor: Int, lost: Int) {
        let python = try #require(Self.python)
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "parley-power-cut-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            do {
                try FileManager.default.removeItem(at: folder)
            } catch {
                Issue.record("the folder cannot be removed: \(error)")
            }
        }
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "power.py")
        let products = Bundle.main.bundleURL
        let disk = products.appending(path: "libForgetfulDisk.so")
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments =
            [script, products.appending(path: "parley"), disk, folder].map {
                $0.path(percentEncoded: false)
            } + ["\(seed)"] + (lies ? ["lies"] : [])
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let words = String(decoding: printed, as: UTF8.self).split { $0.isWhitespace }.map {
            Int($0)
        }
        try #require(process.terminationStatus == 0 && words.count == 2, "seed \(seed)")
        return (try #require(words[0]), try #require(words[1]))
    }

    @Test(.enabled(if: Self.python != nil), .timeLimit(.minutes(2)), arguments: UInt64(1)...4)
    func `a power cut takes no acknowledged message`(seed: UInt64) throws {
        let (lookedFor, lost) = try Self.cut(seed: seed, lies: false)
        #expect(lookedFor > 20 && lost == 0, "seed \(seed): \(lost) of \(lookedFor) are gone")
    }

    @Test(.enabled(if: Self.python != nil), .timeLimit(.minutes(2)))
    func `a disk that lies about syncing is caught`() throws {
        #expect(try Self.cut(seed: 1, lies: true).lost > 0)
    }
}
