/// Holds names to the project's one word for each thing.
enum NameNet {
    /// Endings that say nothing about what a type is for.
    static let bannedSuffixes = [
        "Manager", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Service",
        "Handler",
        "Processor", "Engine", "Common", "Wrapper", "DTO", "Misc", "Base", "Impl",
    ]

    /// Words that mean the same as a word of the glossary, which is the one to use.
    static let synonyms: [String: String] = [
        "rooms": "conversations", "chatroom": "conversation",
        "topic": "conversation", "topics": "conversations",
        "leader": "owner", "master": "owner", "slave": "standby", "seqno": "offset",
        "dedup": "duplicate", "dedupe": "duplicate", "whitelist": "allowed", "blacklist": "refused",
    ]

    /// Modules that stand between the wire, where a conversation is a channel, and the core; NIO too
    /// has channels of its own.
    static let modulesWithChannels: Set<String> = [
        "ClientProtocol", "ProtobufCodec", "ChatServer", "LoadGenerator", "parley",
    ]

    static func findings(in file: SourceFile) -> [Finding] {
        Self.suffixFindings(in: file) + Self.synonymFindings(in: file)
    }

    private static func suffixFindings(in file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        let fileName = file.path.split(separator: "/").last?.dropLast(".swift".count) ?? ""
        let folders = file.path.split(separator: "/").dropLast()
        for name in folders + [fileName] where Self.bannedSuffixes.contains(where: name.hasSuffix) {
            findings.append(Finding(1, "\(name) says nothing about what is in it"))
        }
        let kinds: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]
        for (index, token) in file.code.tokens.enumerated() where kinds.contains(token.text) {
            guard let name = file.code.text(at: index + 1),
                Self.bannedSuffixes.contains(where: name.hasSuffix)
            else { continue }
            findings.append(Finding(token.line, "\(name) says nothing about what it is for"))
        }
        return findings
    }

    private static func synonymFindings(in file: SourceFile) -> [Finding] {
        var synonyms = Self.synonyms
        if !file.isTest, !Self.modulesWithChannels.contains(file.module) {
            synonyms["channel"] = "conversation"
            synonyms["channels"] = "conversations"
        }
        return file.code.tokens.flatMap { token in
            let words = Self.words(of: token.text)
            // Alone or at the end, room is what a buffer has.
            let named = words.dropLast().filter { $0 == "room" }.map { _ in "rooms" }
            return (words + named).compactMap { word in
                synonyms[word].map { Finding(token.line, "\(token.text): say \($0), not \(word)") }
            }
        }
    }

    /// The lower-case words of a name in camel case: `roomCount` has `room` and `count`.
    static func words(of name: String) -> [String] {
        var words: [String] = []
        var word = ""
        for character in name {
            if !character.isLetter || (character.isUppercase && word.last?.isUppercase == false) {
                if !word.isEmpty { words.append(word.lowercased()) }
                word = ""
            }
            if character.isLetter { word.append(character) }
        }
        return word.isEmpty ? words : words + [word.lowercased()]
    }
}
