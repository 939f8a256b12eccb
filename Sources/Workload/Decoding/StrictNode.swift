import Yams

/// A value of a model file with its place: reads itself as what is wanted, or says why it is not that.
package struct StrictNode {
    package let file: String
    /// The path of keys from the top of the file.
    package let key: String
    package let line: Int
    private let node: Node

    init(_ node: Node, file: String, key: String, line: Int) {
        self.node = node
        self.file = file
        self.key = key
        self.line = node.mark?.line ?? line
    }

    /// Reads a whole file; `file` is for messages only.
    package init(yaml: String, file: String) throws(ModelError) {
        let root: Node?
        do {
            root = try Parser(yaml: yaml).singleRoot()
        } catch {
            var line = 1
            var problem = "\(error)"
            if let error = error as? YamlError {
                switch error {
                case .scanner(_, let text, let mark, _), .parser(_, let text, let mark, _),
                    .composer(_, let text, let mark, _):
                    line = mark.line
                    problem = text
                case .duplicatedKeysInMapping(let keys, let context):
                    line = Self.line(ofSecond: keys, in: yaml, from: context.mark.line)
                    problem = "keys given twice: \(keys)"
                case .no, .memory, .reader, .writer, .emitter, .representer,
                    .dataCouldNotBeDecoded:
                    break
                }
            }
            throw ModelError(
                file: file,
                line: line,
                key: "",
                reason: problem,
                expected: "a YAML mapping"
            )
        }
        guard let root else {
            throw ModelError(
                file: file,
                line: 1,
                key: "",
                reason: "the file is empty",
                expected: "a YAML mapping"
            )
        }
        self.init(root, file: file, key: "", line: 1)
    }

    /// The line where one of the keys is given again; the library tells of the mapping's first line alone.
    private static func line(ofSecond keys: [String], in yaml: String, from first: Int) -> Int {
        var indents: [String: Set<Int>] = [:]
        let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated().dropFirst(max(0, first - 1)) {
            let text = line.drop { $0 == " " || $0 == "-" }
            let name = text.prefix { $0 != ":" }
            guard keys.contains(String(name)), text.count > name.count else { continue }
            let indent = line.count - text.count
            if !indents[String(name), default: []].insert(indent).inserted { return index + 1 }
        }
        return first
    }

    package var isMapping: Bool {
        if case .mapping = self.node { true } else { false }
    }

    package func refused(_ reason: String, expected: String) -> ModelError {
        ModelError(
            file: self.file,
            line: self.line,
            key: self.key,
            reason: reason,
            expected: expected
        )
    }

    package func mapping() throws(ModelError) -> StrictMapping {
        guard case .mapping(let mapping) = self.node else {
            throw self.refused("is \(self.kind)", expected: "a mapping")
        }
        var entries: [StrictMapping.Entry] = []
        var names: Set<String> = []
        for (key, value) in mapping {
            let line = key.mark?.line ?? self.line
            guard case .scalar(let scalar) = key else {
                throw self.refused("has a key that is not a word", expected: "words as keys")
            }
            let name = scalar.string
            if !names.insert(name).inserted {
                throw ModelError(
                    file: self.file,
                    line: line,
                    key: self.path(name),
                    reason: "is given twice",
                    expected: "each key once"
                )
            }
            let node = StrictNode(value, file: self.file, key: self.path(name), line: line)
            entries.append(StrictMapping.Entry(name: name, line: line, value: node))
        }
        return StrictMapping(self, entries: entries)
    }

    /// The items of a list.
    package func items() throws(ModelError) -> [StrictNode] {
        guard case .sequence(let sequence) = self.node else {
            throw self.refused("is \(self.kind)", expected: "a list")
        }
        return sequence.enumerated().map { index, node in
            StrictNode(node, file: self.file, key: "\(self.key)[\(index)]", line: self.line)
        }
    }

    package func text() throws(ModelError) -> String {
        guard case .scalar(let scalar) = self.node else {
            throw self.refused("is \(self.kind)", expected: "text")
        }
        guard !scalar.string.isEmpty else { throw self.refused("is empty", expected: "text") }
        return scalar.string
    }

    private func path(_ name: String) -> String {
        self.key.isEmpty ? name : "\(self.key).\(name)"
    }

    private var kind: String {
        switch self.node {
        case .scalar: "a single value"
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}
