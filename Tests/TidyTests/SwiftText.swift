/// One word or sign of a source file, with the line it stands on.
struct Token: Equatable, Sendable {
    var text: String
    var line: Int

    /// Whether it is a name or a keyword, not a number or a sign.
    var isWord: Bool {
        guard let first = self.text.utf8.first else { return false }
        return SwiftText.isWordByte(first) && !SwiftText.isDigit(first)
    }
}

/// A comment of a source file, without its slashes.
struct Comment: Equatable, Sendable {
    var text: String
    var line: Int
    var isDocumentation: Bool
}

/// A source file cut into tokens and comments; what stands inside string literals is left out, except
/// for interpolated code.
///
/// Good enough for rules of style: it knows nested comments, raw and multi-line strings, raw
/// identifiers, and regular expressions between `#/` and `/#`. It does not know those between bare
/// slashes, which this project does not use.
struct SwiftText: Sendable {
    private(set) var tokens: [Token] = []
    private(set) var comments: [Comment] = []
    let lineCount: Int

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    init(_ text: String) {
        self.bytes = Array(text.utf8)
        let newlines = self.bytes.count { $0 == UInt8(ascii: "\n") }
        self.lineCount = self.bytes.last == UInt8(ascii: "\n") ? newlines : newlines + 1
        self.scan(untilClosingParenthesis: false)
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xFF:
            true
        default:
            false
        }
    }

    private func byte(ahead distance: Int = 0) -> UInt8? {
        let index = self.position + distance
        return index < self.bytes.count ? self.bytes[index] : nil
    }

    private func stands(_ text: StaticString, ahead distance: Int = 0) -> Bool {
        text.description.utf8.enumerated().allSatisfy { index, byte in
            self.byte(ahead: distance + index) == byte
        }
    }

    private mutating func step(_ count: Int = 1) {
        for _ in 0..<count where self.position < self.bytes.count {
            if self.bytes[self.position] == UInt8(ascii: "\n") { self.line += 1 }
            self.position += 1
        }
    }

    private mutating func scan(untilClosingParenthesis: Bool) {
        var depth = 0
        while let byte = self.byte() {
            if self.stands("//") {
                self.scanLineComment()
            } else if self.stands("/*") {
                self.scanBlockComment()
            } else if self.stands("#/") {
                self.skipRegularExpression()
            } else if let poundCount = self.poundsBeforeQuote() {
                self.scanString(poundCount: poundCount)
            } else if byte == UInt8(ascii: "`") {
                self.scanRawIdentifier()
            } else if Self.isWordByte(byte) {
                self.scanWord()
            } else {
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") {
                    depth -= 1
                    if untilClosingParenthesis, depth < 0 {
                        self.step()
                        return
                    }
                }
                if byte > UInt8(ascii: " ") {
                    let text = String(decoding: [byte], as: UTF8.self)
                    self.tokens.append(Token(text: text, line: self.line))
                }
                self.step()
            }
        }
    }

    /// How many `#` precede the quote of a string literal here; `nil` if none begins here.
    private func poundsBeforeQuote() -> Int? {
        var count = 0
        while self.byte(ahead: count) == UInt8(ascii: "#") { count += 1 }
        return self.byte(ahead: count) == UInt8(ascii: "\"") ? count : nil
    }

    private mutating func skipRegularExpression() {
        self.step(2)
        while self.byte() != nil, !self.stands("/#") { self.step() }
        self.step(2)
    }

    private mutating func scanWord() {
        let start = self.position
        while let byte = self.byte(), Self.isWordByte(byte) { self.step() }
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        self.tokens.append(Token(text: text, line: self.line))
    }

    private mutating func scanRawIdentifier() {
        self.step()
        let start = self.position
        while let byte = self.byte(), byte != UInt8(ascii: "`"), byte != UInt8(ascii: "\n") {
            self.step()
        }
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        self.tokens.append(Token(text: text, line: self.line))
        self.step()
    }

    private mutating func scanLineComment() {
        let start = self.position
        while let byte = self.byte(), byte != UInt8(ascii: "\n") { self.step() }
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        self.addComment(text, line: self.line)
    }

    private mutating func scanBlockComment() {
        let start = self.position
        let line = self.line
        var depth = 0
        repeat {
            if self.stands("/*") {
                depth += 1
                self.step(2)
            } else if self.stands("*/") {
                depth -= 1
                self.step(2)
            } else {
                self.step()
            }
        } while depth > 0 && self.position < self.bytes.count
        let text = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        self.addComment(text, line: line)
    }

    private mutating func addComment(_ text: String, line: Int) {
        let isDocumentation = text.hasPrefix("///") || text.hasPrefix("/**")
        let body = text.drop { "/* ".contains($0) }
        self.comments.append(
            Comment(text: String(body), line: line, isDocumentation: isDocumentation)
        )
    }

    private mutating func scanString(poundCount: Int) {
        self.step(poundCount)
        let quoteCount = self.stands("\"\"\"") ? 3 : 1
        self.step(quoteCount)
        while let byte = self.byte() {
            if byte == UInt8(ascii: "\\"), self.hasPounds(poundCount, ahead: 1) {
                let isInterpolation = self.byte(ahead: 1 + poundCount) == UInt8(ascii: "(")
                self.step(2 + poundCount)
                if isInterpolation { self.scan(untilClosingParenthesis: true) }
            } else if byte == UInt8(ascii: "\""),
                quoteCount == 1 || self.stands("\"\"\""),
                self.hasPounds(poundCount, ahead: quoteCount)
            {
                self.step(quoteCount + poundCount)
                return
            } else if quoteCount == 1, byte == UInt8(ascii: "\n") {
                return
            } else {
                self.step()
            }
        }
    }

    private func hasPounds(_ count: Int, ahead distance: Int) -> Bool {
        (0..<count).allSatisfy { self.byte(ahead: distance + $0) == UInt8(ascii: "#") }
    }
}

extension SwiftText {
    /// The lines on which `pattern`, itself a piece of Swift, stands token by token.
    ///
    /// What follows a `.` here is a member of that name and no match, unless the pattern says so; what
    /// follows `func` is declared here and no use.
    func lines(of pattern: String) -> [Int] {
        let wanted = SwiftText(pattern).tokens.map(\.text)
        guard let first = wanted.first, wanted.count <= self.tokens.count else { return [] }
        let skipsMembers = wanted[0] != "."
        var lines: [Int] = []
        for start in 0...(self.tokens.count - wanted.count) where self.tokens[start].text == first {
            let before = self.text(at: start - 1)
            if skipsMembers, before == "." || before == "func" { continue }
            let matches = wanted.indices.allSatisfy { offset in
                self.tokens[start + offset].text == wanted[offset]
            }
            if matches { lines.append(self.tokens[start].line) }
        }
        return lines
    }

    /// The index of the token that closes the bracket at `open`, or the end of the file.
    func closing(_ open: Int) -> Int {
        var depth = 0
        for index in open..<self.tokens.count {
            switch self.tokens[index].text {
            case "(", "[", "{": depth += 1
            case ")", "]", "}":
                depth -= 1
                if depth == 0 { return index }
            default: continue
            }
        }
        return self.tokens.count - 1
    }

    /// The text of the token at `index`, or nothing outside the file.
    func text(at index: Int) -> String? {
        self.tokens.indices.contains(index) ? self.tokens[index].text : nil
    }

    /// Whether a number stands at `index`.
    func isNumber(at index: Int) -> Bool {
        self.text(at: index)?.utf8.first.map(Self.isDigit) ?? false
    }
}
