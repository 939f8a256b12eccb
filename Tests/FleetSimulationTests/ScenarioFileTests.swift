import FleetSimulation
import Foundation
import Testing
import Workload

/// The scenarios that are kept under `models/`, as they stand there.
struct ScenarioFileTests {
    private static let models = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "models")

    @Test(arguments: ["smoke", "adverse", "cramped", "chat", "restored", "patient"], UInt64(1)...4)
    func `the promises hold in the scenarios with faults`(name: String, seed: UInt64) throws {
        let file = Self.models.appending(path: "scenarios/\(name).yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        let result = try WorldTests.run(text, seed: seed)
        #expect(
            result.verdict == "held",
            "parley simulate models/scenarios/\(name).yaml --seed \(seed): \(result.violations)"
        )
    }
}
