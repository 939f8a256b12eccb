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
        #expect((Int(checks) ?? 0) > 30, "\(checks)")
    }
}
