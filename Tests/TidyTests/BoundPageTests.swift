import Foundation
import Testing

/// The page of bounds names every bound, and nothing that is not there.
struct BoundPageTests {
    static let bounds = SourceTree.sources.reduce(into: Set<String>()) {
        $0.formUnion(BoundNet.bounds(in: $1))
    }

    static let tests = SourceTree.tests.reduce(into: Set<String>()) { names, file in
        for match in file.text.matches(of: #/func `(?<name>[^`]+)`/#) {
            names.insert(String(match.name))
        }
    }

    static let keys = SourceTree.sources.reduce(into: Set<String>()) { keys, file in
        guard file.path.contains("/Serve/") || file.path.hasSuffix("+Reading.swift")
        else { return }
        for match in file.text.matches(of: #/(?:optional|time)\(\s*"(?<key>\w+)"/#) {
            keys.insert(String(match.key))
        }
    }

    @Test func `the page of bounds is whole and true`() throws {
        #expect(Self.bounds.count > 40, "\(Self.bounds.sorted())")
        let file = SourceTree.root.appending(path: "docs/bounds.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        let findings = BoundNet.findings(
            in: page,
            bounds: Self.bounds,
            tests: Self.tests,
            keys: Self.keys
        )
        #expect(findings == [])
    }

    @Test(arguments: [
        ("struct Box { static let peerLimit = 1 << 9 }", ["Box.peerLimit"]),
        ("final class Box {\n    package static let limit: Int = 9\n}", ["Box.limit"]),
        ("extension Box { static var excessLimit: UInt32 { 8 } }", ["Box.excessLimit"]),
        ("enum Name { static let limit = Self(\"limit\") }", []),
        ("struct Box { let limit = 1 }", []),
    ])
    func `a planted bound is found, and what is none is not`(
        _ text: String,
        _ expected: [String]
    ) {
        let file = SourceFile(path: "Sources/ChatServer/Box.swift", text: text)
        #expect(BoundNet.bounds(in: file) == Set(expected))
    }

    @Test(arguments: [
        ("| a | 1 | `Box.limit` | `limits.a` | no | `a law` |", 0),
        ("| a | 1 | `Box.other` | `limits.a` | no | `a law` |", 1),
        ("| a | 1 | `Box.limit` | `limits.b` | no | `a law` |", 1),
        ("| a | 1 | `Box.limit` | | no | `no law` |", 1),
        ("| a | 1 | `Box.limit` | | no | |", 1),
        ("| a | 1 | `Box.limit` | no | `a law` |", 1),
    ])
    func `a planted error of the page is caught`(_ row: String, _ count: Int) {
        let findings = BoundNet.findings(
            in: row,
            bounds: ["Box.limit"],
            tests: ["a law"],
            keys: ["a"]
        )
        #expect(findings.count == count, "\(findings)")
    }
}
