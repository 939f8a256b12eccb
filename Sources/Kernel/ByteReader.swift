/// Reads what a `ByteWriter` wrote; damage is an error with its place, never a trap.
package struct ByteReader: Sendable {
    private let bytes: [UInt8]
    package private(set) var position: Int
    private let end: Int

    package init(_ bytes: [UInt8]) { self.init(bytes, from: 0, to: bytes.count) }

    /// Reads `bytes` from `start` up to `end`; positions in errors count from the first byte of all.
    package init(_ bytes: [UInt8], from start: Int, to end: Int) {
        precondition(0 <= start && start <= end && end <= bytes.count, "the part lies inside")
        self.bytes = bytes
        self.position = start
        self.end = end
    }

    package var remaining: Int { self.end - self.position }

    package func refusal(_ expected: String) -> ByteError {
        ByteError(position: self.position, expected: expected)
    }

    package mutating func byte() throws(ByteError) -> UInt8 {
        guard self.position < self.end else { throw self.refusal("another byte") }
        defer { self.position += 1 }
        return self.bytes[self.position]
    }

    package mutating func word() throws(ByteError) -> UInt64 {
        let first = try self.byte()
        guard first >= 0x80 else { return UInt64(first) }
        var word = UInt64(first & 0x7f)
        var shift: UInt64 = 7
        while true {
            let byte = try self.byte()
            guard shift < 63 || byte <= 1 else { throw self.refusal("a word of 64 bits") }
            word |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 {
                guard byte != 0 else { throw self.refusal("a word in its shortest form") }
                return word
            }
            shift += 7
        }
    }

    /// A word that fits into the integer.
    package mutating func integer<Integer: FixedWidthInteger>(
        _ type: Integer.Type = Integer.self
    ) throws(ByteError) -> Integer {
        guard let value = Integer(exactly: try self.word()) else {
            throw self.refusal("a word of at most \(Integer.bitWidth) bits")
        }
        return value
    }

    package mutating func flag() throws(ByteError) -> Bool {
        switch try self.byte() {
        case 0: false
        case 1: true
        default: throw self.refusal("a flag: 0 or 1")
        }
    }

    package mutating func fixed() throws(ByteError) -> UInt64 {
        guard self.remaining >= 8 else { throw self.refusal("eight bytes") }
        var word: UInt64 = 0
        for index in 0..<8 {
            word |= UInt64(self.bytes[self.position + index]) << UInt64(8 * index)
        }
        self.position += 8
        return word
    }

    /// How many elements follow; more than there are bytes is refused before anything is reserved.
    package mutating func count() throws(ByteError) -> Int {
        let count = try self.word()
        guard count <= UInt64(self.remaining) else {
            throw self.refusal("at most \(self.remaining) elements")
        }
        return Int(count)
    }

    package mutating func value<Value: ByteCoded>(
        _ type: Value.Type = Value.self
    ) throws(ByteError) -> Value {
        try Value(from: &self)
    }

    package mutating func optional<Value: ByteCoded>(
        _ type: Value.Type = Value.self
    ) throws(ByteError) -> Value? {
        try self.flag() ? try Value(from: &self) : nil
    }

    package mutating func list<Value: ByteCoded>(
        _ type: Value.Type = Value.self
    ) throws(ByteError) -> [Value] {
        let count = try self.count()
        var values: [Value] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try Value(from: &self)) }
        return values
    }

    /// The cases of an enumeration are numbered from 0.
    package mutating func tag(below count: UInt8, of what: String) throws(ByteError) -> UInt8 {
        let tag = try self.byte()
        guard tag < count else { throw self.refusal("\(what), numbered below \(count)") }
        return tag
    }

    package mutating func finish() throws(ByteError) {
        guard self.remaining == 0 else { throw self.refusal("the end") }
    }
}
