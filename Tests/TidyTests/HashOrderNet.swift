/// Finds loops over sets and dictionaries, whose order differs from process to process, as far as the
/// text of one file shows what is a set or a dictionary.
///
/// The symbol net sees more, and the twin run sees the rest.
enum HashOrderNet {
    private static let orderedUses: Set<String> = [
        "map", "compactMap", "flatMap", "filter", "forEach", "reduce", "first", "sorted", "min",
        "max",
        "enumerated", "makeIterator", "prefix", "dropFirst", "randomElement", "keys", "values",
        "lazy",
        "mapValues", "compactMapValues", "popFirst", "elements", "allSatisfy",
    ]

    static func findings(in file: SourceFile) -> [Finding] {
        guard ModuleTable.rules[file.module]?.purity != .host else { return [] }
        let code = file.code
        let hashed = Self.hashedNames(in: code)
        var findings: [Finding] = []
        for (index, token) in code.tokens.enumerated() {
            if token.text == "keys", code.text(at: index - 1) == "." {
                findings.append(Finding(token.line, "`.keys` have no order"))
            } else if token.text == "in", let name = Self.loopedName(after: index, in: code),
                hashed.contains(name)
            {
                findings.append(Finding(token.line, "a loop over `\(name)` has no order"))
            } else if hashed.contains(token.text), code.text(at: index + 1) == ".",
                let use = code.text(at: index + 2), Self.orderedUses.contains(use), use != "keys"
            {
                findings.append(Finding(token.line, "`\(token.text).\(use)` has no order"))
            }
        }
        return findings
    }

    /// The names that this file declares as a set or a dictionary.
    private static func hashedNames(in code: SwiftText) -> Set<String> {
        var names: Set<String> = []
        for index in code.tokens.indices where code.tokens[index].isWord {
            let isHashed =
                switch code.text(at: index + 1) {
                case ":": Self.isHashedType(at: index + 2, in: code)
                case "=": Self.isHashedValue(at: index + 2, in: code)
                default: false
                }
            if isHashed { names.insert(code.tokens[index].text) }
        }
        return names
    }

    private static func isHashedType(at index: Int, in code: SwiftText) -> Bool {
        switch code.text(at: index) {
        case "Set", "Dictionary": code.text(at: index + 1) == "<"
        case "[": Self.hasColon(inBracketAt: index, of: code)
        case "inout": Self.isHashedType(at: index + 1, in: code)
        default: false
        }
    }

    private static func isHashedValue(at index: Int, in code: SwiftText) -> Bool {
        switch code.text(at: index) {
        case "Set", "Dictionary": ["<", "("].contains(code.text(at: index + 1))
        case "[": Self.hasColon(inBracketAt: index, of: code)
        default: false
        }
    }

    private static func hasColon(inBracketAt open: Int, of code: SwiftText) -> Bool {
        var index = open + 1
        let end = code.closing(open)
        while index < end {
            let text = code.tokens[index].text
            if text == ":" { return true }
            index = ["(", "[", "{"].contains(text) ? code.closing(index) + 1 : index + 1
        }
        return false
    }

    /// The last name of `a.b.c` after the `in` of a loop, when nothing but that path is looped over.
    private static func loopedName(after keyword: Int, in code: SwiftText) -> String? {
        var index = keyword + 1
        while code.text(at: index + 1) == "." { index += 2 }
        guard code.tokens.indices.contains(index), code.tokens[index].isWord,
            ["{", "where"].contains(code.text(at: index + 1))
        else { return nil }
        return code.tokens[index].text
    }
}
