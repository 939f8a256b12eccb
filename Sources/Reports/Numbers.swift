import Foundation

/// Numbers as a reader wants them: few digits, groups of three, a unit where it helps.
enum Numbers {
    private static let locale = Locale(identifier: "en_US_POSIX")

    private static func fixed(_ value: Double, _ places: Int) -> String {
        String(format: "%.\(places)f", locale: Self.locale, value)
    }

    static func grouped(_ value: UInt64) -> String {
        var text = ""
        let digits = Array(String(value))
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append("\u{202f}") }
            text.append(digit)
        }
        return text
    }

    static func rate(_ value: Double) -> String {
        value >= 100 ? Self.grouped(UInt64(value.rounded())) : Self.fixed(value, 1)
    }

    /// Milliseconds, in three digits.
    static func milliseconds(_ value: Double) -> String {
        switch value {
        case ..<0.9995: "\(Self.fixed(value * 1_000, 0))\u{a0}µs"
        case ..<9.995: "\(Self.fixed(value, 2))\u{a0}ms"
        case ..<99.95: "\(Self.fixed(value, 1))\u{a0}ms"
        case ..<999.5: "\(Self.fixed(value, 0))\u{a0}ms"
        default: "\(Self.fixed(value / 1_000, 2))\u{a0}s"
        }
    }

    static func seconds(milliseconds: UInt64) -> String {
        milliseconds.isMultiple(of: 1_000)
            ? "\(milliseconds / 1_000)\u{a0}s"
            : "\(Self.plain(Double(milliseconds) / 1_000))\u{a0}s"
    }

    static func percent(_ part: Double) -> String { "\(Self.fixed(part * 100, 1))\u{a0}%" }

    /// How many times the second is the first.
    static func ratio(_ first: Double, _ second: Double) -> String {
        first > 0 ? "×\u{a0}\(Self.fixed(second / first, 2))" : "–"
    }

    /// For files: a point, no groups, at most six places.
    static func plain(_ value: Double) -> String {
        var text = Self.fixed(value, 6)
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }
}
