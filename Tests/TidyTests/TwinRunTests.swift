import Foundation
import Testing

/// One seed in two processes must give one digest, whatever the order of hashes in each.
struct TwinRunTests {
    static let scenario = "models/scenarios/smoke.yaml"

    static var hasScenario: Bool {
        let file = SourceTree.root.appending(path: Self.scenario)
        return FileManager.default.fileExists(atPath: file.path(percentEncoded: false))
    }

    /// The part of a run's result that both processes must agree on.
    struct RunResult: Decodable, Equatable {
        var digest: String
    }

    @Test func `hash seeds are left random`() {
        let environment = ProcessInfo.processInfo.environment
        #expect(environment["SWIFT_DETERMINISTIC_HASHING"] == nil)
    }

    @Test func `a result that follows hash order differs from process to process`() throws {
        let code = """
            var rows: [Int: Int] = [:]
            for key in 0..<64 { rows[key] = key }
            var digest: UInt64 = 14_695_981_039_346_656_037
            for (key, _) in rows { digest = (digest ^ UInt64(key)) &* 1_099_511_628_211 }
            print(digest)
            """
        let digests = try TemporaryFolder.with { folder in
            try Data(code.utf8).write(to: folder.appending(path: "main.swift"))
            _ = try Command.run("swiftc", arguments: ["main.swift", "-o", "planted"], in: folder)
            return try (0..<5).map { _ in
                try Command.run(folder.appending(path: "planted"), arguments: []).output
            }
        }
        #expect(Set(digests).count > 1)
    }

    @Test(.enabled(if: Self.hasScenario), arguments: [7, 8] as [UInt64])
    func `one seed gives one digest in two processes`(seed: UInt64) throws {
        let command = ObjectFile.buildFolder.appending(path: "parley")
        let first = try self.simulate(with: command, seed: seed)
        let second = try self.simulate(with: command, seed: seed)
        #expect(first == second)
    }

    @Test(
        .enabled("PARLEY_RELEASE names the release build, as make test does") {
            Self.hasScenario && ProcessInfo.processInfo.environment["PARLEY_RELEASE"] != nil
        }
    )
    func `a debug and a release build give one digest`() throws {
        let release = try #require(ProcessInfo.processInfo.environment["PARLEY_RELEASE"])
        let debug = ObjectFile.buildFolder.appending(path: "parley")
        #expect(
            try self.simulate(with: debug, seed: 7)
                == self.simulate(with: URL(filePath: release), seed: 7)
        )
    }

    private func simulate(with command: URL, seed: UInt64) throws -> RunResult {
        try TemporaryFolder.with { folder in
            let run = folder.appending(path: "run").path(percentEncoded: false)
            let outcome = try Command.run(
                command,
                arguments: [
                    "simulate", Self.scenario, "--seed", "\(seed)", "--out", run, "--json",
                ]
            )
            let result = try JSONDecoder().decode(RunResult.self, from: Data(outcome.output.utf8))
            #expect(!result.digest.isEmpty)
            return result
        }
    }
}
