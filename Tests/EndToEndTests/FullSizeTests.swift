import Foundation
import Testing

/// Presence where other systems have failed, at full size, in the release build.
struct FullSizeTests {
    static let release = ProcessInfo.processInfo.environment["PARLEY_RELEASE"]
    private static let models = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "models")

    struct Report: Decodable {
        struct Presence: Decodable {
            var told: Int
            var gone: Int
            var widestWindowSeconds: Double
        }

        struct Law: Decodable {
            var law: String
            var checks: Int
            var violations: Int
        }

        var verdict: String
        var violations: [String]
        var presence: Presence
        var checks: [Law]
    }

    /// Runs a scenario, or the same without its faults.
    private static func simulate(_ name: String, isCalm: Bool = false) throws -> Report {
        let release = URL(filePath: try #require(Self.release))
        var file = Self.models.appending(path: "scenarios/\(name).yaml")
        let folder = temporaryDirectory()
        defer {
            do {
                if isCalm { try FileManager.default.removeItem(at: folder) }
            } catch {
                Issue.record("a folder stays: \(error)")
            }
        }
        if isCalm {
            let text = try String(contentsOf: file, encoding: .utf8)
            let calm = text.prefix(
                upTo: text.firstRange(of: "faults:")?.lowerBound ?? text.endIndex
            )
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for part in ["hosts", "workloads"] {
                try FileManager.default.copyItem(
                    at: Self.models.appending(path: part),
                    to: folder.appending(path: part)
                )
            }
            let scenarios = folder.appending(path: "scenarios")
            try FileManager.default.createDirectory(
                at: scenarios,
                withIntermediateDirectories: true
            )
            file = scenarios.appending(path: "calm.yaml")
            try calm.write(to: file, atomically: true, encoding: .utf8)
        }
        let path = file.path(percentEncoded: false)
        let outcome = try run(release, ["simulate", path, "--seed", "1", "--json"])
        return try JSONDecoder().decode(Report.self, from: Data(outcome.text.utf8))
    }

    @Test(
        .enabled("PARLEY_RELEASE names the release build, as make test does") {
            FullSizeTests.release != nil
        },
        arguments: ["presence-return", "presence-gateway"]
    )
    func `nobody of 100,000 sees a drop, or a gateway's loss, that is shorter than its grace`(
        name: String
    ) throws {
        let report = try Self.simulate(name)
        #expect(report.verdict == "held", "\(report.violations)")
        #expect(report.presence.gone == 0)
        let calm = try Self.simulate(name, isCalm: true)
        #expect(report.presence.told == calm.presence.told, "nothing beyond the ramp-up's")
        #expect(report.presence.told > 50_000)
    }

    @Test(
        .enabled("PARLEY_RELEASE names the release build, as make test does") {
            FullSizeTests.release != nil
        }
    )
    func `a million watchers hear of a celebrity once, within the budget`() throws {
        let report = try Self.simulate("presence-celebrity")
        #expect(report.verdict == "held", "\(report.violations)")
        #expect((1_000_000...1_000_001).contains(report.presence.told))
        // 125,000 at each of eight gateway shards, which tell at most 20,000 in a second.
        #expect(report.presence.widestWindowSeconds > 7)
        #expect(report.presence.widestWindowSeconds < 9)
        let budget = report.checks.first { $0.law == "withinBudget" }
        #expect(budget?.checks == report.presence.told && budget?.violations == 0)
    }
}
