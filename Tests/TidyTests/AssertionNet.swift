/// Finds tests that cannot fail.
enum AssertionNet {
    /// A test function asserts when it says so itself, calls a function of its file that does, or calls
    /// one named `expect…`.
    static func findings(in file: SourceFile) -> [Finding] {
        let code = file.code
        let functions = SizeNet.functions(in: code)
        var asserting = Set(functions.indices.filter { Self.asserts(functions[$0], in: code) })
        while true {
            let names = Set(asserting.map { functions[$0].name })
            let callers = functions.indices.filter { Self.calls(names, functions[$0], in: code) }
            guard !asserting.isSuperset(of: callers) else { break }
            asserting.formUnion(callers)
        }
        let attributes = code.tokens.indices.filter { index in
            code.tokens[index].text == "Test" && code.text(at: index - 1) == "@"
        }
        return attributes.compactMap { attribute in
            let next = functions.indices.first { functions[$0].body.lowerBound > attribute }
            guard let next, !asserting.contains(next) else { return nil }
            return Finding(functions[next].line, "`\(functions[next].name)` expects nothing")
        }
    }

    private static func asserts(_ function: SizeNet.Function, in code: SwiftText) -> Bool {
        function.body.contains { index in
            let text = code.tokens[index].text
            if text == "record", code.text(at: index - 2) == "Issue" { return true }
            return ["expect", "require"].contains(text)
                || (text.hasPrefix("expect") && code.text(at: index + 1) == "(")
        }
    }

    private static func calls(
        _ names: Set<String>,
        _ function: SizeNet.Function,
        in code: SwiftText
    ) -> Bool {
        function.body.contains { index in
            names.contains(code.tokens[index].text) && code.text(at: index + 1) == "("
        }
    }
}
