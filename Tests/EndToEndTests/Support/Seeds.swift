import Foundation

/// Seeds of tests that draw instants, and the way to run one of them again.
enum Seeds {
    /// The seed that PARLEY_SEED names, or else all of `seeds`.
    static func chosen(from seeds: [UInt64]) -> [UInt64] {
        guard let text = ProcessInfo.processInfo.environment["PARLEY_SEED"] else { return seeds }
        guard let seed = UInt64(text) else {
            preconditionFailure("PARLEY_SEED: '\(text)' is no seed")
        }
        return [seed]
    }

    /// The command that runs one seed of the tests that `filter` names.
    static func command(_ seed: UInt64, filter: String) -> String {
        "PARLEY_SEED=\(seed) swift test --disable-xctest --filter \(filter)"
    }
}

/// As `expectHolds`, for one seed: what breaks comes with the command that runs it again.
func expectHolds(
    seed: UInt64,
    filter: String,
    _ body: @escaping @Sendable (UInt64) throws -> Void
) async throws {
    do {
        try await expectHolds(seed, body)
    } catch {
        throw Broken(description: "\(error)\nagain: \(Seeds.command(seed, filter: filter))")
    }
}
