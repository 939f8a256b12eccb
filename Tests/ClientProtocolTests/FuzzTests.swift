import ChatCore
import ClientProtocol
import Kernel
import Testing

/// Valid frames with keyed pseudo-random damage: nothing traps, and what is accepted is consistent.
struct FuzzTests {
    static let mutationsPerSeed: UInt64 = 25_000

    /// Damages a copy of `frame`, 1 to 4 times; a pure function of its arguments.
    static func mutated(_ frame: [UInt8], seed: UInt64, round: UInt64) -> [UInt8] {
        let random = KeyedRandom(seed: seed)
        func below(_ bound: Int, _ n: UInt64) -> Int {
            Int(KeyedRandom.below(UInt64(bound), random.draw(RandomPurpose(1), round, n)))
        }
        let fragments: [[UInt8]] = [
            "{", "}", "[", "]", "\"", "\\", ",", ":", "\n", " ", "0", "-", "null", "true", "{}",
            "1e9",
            "\\u", "\\ud800", "\\n", "18446744073709551616", "\"id\":", "\"data\":", "\u{0}", "é",
        ].map { Array($0.utf8) }
        var bytes = frame
        for step in 0..<UInt64(1 + below(4, 0)) {
            let base = 1 + step * 8
            let place = below(bytes.count + 1, base)
            let end = min(bytes.count, place + below(12, base + 1))
            switch below(6, base + 2) {
            case 0: bytes.insert(UInt8(below(256, base + 3)), at: place)
            case 1 where place < bytes.count: bytes[place] = UInt8(below(256, base + 3))
            case 2 where place < bytes.count: bytes[place] ^= 1 << UInt8(below(8, base + 3))
            case 3: bytes.removeSubrange(place..<end)
            case 4:
                bytes.insert(contentsOf: bytes[place..<end], at: below(bytes.count + 1, base + 4))
            default:
                bytes.insert(contentsOf: fragments[below(fragments.count, base + 3)], at: place)
            }
        }
        return bytes
    }

    static func commandFrames() -> [[UInt8]] {
        let single = RoundTripTests.methods.enumerated().map { index, method in
            encoded {
                ClientEncoder.append(
                    RoundTripTests.command(method, id: UInt32(index + 1)),
                    into: &$0
                )
            }
        }
        return single + [Array(single.joined(separator: [UInt8(ascii: "\n")]))]
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `a damaged client frame is refused inside its bounds, or read the same again`(
        seed: UInt64
    ) throws {
        let frames = Self.commandFrames()
        var accepted = 0
        for round in 0..<Self.mutationsPerSeed {
            let frame = Self.mutated(frames[Int(round) % frames.count], seed: seed, round: round)
            switch Self.outcome({ () throws(FrameError) in try commands(in: frame) }) {
            case .success(let first):
                accepted += 1
                var again: [UInt8] = []
                for (index, command) in first.enumerated() {
                    if index > 0 { ServerEncoder.separator(into: &again) }
                    ClientEncoder.append(command, into: &again)
                    Self.read(rpc: command)
                }
                try #require(try commands(in: again) == first)
            case .failure(let error):
                try #require((0...frame.count).contains(error.position))
            }
        }
        #expect(accepted > 100, "the damage must leave something to accept")
        #expect(accepted < Self.mutationsPerSeed / 2, "the damage must be noticed")
    }

    static func outcome<Value>(
        _ body: () throws(FrameError) -> Value
    ) -> Result<Value, FrameError> {
        do throws(FrameError) {
            return .success(try body())
        } catch {
            return .failure(error)
        }
    }

    /// An rpc's data that is a `chat.send` survives as one.
    static func read(rpc command: ClientCommand) {
        guard case .rpc(_, let data) = command.method,
            let request = try? SendRequest(parsing: data.span),
            case .rpc(_, let again) = request.command
        else { return }
        #expect((try? SendRequest(parsing: again.span)) == request)
    }

    @Test(arguments: [11, 12] as [UInt64])
    func `a damaged server frame is refused inside its bounds, or read the same each time`(
        seed: UInt64
    ) throws {
        let whole = RoundTripTests.serverFrame()
        let frames = whole.split(separator: UInt8(ascii: "\n")).map(Array.init) + [whole]
        for round in 0..<Self.mutationsPerSeed {
            let frame = Self.mutated(frames[Int(round) % frames.count], seed: seed, round: round)
            switch Self.outcome({ () throws(FrameError) in try messages(in: frame) }) {
            case .success(let first):
                for message in first where MessageExamples.isWritten(message) {
                    let again = encoded { ServerEncoder.append(message, into: &$0) }
                    try #require(try messages(in: again) == [message])
                }
            case .failure(let error):
                try #require((0...frame.count).contains(error.position))
            }
        }
    }

    @Test(arguments: [21] as [UInt64])
    func `every prefix and every single byte of random bytes is refused or read`(seed: UInt64) {
        let random = KeyedRandom(seed: seed)
        for round in 0..<20_000 as Range<UInt64> {
            let count = KeyedRandom.below(40, random.draw(RandomPurpose(2), round))
            let frame = (0..<count).map {
                UInt8(truncatingIfNeeded: random.draw(RandomPurpose(3), round, $0))
            }
            #expect(refusal(of: frame) != nil)
        }
        for frame in Self.commandFrames() {
            for end in 1..<frame.count {
                let prefix = Array(frame[..<end])
                // A prefix is whole only where a message ends.
                let endsMessage =
                    frame[end] == UInt8(ascii: "\n") || prefix.last == UInt8(ascii: "\n")
                #expect((refusal(of: prefix) == nil) == endsMessage)
            }
        }
    }
}
