/// Reads JSON (RFC 8259) from a part of a frame, strictly and without recursion.
///
/// The scanner holds only where it stands; each call is given the same bytes. Beyond the grammar it
/// refuses half surrogate pairs (RFC 7493), because many clients' parsers refuse them, and one such
/// body would stop every reader of a conversation.
struct JSONScanner {
    /// How deep the objects and arrays of one embedded value may nest: the width of the stack of
    /// `skipValue`.
    static let depthLimit = 128

    /// The next byte to be read.
    var position: Int
    /// The end of the part: at most the count of the bytes that each call is given.
    let limit: Int

    /// A string's contents between its quotes, known to be well formed.
    struct StringToken {
        var range: Range<Int>
        var isEscaped: Bool
    }

    init(_ range: Range<Int>) {
        self.position = range.lowerBound
        self.limit = range.upperBound
    }

    func failure(_ reason: FrameError.Reason) -> FrameError {
        FrameError(reason, at: self.position)
    }

    /// The next byte, or 0, which starts no token, at the end.
    func peek(_ bytes: Span<UInt8>) -> UInt8 {
        self.position < self.limit ? bytes[self.position] : 0
    }

    /// Says whether there was any whitespace.
    @discardableResult mutating func skipSpace(_ bytes: Span<UInt8>) -> Bool {
        let start = self.position
        while self.position < self.limit, Self.isSpace(bytes[self.position]) { self.position += 1 }
        return self.position > start
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n")
            || byte == UInt8(ascii: "\r")
    }

    /// Steps over `byte`, or fails for the given reason.
    mutating func expect(
        _ byte: UInt8,
        _ bytes: Span<UInt8>,
        else reason: FrameError.Reason
    ) throws(FrameError) {
        guard self.peek(bytes) == byte else {
            throw self.failure(self.position < self.limit ? reason : .endOfMessage)
        }
        self.position += 1
    }
}

/// Strings.
extension JSONScanner {
    mutating func string(
        _ bytes: Span<UInt8>,
        else reason: FrameError.Reason
    ) throws(FrameError) -> StringToken {
        try self.expect(UInt8(ascii: "\""), bytes, else: reason)
        let start = self.position
        var isEscaped = false
        while true {
            self.skipPlain(bytes)
            guard self.position < self.limit else { throw self.failure(.endOfMessage) }
            let byte = bytes[self.position]
            if byte == UInt8(ascii: "\"") {
                let range = start..<self.position
                self.position += 1
                return StringToken(range: range, isEscaped: isEscaped)
            }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                try self.skipEscape(bytes)
            } else if byte < 0x20 {
                throw self.failure(.controlCharacter)
            } else {
                try self.skipMultibyte(bytes)
            }
        }
    }

    /// Steps over bytes that stand for themselves: ASCII but controls, the quote and the backslash.
    ///
    /// Eight at a time: a byte's high bit is set in `special` if it is such a stop (Mycroft's zero byte
    /// test); a borrow can flag bytes only above the first true one.
    private mutating func skipPlain(_ bytes: Span<UInt8>) {
        let ones: UInt64 = 0x0101_0101_0101_0101
        while self.position + 8 <= self.limit {
            // SAFETY: the load is checked against the span's bounds, and any bits are a UInt64.
            let loaded = unsafe bytes.bytes.unsafeLoadUnaligned(
                fromByteOffset: self.position,
                as: UInt64.self
            )
            let word = UInt64(littleEndian: loaded)
            let quotes = (word ^ ones &* 0x22) &- ones
            let backslashes = (word ^ ones &* 0x5c) &- ones
            let controls = word &- ones &* 0x20
            let special = (word | quotes | backslashes | controls) & (ones &* 0x80)
            if special != 0 {
                self.position += special.trailingZeroBitCount / 8
                return
            }
            self.position += 8
        }
        while self.position < self.limit {
            let byte = bytes[self.position]
            guard byte >= 0x20, byte < 0x80, byte != 0x22, byte != 0x5c else { return }
            self.position += 1
        }
    }

    private mutating func skipEscape(_ bytes: Span<UInt8>) throws(FrameError) {
        let start = self.position
        self.position += 1
        switch self.peek(bytes) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            self.position += 1
        case UInt8(ascii: "u"):
            let unit = try self.hexadecimal(bytes)
            guard unit & 0xf800 == 0xd800 else { return }
            guard unit < 0xdc00, self.peek(bytes) == UInt8(ascii: "\\") else {
                throw FrameError(.loneSurrogate, at: start)
            }
            self.position += 1
            guard self.peek(bytes) == UInt8(ascii: "u") else {
                throw FrameError(.loneSurrogate, at: start)
            }
            guard try self.hexadecimal(bytes) & 0xfc00 == 0xdc00 else {
                throw FrameError(.loneSurrogate, at: start)
            }
        default:
            throw self.failure(self.position < self.limit ? .badEscape : .endOfMessage)
        }
    }

    /// The four digits after the `u` at the position.
    private mutating func hexadecimal(_ bytes: Span<UInt8>) throws(FrameError) -> UInt32 {
        self.position += 1
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard self.position < self.limit else { throw self.failure(.endOfMessage) }
            guard let digit = Self.hexadecimalDigit(bytes[self.position]) else {
                throw self.failure(.badEscape)
            }
            value = value << 4 | digit
            self.position += 1
        }
        return value
    }

    static func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    /// Steps over one character of two to four bytes: table 3-7 of the Unicode standard.
    private mutating func skipMultibyte(_ bytes: Span<UInt8>) throws(FrameError) {
        let start = self.position
        let lead = bytes[start]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xbf
        switch lead {
        case 0xc2...0xdf: length = 2
        case 0xe0: (length, second) = (3, 0xa0...0xbf)
        case 0xed: (length, second) = (3, 0x80...0x9f)
        case 0xe1...0xef: length = 3
        case 0xf0: (length, second) = (4, 0x90...0xbf)
        case 0xf1...0xf3: length = 4
        case 0xf4: (length, second) = (4, 0x80...0x8f)
        default: throw self.failure(.badUTF8)
        }
        guard self.limit - start >= length, second.contains(bytes[start + 1]) else {
            throw self.failure(.badUTF8)
        }
        for index in 2..<max(length, 2) where bytes[start + index] & 0xc0 != 0x80 {
            throw self.failure(.badUTF8)
        }
        self.position += length
    }
}

