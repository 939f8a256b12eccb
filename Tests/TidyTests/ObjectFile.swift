import Foundation
import Testing

/// The object files of this build.
enum ObjectFile {
    /// Where this build puts its products and, by module, its object files.
    static var buildFolder: URL {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    }

    /// The object files of the sources that `module` has now; a build folder keeps older ones too.
    static func files(ofModule module: String) throws -> [URL] {
        let folder = Self.buildFolder.appending(path: "\(module).build")
        return try SourceTree.sources.filter { $0.module == module }.map { source in
            let name = URL(filePath: source.path).lastPathComponent
            let below = source.path.dropFirst("Sources/\(module)/".count)
            let candidates = [
                folder.appending(path: "\(name).o"), folder.appending(path: "\(below).o"),
            ]
            return try #require(
                candidates.first {
                    FileManager.default.fileExists(atPath: $0.path(percentEncoded: false))
                },
                "\(source.path) has no object file in \(folder.path(percentEncoded: false))"
            )
        }
    }

    /// The symbols that `files` take from elsewhere, demangled, each once.
    static func undefinedSymbols(of files: [URL]) throws -> [String] {
        let paths = files.map { $0.path(percentEncoded: false) }
        let listing = try Command.run("llvm-nm", "nm", arguments: ["-u"] + paths).output
        let names = listing.split(separator: "\n").compactMap { line -> Substring? in
            let words = line.split(separator: " ")
            return words.count == 2 && words[0] == "U" ? words[1] : nil
        }
        let mangled = Set(names).sorted().joined(separator: "\n")
        let demangled = try Command.run(
            "swift-demangle",
            arguments: ["--compact"],
            input: mangled
        ).output
        return demangled.split(separator: "\n").map(String.init)
    }
}
