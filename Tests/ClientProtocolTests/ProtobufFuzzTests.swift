import ChatCore
import ClientProtocol
import Kernel
import Testing

/// Valid binary frames with keyed pseudo-random damage: nothing traps, and what is accepted is
/// consistent.
struct ProtobufFuzzTests {
    static let mutationsPerSeed: UInt64 = 10_000

    /// Damages a copy of `frame`, 1 to 4 times; a pure function of its arguments.
    static func mutated(_ frame: [UInt8], seed: UInt64, round: UInt64) -> [UInt8] {
        let random = KeyedRandom(seed: seed)
        func below(_ bound: Int, _ n: UInt64) -> Int {
            Int(KeyedRandom.below(UInt64(bound), random.draw(RandomPurpose(1), round, n)))
        }
        let fragments: [[UInt8]] = [
            [0], [0x80], [0xff], [0xff, 0xff, 0xff, 0x7f], [UInt8](repeating: 0xff, count: 9) + [1],
            [0x0b], [0x0c], [0x0b, 0x0c], [0x0d, 1, 2, 3, 4], [0x09, 1, 2, 3, 4, 5, 6, 7, 8],
            [0x0a, 0x7f], [0x12, 0], [0xc3], [0x22, 0], [0x2a, 2, 0x0a, 0],
        ]
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

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a damaged client frame is refused inside its bounds, or read the same again`(
        seed: UInt64
    ) throws {
        let whole = ProtobufTests.examples
        let frames = whole.map { protobufFrame([$0]) } + [protobufFrame(whole)]
        var accepted = 0
        for round in 0..<Self.mutationsPerSeed {
            let frame = Self.mutated(frames[Int(round) % frames.count], seed: seed, round: round)
            switch FuzzTests.outcome({ () throws(FrameError) in try protobufCommands(in: frame) }) {
            case .success(let first):
                accepted += 1
                try #require(first.count <= frame.count)
                let written = first.filter {
                    if case .refused = $0.method { false } else { true }
                }
                guard !written.isEmpty else { continue }
                try #require(try protobufCommands(in: protobufFrame(written)) == written)
            case .failure(let error):
                try #require((0...frame.count).contains(error.position))
            }
        }
        #expect(accepted > 100, "the damage must leave something to accept")
        #expect(accepted < Self.mutationsPerSeed * 3 / 4, "the damage must be noticed")
    }

    @Test(arguments: [11, 12] as [UInt64])
    func `a damaged server frame is refused inside its bounds, or read the same each time`(
        seed: UInt64
    ) throws {
        let whole = MessageExamples.messages
        let frames = whole.map { protobufFrame([$0]) } + [protobufFrame(whole)]
        for round in 0..<Self.mutationsPerSeed {
            let frame = Self.mutated(frames[Int(round) % frames.count], seed: seed, round: round)
            switch FuzzTests.outcome({ () throws(FrameError) in try protobufMessages(in: frame) }) {
            case .success(let first):
                try #require(try protobufMessages(in: protobufFrame(first)) == first)
            case .failure(let error):
                try #require((0...frame.count).contains(error.position))
            }
        }
    }

    /// The largest frame, filled with one pattern: groups in groups, pairs in pairs, pings.
    @Test(
        arguments: [
            [0x0b], [0x0c], [0x2a, 0], [0x1a, 0], [0x22, 0], [0], [1, 0], [2, 0x5a, 0], [0xff],
            [0x7f], [0x80, 0x01],
        ] as [[UInt8]]
    )
    func `a frame full of nothing is read or refused, without a stack and in bounds`(
        pattern: [UInt8]
    ) {
        let filling = (0..<65_530).map { pattern[$0 % pattern.count] }
        let frames = [
            filling,
            [0xfa, 0xff, 0x03] + filling,
            // As a connect request.
            [0xfe, 0xff, 0x03, 0x22, 0xfa, 0xff, 0x03] + filling,
        ]
        for frame in frames {
            switch FuzzTests.outcome({ () throws(FrameError) in try protobufCommands(in: frame) }) {
            case .success(let commands): #expect(commands.count <= frame.count)
            case .failure(let error): #expect((0...frame.count).contains(error.position))
            }
        }
    }
}
