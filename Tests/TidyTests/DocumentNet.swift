import Foundation

/// Holds what documents say to what is there.
enum DocumentNet {
    /// A Markdown file of this package, by its path from the root.
    struct Document: Sendable {
        let path: String
        let text: String
    }

    /// What a document may refer to.
    struct Facts: Sendable {
        /// Every file and folder of the package, from the root.
        var paths: Set<String>
        var makeTargets: Set<String>
    }

    static func findings(in document: Document, facts: Facts) -> [Finding] {
        var findings: [Finding] = []
        for (index, line) in document.text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let number = index + 1
            for match in line.matches(of: #/\]\((?<target>[^)#:\s]+)\)/#) {
                let target = Self.resolve(String(match.target), from: document.path)
                guard !facts.paths.contains(target) else { continue }
                findings.append(Finding(number, "\(target) does not exist"))
            }
            for match in line.matches(of: #/(?:`|^ +)make (?<target>[a-z-]+)/#)
            where !facts.makeTargets.contains(String(match.target)) {
                findings.append(Finding(number, "the Makefile has no \(match.target)"))
            }
            for match in line.matches(of: #/\b(?<target>models/[A-Za-z0-9/_.-]*[A-Za-z0-9])/#)
            where !facts.paths.contains(String(match.target)) {
                findings.append(Finding(number, "\(match.target) does not exist"))
            }
        }
        return findings
    }

    /// The names in the last column of tables that stand for tests, and are none.
    static func missingTests(in text: String, tests: String) -> [String] {
        text.split(separator: "\n").flatMap { line -> [String] in
            guard line.hasPrefix("|"), let cell = line.split(separator: "|").last else { return [] }
            return cell.matches(of: #/`(?<name>[^`]* [^`]*)`/#).map { String($0.name) }
        }.filter { !tests.contains("func `\($0)`") }
    }

    /// The target of a link in the file at `path`, from the root and without a final slash.
    private static func resolve(_ link: String, from path: String) -> String {
        var folders = path.split(separator: "/").dropLast()
        for part in link.split(separator: "/") where part != "." {
            if part == ".." { folders = folders.dropLast() } else { folders.append(part) }
        }
        return folders.joined(separator: "/")
    }
}
