import Testing

struct StyleTests {
    static let sources = SourceTree.sources.filter {
        !ModuleTable.generatedModules.contains($0.module)
    }
    static let files = Self.sources + SourceTree.tests

    @Test(arguments: SourceTree.sources)
    func `what a generator writes stands in a module for it, and nothing else does`(
        file: SourceFile
    ) {
        #expect(
            file.text.hasPrefix("// DO NOT EDIT.")
                == ModuleTable.generatedModules.contains(file.module)
        )
    }

    @Test(arguments: files)
    func `files and functions stay short`(file: SourceFile) {
        expectNothing(SizeNet.findings(in: file), in: file)
    }

    @Test(arguments: files)
    func `names use the project's one word for each thing`(file: SourceFile) {
        expectNothing(NameNet.findings(in: file), in: file)
    }

    @Test(arguments: files)
    func `comments say why`(file: SourceFile) {
        expectNothing(CommentNet.findings(in: file), in: file)
    }

    @Test(arguments: Self.sources)
    func `declarations keep the compiler's checks useful`(file: SourceFile) {
        expectNothing(ShapeNet.findings(in: file), in: file)
    }

    @Test(arguments: SourceTree.tests)
    func `every test can fail`(file: SourceFile) {
        expectNothing(AssertionNet.findings(in: file), in: file)
    }

    @Test(arguments: SourceTree.modules)
    func `a module stays within its budget of unchecked annotations`(module: String) {
        #expect(ShapeNet.budgetFindings(module: module, files: SourceTree.sources) == [])
    }

    @Test func `a protocol has two conformers or is not there`() {
        let findings = ConformanceNet.findings(sources: SourceTree.sources, tests: SourceTree.tests)
        #expect(findings == [])
    }

    @Test func `pure modules have no budget of unchecked annotations`() {
        for module in ModuleTable.pureModules {
            #expect(ModuleTable.rules[module]?.uncheckedBudget == 0)
        }
    }
}

/// Each net of style, shown to catch what it is for.
struct PlantedStyleTests {
    private func source(_ text: String, path: String = "Sources/ChatCore/A.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    /// Texts of `count` lines, each with one thing whose length is counted.
    static let measured: [String: @Sendable (_ count: Int) -> String] = [
        "file": { String(repeating: "let x = 1\n", count: $0) },
        "function": { "func f() {\n" + String(repeating: "g()\n", count: $0 - 2) + "}" },
        "initialiser": {
            "init(a: Int = { 1 }()) where T: U {\n" + String(repeating: "g()\n", count: $0 - 2)
                + "}"
        },
    ]

    @Test(arguments: [
        ("file", SizeNet.sourceLinesMax), ("function", SizeNet.functionLinesMax),
        ("initialiser", SizeNet.functionLinesMax),
    ])
    func `one line too many is caught`(kind: String, limit: Int) throws {
        let text = try #require(Self.measured[kind])
        #expect(SizeNet.findings(in: self.source(text(limit))) == [])
        #expect(SizeNet.findings(in: self.source(text(limit + 1))).count == 1)
    }

    @Test func `a requirement without a body has no length`() {
        let lines = String(repeating: "let x = 1\n", count: 80)
        let text = "protocol P {\nfunc f()\n}\nstruct S {\n\(lines)}"
        #expect(SizeNet.findings(in: self.source(text)) == [])
    }

    @Test(arguments: [
        "struct ConnectionManager {}", "enum Utils {}", "final class PushService {}",
        "let roomCount = 1", "func joinChannel() {}", "var leaderID: NodeID",
    ])
    func `a planted name is caught`(text: String) {
        #expect(NameNet.findings(in: self.source(text)).count == 1)
    }

    @Test func `a file named after nothing is caught`() {
        let file = self.source("", path: "Sources/ChatCore/ShardUtils.swift")
        #expect(NameNet.findings(in: file).count == 1)
    }

    @Test(arguments: [
        "let headroom = 1", "let room = 1", "let hasRoom = 1", "/// Makes room.\nlet x = 1",
    ])
    func `an innocent name passes`(text: String) {
        #expect(NameNet.findings(in: self.source(text)) == [])
    }

    @Test(arguments: [
        "// Increment the counter\ncounter += 1", "x() // Step 3: send", "// TODO: improve",
        "/// FIXME later\nlet x = 1",
    ])
    func `a planted comment is caught`(text: String) {
        #expect(CommentNet.findings(in: self.source(text)).count == 1)
    }

    @Test(arguments: [
        "// A reader may be behind, so the head is asked for again.",
        "/// Returns nothing when the head is unknown.\nlet x = 1",
        "let text = \"// TODO\"",
    ])
    func `an innocent comment passes`(text: String) {
        #expect(CommentNet.findings(in: self.source(text)) == [])
    }

    @Test(arguments: [
        "package struct Row {}",
        "let x = 1\n@frozen\npackage enum Phase {}",
        "switch phase {\ncase .open: f()\ndefault: break\n}",
        "switch (phase, event) {\ncase (.open, .close): f { if case .a = b { g() } }\ndefault: break\n}",
        "struct Box: @unchecked Sendable {}",
    ])
    func `a planted declaration is caught`(text: String) {
        #expect(ShapeNet.findings(in: self.source(text)).count == 1)
    }

    @Test(arguments: [
        "/// One row.\n@frozen\npackage struct Row {\n    package enum Phase {}\n}",
        "switch byte {\ncase 0x20: f()\ndefault: g()\n}",
        "// Only the loop touches it.\nnonisolated(unsafe) var x = 1",
    ])
    func `an innocent declaration passes`(text: String) {
        #expect(ShapeNet.findings(in: self.source(text)) == [])
    }

    @Test(arguments: [
        ("protocol P {}\nstruct A: P {}", 1),
        ("protocol P {}\nstruct A: P {}\nextension A: P {}", 1),
        ("protocol P {}\nstruct A<T: P> {}\nfunc f(p: some P) {}\nstruct B: P {}", 1),
        ("protocol P {}\nstruct A<T: Q>: ~Copyable, P where T: R {}\nextension B.C: P {}", 0),
    ])
    func `a planted protocol with one conformer is caught`(text: String, count: Int) {
        let findings = ConformanceNet.findings(sources: [self.source(text)], tests: [])
        #expect(findings.count == count)
    }

    @Test func `an annotation over the budget is caught`() {
        let file = self.source("// Owned by one loop.\nstruct Box: @unchecked Sendable {}")
        #expect(ShapeNet.budgetFindings(module: "ChatCore", files: [file]).count == 1)
    }

    @Test(arguments: [
        "@Test func f() { run() }",
        "@Test(arguments: [1, 2])\nfunc f(n: Int) throws { try run(n) }",
    ])
    func `a planted test that expects nothing is caught`(text: String) {
        let file = self.source(text, path: "Tests/ChatCoreTests/A.swift")
        #expect(AssertionNet.findings(in: file).count == 1)
    }

    @Test(arguments: [
        "@Test func f() { #expect(run() == 1) }",
        "@Test func f() throws { _ = try #require(run()) }",
        "@Test func f() { expectDelivery(of: run()) }",
        "func compare() { #expect(run() == 1) }\n@Test func f() { self.compare() }",
    ])
    func `a test that expects something passes`(text: String) {
        let file = self.source(text, path: "Tests/ChatCoreTests/A.swift")
        #expect(AssertionNet.findings(in: file) == [])
    }
}
