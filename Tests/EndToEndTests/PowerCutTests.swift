import Foundation
import Testing

/// The built server on a disk that loses what was not synced.
struct PowerCutTests {
    /// Messages whose acknowledgement came before the cut, and how many of them are gone after it.
    private static func cut(seed: UInt64, lies: Bool) throws -> (lookedFor: Int, lost: Int) {
        let disk = Script.products.appending(path: "libForgetfulDisk.so")
        let printed = try Script("power.py").run(
            ["\(seed)"] + (lies ? ["lies"] : []),
            after: [disk.path(percentEncoded: false)]
        )
        let words = String(decoding: printed, as: UTF8.self).split { $0.isWhitespace }
        try #require(words.count == 2, "seed \(seed)")
        return (try #require(Int(words[0])), try #require(Int(words[1])))
    }

    @Test(.enabled(if: Script.python != nil), .timeLimit(.minutes(2)), arguments: UInt64(1)...4)
    func `a power cut takes no acknowledged message`(seed: UInt64) throws {
        let (lookedFor, lost) = try Self.cut(seed: seed, lies: false)
        #expect(lookedFor > 20 && lost == 0, "seed \(seed): \(lost) of \(lookedFor) are gone")
    }

    @Test(.enabled(if: Script.python != nil), .timeLimit(.minutes(2)))
    func `a disk that lies about syncing is caught`() throws {
        #expect(try Self.cut(seed: 1, lies: true).lost > 0)
    }
}
