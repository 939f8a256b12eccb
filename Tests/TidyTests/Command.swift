import Foundation

/// A program run to its end.
struct Command {
    /// What a finished program left behind.
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    /// Why a program could not be run.
    enum Failure: Error {
        case notFound(String)
        case failed(String, Outcome)
    }

    /// Runs the first of `programs` that is on the `PATH`, and returns what it printed.
    ///
    /// Output goes through files, so that neither side can wait for a full pipe.
    static func run(
        _ programs: String...,
        arguments: [String],
        input: String = "",
        in folder: URL = SourceTree.root
    ) throws -> Outcome {
        guard let executable = programs.lazy.compactMap(Self.find).first else {
            throw Failure.notFound(programs.joined(separator: " or "))
        }
        return try self.run(executable, arguments: arguments, input: input, in: folder)
    }

    static func run(
        _ executable: URL,
        arguments: [String],
        input: String = "",
        in folder: URL = SourceTree.root
    ) throws -> Outcome {
        try TemporaryFolder.with { scratch in
            let inputFile = scratch.appending(path: "input")
            let outputFile = scratch.appending(path: "output")
            let errorFile = scratch.appending(path: "errors")
            try Data(input.utf8).write(to: inputFile)
            try Data().write(to: outputFile)
            try Data().write(to: errorFile)

            let process = Process()
            process.executableURL = executable
            process.arguments = arguments
            process.currentDirectoryURL = folder
            process.standardInput = try FileHandle(forReadingFrom: inputFile)
            process.standardOutput = try FileHandle(forWritingTo: outputFile)
            process.standardError = try FileHandle(forWritingTo: errorFile)
            try process.run()
            process.waitUntilExit()

            let outcome = Outcome(
                status: process.terminationStatus,
                output: String(decoding: try Data(contentsOf: outputFile), as: UTF8.self),
                errors: String(decoding: try Data(contentsOf: errorFile), as: UTF8.self)
            )
            guard outcome.status == 0 else {
                throw Failure.failed(executable.lastPathComponent, outcome)
            }
            return outcome
        }
    }

    private static func find(_ program: String) -> URL? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").lazy
            .map { URL(filePath: String($0)).appending(path: program) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path(percentEncoded: false)) }
    }
}

/// A folder that is gone when its user is done.
enum TemporaryFolder {
    static func with<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "parley-tidy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let result = Swift.Result { try body(folder) }
        try FileManager.default.removeItem(at: folder)
        return try result.get()
    }
}
