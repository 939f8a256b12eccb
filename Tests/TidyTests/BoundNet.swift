import Foundation

/// Holds the page of bounds to the code: each bound is on it, and what it names is there.
enum BoundNet {
    /// The files whose variables are bounds that hosts and files set, by the end of their names.
    private static let configurations = [
        "Sources/ChatCore/Shard/ShardConfiguration.swift",
        "Sources/ChatCore/Presence/PresenceState.swift",
        "Sources/ChatServer/Host/LiveServer.swift",
    ]
    /// What is bounded on the way of a peer's bytes.
    private static let modules: Set<String> = ["ChatCore", "ChatServer", "ClientProtocol"]

    /// The bounds that a file declares, as the page names them.
    static func bounds(in file: SourceFile) -> Set<String> {
        var bounds: Set<String> = []
        if Self.configurations.contains(file.path) {
            let variables = #/package var (?<name>\w+(?:Limit|Bytes|Rate|Connections)|budget)\b/#
            for match in file.text.matches(of: variables) { bounds.insert(String(match.name)) }
        }
        guard Self.modules.contains(file.module) else { return bounds }
        let constant = #/static (?:let|var) (?<name>limit|\w+Limit)\b[^=\{]*(?:=|\{) (?<value>\d)/#
        let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            guard let match = line.firstMatch(of: constant) else { continue }
            bounds.insert("\(Self.owner(of: line, among: lines[..<index])).\(match.name)")
        }
        return bounds
    }

    /// The type that a line stands in: the last one that was begun further to the left.
    private static func owner(of line: Substring, among before: ArraySlice<Substring>) -> String {
        let type = #/(?:struct|class|enum|extension|actor) (?<name>\w+)/#
        if let match = line.firstMatch(of: type) { return String(match.name) }
        let indent = line.prefix { $0 == " " }.count
        let found = before.last { candidate in
            candidate.prefix { $0 == " " }.count < indent && candidate.contains(type)
        }
        return found?.firstMatch(of: type).map { String($0.name) } ?? ""
    }

    /// What is wrong with the page, given all bounds, tests and keys that there are.
    static func findings(
        in page: String,
        bounds: Set<String>,
        tests: Set<String>,
        keys: Set<String>
    ) -> [String] {
        var findings = bounds.subtracting(Self.quoted(page)).sorted().map { "\($0) has no row" }
        for line in page.split(separator: "\n") where line.hasPrefix("| ") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 6, cells[0] != "what" else {
                if cells.count != 6 { findings.append("\(cells[0]) has \(cells.count) cells") }
                continue
            }
            let laws = Self.quoted(cells[5])
            if laws.isEmpty { findings.append("\(cells[0]) has no law") }
            findings += laws.subtracting(tests).sorted().map { "no test is called \($0)" }
            findings += Self.quoted(cells[3]).filter { !$0.hasPrefix("--") }.sorted()
                .compactMap { name in
                    let key = String(name.split(separator: ".").last ?? "")
                    return keys.contains(key) ? nil : "no file takes the key \(key)"
                }
        }
        return findings
    }

    private static func quoted(_ text: String) -> Set<String> {
        Set(text.matches(of: #/`(?<name>[^`]+)`/#).map { String($0.name) })
    }
}
