package import Foundation
import Glibc
import Histogram

/// The live server as a process on one core, measured by clients on another.
package struct ServerBenchmark {
    /// The most sockets that one process of this benchmark opens.
    package static let socketLimit = 18_000

    /// How large a run is.
    package struct Size: Sendable {
        /// Silent clients whose memory is measured.
        package var idle = 18_000
        /// Subscribers of the group.
        package var group = 1_000
        /// Conversations of ten.
        package var smallGroups = 100
        /// Conversations of two.
        package var pairs = 500
        /// Of each measured phase.
        package var seconds = 5
        package var bodyBytes = 128

        package init() {}
    }

    let size: Size
    let command: URL
    let folder: String
    let onProgress: (String) -> Void
    /// What the tokens are signed with.
    package let secret = "benchmark"
    /// As they were before anything was pinned.
    private let cores = CoreSet.allowed()
    var result: ServerBenchmarkResult
    /// Whose turn it is, and what it has come to.
    var contender = Contender.server
    var figures = ServerFigures()

    /// Prepares a run of `command`, which is this program, with data below `folder`; `onProgress`
    /// hears of each step.
    package init(
        _ size: Size,
        command: URL,
        folder: String,
        onProgress: @escaping (String) -> Void
    ) throws {
        self.size = size
        self.command = command
        self.folder = folder
        self.onProgress = onProgress
        self.result = ServerBenchmarkResult(
            machine: try MachineFacts.current(),
            disk: try DiskFacts.measured(in: folder),
            bodyBytes: size.bodyBytes
        )
    }

    /// Clients of the largest figure.
    private var largest: Int {
        max(
            self.size.idle,
            self.size.group,
            self.size.smallGroups * Self.smallGroup,
            self.size.pairs * 2
        )
    }

    /// How many users need a token.
    package var userCount: Int { self.largest }

    /// The name of a user.
    package static func user(_ number: Int) -> String { "bench-user-\(number)" }

    /// Measures everything, on the calling thread; `tokens` are the users', signed with `benchmark`.
    package mutating func run(tokens: [String]) throws -> ServerBenchmarkResult {
        let limit = min(try FileLimit.raise() - 256, Self.socketLimit)
        if self.largest > limit {
            self.result.notes.append("the limit on open files allows \(limit) sockets a process")
        }
        let size = self.size
        try self.inTurn("idle") { server, run throws in
            try run.measureIdle(server, tokens: tokens, count: min(size.idle, limit))
        }
        try self.inTurn("group") { server, run throws in
            try run.measureGroup(server, tokens: tokens, subscribers: min(size.group, limit))
        }
        try self.inTurn("small groups") { server, run throws in
            run.figures.smallGroups = try run.measureConversations(
                server,
                tokens: tokens,
                count: min(size.smallGroups, limit / Self.smallGroup),
                subscribers: Self.smallGroup
            )
        }
        try self.inTurn("direct") { server, run throws in
            run.figures.direct = try run.measureConversations(
                server,
                tokens: tokens,
                count: min(size.pairs, limit / 2),
                subscribers: 2
            )
        }
        self.result.judge()
        return self.result
    }

    /// Measures a figure of the server and then of the reference.
    private mutating func inTurn(
        _ name: String,
        _ body: (ServerProcess, inout ServerBenchmark) throws -> Void
    ) throws {
        self.contender = .server
        self.figures = self.result.server
        try self.withServer(name, body)
        self.result.server = self.figures
        self.contender = .reference
        self.figures = self.result.reference
        try self.withServer(name, body)
        self.result.reference = self.figures
    }

    private mutating func withServer(
        _ name: String,
        _ body: (ServerProcess, inout ServerBenchmark) throws -> Void
    ) throws {
        let cores = self.cores
        if let first = cores.first { try CoreSet.pin(to: first) }
        let server = try ServerProcess(
            self.contender,
            command: self.command,
            data: "\(self.folder)/\(self.contender)-\(name)",
            secret: self.secret
        )
        defer { server.stop() }
        if let last = cores.last { try CoreSet.pin(to: last) }
        if cores.count < 2, self.result.notes.isEmpty {
            self.result.notes.append("one core: the server and its clients share it")
        }
        try body(server, &self)
    }

    /// Connects clients `range` of a swarm, some at a time.
    func connect(
        _ range: Range<Int>,
        of swarm: Swarm,
        stream: (Int) -> Int
    ) throws {
        let atOnce = 64
        var next = range.lowerBound
        let giveUp = Swarm.now + 60_000_000_000
        while swarm.counts.ready < range.upperBound {
            while next < range.upperBound, next - swarm.counts.ready < atOnce {
                try swarm.add(token: next, stream: stream(next))
                next += 1
            }
            try swarm.poll(until: Swarm.now + 10_000_000)
            guard swarm.faults.count == 0, Swarm.now < giveUp else {
                let reached = "\(swarm.counts.ready) of \(range.upperBound) clients"
                throw ServerBenchmarkError(
                    reason: "only \(reached) could subscribe: \(swarm.faults.examples)"
                )
            }
        }
    }

    /// Runs a phase and notes who was busy meanwhile; returns what the swarm counted.
    mutating func phase(
        _ name: String,
        _ server: ServerProcess,
        _ swarm: Swarm,
        _ body: () throws -> Void
    ) throws -> (seconds: Double, counts: SwarmCounts) {
        self.onProgress("\(self.contender): \(name)")
        let before = swarm.counts
        let serverBefore = try server.processorSeconds()
        let clientsBefore = ServerProcess.ownSeconds()
        let busyBefore = try MachineFacts.busySeconds()
        let start = Swarm.now
        try body()
        let seconds = Double(Swarm.now - start) / 1e9
        let serverShare = (try server.processorSeconds() - serverBefore) / seconds
        let clientShare = (ServerProcess.ownSeconds() - clientsBefore) / seconds
        let busyShare = (try MachineFacts.busySeconds() - busyBefore) / seconds
        var counts = swarm.counts
        counts.ready -= before.ready
        counts.sent -= before.sent
        counts.acknowledged -= before.acknowledged
        counts.delivered -= before.delivered
        counts.completed -= before.completed
        counts.readCalls -= before.readCalls
        let perRead = Double(counts.delivered) / Double(max(1, counts.readCalls))
        self.result.phases.append(
            ServerBenchmarkResult.Phase(
                contender: self.contender,
                name: name,
                seconds: seconds,
                serverShare: serverShare,
                clientShare: clientShare,
                othersShare: max(0, busyShare - serverShare - clientShare),
                saturated: serverShare > 0.9
                    ? "server" : clientShare > 0.9 ? "clients" : "neither",
                deliveriesPerRead: perRead
            )
        )
        return (seconds, counts)
    }

    /// Waits for everything that was sent to be acknowledged and delivered; says what is missing.
    mutating func settle(_ swarm: Swarm, receivers: Int) throws {
        let giveUp = Swarm.now + 5_000_000_000
        let owed = swarm.counts.sent * UInt64(receivers)
        while swarm.counts.delivered < owed || swarm.counts.acknowledged < swarm.counts.sent,
            swarm.faults.count == 0, Swarm.now < giveUp
        {
            try swarm.poll(until: Swarm.now + 10_000_000)
        }
        swarm.acknowledged.removeAll(keepingCapacity: true)
        if swarm.counts.delivered != owed {
            swarm.faults.add("\(swarm.counts.delivered) deliveries of \(owed) came")
        }
        if swarm.counts.acknowledged != swarm.counts.sent {
            let counts = swarm.counts
            swarm.faults.add("\(counts.acknowledged) acknowledgements of \(counts.sent) came")
        }
    }

    mutating func collectFaults(of swarm: Swarm) {
        self.result.faultCount += swarm.faults.count
        self.result.faults += swarm.faults.examples.map { "\(self.contender): \($0)" }
    }
}
