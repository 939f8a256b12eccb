package import Kernel

extension StrictNode {
    package func integer(in range: ClosedRange<UInt64>) throws(ModelError) -> UInt64 {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        let text = try self.text()
        guard let digits = Self.digits(text), let value = UInt64(digits) else {
            throw self.refused("'\(text)' is not a whole number", expected: expected)
        }
        guard range.contains(value) else {
            throw self.refused("\(value) is out of range", expected: expected)
        }
        return value
    }

    /// A decimal number in millionths, read without rounding: at most six places.
    package func millionths(in range: ClosedRange<UInt64>) throws(ModelError) -> UInt64 {
        let expected =
            "a number from \(Self.decimal(range.lowerBound)) to \(Self.decimal(range.upperBound))"
            + " with at most 6 decimals"
        let text = try self.text()
        guard let value = Self.scaled(text, places: 6) else {
            throw self.refused("'\(text)' is not such a number", expected: expected)
        }
        guard range.contains(value) else {
            throw self.refused("\(text) is out of range", expected: expected)
        }
        return value
    }

    /// A length of time with its unit, as in `25 s`, `1.5ms`, `2 min`.
    package func duration(in range: ClosedRange<Interval>) throws(ModelError) -> Interval {
        let expected =
            "a time with its unit (ns, us, ms, s, min) from \(range.lowerBound.nanoseconds) ns"
            + " to \(range.upperBound.nanoseconds) ns"
        let text = try self.text()
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "_") }
        let unit = String(text.dropFirst(number.count).drop { $0 == " " })
        let nanosecondsByUnit: [(String, UInt64)] = [
            ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
            ("min", 60_000_000_000),
        ]
        guard let scale = nanosecondsByUnit.first(where: { $0.0 == unit })?.1 else {
            throw self.refused("'\(text)' has no known unit of time", expected: expected)
        }
        guard let billionths = Self.scaled(String(number), places: 9) else {
            throw self.refused("'\(text)' is not a time", expected: expected)
        }
        let product = billionths.multipliedFullWidth(by: scale)
        guard product.high < 1_000_000_000 else {
            throw self.refused("'\(text)' is out of range", expected: expected)
        }
        let (nanoseconds, remainder) = UInt64(1_000_000_000).dividingFullWidth(product)
        guard remainder == 0 else {
            throw self.refused("'\(text)' is finer than a nanosecond", expected: expected)
        }
        let interval = Interval(nanoseconds: nanoseconds)
        guard range.contains(interval) else {
            throw self.refused("'\(text)' is out of range", expected: expected)
        }
        return interval
    }

    package func boolean() throws(ModelError) -> Bool {
        let text = try self.text()
        switch text {
        case "true": return true
        case "false": return false
        default: throw self.refused("'\(text)' is neither", expected: "true or false")
        }
    }

    /// One of a few words.
    package func choice<Value>(_ choices: KeyValuePairs<String, Value>) throws(ModelError) -> Value
    {
        let text = try self.text()
        for (name, value) in choices where name == text { return value }
        let names = choices.map(\.key).joined(separator: ", ")
        throw self.refused("'\(text)' is unknown", expected: "one of \(names)")
    }

    private static func digits(_ text: String) -> String? {
        let digits = text.filter { $0 != "_" }
        let isNumber = !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
        return isNumber ? digits : nil
    }

    private static func scaled(_ text: String, places: Int) -> UInt64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first.map(String.init), let digits = Self.digits(whole) else {
            return nil
        }
        var fraction = ""
        if parts.count == 2 {
            guard let read = Self.digits(String(parts[1])), read.count <= places else { return nil }
            fraction = read
        }
        return UInt64(digits + fraction + String(repeating: "0", count: places - fraction.count))
    }

    private static func decimal(_ millionths: UInt64) -> String {
        let fraction = millionths % 1_000_000
        guard fraction != 0 else { return "\(millionths / 1_000_000)" }
        var digits = String(fraction + 1_000_000).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(millionths / 1_000_000).\(digits)"
    }
}
