import Foundation
import Testing

/// The page about model files names every key that a reader takes.
struct ModelDocumentTests {
    /// The keys in `code` that a strict mapping is asked for.
    static func keys(in code: String) -> Set<String> {
        let asked = #/(?:required|optional|time)\(\s*"(?<key>[A-Za-z]+)"/#
        return Set(code.matches(of: asked).map { String($0.key) })
    }

    static func missing(from page: String, of keys: Set<String>) -> [String] {
        keys.filter { key in
            !["`\(key)`", "`…\(key)`", ".\(key)`"].contains { page.contains($0) }
        }.sorted()
    }

    @Test func `every key of a model file is described`() throws {
        let readers = SourceTree.sources.filter { $0.path.hasSuffix("+Reading.swift") }
        let keys = readers.reduce(into: Set<String>()) { $0.formUnion(Self.keys(in: $1.text)) }
        #expect(keys.count > 40)
        let file = SourceTree.root.appending(path: "models/README.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        #expect(Self.missing(from: page, of: keys) == [])
    }

    @Test func `a planted key that nobody describes is caught`() {
        let keys = Self.keys(in: "if let value = mapping.optional(\n\"colour\") { }")
        #expect(keys == ["colour"])
        #expect(Self.missing(from: "| `colours` | text |", of: keys) == ["colour"])
        #expect(Self.missing(from: "| `…colour` | text |", of: keys) == [])
    }
}
