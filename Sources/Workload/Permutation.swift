import Kernel

/// A random order of 0 ..< count that can be read in both directions without being stored.
///
/// A Feistel network of four rounds over the next even power of two, walked until it lands inside
/// the range (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002): at most four
/// steps on average.
struct Permutation: Sendable {
    private static let rounds: UInt64 = 4

    private let count: UInt32
    private let halfBits: UInt64
    private let random: KeyedRandom
    private let key: UInt64

    init(count: UInt32, random: KeyedRandom, key: UInt64) {
        precondition(count > 0, "an order has members")
        var halfBits: UInt64 = 1
        while UInt64(1) << (2 * halfBits) < UInt64(count) { halfBits += 1 }
        self.count = count
        self.halfBits = halfBits
        self.random = random
        self.key = key
    }

    /// The place of `member`.
    subscript(member: UInt32) -> UInt32 {
        precondition(member < self.count, "not a member")
        var word = UInt64(member)
        repeat { word = self.forward(word) } while word >= UInt64(self.count)
        return UInt32(truncatingIfNeeded: word)
    }

    /// The member at `place`.
    func preimage(of place: UInt32) -> UInt32 {
        precondition(place < self.count, "not a place")
        var word = UInt64(place)
        repeat { word = self.backward(word) } while word >= UInt64(self.count)
        return UInt32(truncatingIfNeeded: word)
    }

    private func forward(_ word: UInt64) -> UInt64 {
        let mask = UInt64(1) << self.halfBits - 1
        var left = word >> self.halfBits
        var right = word & mask
        for round in 0..<Self.rounds {
            let next = left ^ (self.mix(round, right) & mask)
            left = right
            right = next
        }
        return left << self.halfBits | right
    }

    private func backward(_ word: UInt64) -> UInt64 {
        let mask = UInt64(1) << self.halfBits - 1
        var left = word >> self.halfBits
        var right = word & mask
        for round in (0..<Self.rounds).reversed() {
            let previous = right ^ (self.mix(round, left) & mask)
            right = left
            left = previous
        }
        return left << self.halfBits | right
    }

    private func mix(_ round: UInt64, _ half: UInt64) -> UInt64 {
        self.random.draw(Draw.order, self.key, round, half) >> 17
    }
}
