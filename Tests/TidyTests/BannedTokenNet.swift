/// A piece of Swift that must not stand somewhere, and what to do instead.
struct BannedToken: Sendable {
    let pattern: String
    let instead: String

    init(_ pattern: String, _ instead: String) {
        self.pattern = pattern
        self.instead = instead
    }
}

/// Holds files to the words that their module's class may use.
enum BannedTokenNet {
    /// Declarations only: what is inlined into another module needs its imports to be public.
    private static let publicDeclarations = [
        "struct", "enum", "class", "final", "protocol", "actor", "extension", "typealias", "func",
        "var", "let", "init", "static", "mutating", "private(set)", "internal(set)",
    ].map { BannedToken("public \($0)", "nothing is public: use package, internal or private") }

    static let everywhere: [BannedToken] =
        publicDeclarations + [
            BannedToken("@testable", "tests go through package API"),
            BannedToken("fatalError(", "a bug of ours is a precondition with the violated fact"),
            BannedToken("try?", "handle the error or let it pass"),
            BannedToken("try!", "handle the error or let it pass"),
        ]

    static let outsideTheCommand: [BannedToken] = [
        BannedToken("print(", "only the command prints; return or log instead"),
        BannedToken("debugPrint(", "only the command prints"),
        BannedToken("dump(", "only the command prints"),
    ]

    static let repeatable: [BannedToken] = [
        BannedToken("ContinuousClock", "the instant comes as an argument"),
        BannedToken("SuspendingClock", "the instant comes as an argument"),
        BannedToken("Date", "the instant comes as an argument; wall time is an event"),
        BannedToken("= .now", "the instant comes as an argument"),
        BannedToken(": .now", "the instant comes as an argument"),
        BannedToken("(.now", "the instant comes as an argument"),
        BannedToken("UUID", "ids come from the host as events"),
        BannedToken(".random(", "draw with the keyed generator"),
        BannedToken(".randomElement(", "draw with the keyed generator"),
        BannedToken(".shuffled(", "draw with the keyed generator"),
        BannedToken(".shuffle(", "draw with the keyed generator"),
        BannedToken("SystemRandomNumberGenerator", "draw with the keyed generator"),
        BannedToken(".hashValue", "hash values differ from process to process"),
        BannedToken("Hasher", "hash values differ from process to process"),
        BannedToken("ObjectIdentifier", "addresses differ from process to process"),
    ]

    static let pure: [BannedToken] = [
        BannedToken("Task", "a machine runs each step to completion; the host schedules"),
        BannedToken("TaskGroup", "a machine runs each step to completion; the host schedules"),
        BannedToken("AsyncStream", "a machine runs each step to completion; the host schedules"),
        BannedToken("actor", "a machine is a struct that one shard owns"),
        BannedToken("async", "a machine never waits: completions come as events"),
        BannedToken("await", "a machine never waits: completions come as events"),
        BannedToken("@MainActor", "a machine is a struct that one shard owns"),
        BannedToken("Double", "decisions are integral, the same on every machine"),
        BannedToken("Float", "decisions are integral, the same on every machine"),
        BannedToken("Float16", "decisions are integral, the same on every machine"),
        BannedToken("Mutex", "one shard owns its state; there is nothing to lock"),
        BannedToken("Atomic", "one shard owns its state; there is nothing to share"),
    ]

    static let sleeping: [BannedToken] = [
        BannedToken("sleep(", "advance virtual time"),
        BannedToken("usleep(", "advance virtual time"),
        BannedToken("nanosleep(", "advance virtual time"),
        BannedToken("Task.sleep", "advance virtual time"),
        BannedToken("Thread.sleep", "advance virtual time"),
    ]

    static func banned(in module: String) -> [BannedToken] {
        var banned = Self.everywhere
        if module != "parley" { banned += Self.outsideTheCommand }
        switch ModuleTable.rules[module]?.purity {
        case .pure: banned += Self.repeatable + Self.pure
        case .repeatable: banned += Self.repeatable
        case .host, nil: break
        }
        return banned
    }

    static func findings(in file: SourceFile) -> [Finding] {
        Self.findings(of: Self.banned(in: file.module), in: file)
            + Self.fractions(in: file)
    }

    /// Literals such as `0.5`, which are floating point without saying so.
    private static func fractions(in file: SourceFile) -> [Finding] {
        guard ModuleTable.rules[file.module]?.purity == .pure else { return [] }
        let code = file.code
        return code.tokens.indices.filter { index in
            code.isNumber(at: index - 1) && code.text(at: index) == "."
                && code.isNumber(at: index + 1) && code.text(at: index - 2) != "."
        }.map { Finding(code.tokens[$0].line, "decisions are integral, the same on every machine") }
    }

    /// In tests only what would make them lie: reaching behind the API, and waiting for the clock
    /// where no socket is involved.
    static func findings(inTest file: SourceFile) -> [Finding] {
        let talksToSockets = !file.code.lines(of: ".socket").isEmpty
        let banned = [BannedToken("@testable", "tests go through package API")]
        return Self.findings(of: banned + (talksToSockets ? [] : Self.sleeping), in: file)
    }

    private static func findings(of banned: [BannedToken], in file: SourceFile) -> [Finding] {
        banned.flatMap { token in
            file.code.lines(of: token.pattern).map { line in
                Finding(line, "`\(token.pattern)` is banned here: \(token.instead)")
            }
        }
    }
}
