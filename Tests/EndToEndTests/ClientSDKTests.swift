import Foundation
import Testing

/// The built command and the Centrifuge SDK from PyPI, unmodified, over real sockets.
struct ClientSDKTests {
    /// How its two clients speak: one reads what the other sends.
    static let encodings = [["json", "json"], ["protobuf", "protobuf"], ["json", "protobuf"]]

    @Test(.enabled(if: Script.python != nil), .timeLimit(.minutes(3)), arguments: Self.encodings)
    func `a public SDK sends once, recovers, and finds everything after kill -9`(
        encodings: [String]
    ) throws {
        let printed = try Script("sdk.py").run(encodings)
        let checks = String(decoding: printed, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect((Int(checks) ?? 0) > 40, "\(checks)")
    }

    @Test(.enabled(if: Script.python != nil), .timeLimit(.minutes(2)))
    func `two users chat with the README's program, across kill -9`() throws {
        let readme = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../README.md").standardized.path(percentEncoded: false)
        let printed = try Script("newcomer.py").run([], after: [readme])
        let checks = String(decoding: printed, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect((Int(checks) ?? 0) == 19, "\(checks)")
    }

    private struct Outcome: Decodable {
        var test: String
        var failure: String?
    }

    @Test(.enabled(if: Script.python != nil), .timeLimit(.minutes(4)))
    func `the SDK's own tests pass, most of them in both encodings`() throws {
        let python = URL(filePath: try #require(Script.python))
        let suite = python.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "suite").path(percentEncoded: false)
        let printed = try Script("suite.py").run([], after: [suite])
        let outcomes = try printed.split(separator: UInt8(ascii: "\n"))
            .map { try JSONDecoder().decode(Outcome.self, from: $0) }
        #expect(outcomes.count == 62)
        for outcome in outcomes {
            #expect(outcome.failure == nil, "\(outcome.test): \(outcome.failure ?? "")")
        }
    }

    @Test(
        .enabled(if: Script.python != nil),
        .timeLimit(.minutes(3)),
        arguments: ["json", "protobuf"]
    )
    func `a public SDK sees who is there, who joins and, after the grace, who leaves`(
        encoding: String
    ) throws {
        let printed = try Script("presence.py").run([encoding])
        let checks = String(decoding: printed, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect((Int(checks) ?? 0) >= 30, "\(checks)")
    }

    @Test(
        .enabled(if: Script.python != nil),
        .timeLimit(.minutes(3)),
        arguments: ["json", "protobuf"]
    )
    func `the public client of the server API asks everything, and clients see what it did`(
        encoding: String
    ) throws {
        let printed = try Script("api.py").run([encoding])
        let checks = String(decoding: printed, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect((Int(checks) ?? 0) == 77, "\(checks)")
    }
}
