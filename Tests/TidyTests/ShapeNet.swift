/// Holds declarations to the shapes that the compiler's checks rely on.
enum ShapeNet {
    static func findings(in file: SourceFile) -> [Finding] {
        Self.undocumentedTypes(in: file) + Self.silentDefaults(in: file)
            + Self.unexplainedEscapes(in: file)
    }

    /// Types of the package's API without a word on what they are; nested ones belong to their parent.
    private static func undocumentedTypes(in file: SourceFile) -> [Finding] {
        let documented = Set(file.code.comments.filter(\.isDocumentation).map(\.line))
        let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
        let kinds: Set = ["struct", "class", "enum", "protocol", "typealias"]
        var findings: [Finding] = []
        for (index, token) in file.code.tokens.enumerated() where token.text == "package" {
            var keyword = index + 1
            while let text = file.code.text(at: keyword), ["final", "indirect"].contains(text) {
                keyword += 1
            }
            guard let kind = file.code.text(at: keyword), kinds.contains(kind),
                lines[token.line - 1].first?.isWhitespace == false
            else { continue }
            var above = token.line - 1
            while above > 0, lines[above - 1].drop(while: \.isWhitespace).hasPrefix("@") {
                above -= 1
            }
            if documented.contains(above) { continue }
            let name = file.code.text(at: keyword + 1) ?? ""
            findings.append(Finding(token.line, "\(name) is package API without a doc comment"))
        }
        return findings
    }

    /// The modules whose switches decide; elsewhere names of fields and frames are open-ended.
    static let decidingModules: Set<String> = [
        "Kernel", "ChatCore", "ClientModel", "DiscreteEvents", "EventTrace", "Oracles",
        "FleetSimulation",
    ]

    /// A `default` that would swallow the next case of an enumeration.
    private static func silentDefaults(in file: SourceFile) -> [Finding] {
        guard Self.decidingModules.contains(file.module) else { return [] }
        let code = file.code
        var findings: [Finding] = []
        for index in code.tokens.indices where code.tokens[index].text == "switch" {
            guard let open = code.tokens[index...].firstIndex(where: { $0.text == "{" }) else {
                continue
            }
            let labels = Self.labels(ofSwitchAt: open, in: code)
            guard let fallback = labels.first(where: { code.tokens[$0].text == "default" }),
                labels.contains(where: { Self.matchesCaseName(at: $0, in: code) })
            else { continue }
            findings.append(
                Finding(code.tokens[fallback].line, "`default` hides new cases: list the cases")
            )
        }
        return findings
    }

    /// The `case` and `default` tokens that belong to the switch itself.
    private static func labels(ofSwitchAt open: Int, in code: SwiftText) -> [Int] {
        let end = code.closing(open)
        var labels: [Int] = []
        var index = open + 1
        while index < end {
            let text = code.tokens[index].text
            if ["case", "default"].contains(text), code.text(at: index - 1) != "if",
                code.text(at: index - 1) != "guard"
            {
                labels.append(index)
            }
            index = ["(", "[", "{"].contains(text) ? code.closing(index) + 1 : index + 1
        }
        return labels
    }

    private static func matchesCaseName(at label: Int, in code: SwiftText) -> Bool {
        guard code.tokens[label].text == "case" else { return false }
        var index = label + 1
        while let text = code.text(at: index), ["let", "var", "("].contains(text) { index += 1 }
        return code.text(at: index) == "."
    }

    /// Annotations that tell the compiler to look away; each needs a comment with the invariant.
    static let escapes = ["@unchecked Sendable", "nonisolated(unsafe)", "@preconcurrency"]

    static func escapeLines(in code: SwiftText) -> [Int] {
        Self.escapes.flatMap(code.lines(of:)).sorted()
    }

    private static func unexplainedEscapes(in file: SourceFile) -> [Finding] {
        let commented = Set(file.code.comments.map(\.line))
        return Self.escapeLines(in: file.code).compactMap { line in
            let isExplained = commented.contains(line) || commented.contains(line - 1)
            guard !isExplained else { return nil }
            return Finding(line, "state the invariant that makes this safe, in a comment above")
        }
    }

    /// The escapes of a whole module beyond what the table grants it.
    static func budgetFindings(module: String, files: [SourceFile]) -> [String] {
        let budget = ModuleTable.rules[module]?.uncheckedBudget ?? 0
        let places = files.filter { $0.module == module }.flatMap { file in
            Self.escapeLines(in: file.code).map { "\(file.path):\($0)" }
        }
        guard places.count > budget else { return [] }
        return ["\(module) has \(places.count) unchecked annotations, at most \(budget): \(places)"]
    }
}