/// Numbers, literals and whole values.
extension JSONScanner {
    /// Steps over a number; says whether it is written as an integer: no fraction, no exponent.
    mutating func skipNumber(_ bytes: Span<UInt8>) throws(FrameError) -> Bool {
        if self.peek(bytes) == UInt8(ascii: "-") { self.position += 1 }
        if self.peek(bytes) == UInt8(ascii: "0") {
            self.position += 1
        } else {
            try self.skipDigits(bytes)
        }
        var isInteger = true
        if self.peek(bytes) == UInt8(ascii: ".") {
            self.position += 1
            try self.skipDigits(bytes)
            isInteger = false
        }
        if self.peek(bytes) | 0x20 == UInt8(ascii: "e") {
            self.position += 1
            let sign = self.peek(bytes)
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { self.position += 1 }
            try self.skipDigits(bytes)
            isInteger = false
        }
        return isInteger
    }

    /// At least one digit.
    private mutating func skipDigits(_ bytes: Span<UInt8>) throws(FrameError) {
        let start = self.position
        while Self.isDigit(self.peek(bytes)) { self.position += 1 }
        guard self.position > start else { throw self.failure(.badNumber) }
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    mutating func skipLiteral(_ text: StaticString, _ bytes: Span<UInt8>) throws(FrameError) {
        let count = text.utf8CodeUnitCount
        guard self.limit - self.position >= count else { throw self.failure(.badLiteral) }
        for index in 0..<count {
            // SAFETY: `index` is below the literal's count of bytes, all of which are ASCII.
            let expected = unsafe text.utf8Start[index]
            guard bytes[self.position + index] == expected else {
                throw self.failure(.badLiteral)
            }
        }
        self.position += count
    }

    /// Steps over the value at the position; says whether it holds whitespace between its tokens.
    ///
    /// The stack of open objects (1) and arrays (0) is the bits of one integer.
    mutating func skipValue(_ bytes: Span<UInt8>) throws(FrameError) -> Bool {
        var stack: UInt128 = 0
        var depth = 0
        var isSpaced = false
        while true {
            let first = self.peek(bytes)
            if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
                guard depth < Self.depthLimit else { throw self.failure(.tooDeep) }
                let isObject = first == UInt8(ascii: "{")
                depth += 1
                stack = stack << 1 | (isObject ? 1 : 0)
                self.position += 1
                if self.skipSpace(bytes) { isSpaced = true }
                if self.peek(bytes) != first + 2 {
                    if isObject, try self.skipName(bytes) { isSpaced = true }
                    continue
                }
                self.position += 1
                depth -= 1
                stack >>= 1
            } else {
                try self.skipScalar(first, bytes)
            }
            while depth > 0 {
                if self.skipSpace(bytes) { isSpaced = true }
                let isObject = stack & 1 == 1
                let next = self.peek(bytes)
                if next == UInt8(ascii: ",") {
                    self.position += 1
                    if self.skipSpace(bytes) { isSpaced = true }
                    if isObject, try self.skipName(bytes) { isSpaced = true }
                    break
                }
                let close = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
                try self.expect(close, bytes, else: .expectedComma)
                depth -= 1
                stack >>= 1
            }
            if depth == 0 { return isSpaced }
        }
    }

    /// Steps over a member's name, its colon and the space around it.
    private mutating func skipName(_ bytes: Span<UInt8>) throws(FrameError) -> Bool {
        _ = try self.string(bytes, else: .expectedName)
        let isSpacedBefore = self.skipSpace(bytes)
        try self.expect(UInt8(ascii: ":"), bytes, else: .expectedColon)
        return self.skipSpace(bytes) || isSpacedBefore
    }

    private mutating func skipScalar(_ first: UInt8, _ bytes: Span<UInt8>) throws(FrameError) {
        switch first {
        case UInt8(ascii: "\""): _ = try self.string(bytes, else: .expectedString)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            _ = try self.skipNumber(bytes)
        case UInt8(ascii: "t"): try self.skipLiteral("true", bytes)
        case UInt8(ascii: "f"): try self.skipLiteral("false", bytes)
        case UInt8(ascii: "n"): try self.skipLiteral("null", bytes)
        default: throw self.failure(self.position < self.limit ? .expectedValue : .endOfMessage)
        }
    }
}
