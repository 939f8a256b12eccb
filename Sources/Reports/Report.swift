package import Foundation

/// Runs laid side by side: a page for people, JSON and tables for programs.
///
/// One input gives the same bytes: nothing of the machine or of the day goes in.
package struct Report: Sendable {
    package var runs: [RunFiles]
    /// Of the tool that writes the report.
    package var version: String
    /// What makes the report again.
    package var command: String

    package init(_ runs: [RunFiles], version: String, command: String) {
        self.runs = runs
        self.version = version
        self.command = command
    }

    /// The files of the report, by name.
    package func files(drawnBy plotter: Plotter) throws -> KeyValuePairs<String, Data> {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let documents = self.runs.map(\.run)
        return [
            "index.html": Data(try Page(self, plotter).text().utf8),
            "report.json": try encoder.encode(Summary(self)) + Data("\n".utf8),
            "series.csv": Data(Tables.series(documents).utf8),
            "latency.csv": Data(Tables.latency(documents).utf8),
            "utilisation.csv": Data(Tables.utilisation(documents).utf8),
        ]
    }

    /// Whether every promise held in every run.
    package var isHeld: Bool { self.runs.allSatisfy(\.run.isHeld) }

    /// Whether a promise was broken in any run.
    package var isBroken: Bool { self.runs.contains { $0.run.violationCount > 0 } }

    /// Each live run beside the first simulation of the same workload file on one node.
    var pairs: [RunPair] {
        self.runs.enumerated().compactMap { number, live in
            guard live.run.kind == .live, let digest = live.workloadDigest else { return nil }
            let simulated = self.runs.first {
                $0.run.kind == .simulated && $0.run.nodeCount == 1 && $0.workloadDigest == digest
            }
            return simulated.map {
                RunPair(id: "pair-\(number + 1)", live: live.run, simulated: $0.run)
            }
        }
    }
}
