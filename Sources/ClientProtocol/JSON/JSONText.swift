/// Appends JSON text to bytes.
enum JSONText {
    static func append(_ text: StaticString, into output: inout [UInt8]) {
        // SAFETY: a literal's bytes live for ever, and its count is theirs.
        let literal = unsafe UnsafeBufferPointer(
            start: text.utf8Start,
            count: text.utf8CodeUnitCount
        )
        unsafe output.append(contentsOf: literal)
    }

    static func append(_ range: Range<Int>, of bytes: Span<UInt8>, into output: inout [UInt8]) {
        // SAFETY: the pointer is used only inside the closure, which copies from it.
        unsafe bytes.extracting(range).withUnsafeBufferPointer {
            unsafe output.append(contentsOf: $0)
        }
    }

    static func append(_ number: UInt64, into output: inout [UInt8]) {
        // From the last digit, so that each division is by a constant; no UInt64 has more than 20.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = digits.count
        var rest = number
        repeat {
            first -= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
            rest = quotient
        } while rest > 0
        Self.append(first..<digits.count, of: digits.span, into: &output)
    }

    static func append(_ number: Int32, into output: inout [UInt8]) {
        if number < 0 { output.append(UInt8(ascii: "-")) }
        Self.append(UInt64(number.magnitude), into: &output)
    }

    /// A string in quotes, with the escapes that JSON requires and no others.
    static func append(quoted text: String, into output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        let bytes = text.utf8Span.span
        var start = 0
        for index in 0..<bytes.count {
            let byte = bytes[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                continue
            }
            Self.append(start..<index, of: bytes, into: &output)
            Self.appendEscape(of: byte, into: &output)
            start = index + 1
        }
        Self.append(start..<bytes.count, of: bytes, into: &output)
        output.append(UInt8(ascii: "\""))
    }

    private static func appendEscape(of byte: UInt8, into output: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            output.append(UInt8(ascii: "\\"))
            output.append(byte)
        case UInt8(ascii: "\n"): Self.append("\\n", into: &output)
        case UInt8(ascii: "\r"): Self.append("\\r", into: &output)
        case UInt8(ascii: "\t"): Self.append("\\t", into: &output)
        default:
            Self.append("\\u00", into: &output)
            output.append(Self.hexadecimalDigit(byte >> 4))
            output.append(Self.hexadecimalDigit(byte & 15))
        }
    }

    /// The lowercase digit of a value below 16.
    static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// A well-formed value without the whitespace between its tokens.
    static func appendCompacted(
        _ range: Range<Int>,
        of bytes: Span<UInt8>,
        into output: inout [UInt8]
    ) {
        var start = range.lowerBound
        var index = start
        var isInString = false
        while index < range.upperBound {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                isInString.toggle()
            } else if isInString {
                if byte == UInt8(ascii: "\\") { index += 1 }
            } else if JSONScanner.isSpace(byte) {
                Self.append(start..<index, of: bytes, into: &output)
                start = index + 1
            }
            index += 1
        }
        Self.append(start..<range.upperBound, of: bytes, into: &output)
    }

    /// The bytes that a well-formed string's contents stand for.
    static func appendUnescaped(
        _ range: Range<Int>,
        of bytes: Span<UInt8>,
        into output: inout [UInt8]
    ) {
        var index = range.lowerBound
        while index < range.upperBound {
            guard bytes[index] == UInt8(ascii: "\\") else {
                output.append(bytes[index])
                index += 1
                continue
            }
            let kind = bytes[index + 1]
            guard kind == UInt8(ascii: "u") else {
                output.append(Self.unescaped(kind))
                index += 2
                continue
            }
            var scalar = Self.codeUnit(at: index + 2, of: bytes)
            index += 6
            if scalar & 0xfc00 == 0xd800 {
                let low = Self.codeUnit(at: index + 2, of: bytes)
                scalar = 0x1_0000 + (scalar & 0x3ff) << 10 + low & 0x3ff
                index += 6
            }
            Self.append(scalar: scalar, into: &output)
        }
    }

    private static func unescaped(_ kind: UInt8) -> UInt8 {
        switch kind {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0c
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        default: kind
        }
    }

    private static func codeUnit(at start: Int, of bytes: Span<UInt8>) -> UInt32 {
        var value: UInt32 = 0
        for index in start..<start + 4 {
            guard let digit = JSONScanner.hexadecimalDigit(bytes[index]) else {
                preconditionFailure("only strings that were scanned are unescaped")
            }
            value = value << 4 | digit
        }
        return value
    }

    private static func append(scalar: UInt32, into output: inout [UInt8]) {
        guard let scalar = Unicode.Scalar(scalar) else {
            preconditionFailure("only strings that were scanned are unescaped")
        }
        output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
}
