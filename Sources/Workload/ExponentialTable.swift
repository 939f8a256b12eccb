/// Exponential draws from integers alone, so that they are the same on every machine.
///
/// For u = 2^-k · v with v in [1/2, 1): -ln u = k · ln 2 - ln v. The first summand is the number of
/// leading zeros of the random word, the second is read from a table with linear interpolation. The
/// table is summed from ln((m+1)/m) = 2 · artanh(1/(2m+1)), whose series needs three terms here.
struct ExponentialTable: Sendable {
    private static let steps: UInt64 = 1_024
    /// -ln((1024 + i) / 2048) in units of 2^-60.
    private let knots: [UInt64]

    init() {
        var knots = [UInt64](repeating: 0, count: Int(Self.steps) + 1)
        for index in (0..<Int(Self.steps)).reversed() {
            let m = Self.steps + UInt64(index)
            let one = UInt64(1) << 61
            let d = 2 * m + 1
            let first = one / d
            let third = first / (d * d)
            let fifth = third / (d * d)
            knots[index] = knots[index + 1] + first + third / 3 + fifth / 5
        }
        self.knots = knots
    }

    /// ln 2 in units of 2^-60.
    var naturalLogarithmOfTwo: UInt64 { self.knots[0] }

    /// A draw with mean 1 in units of 2^-32, from 64 random bits.
    func draw(_ bits: UInt64) -> UInt64 {
        // A word of zeros has probability 2^-64; it is taken for the smallest that is not.
        let word = max(bits, 1)
        let zeros = UInt64(word.leadingZeroBitCount)
        let mantissa = word << zeros
        // The highest bit is set: the next ten choose the knot, the rest interpolates.
        let index = Int((mantissa >> 53) & (Self.steps - 1))
        let fraction = (mantissa << 11) >> 32
        let high = self.knots[index]
        let drop = (high - self.knots[index + 1]) >> 28
        let logarithm = (high >> 28) - (drop * fraction) >> 32
        return zeros * (self.naturalLogarithmOfTwo >> 28) + logarithm
    }
}
