import Testing

struct BannedTokenTests {
    @Test(arguments: SourceTree.sources)
    func `a source file uses no word that is banned in its module`(file: SourceFile) {
        expectNothing(BannedTokenNet.findings(in: file), in: file)
    }

    @Test(arguments: SourceTree.tests)
    func `a test reaches behind no API and waits for no clock`(file: SourceFile) {
        expectNothing(BannedTokenNet.findings(inTest: file), in: file)
    }

    @Test(arguments: BannedTokenNet.everywhere + BannedTokenNet.repeatable + BannedTokenNet.pure)
    func `each word banned in the core is caught there`(token: BannedToken) {
        let text = "func f() {\n let x \(token.pattern) y\n}"
        let found = BannedTokenNet.findings(
            in: SourceFile(path: "Sources/ChatCore/A.swift", text: text)
        )
        #expect(found.contains { $0.line == 2 })
    }

    @Test(arguments: [
        "let n = Int.random(in: 0..<3)",
        "let n = try? decode()",
        "Task { work() }",
        "let started = ContinuousClock.now",
        "let started: Instant = .now",
        "print(\"hello\")",
        "let share = 0.5",
        "public struct Row {}",
        "let text = \"\\(try? decode())\"",
    ])
    func `planted code is caught in the core`(text: String) {
        let file = SourceFile(path: "Sources/ChatCore/A.swift", text: text)
        #expect(!BannedTokenNet.findings(in: file).isEmpty)
    }

    @Test(arguments: [
        "// Task, Date() and Int.random are for hosts",
        "/* fatalError( */ let x = 1",
        "let text = \"print(try? Task.sleep)\"",
        "let text = #\"\"\"\n print(\"a\")\n \"\"\"#",
        "let task: TaskID",
        "let first = rows.0.1",
        "let range = 0...5",
        "public import BasicContainers",
        "mutating func handle(_ event: Event, at now: Instant) { self.step(at: now) }",
        "let next = engine.now + delay",
    ])
    func `innocent code passes in the core`(text: String) {
        let file = SourceFile(path: "Sources/ChatCore/A.swift", text: text)
        #expect(BannedTokenNet.findings(in: file) == [])
    }

    @Test(arguments: BannedTokenNet.sleeping)
    func `sleeping is caught in a test unless it talks to sockets`(token: BannedToken) {
        let body = "@Test func f() async throws { try await \(token.pattern) x }"
        let quiet = SourceFile(path: "Tests/KernelTests/A.swift", text: body)
        #expect(!BannedTokenNet.findings(inTest: quiet).isEmpty)
        let tagged = SourceFile(
            path: "Tests/ChatServerTests/A.swift",
            text: "@Suite(.tags(.socket)) struct S { \(body) }"
        )
        #expect(BannedTokenNet.findings(inTest: tagged) == [])
    }
}

extension BannedToken: CustomTestStringConvertible {
    var testDescription: String { self.pattern }
}
