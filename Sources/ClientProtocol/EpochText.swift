package import Kernel

/// An epoch as the wire has it: eight lowercase hexadecimal digits.
package enum EpochText: Equatable, Sendable {
    /// No epoch was stated: it matches any.
    case none
    case known(Epoch)
    /// Not written by this server, so that it matches no epoch.
    case foreign

    /// Reads what a client states; uppercase digits are foreign, as this server writes none.
    package init(parsing text: String) {
        var digits = 0
        var value: UInt32 = 0
        for byte in text.utf8 {
            digits += 1
            let isUppercase = UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte
            guard digits <= 8, !isUppercase, let digit = JSONScanner.hexadecimalDigit(byte) else {
                self = .foreign
                return
            }
            value = value << 4 | digit
        }
        switch digits {
        case 0: self = .none
        case 8: self = .known(Epoch(value))
        default: self = .foreign
        }
    }

    /// Appends the eight digits, without quotes.
    package static func append(_ epoch: Epoch, into output: inout [UInt8]) {
        for shift in stride(from: UInt32(28), through: 0, by: -4) {
            output.append(
                JSONText.hexadecimalDigit(UInt8(truncatingIfNeeded: epoch.rawValue >> shift) & 15)
            )
        }
    }

    /// The text of an epoch.
    package static func text(of epoch: Epoch) -> String {
        var bytes: [UInt8] = []
        Self.append(epoch, into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
