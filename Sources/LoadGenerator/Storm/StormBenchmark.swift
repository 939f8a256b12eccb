package import Foundation
import Histogram
import Kernel

/// A live server as a process on one core, most of whose clients, on another, are cut off at once.
package struct StormBenchmark {
    /// How large a run is.
    package struct Size: Sendable {
        /// Of all clients together.
        package var connections = 15_000
        /// Those whose connections stay; two share each conversation with some of the others.
        package var live = 500
        /// Of all live clients together.
        package var messagesPerSecond = 200
        package var bodyBytes = 128
        /// Of the calm before the storm, for comparison.
        package var calmSeconds = 3
        package var seed: UInt64 = 1

        package init() {}
    }

    /// Who has not come back by then will not.
    private static let patience = Interval.seconds(90)
    /// Clients on their way in while all connect for the first time.
    private static let atOnce = 64

    private let size: Size
    private let command: URL
    private let folder: String
    private let onProgress: (String) -> Void
    /// What the tokens are signed with.
    package static let secret = "storm"
    /// As they were before anything was pinned.
    private let cores = CoreSet.allowed()

    /// Prepares runs of `command`, which is this program, with data below `folder`; `onProgress` hears
    /// of each step.
    package init(
        _ size: Size,
        command: URL,
        folder: String,
        onProgress: @escaping (String) -> Void
    ) {
        self.size = size
        self.command = command
        self.folder = folder
        self.onProgress = onProgress
    }

    /// The names of the users who need a token, in the order of the tokens.
    package static func users(_ size: Size) -> [String] {
        (0..<UInt32(size.connections)).map { Wire.user($0, run: "storm") }
    }

    /// Runs the storm on the calling thread, against a server that refuses what waits too long or not.
    package func run(isAdmitting: Bool, tokens: [String]) throws -> StormResult {
        guard try FileLimit.raise() >= self.size.connections + 256 else {
            throw ServerBenchmarkError(
                reason: "the limit on open files does not allow \(self.size.connections) sockets"
            )
        }
        if let first = self.cores.first { try CoreSet.pin(to: first) }
        let server = try ServerProcess(
            .server,
            command: self.command,
            data: "\(self.folder)/\(isAdmitting)",
            secret: Self.secret,
            options: ["--admission", isAdmitting ? "on" : "off"]
        )
        defer { server.stop() }
        if let last = self.cores.last { try CoreSet.pin(to: last) }
        let clients = try StormClients(self.size, tokens: tokens, port: server.port)
        var result = StormResult(self.size, isAdmitting: isAdmitting)
        result.connectsPerSecond = try self.connect(clients)
        self.onProgress("calm")
        var traffic = Traffic(self.size, from: clients.now)
        let calmEnd = clients.now + .seconds(UInt64(self.size.calmSeconds))
        try traffic.run(clients, until: calmEnd) { false }
        self.onProgress("storm")
        let busyBefore = (try server.processorSeconds(), ServerProcess.ownSeconds())
        let refusedBefore = clients.tally
        try clients.cut()
        let cut = self.size.connections - self.size.live
        try traffic.run(clients, until: clients.cutAt + Self.patience) {
            clients.recoveredCount == cut
        }
        let seconds = Double((clients.now - clients.cutAt).nanoseconds) / 1e9
        result.serverShare = (try server.processorSeconds() - busyBefore.0) / seconds
        result.clientShare = (ServerProcess.ownSeconds() - busyBefore.1) / seconds
        try self.settle(clients)
        result.note(clients, since: refusedBefore)
        return result
    }

    /// Connects everybody, some at a time; how many that was a second.
    private func connect(_ clients: StormClients) throws -> Double {
        self.onProgress("connecting")
        let start = clients.now
        var started = 0
        var ready = 0
        var waiting: [Int] = []
        while ready < clients.count {
            while started < clients.count, waiting.count < Self.atOnce {
                try clients.start(started)
                waiting.append(started)
                started += 1
            }
            try clients.run(until: clients.now + .milliseconds(10))
            waiting.removeAll { clients.isSettled($0) }
            ready = started - waiting.count
            guard clients.now < start + .seconds(120) else {
                throw ServerBenchmarkError(reason: "only \(ready) clients could connect")
            }
        }
        return Double(clients.count) / (Double((clients.now - start).nanoseconds) / 1e9)
    }

    /// Gives every message the time to be acknowledged, and every client to be online.
    private func settle(_ clients: StormClients) throws {
        let end = clients.now + .seconds(10)
        while clients.now < end, !clients.isQuiet {
            try clients.run(until: min(end, clients.now + .milliseconds(20)))
        }
    }
}

/// Messages at a steady rate, whatever comes back.
private struct Traffic {
    private let gap: Interval
    private var due: Instant

    init(_ size: StormBenchmark.Size, from start: Instant) {
        self.gap = .seconds(1) / UInt64(size.messagesPerSecond)
        self.due = start
    }

    mutating func run(
        _ clients: StormClients,
        until end: Instant,
        _ isOver: () -> Bool
    ) throws(SystemError) {
        while clients.now < end, !isOver() {
            while self.due <= clients.now {
                try clients.send(intended: self.due)
                self.due = self.due + self.gap
            }
            try clients.run(until: min(self.due, end))
        }
    }
}
