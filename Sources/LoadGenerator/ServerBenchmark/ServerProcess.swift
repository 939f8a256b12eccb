import Foundation
import Glibc

/// A server of its own process, on a free port, that ends with this value.
final class ServerProcess {
    let port: Int
    private let process = Process()

    private let contender: Contender

    /// Starts a server on the core of the calling thread; Parley's has one shard, and further
    /// `options` of `serve`.
    init(
        _ contender: Contender,
        command: URL,
        data: String,
        secret: String,
        options: [String] = []
    ) throws {
        self.contender = contender
        self.port = try Self.freePort()
        self.process.executableURL = command
        self.process.arguments =
            switch contender {
            case .server:
                [
                    "serve", "--host", "127.0.0.1", "--port", "\(self.port)", "--data", data,
                    "--token-hmac-secret", secret, "--shards", "1",
                ] + options
            case .reference:
                ["bench", "reference-server", "--port", "\(self.port)"]
            }
        let log = data + "/server.log"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        try Data().write(to: URL(filePath: log))
        self.process.standardError = FileHandle(forWritingAtPath: log)
        self.process.standardOutput = FileHandle.nullDevice
        try self.process.run()
        let giveUp = Swarm.now + 10_000_000_000
        while !Self.accepts(self.port) {
            guard self.process.isRunning, Swarm.now < giveUp else {
                let text = try String(contentsOfFile: log, encoding: .utf8)
                self.stop()
                throw ServerBenchmarkError(reason: "the server did not start: \(text)")
            }
            usleep(10_000)
        }
    }

    var isRunning: Bool { self.process.isRunning }

    /// Ends the process at once: what it holds is measured, not kept.
    func stop() {
        guard self.process.isRunning else { return }
        kill(self.process.processIdentifier, SIGKILL)
        self.process.waitUntilExit()
    }

    /// Resident bytes.
    func residentBytes() throws -> Int {
        let path = "/proc/\(self.process.processIdentifier)/status"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        guard let kilobytes = line?.split(separator: " ").dropLast().last.flatMap({ Int($0) })
        else { throw ServerBenchmarkError(reason: "\(path) has no VmRSS") }
        return kilobytes * 1024
    }

    /// Appends to the log so far, as the server's metrics say; `nil` for one that has no log.
    func appendCount() throws -> UInt64? {
        guard self.contender == .server else { return nil }
        let text = try self.get("/metrics")
        let name = "parley_store_appends_total "
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        guard let value = line.flatMap({ UInt64($0.dropFirst(name.count)) }) else {
            throw ServerBenchmarkError(reason: "the server's metrics have no \(name)")
        }
        return value
    }

    /// The answer to a plain request, head and body.
    private func get(_ path: String) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
        guard Self.connects(descriptor, to: self.port),
            unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
        else { throw SystemError(call: "connect", code: errno) }
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe recv(descriptor, &part, part.count, 0)
            guard count > 0 else { return String(decoding: answer, as: UTF8.self) }
            answer += part[..<count]
        }
    }

    /// Seconds of processor time that all threads have used.
    func processorSeconds() throws -> Double {
        let path = "/proc/\(self.process.processIdentifier)/stat"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        // The second field is a name in parentheses, which may hold spaces.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 13, let user = Int(fields[11]), let system = Int(fields[12]) else {
            throw ServerBenchmarkError(reason: "\(path) has another form")
        }
        return Double(user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Seconds of processor time that this process has used.
    static func ownSeconds() -> Double {
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let micros = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(micros) / 1e6
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    private static func accepts(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        return Self.connects(descriptor, to: port)
    }

    private static func connects(_ descriptor: Int32, to port: Int) -> Bool {
        var address = Self.loopback(port)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// A port that nobody listened on a moment ago.
    private static func freePort() throws(SystemError) -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError(call: "socket", code: errno) }
        defer { close(descriptor) }
        var address = Self.loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, size) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard status else { throw SystemError(call: "bind", code: errno) }
        return Int(address.sin_port.bigEndian)
    }
}

/// Why a benchmark could not be run.
package struct ServerBenchmarkError: Error, Equatable, Sendable, CustomStringConvertible {
    package var reason: String

    package var description: String { self.reason }
}
