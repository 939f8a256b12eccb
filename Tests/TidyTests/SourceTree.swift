import Foundation
import Testing

/// What a net has to say about one place of a file.
struct Finding: Hashable, Sendable, CustomStringConvertible {
    var line: Int
    var message: String

    init(_ line: Int, _ message: String) {
        self.line = line
        self.message = message
    }

    var description: String { "line \(self.line): \(self.message)" }
}

/// One Swift file of this package.
struct SourceFile: Sendable, CustomTestStringConvertible {
    /// Where it is, from the package's root: `Sources/Kernel/Instant.swift`.
    let path: String
    /// The target it belongs to: the folder below `Sources` or `Tests`.
    let module: String
    let text: String
    let code: SwiftText

    var testDescription: String { self.path }
    var isTest: Bool { self.path.hasPrefix("Tests/") }

    init(path: String, text: String) {
        self.path = path
        self.module = String(path.split(separator: "/").dropFirst().first ?? "")
        self.text = text
        self.code = SwiftText(text)
    }
}

/// The files of this package as they are on disk.
enum SourceTree {
    static let root: URL = URL(filePath: #filePath)
        .deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    static let sources: [SourceFile] = swiftFiles(below: "Sources")
    static let tests: [SourceFile] = swiftFiles(below: "Tests")

    /// Every module of `Sources` that has Swift code.
    static let modules: [String] = Array(Set(sources.map(\.module))).sorted()

    private static func swiftFiles(below folder: String) -> [SourceFile] {
        let prefix = root.path(percentEncoded: false)
        let top = root.appending(path: folder)
        let walk = FileManager.default.enumerator(at: top, includingPropertiesForKeys: nil)
        var files: [SourceFile] = []
        for case let url as URL in walk ?? .init() where url.pathExtension == "swift" {
            let path = String(url.path(percentEncoded: false).dropFirst(prefix.count))
            guard let data = FileManager.default.contents(atPath: url.path(percentEncoded: false))
            else {
                Issue.record("\(path) cannot be read")
                continue
            }
            let relative = path.hasPrefix("/") ? String(path.dropFirst()) : path
            files.append(SourceFile(path: relative, text: String(decoding: data, as: UTF8.self)))
        }
        return files.sorted { $0.path < $1.path }
    }
}

/// Fails once for each finding in `file`, in the compiler's own form, so that editors can jump there.
func expectNothing(_ findings: [Finding], in file: SourceFile) {
    for finding in findings {
        Issue.record("\(file.path):\(finding.line): \(finding.message)")
    }
}
