import Foundation
import Testing

/// The built server, killed with -9 again and again in the middle of a real load run.
struct KilledUnderLoadTests {
    struct Outcome: Decodable {
        var status: Int32
        var verdict: String
        var violations: [String]
        var sent: Int
        var acknowledged: Int
        var reconnects: Int
        /// How often a client had missed more than the server recovers, and paged the history.
        var unrecovered: Int
        var expected: Int
        var received: Int
        /// Messages in the database afterwards.
        var stored: Int
        /// What an independent look into the database found wrong.
        var wrong: [String]
    }

    private static func run(seed: UInt64, tampers: Bool) throws -> Outcome {
        let script = try Script("killed.py")
        let arguments = ["\(seed)"] + (tampers ? ["tamper"] : [])
        return try JSONDecoder().decode(Outcome.self, from: script.run(arguments))
    }

    @Test(.enabled(if: Script.python != nil), .timeLimit(.minutes(3)), arguments: UInt64(1)...2)
    func `kill -9 under load loses, repeats and reorders nothing, and everybody ends with the log`(
        seed: UInt64
    ) throws {
        let outcome = try Self.run(seed: seed, tampers: false)
        #expect(outcome.verdict == "pass" && outcome.status == 0, "\(outcome)")
        #expect(outcome.wrong.isEmpty, "\(outcome.wrong)")
        #expect(outcome.sent > 1_000 && outcome.stored == outcome.sent, "\(outcome)")
        #expect(outcome.received == outcome.expected, "\(outcome)")
        #expect(outcome.reconnects >= 60 && outcome.unrecovered > 0, "\(outcome)")
    }

    @Test(.enabled(if: Script.python != nil), .timeLimit(.minutes(3)))
    func `a log that lost its end while the server was dead is noticed`() throws {
        let outcome = try Self.run(seed: 1, tampers: true)
        #expect(outcome.verdict == "violation" && outcome.status == 3, "\(outcome)")
    }
}
