import FleetSimulation
import Foundation
import Testing
import Workload

/// The scenarios that are kept under `models/`, as they stand there.
struct ScenarioFileTests {
    private static let models = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "models")

    /// A file under `models/`.
    static func text(_ name: String, in folder: String = "scenarios") throws -> String {
        let file = Self.models.appending(path: "\(folder)/\(name).yaml")
        return try String(contentsOf: file, encoding: .utf8)
    }

    @Test(
        arguments: [
            "smoke", "adverse", "cramped", "chat", "restored", "patient", "slow", "hints",
        ],
        UInt64(1)...4
    )
    func `the promises hold in the scenarios with faults`(name: String, seed: UInt64) throws {
        let result = try WorldTests.run(Self.text(name), seed: seed)
        #expect(
            result.verdict == "held",
            "parley simulate models/scenarios/\(name).yaml --seed \(seed): \(result.violations)"
        )
    }

    @Test(arguments: UInt64(1)...4)
    func `slow readers fall behind, and those within the window keep their subscriptions`(
        seed: UInt64
    ) throws {
        let result = try WorldTests.run(Self.text("slow"), seed: seed)
        #expect(result.counts.fellBehind > 10)
        let calm = try Self.text("slow").split(separator: "faults:")[0]
            .replacing("  absences: {", with: "  # {")
            .replacing("bytesPerSecond: 5000", with: "bytesPerSecond: 8000")
            .replacing("recoveryLimit: 250", with: "recoveryLimit: 3000")
        let patient = try WorldTests.run(String(calm), seed: seed)
        #expect(patient.verdict == "held", "\(patient.violations)")
        #expect(patient.counts.fellBehind > 10)
        #expect(patient.counts.disconnects == 0 && patient.counts.unrecovered == 0)
        #expect(patient.counts.connects == 40)
    }
}
