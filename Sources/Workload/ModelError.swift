/// Why a model file was refused: where, what, and what would have been accepted.
package struct ModelError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file's name as the user gave it.
    package var file: String
    /// From 1.
    package var line: Int
    /// The path of keys, as in `cohorts[1].share`; empty for the whole file.
    package var key: String
    package var reason: String
    package var expected: String

    package init(file: String, line: Int, key: String, reason: String, expected: String) {
        self.file = file
        self.line = line
        self.key = key
        self.reason = reason
        self.expected = expected
    }

    /// `file:line: key: reason; expected …`.
    package var description: String {
        let subject = self.key.isEmpty ? "" : "\(self.key): "
        return "\(self.file):\(self.line): \(subject)\(self.reason); expected \(self.expected)"
    }
}
