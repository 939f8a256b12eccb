/// Finds protocols that abstract over nothing: fewer than two types conform.
enum ConformanceNet {
    static let conformersMin = 2

    /// Protocols that `sources` declare and that too few types of `sources` and `tests` conform to.
    static func findings(sources: [SourceFile], tests: [SourceFile]) -> [String] {
        var conformers: [String: Set<String>] = [:]
        for file in sources + tests {
            for (type, inherited) in Self.inheritances(in: file.code) {
                for name in inherited { conformers[name, default: []].insert(type) }
            }
        }
        return sources.flatMap { file in
            Self.protocols(in: file.code).compactMap { name, line in
                let count = conformers[name]?.count ?? 0
                guard count < Self.conformersMin else { return nil }
                return "\(file.path):\(line): protocol \(name) has \(count) conformers; "
                    + "at least \(Self.conformersMin), or it is not needed"
            }
        }
    }

    private static func protocols(in code: SwiftText) -> [(name: String, line: Int)] {
        code.tokens.indices.compactMap { index in
            guard code.tokens[index].text == "protocol", code.text(at: index - 1) != ".",
                let name = code.text(at: index + 1)
            else { return nil }
            return (name, code.tokens[index].line)
        }
    }

    /// Each type that is declared or extended, with what stands after its colon.
    private static func inheritances(in code: SwiftText) -> [(type: String, inherited: [String])] {
        let kinds: Set = ["struct", "class", "enum", "actor", "extension"]
        return code.tokens.indices.compactMap { index in
            guard kinds.contains(code.tokens[index].text), let type = code.text(at: index + 1)
            else { return nil }
            var colon = index + 2
            var depth = 0
            while let text = code.text(at: colon), text != "{", depth > 0 || text != ":" {
                if text == "<" { depth += 1 }
                if text == ">" { depth -= 1 }
                colon += 1
            }
            guard code.text(at: colon) == ":" else { return nil }
            let rest = code.tokens[(colon + 1)...].prefix { $0.text != "{" && $0.text != "where" }
            return (type, rest.filter(\.isWord).map(\.text))
        }
    }
}
