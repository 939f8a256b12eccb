import Glibc

/// Exponentially distributed lengths of time in integer arithmetic, the same in Swift and in C++.
///
/// A random word is read as a number u in (0, 1]: its leading zeros are the binary exponent, the bits behind
/// the first one are the fraction f. Then −ln u = (zeros + 1) ln 2 − ln(1 + f), where the last term comes
/// from a table of 256 steps by linear interpolation (error under 2·10⁻⁶ of the mean). There is no
/// special case for the tail.
@safe struct ExponentialDraw: ~Copyable {
    /// ln(1 + i/256) in units of 10⁻⁹, for i = 0 … 256; never written after `init`.
    let logarithms: UnsafeMutablePointer<UInt32>

    /// ln 2 in units of 10⁻⁹.
    private static let logarithmOfTwo: UInt64 = 693_147_181

    init() {
        let count = 257
        unsafe self.logarithms = .allocate(capacity: count)
        for index in 0..<count {
            let logarithm = log(1 + Double(index) / 256)
            unsafe (self.logarithms + index).initialize(to: UInt32((logarithm * 1e9).rounded()))
        }
    }

    deinit { unsafe self.logarithms.deallocate() }

    /// A draw of mean 10⁹, which is one second in nanoseconds.
    @inline(__always) func next(_ random: inout WyRandom) -> UInt64 {
        let word = random.next() | 1
        let zeros = UInt64(truncatingIfNeeded: word.leadingZeroBitCount)
        let fraction = (word &<< zeros) &<< 1
        let index = Int(truncatingIfNeeded: fraction &>> 56)
        let remainder = (fraction &>> 24) & 0xffff_ffff
        // `index` is below 256, so both entries exist.
        let lower = UInt64(unsafe self.logarithms[index])
        let step = UInt64(unsafe self.logarithms[index &+ 1]) &- lower
        return (zeros &+ 1) &* Self.logarithmOfTwo &- (lower &+ (step &* remainder) &>> 32)
    }
}

/// Wang Yi's wyrand: small and fast enough not to be what is measured.
struct WyRandom: BitwiseCopyable {
    var state: UInt64

    @inline(__always) mutating func next() -> UInt64 {
        self.state &+= 0xa076_1d64_78bd_642f
        let product = self.state.multipliedFullWidth(by: self.state ^ 0xe703_7ed1_a0b4_28db)
        return product.high ^ product.low
    }
}
