// swift-tools-version: 6.3
import PackageDescription

/// The settings of every target: the strictest that the toolchain offers, with warnings as errors.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let containers: Target.Dependency = .product(
    name: "BasicContainers",
    package: "swift-collections"
)

let package = Package(
    name: "parley",
    products: [
        .executable(name: "parley", targets: ["parley"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .target(name: "Kernel", dependencies: [containers], swiftSettings: strict),
        .target(name: "ChatCore", dependencies: ["Kernel", containers], swiftSettings: strict),
        .target(
            name: "ClientProtocol",
            dependencies: ["Kernel", "ChatCore"],
            swiftSettings: strict
        ),
        // Generated code keeps its generator's habits, not ours.
        .target(
            name: "ProtobufSchema",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["client.proto"],
            swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")]
        ),
        .target(
            name: "ProtobufCodec",
            dependencies: [
                "ChatCore", "ClientProtocol", "Kernel", "ProtobufSchema",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: strict
        ),
        .target(name: "DiscreteEvents", dependencies: ["Kernel"], swiftSettings: strict),
        .target(name: "Measurement", dependencies: ["Kernel"], swiftSettings: strict),
        .target(
            name: "Reports",
            dependencies: ["Measurement", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict
        ),
        .target(name: "CLinux"),
        .target(name: "CPrefetch"),
        .target(name: "PriorityQueueReference"),
        .target(name: "FanOutReference"),
        .target(
            name: "EngineBenchmark",
            dependencies: ["DiscreteEvents", "Kernel", "CPrefetch", "PriorityQueueReference"],
            swiftSettings: strict
        ),
        .target(
            name: "ClientModel",
            dependencies: ["Kernel", "ChatCore", containers],
            swiftSettings: strict
        ),
        .target(
            name: "Workload",
            dependencies: ["ClientModel", "Kernel", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict
        ),
        .systemLibrary(
            name: "CSQLite",
            providers: [.apt(["libsqlite3-dev"])]
        ),
        .target(
            name: "ChatServer",
            dependencies: [
                "ChatCore", "ClientProtocol", "EventTrace", "Kernel", "CSQLite", "ProtobufCodec",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "EventTrace",
            dependencies: ["Kernel", "ChatCore"],
            swiftSettings: strict
        ),
        .target(name: "Oracles", dependencies: ["Kernel"], swiftSettings: strict),
        .target(
            name: "FleetSimulation",
            dependencies: [
                "ChatCore", "ClientModel", "DiscreteEvents", "EventTrace", "Kernel", "Measurement",
                "Oracles", "Workload", containers,
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "parley",
            dependencies: [
                "ChatCore", "ChatServer", "EngineBenchmark", "EventTrace", "FleetSimulation",
                "Kernel",
                "LoadGenerator", "Measurement", "Reports", "Workload",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "LoadGenerator",
            dependencies: [
                "CLinux", "ClientModel", "ClientProtocol", "ChatCore", "FanOutReference", "Kernel",
                "Measurement", "Workload",
                containers,
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ChatCoreTests",
            dependencies: ["ChatCore", "EventTrace", "Kernel", "Oracles"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EventTraceTests",
            dependencies: ["EventTrace", "ChatCore", "Kernel"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ClientProtocolTests",
            dependencies: ["ClientProtocol", "ChatCore", "Kernel", "ProtobufCodec"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ClientModelTests",
            dependencies: ["ClientModel", "ChatCore", "Kernel"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "WorkloadTests",
            dependencies: ["Workload", "ClientModel", "Kernel"],
            swiftSettings: strict
        ),
        .testTarget(name: "KernelTests", dependencies: ["Kernel"], swiftSettings: strict),
        .testTarget(
            name: "DiscreteEventsTests",
            dependencies: ["DiscreteEvents", "Kernel"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EngineBenchmarkTests",
            dependencies: ["EngineBenchmark"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "LoadGeneratorTests",
            dependencies: ["LoadGenerator", "ClientModel", "Kernel"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ChatServerTests",
            dependencies: [
                "ChatServer", "ChatCore", "Kernel", "CSQLite",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "parley", "CSQLite", "ChatCore", "ChatServer", "ClientProtocol", "EventTrace",
                "FleetSimulation", "Kernel", "LoadGenerator", "Oracles", "ProtobufCodec",
                "Workload",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: [
                "api.py", "live.py", "newcomer.py", "presence.py", "sdk.py", "secure.py",
                "suite.py",
                "Disk",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "OraclesTests",
            dependencies: ["Oracles", "Kernel"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FleetSimulationTests",
            dependencies: ["FleetSimulation", "Kernel", "Measurement", "Workload"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "parleyTests",
            dependencies: ["parley", "ChatCore", "Kernel", "Workload"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "MeasurementTests",
            dependencies: ["Measurement", "Kernel"],
            swiftSettings: strict
        ),
        .testTarget(name: "ReportsTests", dependencies: ["Reports"], swiftSettings: strict),
        .testTarget(name: "TidyTests", swiftSettings: strict),
    ]
)
