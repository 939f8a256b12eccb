import Foundation
import Testing

struct DocumentTests {
    static let topLevel: Set<String> = [
        "Package.swift", "Sources", "Tests", "models", "reports", "notebooks-data", "README.md",
        "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Makefile", "docs",
    ]

    /// What git leaves out: what was built, resolved and written by runs.
    static let unversioned: Set<String> = ["Package.resolved", "runs"]

    @Test func `documents refer to what is there`() throws {
        let facts = try Self.facts()
        for path in facts.paths.sorted() where path.hasSuffix(".md") {
            let url = SourceTree.root.appending(path: path)
            let text = try String(contentsOf: url, encoding: .utf8)
            let document = DocumentNet.Document(path: path, text: text)
            #expect(DocumentNet.findings(in: document, facts: facts) == [], "\(path)")
        }
    }

    @Test func `nothing lies at the top that has no place there`() throws {
        let names = try FileManager.default.contentsOfDirectory(
            atPath: SourceTree.root.path(percentEncoded: false)
        )
        let visible = Set(names.filter { !$0.hasPrefix(".") })
        #expect(visible.subtracting(Self.unversioned).subtracting(Self.topLevel) == [])
    }

    @Test(arguments: [
        "[a page](missing.md)", "run `make coffee`", "    make coffee",
        "`parley simulate models/scenarios/missing.yaml`",
    ])
    func `a planted reference to nothing is caught`(text: String) {
        let facts = DocumentNet.Facts(paths: ["README.md"], makeTargets: ["test"])
        let document = DocumentNet.Document(path: "README.md", text: text)
        #expect(DocumentNet.findings(in: document, facts: facts).count == 1)
    }

    @Test(arguments: [
        "[a page](../README.md)", "[a site](https://swift.org/x)", "run `make test`", "we make tea",
        "[a part](../README.md#part)",
    ])
    func `a good reference passes`(text: String) {
        let facts = DocumentNet.Facts(paths: ["README.md"], makeTargets: ["test"])
        let document = DocumentNet.Document(path: "docs/page.md", text: text)
        #expect(DocumentNet.findings(in: document, facts: facts) == [])
    }

    @Test func `each trap of the client protocol has a test`() throws {
        let page = SourceTree.root.appending(path: "docs/client-protocol.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let traps = try #require(text.range(of: "## Traps"))
        let table = String(text[traps.upperBound...])
        let tests = SourceTree.tests.map(\.text).joined()
        #expect(table.split(separator: "\n").count(where: { $0.hasPrefix("| ") }) == 1 + 17)
        #expect(DocumentNet.missingTests(in: table, tests: tests) == [])
        let planted = "| a trap | `a law that nobody checks` |"
        #expect(DocumentNet.missingTests(in: planted, tests: tests) == ["a law that nobody checks"])
    }

    private static func facts() throws -> DocumentNet.Facts {
        let root = SourceTree.root
        let makefile = try String(contentsOf: root.appending(path: "Makefile"), encoding: .utf8)
        let targets = makefile.split(separator: "\n").compactMap { line in
            line.prefixMatch(of: #/(?<name>[a-z-]+):(?!=)/#).map { String($0.name) }
        }
        var paths: Set<String> = []
        for top in Self.topLevel {
            paths.insert(top)
            let folder = root.appending(path: top).path(percentEncoded: false)
            for case let path as String in FileManager.default.enumerator(atPath: folder) ?? .init()
            {
                paths.insert("\(top)/\(path)")
            }
        }
        return DocumentNet.Facts(paths: paths, makeTargets: Set(targets))
    }
}
