import Foundation
import Testing

struct SymbolTests {
    @Test(arguments: SourceTree.modules.filter(ModuleTable.pureModules.contains))
    func `a pure module calls nothing outside the seam`(module: String) throws {
        let files = try ObjectFile.files(ofModule: module)
        let symbols = try ObjectFile.undefinedSymbols(of: files)
        #expect(SymbolNet.findings(in: symbols) == [])
        #expect(!symbols.isEmpty)
    }

    /// Names a planted piece of code in test output.
    struct Plant: CustomTestStringConvertible {
        let name: String
        let code: String

        var testDescription: String { self.name }
    }

    static let violations = [
        Plant(name: "ambient integer", code: "func f() -> Int { Int.random(in: 0..<5) }"),
        Plant(name: "shuffle", code: "func f(_ a: [Int]) -> [Int] { a.shuffled() }"),
        Plant(name: "random element", code: "func f(_ a: [Int]) -> Int? { a.randomElement() }"),
        Plant(
            name: "system generator",
            code: "func f() -> UInt64 { var g = SystemRandomNumberGenerator(); return g.next() }"
        ),
        Plant(name: "continuous clock", code: "func f() { let a = ContinuousClock.now; _ = a }"),
        Plant(name: "suspending clock", code: "func f() { let a = SuspendingClock().now; _ = a }"),
        Plant(name: "task", code: "func f() { Task { } }"),
        Plant(name: "file", code: "import Glibc\nfunc f() -> Int32 { open(\"/dev/null\", 0) }"),
        Plant(name: "socket", code: "import Glibc\nfunc f() -> Int32 { socket(2, 1, 0) }"),
        Plant(name: "wall clock", code: "import Glibc\nfunc f() -> Int { time(nil) }"),
        Plant(name: "foundation", code: "import Foundation\nfunc f() -> Date { Date() }"),
        Plant(name: "output", code: "func f() { print(1) }"),
        Plant(name: "hash value", code: "func f<T: Hashable>(_ t: T) -> Int { t.hashValue }"),
        Plant(
            name: "dictionary loop",
            code: "func f(_ d: [Int: Int]) -> Int { for (k, _) in d { return k }; return 0 }"
        ),
        Plant(
            name: "dictionary map",
            code: "func f(_ d: [Int: Int]) -> [Int] { d.map { $0.key } }"
        ),
        Plant(name: "dictionary values", code: "func f(_ d: [Int: Int]) -> Int { d.values.count }"),
        Plant(
            name: "set loop",
            code: "func f(_ s: Set<Int>) -> Int { for k in s { return k }; return 0 }"
        ),
        Plant(name: "set sort", code: "func f(_ s: Set<Int>) -> [Int] { s.sorted() }"),
    ]

    @Test(arguments: violations)
    func `a planted call across the seam is caught`(plant: Plant) throws {
        let symbols = try self.symbols(of: plant.code)
        #expect(!SymbolNet.findings(in: symbols).isEmpty, "\(symbols)")
    }

    @Test func `a look-up and a keyed draw pass`() throws {
        let code = """
            struct Keyed: RandomNumberGenerator { mutating func next() -> UInt64 { 4 } }
            struct Row: Hashable { var id = 0 }
            enum Code: UInt8, CaseIterable { case one = 1 }
            func draw(_ keyed: inout Keyed) -> Int { Int.random(in: 0..<5, using: &keyed) }
            func find(_ rows: [Row: Int], _ row: Row) -> Int? { rows[row] }
            func add(_ rows: inout Set<Row>, _ row: Row) -> Bool {
                rows.insert(row).inserted && rows.count < 9 && !rows.isEmpty
            }
            func drop(_ rows: inout [Row: Int]) -> Int? {
                defer { rows.removeAll(keepingCapacity: true) }
                return rows.removeValue(forKey: Row())
            }
            """
        #expect(SymbolNet.findings(in: try self.symbols(of: code)) == [])
    }

    private func symbols(of code: String) throws -> [String] {
        try TemporaryFolder.with { folder in
            let source = folder.appending(path: "planted.swift")
            try Data(code.utf8).write(to: source)
            _ = try Command.run(
                "swiftc",
                arguments: ["-c", "-module-name", "Planted", "planted.swift", "-o", "planted.o"],
                in: folder
            )
            return try ObjectFile.undefinedSymbols(of: [folder.appending(path: "planted.o")])
        }
    }
}
