import Foundation

/// The built command, serving in a process of its own; killed and its data removed at the end.
final class ServerProcess {
    static let command = Bundle.main.bundleURL.appending(path: "parley")
    let directory: URL
    var environment: [String: String]
    /// Further options of `serve`.
    var options: [String] = []
    private(set) var process = Process()
    private(set) var port = 0

    init(environment: [String: String] = [:]) throws {
        self.directory = temporaryDirectory()
        self.environment = environment
        try FileManager.default.createDirectory(
            at: self.directory,
            withIntermediateDirectories: true
        )
    }

    deinit {
        if self.process.isRunning { self.kill() }
        do {
            try FileManager.default.removeItem(at: self.directory)
        } catch {
            NSLog("%@", "a temporary directory stays: \(error)")
        }
    }

    var data: String { self.directory.appending(path: "data").path(percentEncoded: false) }
    var database: String { self.data + "/parley.sqlite" }

    /// Starts on the port of the life before, and waits until it listens.
    func start() throws {
        let log = self.directory.appending(path: "log-\(UUID().uuidString)")
        let path = log.path(percentEncoded: false)
        try hold(FileManager.default.createFile(atPath: path, contents: nil), "a log")
        self.process = Process()
        self.process.executableURL = Self.command
        self.process.arguments =
            [
                "serve", "--host", "127.0.0.1", "--port", "\(self.port)", "--data", self.data,
                "--token-hmac-secret", WebSocketPeer.secret,
            ] + self.options
        self.process.environment = ProcessInfo.processInfo.environment
            .merging(self.environment) { $1 }
        self.process.standardError = try FileHandle(forWritingTo: log)
        try self.process.run()
        for _ in 0..<500 {
            let text = try String(contentsOf: log, encoding: .utf8)
            if let found = text.firstMatch(of: /port=(\d+)[^\n]*listening/) {
                self.port = Int(found.1) ?? 0
                return
            }
            try hold(self.process.isRunning, "the server starts: \(text)")
            pause(milliseconds: 20)
        }
        throw Broken(description: "the server says where it listens")
    }

    /// kill -9.
    func kill() {
        Foundation.kill(self.process.processIdentifier, SIGKILL)
        self.process.waitUntilExit()
    }

    /// SIGTERM; the exit code.
    func stop() -> Int32 {
        self.process.terminate()
        self.process.waitUntilExit()
        return self.process.terminationStatus
    }

    /// Resident memory in MiB.
    func residentMebibytes() throws -> Int {
        let path = "/proc/\(self.process.processIdentifier)/status"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard let found = text.firstMatch(of: /VmRSS:\s+(\d+)/), let size = Int(found.1) else {
            throw Broken(description: "the process has memory")
        }
        return size / 1024
    }
}

/// Blocks this thread only.
func pause(milliseconds: Int) { _ = poll(nil, 0, Int32(milliseconds)) }

/// Runs a command to its end; what it printed, and its exit code.
func run(_ executable: URL, _ arguments: [String]) throws -> (text: String, code: Int32) {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (String(decoding: printed, as: UTF8.self), process.terminationStatus)
}
