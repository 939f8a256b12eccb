/// Holds files and functions to a size that one reader can keep in mind.
enum SizeNet {
    static let sourceLinesMax = 500
    static let testLinesMax = 800
    static let functionLinesMax = 70

    static func findings(in file: SourceFile) -> [Finding] {
        let limit = file.isTest ? Self.testLinesMax : Self.sourceLinesMax
        var findings: [Finding] = []
        if file.code.lineCount > limit {
            findings.append(Finding(limit, "\(file.code.lineCount) lines; at most \(limit)"))
        }
        for function in Self.functions(in: file.code)
        where function.lineCount > Self.functionLinesMax {
            findings.append(
                Finding(
                    function.line,
                    "\(function.name) has \(function.lineCount) lines; "
                        + "at most \(Self.functionLinesMax)"
                )
            )
        }
        return findings
    }

    /// A function with a body: its name, first line, and tokens.
    struct Function: Equatable {
        var name: String
        var line: Int
        var lineCount: Int
        var body: Range<Int>
    }

    /// The functions and initialisers of `code` that have a body, nested ones too.
    static func functions(in code: SwiftText) -> [Function] {
        code.tokens.indices.compactMap { index in
            let token = code.tokens[index]
            guard ["func", "init", "deinit"].contains(token.text),
                code.text(at: index - 1) != ".",
                let open = Self.bodyStart(after: index, in: code)
            else { return nil }
            let close = code.closing(open)
            return Function(
                name: token.text == "func" ? code.text(at: index + 1) ?? "" : token.text,
                line: token.line,
                lineCount: code.tokens[close].line - token.line + 1,
                body: open..<close
            )
        }
    }

    /// Where the body of the function declared at `keyword` opens; a requirement has none.
    private static func bodyStart(after keyword: Int, in code: SwiftText) -> Int? {
        var index = keyword + 1
        while let text = code.text(at: index) {
            switch text {
            case "{": return index
            case "(", "[": index = code.closing(index) + 1
            case "}", "func", "var", "let", "init", "case", "static", "mutating", "associatedtype",
                "package", "private", "subscript":
                return nil
            default: index += 1
            }
        }
        return nil
    }
}
