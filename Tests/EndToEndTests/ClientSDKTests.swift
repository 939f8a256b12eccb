import Foundation
import Testing

/// The built command and the Centrifuge SDK from PyPI, unmodified, over real sockets.
struct ClientSDKTests {
    @Test(.enabled(if: Script.python != nil), .timeLimit(.minutes(3)))
    func `a public SDK sends once, recovers, and finds everything after kill -9`() throws {
        let printed = try Script("sdk.py").run([])
        let checks = String(decoding: printed, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect((Int(checks) ?? 0) > 40, "\(checks)")
    }
}
