/// What a random draw is for.
///
/// Two purposes never share a draw, so that adding one moves no other.
@frozen @usableFromInline package struct RandomPurpose: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt64

    @inlinable package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// Counter-based randomness: a draw is a pure function of (seed, purpose, entity, n).
///
/// There is no state to share, so the order in which draws are made does not matter. The mixing
/// function is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), applied to each word of
/// the key. It predicts nothing secret: secrets come from the host's secure generator as events.
@frozen @usableFromInline package struct KeyedRandom: Sendable, BitwiseCopyable {
    @usableFromInline package var seed: UInt64

    @inlinable package init(seed: UInt64) { self.seed = seed }

    /// Draws 64 bits; `entity` is a stable external id, `n` and `m` name what happens to it.
    @inlinable package func draw(
        _ purpose: RandomPurpose,
        _ entity: UInt64,
        _ n: UInt64 = 0,
        _ m: UInt64 = 0
    ) -> UInt64 {
        var state = Self.mix(self.seed &+ 0x9e37_79b9_7f4a_7c15)
        state = Self.mix(state ^ purpose.rawValue &* 0xd134_2543_de82_ef95)
        state = Self.mix(state &+ entity)
        state = Self.mix(state ^ n &* 0xa24b_aed4_963e_e407)
        return Self.mix(state &+ m &* 0x9fb2_1c65_1e98_df25)
    }

    /// Maps 64 random bits to 0 ..< `bound` by the high half of a product; the bias is below
    /// `bound` / 2^64.
    @inlinable package static func below(_ bound: UInt64, _ bits: UInt64) -> UInt64 {
        bits.multipliedFullWidth(by: bound).high
    }

    @inlinable package static func mix(_ word: UInt64) -> UInt64 {
        var z = word
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
