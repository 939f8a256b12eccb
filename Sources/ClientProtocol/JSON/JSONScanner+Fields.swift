/// Reading the fields of the protocol's messages. As in the schema's JSON mapping, `null` is the
/// same as an absent field: the zero, empty or false value.
extension JSONScanner {
    /// The text of a string field.
    mutating func text(_ bytes: Span<UInt8>) throws(FrameError) -> String {
        if try self.skipNull(bytes) { return "" }
        return Self.text(of: try self.string(bytes, else: .expectedString), bytes)
    }

    private static func text(of token: StringToken, _ bytes: Span<UInt8>) -> String {
        guard token.isEscaped else {
            // SAFETY: the pointer is used only inside the closure, which copies from it.
            return unsafe bytes.extracting(token.range).withUnsafeBufferPointer {
                unsafe String(decoding: $0, as: UTF8.self)
            }
        }
        var plain: [UInt8] = []
        JSONText.appendUnescaped(token.range, of: bytes, into: &plain)
        return String(decoding: plain, as: UTF8.self)
    }

    /// The text of a string field, `nil` when it is empty.
    mutating func optionalText(_ bytes: Span<UInt8>) throws(FrameError) -> String? {
        let text = try self.text(bytes)
        return text.isEmpty ? nil : text
    }

    mutating func boolean(_ bytes: Span<UInt8>) throws(FrameError) -> Bool {
        switch self.peek(bytes) {
        case UInt8(ascii: "t"):
            try self.skipLiteral("true", bytes)
            return true
        case UInt8(ascii: "f"):
            try self.skipLiteral("false", bytes)
            return false
        default:
            guard try self.skipNull(bytes) else { throw self.failure(.expectedBoolean) }
            return false
        }
    }

    /// An integer that `Number` can hold, written without fraction and exponent.
    mutating func integer<Number: FixedWidthInteger>(
        _ bytes: Span<UInt8>,
        as _: Number.Type
    ) throws(FrameError) -> Number {
        if try self.skipNull(bytes) { return 0 }
        let start = self.position
        let isNegative = self.peek(bytes) == UInt8(ascii: "-")
        guard isNegative || Self.isDigit(self.peek(bytes)) else {
            throw self.failure(.expectedInteger)
        }
        guard try self.skipNumber(bytes), Number.isSigned || !isNegative else {
            throw FrameError(.expectedInteger, at: start)
        }
        var value: Number = 0
        for index in (isNegative ? start + 1 : start)..<self.position {
            let digit = Number(bytes[index] - UInt8(ascii: "0"))
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) =
                isNegative
                ? product.subtractingReportingOverflow(digit)
                : product.addingReportingOverflow(digit)
            guard !overflow, !carry else { throw FrameError(.expectedInteger, at: start) }
            value = sum
        }
        return value
    }

    /// Any value, without the whitespace between its tokens and so without newlines.
    mutating func embedded(_ bytes: Span<UInt8>) throws(FrameError) -> [UInt8] {
        let start = self.position
        let isSpaced = try self.skipValue(bytes)
        var value: [UInt8] = []
        if isSpaced {
            JSONText.appendCompacted(start..<self.position, of: bytes, into: &value)
        } else {
            JSONText.append(start..<self.position, of: bytes, into: &value)
        }
        return value
    }

    /// Steps over a `null` if there is one.
    mutating func skipNull(_ bytes: Span<UInt8>) throws(FrameError) -> Bool {
        guard self.peek(bytes) == UInt8(ascii: "n") else { return false }
        try self.skipLiteral("null", bytes)
        return true
    }

    /// Steps into the object at the position; `nil` instead of one is an object without members.
    mutating func enterObject(_ bytes: Span<UInt8>) throws(FrameError) -> ObjectWalk {
        if try self.skipNull(bytes) { return .ended }
        try self.expect(UInt8(ascii: "{"), bytes, else: .expectedObject)
        return .atFirst
    }

    /// Steps to the next member's value and gives its name, or steps out of the object.
    mutating func nextMember(
        _ walk: inout ObjectWalk,
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> FieldName? {
        guard let token = try self.nextName(&walk, bytes) else { return nil }
        return Self.fieldName(token, bytes)
    }

    /// The same in an object whose names are any text.
    mutating func nextKey(
        _ walk: inout ObjectWalk,
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> String? {
        guard let token = try self.nextName(&walk, bytes) else { return nil }
        return Self.text(of: token, bytes)
    }

    private mutating func nextName(
        _ walk: inout ObjectWalk,
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> StringToken? {
        if walk == .ended { return nil }
        self.skipSpace(bytes)
        if self.peek(bytes) == UInt8(ascii: "}") {
            self.position += 1
            walk = .ended
            return nil
        }
        if walk == .afterMember {
            try self.expect(UInt8(ascii: ","), bytes, else: .expectedComma)
            self.skipSpace(bytes)
        }
        walk = .afterMember
        let token = try self.string(bytes, else: .expectedName)
        self.skipSpace(bytes)
        try self.expect(UInt8(ascii: ":"), bytes, else: .expectedColon)
        self.skipSpace(bytes)
        return token
    }

    /// Where a walk over an object's members stands.
    enum ObjectWalk: BitwiseCopyable {
        case atFirst
        case afterMember
        case ended
    }

    /// Calls `body` at each element of the array at the position.
    mutating func forEachElement(
        _ bytes: Span<UInt8>,
        _ body: (inout Self) throws(FrameError) -> Void
    ) throws(FrameError) {
        if try self.skipNull(bytes) { return }
        try self.expect(UInt8(ascii: "["), bytes, else: .expectedArray)
        self.skipSpace(bytes)
        if self.peek(bytes) == UInt8(ascii: "]") {
            self.position += 1
            return
        }
        while true {
            try body(&self)
            self.skipSpace(bytes)
            if self.peek(bytes) == UInt8(ascii: "]") {
                self.position += 1
                return
            }
            try self.expect(UInt8(ascii: ","), bytes, else: .expectedComma)
            self.skipSpace(bytes)
        }
    }

    private static func fieldName(_ token: StringToken, _ bytes: Span<UInt8>) -> FieldName {
        var name = FieldName()
        guard token.isEscaped else {
            guard token.range.count <= FieldName.longest else { return .unknown }
            for index in token.range { name.append(bytes[index]) }
            return name
        }
        var plain: [UInt8] = []
        JSONText.appendUnescaped(token.range, of: bytes, into: &plain)
        guard plain.count <= FieldName.longest else { return .unknown }
        for byte in plain { name.append(byte) }
        return name
    }
}
