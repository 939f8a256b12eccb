/// Holds the object files of pure modules to symbols that touch no clock, no randomness, no file, no
/// socket, no thread and no hash order.
///
/// It sees what an import table cannot: `Int.random(in:)` and `ContinuousClock.now` need no import.
/// Loops over dictionaries show only in objects that were compiled without optimisation.
enum SymbolNet {
    /// Names of the C library and of the runtime, whole.
    static let bannedNames: Set<String> = [
        "swift_stdlib_random", "arc4random", "arc4random_buf", "arc4random_uniform", "getrandom",
        "getentropy", "rand", "random", "srand", "drand48",
        "clock_gettime", "clock_gettime_nsec_np", "gettimeofday", "time", "localtime", "gmtime",
        "nanosleep", "usleep", "sleep",
        "open", "openat", "close", "read", "write", "pread", "pwrite", "lseek", "fsync", "mmap",
        "fopen", "fclose", "fread", "fwrite", "fputs", "puts", "printf", "getenv", "setenv",
        "socket", "connect", "bind", "listen", "accept", "send", "sendto", "sendmsg", "recv",
        "recvfrom", "recvmsg", "poll", "epoll_wait", "select", "ioctl",
        "pthread_create", "pthread_mutex_lock", "fork", "execve", "system", "dlopen", "dlsym",
        "exp", "exp2", "log", "log2", "log10", "pow", "sin", "cos", "tan", "sqrt", "cbrt",
    ]

    /// Beginnings of names of the runtime.
    static let bannedPrefixes = ["swift_task_create", "swift_asyncLet", "swift_continuation"]

    /// Parts of demangled names.
    static let bannedParts = [
        "SystemRandomNumberGenerator", ".shuffled()", ".shuffle()", ".randomElement()",
        "ContinuousClock", "SuspendingClock", "Glibc.", "Foundation.", "FoundationEssentials.",
        "Dispatch.", "Synchronization.", "Swift.print(", "Swift.debugPrint(", "Swift.dump(",
        "Swift.readLine(", "Swift.Hasher.init()", ".hashValue.getter",
        "Dictionary.makeIterator", "Dictionary.Iterator", "Dictionary.keys.", "Dictionary.values.",
        "Set.makeIterator", "Set.Iterator", "Set.popFirst",
        "for [A : B] : Swift.Sequence", "for [A : B] : Swift.Collection",
        "for Swift.Set<A> : Swift.Sequence", "for Swift.Set<A> : Swift.Collection",
    ]

    /// Those of `symbols`, demangled, that a pure module must not call.
    static func findings(in symbols: [String]) -> [String] {
        symbols.filter { symbol in
            // A conformance names its requirements and their defaults without calling them.
            if symbol.hasPrefix("method descriptor for ") { return false }
            if symbol.contains("Swift.RawRepresentable<") { return false }
            if Self.bannedNames.contains(symbol) { return true }
            if Self.bannedPrefixes.contains(where: symbol.hasPrefix) { return true }
            if symbol.contains(".random(in:"), !symbol.contains("using:") { return true }
            return Self.bannedParts.contains(where: symbol.contains)
        }
    }
}
