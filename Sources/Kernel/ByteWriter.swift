/// Bytes in the canonical encoding of records and snapshots: one value has one encoding.
///
/// Words are little-endian base 128, shortest form; hashes are eight bytes, little-endian.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func byte(_ byte: UInt8) { self.bytes.append(byte) }

    package mutating func word(_ word: UInt64) {
        var rest = word
        while rest >= 0x80 {
            self.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    package mutating func word(_ word: UInt32) { self.word(UInt64(word)) }
    package mutating func word(_ word: UInt16) { self.word(UInt64(word)) }
    package mutating func flag(_ flag: Bool) { self.byte(flag ? 1 : 0) }

    /// Eight bytes, whatever the value.
    package mutating func fixed(_ word: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            self.bytes.append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }

    package mutating func value(_ value: some ByteCoded) { value.write(to: &self) }

    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        self.bytes.append(contentsOf: bytes)
    }

    /// Forgets the bytes; keeps their room.
    package mutating func removeAll() { self.bytes.removeAll(keepingCapacity: true) }

    package mutating func optional(_ value: (some ByteCoded)?) {
        self.flag(value != nil)
        if let value { value.write(to: &self) }
    }

    package mutating func list(_ values: [some ByteCoded]) {
        self.word(UInt64(values.count))
        for value in values { value.write(to: &self) }
    }
}

/// What has a canonical encoding, and is read back from it or refused.
package protocol ByteCoded {
    func write(to writer: inout ByteWriter)

    init(from reader: inout ByteReader) throws(ByteError)
}

/// Bytes that are no encoding of what was expected.
package struct ByteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// How many bytes precede the place.
    package var position: Int
    package var expected: String

    package init(position: Int, expected: String) {
        self.position = position
        self.expected = expected
    }

    package var description: String { "byte \(self.position): expected \(self.expected)" }
}
