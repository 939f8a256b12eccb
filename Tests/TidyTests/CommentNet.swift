/// Holds comments to what code cannot say.
enum CommentNet {
    /// First words of comments that retell the next line.
    static let narrations = [
        "Initialize", "Create", "Set", "Get", "Check", "Loop", "Return", "Increment", "Iterate",
        "Call", "Helper for", "Now uses", "Moved from", "Added", "Removed", "Changed",
    ]

    static let leftovers = ["TODO", "FIXME", "XXX", "HACK"]

    static func findings(in file: SourceFile) -> [Finding] {
        file.code.comments.flatMap { comment in
            Self.findings(in: comment) + Self.leftoverFindings(in: comment)
        }
    }

    private static func findings(in comment: Comment) -> [Finding] {
        guard !comment.isDocumentation else { return [] }
        let words = comment.text.split(separator: " ")
        let isStep = words.count > 1 && words[0] == "Step" && words[1].first?.isNumber == true
        let narrates = Self.narrations.contains { comment.text.hasPrefix($0 + " ") }
        guard isStep || narrates else { return [] }
        return [Finding(comment.line, "a comment says why; the code says what: \(comment.text)")]
    }

    private static func leftoverFindings(in comment: Comment) -> [Finding] {
        let words = comment.text.split { !$0.isLetter }
        return Self.leftovers.filter { leftover in words.contains { $0 == leftover } }.map {
            Finding(comment.line, "\($0): do it now, or file an issue")
        }
    }
}
