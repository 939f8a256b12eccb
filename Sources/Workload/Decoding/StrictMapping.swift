/// A mapping of a model file that is asked for its keys one by one, and that refuses what nobody asked for.
///
/// `finish()` must be called last: it throws at the first key that was never taken.
package struct StrictMapping {
    struct Entry {
        var name: String
        var line: Int
        var value: StrictNode
    }

    private let whole: StrictNode
    private var entries: [Entry]
    private var known: [String] = []

    init(_ whole: StrictNode, entries: [Entry]) {
        self.whole = whole
        self.entries = entries
    }

    /// The value of a key that may be left out.
    package mutating func optional(_ name: String) -> StrictNode? {
        self.known.append(name)
        guard let index = self.entries.firstIndex(where: { $0.name == name }) else { return nil }
        return self.entries.remove(at: index).value
    }

    /// The value of a key that must be there; `expected` says what belongs there.
    package mutating func required(
        _ name: String,
        expected: String
    ) throws(ModelError) -> StrictNode {
        if let value = self.optional(name) { return value }
        throw self.whole.refused("has no key '\(name)'", expected: "\(name): \(expected)")
    }

    package func finish() throws(ModelError) {
        guard let unknown = self.entries.first else { return }
        throw ModelError(
            file: self.whole.file,
            line: unknown.line,
            key: unknown.value.key,
            reason: "unknown key",
            expected: "one of \(self.known.sorted().joined(separator: ", "))"
        )
    }
}
