/// A 128-bit rolling hash of a sequence of words, the same in every process, build and machine.
///
/// Two lanes of multiply-and-fold; not cryptographic. Meant to tell two runs apart, not to resist an
/// adversary.
@frozen @usableFromInline package struct Digest128: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package var high: UInt64
    @usableFromInline package var low: UInt64

    @inlinable package init() {
        self.high = 0x243f_6a88_85a3_08d3
        self.low = 0x1319_8a2e_0370_7344
    }

    @inlinable package mutating func combine(_ word: UInt64) {
        let first = (self.low ^ word).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
        let second = (self.high &+ word).multipliedFullWidth(by: 0xe703_7ed1_a0b4_28db)
        self.low = first.high ^ first.low ^ self.high
        self.high = second.high &+ second.low &+ 0x9e37_79b9_7f4a_7c15
    }

    /// 32 lowercase hexadecimal digits.
    package var hexadecimal: String {
        let digits = [self.high, self.low].map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return digits.joined()
    }
}

extension Digest128: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.fixed(self.high)
        writer.fixed(self.low)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.high = try reader.fixed()
        self.low = try reader.fixed()
    }

    /// The digest of a stretch of bytes and of its length.
    package init(of bytes: ArraySlice<UInt8>) {
        self.init()
        self.combine(UInt64(bytes.count))
        var word: UInt64 = 0
        var shift: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) << shift
            shift += 8
            if shift == 64 {
                self.combine(word)
                word = 0
                shift = 0
            }
        }
        if shift > 0 { self.combine(word) }
    }
}
