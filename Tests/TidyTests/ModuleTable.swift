/// How strictly a module is kept from the outside world.
enum Purity: Sendable {
    /// Runs inside the seam: no I/O, no clock, no ambient randomness, no concurrency, no floating point.
    case pure
    /// Outside the seam, but one seed must give one result: no clock, no ambient randomness.
    case repeatable
    /// A host: talks to the world.
    case host
}

/// What a module may know of; the dependencies of the architecture, which point down.
struct ModuleRule: Sendable {
    let purity: Purity
    let imports: Set<String>
    /// Imports that are allowed below one folder of the module only.
    var importsByFolder: [String: Set<String>] = [:]
    /// Every module whose name begins so may be imported.
    var importPrefixes: [String] = []
    /// How often `@unchecked Sendable`, `nonisolated(unsafe)` and `@preconcurrency` may stand here.
    var uncheckedBudget = 0

    init(
        _ purity: Purity,
        _ imports: Set<String>,
        inFolders importsByFolder: [String: Set<String>] = [:],
        prefixes importPrefixes: [String] = [],
        uncheckedBudget: Int = 0
    ) {
        self.purity = purity
        self.imports = imports
        self.importsByFolder = importsByFolder
        self.importPrefixes = importPrefixes
        self.uncheckedBudget = uncheckedBudget
    }
}

/// The one table of who may import what.
///
/// A module that is missing here fails its tests.
enum ModuleTable {
    static let rules: [String: ModuleRule] = [
        "Kernel": ModuleRule(.pure, ["BasicContainers"]),
        "ChatCore": ModuleRule(.pure, ["Kernel", "BasicContainers"]),
        "ClientProtocol": ModuleRule(.pure, ["Kernel", "ChatCore", "BasicContainers"]),
        "ProtobufSchema": ModuleRule(
            .repeatable,
            ["SwiftProtobuf", "Foundation", "FoundationEssentials"],
            // Of the generator's own making: storage that is copied before it is written.
            uncheckedBudget: 2
        ),
        "ProtobufCodec": ModuleRule(
            .repeatable,
            [
                "Kernel", "ChatCore", "ClientProtocol", "ProtobufSchema", "SwiftProtobuf",
                "FoundationEssentials",
            ]
        ),
        "EventTrace": ModuleRule(.pure, ["Kernel", "ChatCore", "BasicContainers"]),
        "ClientModel": ModuleRule(.pure, ["Kernel", "ChatCore", "BasicContainers"]),
        "DiscreteEvents": ModuleRule(.pure, ["Kernel", "BasicContainers", "CPrefetch"]),
        // Oracles judge the machines, so they know none of them.
        "Oracles": ModuleRule(.pure, ["Kernel", "EventTrace", "BasicContainers"]),
        "Histogram": ModuleRule(.pure, ["Kernel", "BasicContainers"]),
        "Workload": ModuleRule(
            .repeatable,
            ["Kernel", "ChatCore", "ClientModel"],
            inFolders: ["Decoding": ["Yams", "Foundation", "FoundationEssentials"]]
        ),
        "FleetSimulation": ModuleRule(
            .repeatable,
            [
                "Kernel", "ChatCore", "ClientModel", "Workload", "DiscreteEvents", "EventTrace",
                "Oracles", "Histogram", "Measurement", "BasicContainers", "DequeModule",
            ]
        ),
        "Measurement": ModuleRule(.repeatable, ["Kernel"]),
        // A report knows a run by its files alone, whoever wrote them.
        "Reports": ModuleRule(.repeatable, ["Measurement", "Crypto", "Foundation"]),
        "LoadGenerator": ModuleRule(
            .host,
            [
                "BasicContainers", "CLinux", "FanOutReference", "JWTKit", "Kernel", "ChatCore",
                "ClientModel",
                "ClientProtocol", "Workload", "Histogram", "Measurement",
                "Logging", "Synchronization", "Foundation", "FoundationEssentials", "Glibc",
            ],
            prefixes: ["NIO"],
            uncheckedBudget: 4
        ),
        "ChatServer": ModuleRule(
            .host,
            [
                "Kernel", "ChatCore", "ClientProtocol", "EventTrace", "BasicContainers", "CSQLite",
                "ProtobufCodec",
                "DequeModule", "Dispatch",
                "Yams",
                "Logging", "Metrics", "Prometheus", "JWTKit", "Crypto", "Synchronization",
                "Foundation", "FoundationEssentials", "Glibc",
            ],
            prefixes: ["NIO"],
            uncheckedBudget: 8
        ),
        "EngineBenchmark": ModuleRule(
            .host,
            ["Kernel", "DiscreteEvents", "CPrefetch", "PriorityQueueReference", "Glibc"]
        ),
        "parley": ModuleRule(
            .host,
            [
                "Kernel", "ChatCore", "ClientProtocol", "EventTrace", "ClientModel", "Workload",
                "DiscreteEvents", "FleetSimulation", "Oracles", "Histogram", "Measurement",
                "Reports",
                "LoadGenerator", "ChatServer", "EngineBenchmark", "ArgumentParser", "Logging",
                "JWTKit", "Crypto", "Yams", "Foundation", "FoundationEssentials", "Glibc",
                "Dispatch", "Synchronization",
            ],
            prefixes: ["NIO"],
            uncheckedBudget: 2
        ),
    ]

    static let pureModules: [String] = rules.filter { $0.value.purity == .pure }.keys.sorted()

    /// The modules that a generator writes: they keep its style and its sizes.
    static let generatedModules: Set<String> = ["ProtobufSchema"]

    /// The test targets that may drive the live host.
    static let liveHostTests: Set<String> = ["ChatServerTests", "ParityTests", "EndToEndTests"]
}
