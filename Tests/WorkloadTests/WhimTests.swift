import ClientModel
import Kernel
import Testing
import Workload

@Suite struct WhimTests {
    static func whims(seed: UInt64) throws -> Whims {
        let text =
            sound + """

                absences: { every: 4 s, shortest: 1 s, longest: 3 s, silent: 0.5 }
                trespassEvery: 9 s
                """
        return Whims(try Workload(yaml: text, file: "w.yaml"), seed: seed)
    }

    @Test(arguments: UInt64(1)...5)
    func `users leave once in each stretch while users send, and as long as was said`(
        seed: UInt64
    ) throws {
        let whims = try Self.whims(seed: seed)
        var silent = 0
        var count = 0
        for user in 0..<100 as Range<UInt32> {
            var n: UInt32 = 0
            while let absence = whims.absence(n, of: ClientNumber(user)) {
                let stretch = Instant.zero + .seconds(20 + UInt64(n) * 4)
                #expect(absence.start >= stretch && absence.start < stretch + .seconds(4))
                let length = absence.end - absence.start
                #expect(length >= .seconds(1) && length <= .seconds(3))
                silent += absence.isSilent ? 1 : 0
                n += 1
            }
            #expect(n == 15, "60 s of sending hold 15 stretches of 4 s")
            count += Int(n)
        }
        #expect((count * 2 / 5...count * 3 / 5).contains(silent))
    }

    @Test func `every breach of the protocol comes about`() throws {
        let whims = try Self.whims(seed: 1)
        var seen: Set<Trespass> = []
        for user in 0..<20 as Range<UInt32> {
            for n in 0..<6 as Range<UInt32> {
                guard let breach = whims.trespass(n, of: ClientNumber(user)) else { continue }
                seen.insert(breach.trespass)
            }
        }
        #expect(seen.count == Trespass.allCases.count)
    }

    @Test func `without whims nobody leaves or breaks the protocol`() throws {
        let whims = Whims(try Workload(yaml: sound, file: "w.yaml"), seed: 1)
        #expect(whims.absence(0, of: ClientNumber(1)) == nil)
        #expect(whims.trespass(0, of: ClientNumber(1)) == nil)
    }
}
