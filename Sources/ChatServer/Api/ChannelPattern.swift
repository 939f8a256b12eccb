import ChatCore

/// Which channels are meant.
///
/// `*` is any text, `?` any character, `[a-c]` one of some, `[!a-c]` none of
/// them, and `\` makes the next character stand for itself. Empty is every channel.
///
/// Matching takes time in proportion to the pattern times the name, whatever they are.
package struct ChannelPattern: Sendable {
    private enum Part: Equatable {
        case anyText
        case anyByte
        case byte(UInt8)
        case oneOf([ClosedRange<UInt8>], isNegated: Bool)

        func takes(_ byte: UInt8) -> Bool {
            switch self {
            case .anyText: false
            case .anyByte: true
            case .byte(let own): own == byte
            case .oneOf(let ranges, let isNegated):
                ranges.contains { $0.contains(byte) } != isNegated
            }
        }
    }

    private var parts: [Part] = []

    /// Refuses what is no pattern.
    package init(_ text: String) throws(ApiRefusal) {
        guard text.utf8.count <= 255 else {
            throw ApiRefusal(.badRequest, "expected a pattern of at most 255 bytes")
        }
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "*"):
                if self.parts.last != .anyText { self.parts.append(.anyText) }
            case UInt8(ascii: "?"): self.parts.append(.anyByte)
            case UInt8(ascii: "["): self.parts.append(try Self.set(&rest))
            case UInt8(ascii: "{"):
                throw ApiRefusal(.badRequest, "alternatives in braces are not part of a pattern")
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else {
                    throw ApiRefusal(.badRequest, "the pattern ends after a backslash")
                }
                self.parts.append(.byte(escaped))
            default: self.parts.append(.byte(byte))
            }
        }
        if self.parts.isEmpty { self.parts = [.anyText] }
    }

    private static func set(_ rest: inout ArraySlice<UInt8>) throws(ApiRefusal) -> Part {
        var ranges: [ClosedRange<UInt8>] = []
        let isNegated = rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^")
        if isNegated { rest.removeFirst() }
        while let low = rest.popFirst() {
            if low == UInt8(ascii: "]"), !ranges.isEmpty {
                return .oneOf(ranges, isNegated: isNegated)
            }
            var high = low
            if rest.first == UInt8(ascii: "-"), let last = rest.dropFirst().first,
                last != UInt8(ascii: "]")
            {
                rest.removeFirst(2)
                high = last
            }
            guard low <= high else {
                throw ApiRefusal(.badRequest, "a range in the pattern ends before it begins")
            }
            ranges.append(low...high)
        }
        throw ApiRefusal(.badRequest, "a bracket in the pattern is not closed")
    }

    package func matches(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        var (byte, part) = (0, 0)
        // Where to go on when what follows the last `*` does not fit here.
        var retry: (byte: Int, part: Int)?
        while byte < bytes.count {
            if part < self.parts.count, self.parts[part] == .anyText {
                retry = (byte, part + 1)
                part += 1
            } else if part < self.parts.count, self.parts[part].takes(bytes[byte]) {
                byte += 1
                part += 1
            } else if let last = retry {
                retry = (last.byte + 1, last.part)
                (byte, part) = (last.byte + 1, last.part)
            } else {
                return false
            }
        }
        return self.parts[part...].allSatisfy { $0 == .anyText }
    }
}
