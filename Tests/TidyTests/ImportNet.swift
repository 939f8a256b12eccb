/// Holds every file to the table of imports.
enum ImportNet {
    private static let importKinds: Set<String> = [
        "struct", "class", "enum", "protocol", "typealias", "func", "var", "let",
    ]

    /// The modules that `code` imports, with the line of each.
    static func imports(of code: SwiftText) -> [(module: String, line: Int)] {
        var found: [(module: String, line: Int)] = []
        for index in code.tokens.indices where code.tokens[index].text == "import" {
            var name = index + 1
            if let kind = code.text(at: name), Self.importKinds.contains(kind) { name += 1 }
            guard let module = code.text(at: name) else { continue }
            found.append((module, code.tokens[index].line))
        }
        return found
    }

    static func findings(in file: SourceFile) -> [Finding] {
        guard let rule = ModuleTable.rules[file.module] else {
            return [Finding(1, "module \(file.module) is not in the table of ModuleTable.swift")]
        }
        var allowed = rule.imports
        for (folder, imports) in rule.importsByFolder.sorted(by: { $0.key < $1.key })
        where file.path.hasPrefix("Sources/\(file.module)/\(folder)/") {
            allowed.formUnion(imports)
        }
        return Self.imports(of: file.code).compactMap { module, line in
            let isAllowed =
                allowed.contains(module) || rule.importPrefixes.contains(where: module.hasPrefix)
            guard !isAllowed else { return nil }
            return Finding(
                line,
                "\(file.module) may not import \(module); it may: \(allowed.sorted())"
            )
        }
    }

    /// Test files may import what they like, except XCTest and, outside its own tests, the live host.
    static func findings(inTest file: SourceFile) -> [Finding] {
        Self.imports(of: file.code).compactMap { module, line in
            switch module {
            case "XCTest":
                Finding(line, "tests are written with Swift Testing")
            case "ChatServer" where !ModuleTable.liveHostTests.contains(file.module):
                Finding(line, "only \(ModuleTable.liveHostTests.sorted()) may import ChatServer")
            default:
                nil
            }
        }
    }

    /// A ring of modules that import each other, if `rules` allow one.
    static func cycle(in rules: [String: ModuleRule]) -> [String]? {
        var finished: Set<String> = []
        func visit(_ module: String, _ path: [String]) -> [String]? {
            if let start = path.firstIndex(of: module) { return path[start...] + [module] }
            guard !finished.contains(module), let rule = rules[module] else { return nil }
            for next in rule.imports.sorted() {
                if let cycle = visit(next, path + [module]) { return cycle }
            }
            finished.insert(module)
            return nil
        }
        for module in rules.keys.sorted() {
            if let cycle = visit(module, []) { return cycle }
        }
        return nil
    }
}
