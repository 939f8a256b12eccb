/// Finds tests that cannot fail.
enum AssertionNet {
    /// A test function asserts when it says so itself, or calls a function named `expect…`.
    static func findings(in file: SourceFile) -> [Finding] {
        let code = file.code
        let testLines = code.tokens.indices.filter { index in
            code.tokens[index].text == "Test" && code.text(at: index - 1) == "@"
        }
        let functions = SizeNet.functions(in: code)
        return testLines.compactMap { index in
            guard let function = functions.first(where: { $0.body.lowerBound > index }) else {
                return nil
            }
            let asserts = function.body.contains { position in
                Self.isAssertion(at: position, in: code)
            }
            guard !asserts else { return nil }
            return Finding(function.line, "`\(function.name)` expects nothing")
        }
    }

    private static func isAssertion(at index: Int, in code: SwiftText) -> Bool {
        let text = code.tokens[index].text
        if text == "record", code.text(at: index - 1) == ".", code.text(at: index - 2) == "Issue" {
            return true
        }
        return ["expect", "require"].contains(text)
            || (text.hasPrefix("expect") && code.text(at: index + 1) == "(")
    }
}
