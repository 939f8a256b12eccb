import Foundation
import Testing

/// A script of this folder, run by the interpreter that has the client SDK, on the built command.
///
/// `make test` names the interpreter in PARLEY_PYTHON; without it there is nothing to run.
struct Script {
    static let python = ProcessInfo.processInfo.environment["PARLEY_PYTHON"]
    static let products = Bundle.main.bundleURL

    private let path: String

    init(_ name: String) throws {
        self.path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: name)
            .path(percentEncoded: false)
    }

    /// What the script prints, when it ends well; it is given the command, `first`, and a folder of
    /// its own before `arguments`.
    func run(_ arguments: [String], after first: [String] = []) throws -> Data {
        let python = try #require(Self.python)
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "parley-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            do {
                try FileManager.default.removeItem(at: folder)
            } catch {
                Issue.record("the folder cannot be removed: \(error)")
            }
        }
        let process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments =
            [self.path, Self.products.appending(path: "parley").path(percentEncoded: false)] + first
            + [folder.path(percentEncoded: false)] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(
            process.terminationStatus == 0,
            "\(self.path) \(arguments): \(String(decoding: printed, as: UTF8.self))"
        )
        return printed
    }
}
