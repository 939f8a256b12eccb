/// Why no report can be made.
package struct ReportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was wrong, where, and what was expected.
    package var description: String

    package init(_ description: String) { self.description = description }
}
