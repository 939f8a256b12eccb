import Testing

struct ImportTests {
    @Test(arguments: SourceTree.sources)
    func `a source file imports only what the table allows its module`(file: SourceFile) {
        expectNothing(ImportNet.findings(in: file), in: file)
    }

    @Test(arguments: SourceTree.tests)
    func `a test file leaves the live host to the tests of the live host`(file: SourceFile) {
        expectNothing(ImportNet.findings(inTest: file), in: file)
    }

    @Test func `there are sources to look at`() {
        #expect(SourceTree.sources.contains { $0.module == "Kernel" })
    }

    @Test func `the table allows no ring of modules`() {
        #expect(ImportNet.cycle(in: ModuleTable.rules) == nil)
        let ring = ["A": ModuleRule(.pure, ["B"]), "B": ModuleRule(.pure, ["A"])]
        #expect(ImportNet.cycle(in: ring) == ["A", "B", "A"])
    }

    @Test func `a pure module may import only pure modules, containers and C without calls`() {
        let containers: Set = ["BasicContainers", "CPrefetch"]
        for module in ModuleTable.pureModules {
            let imports = ModuleTable.rules[module]?.imports ?? []
            #expect(imports.subtracting(containers).isSubset(of: ModuleTable.pureModules))
        }
    }

    @Test(arguments: [
        ("Sources/Kernel/A.swift", "import Foundation"),
        ("Sources/Kernel/A.swift", "package import ChatCore"),
        ("Sources/ChatCore/Shard/A.swift", "import struct Foundation.Date"),
        ("Sources/ChatCore/A.swift", "import Kernel; import Synchronization"),
        ("Sources/ClientProtocol/A.swift", "import NIOCore"),
        ("Sources/Oracles/A.swift", "import ChatCore"),
        ("Sources/Workload/A.swift", "import Foundation"),
        ("Sources/Workload/NotDecoding/A.swift", "import Yams"),
        ("Sources/FleetSimulation/A.swift", "import ChatServer"),
        ("Sources/LoadGenerator/A.swift", "import ChatServer"),
        ("Sources/Unheard/A.swift", ""),
    ])
    func `a planted import is caught`(path: String, text: String) {
        #expect(ImportNet.findings(in: SourceFile(path: path, text: text)).count == 1)
    }

    @Test(arguments: [
        ("Sources/ChatCore/A.swift", "package import Kernel\nimport BasicContainers"),
        ("Sources/Workload/Decoding/A.swift", "import Yams"),
        ("Sources/ChatServer/A.swift", "@preconcurrency import NIOPosix"),
        ("Sources/Kernel/A.swift", "// import Foundation\nlet text = \"import Foundation\""),
    ])
    func `an allowed import passes`(path: String, text: String) {
        #expect(ImportNet.findings(in: SourceFile(path: path, text: text)) == [])
    }

    @Test(arguments: [
        ("Tests/KernelTests/A.swift", "import ChatServer"),
        ("Tests/ParityTests/A.swift", "import XCTest"),
    ])
    func `a planted import in a test is caught`(path: String, text: String) {
        #expect(ImportNet.findings(inTest: SourceFile(path: path, text: text)).count == 1)
    }
}
