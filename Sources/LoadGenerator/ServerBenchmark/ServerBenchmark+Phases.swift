import Glibc
import Histogram
import Kernel

extension ServerBenchmark {
    /// Clients that are connected before the memory is first looked at, so that what a server needs
    /// once does not count.
    private static let warmUp = 100
    /// Subscribers of an idle client's conversation.
    private static let idleGroup = 10
    /// Subscribers of the group who also send.
    private static let senders = 16

    mutating func measureIdle(_ server: ServerProcess, tokens: [String], count: Int) throws {
        let channels = (0...count / Self.idleGroup).map { "idle-\($0)" }
        let swarm = try Swarm(
            port: server.port,
            tokens: tokens,
            channels: channels,
            bodyBytes: self.size.bodyBytes
        )
        let warm = min(Self.warmUp, count / 2)
        try self.connect(0..<warm, of: swarm) { $0 / Self.idleGroup }
        try Self.rest(swarm, seconds: 1)
        let before = try server.residentBytes()
        let benchmark = self
        let (seconds, _) = try self.phase("connect", server, swarm) {
            try benchmark.connect(warm..<count, of: swarm) { $0 / Self.idleGroup }
        }
        try Self.rest(swarm, seconds: 3)
        let after = try server.residentBytes()
        self.result.idleConnections = count
        self.result.connectsPerSecond = Double(count - warm) / seconds
        self.result.idleBytesPerConnection = Double(after - before) / Double(count - warm)
        self.collectFaults(of: swarm)
    }

    private static func rest(_ swarm: Swarm, seconds: UInt64) throws {
        let end = Swarm.now + seconds * 1_000_000_000
        while Swarm.now < end { try swarm.poll(until: end) }
    }

    mutating func measureGroup(
        _ server: ServerProcess,
        tokens: [String],
        subscribers: Int
    ) throws {
        let swarm = try Swarm(
            port: server.port,
            tokens: tokens,
            channels: ["group"],
            bodyBytes: self.size.bodyBytes
        )
        try self.connect(0..<subscribers, of: swarm) { _ in 0 }
        let best = try self.bestWindow(1...256, swarm, receivers: subscribers) { window, seconds in
            try Self.driveGroup(swarm, window: window, seconds: seconds, subscribers: subscribers)
        }
        guard let best else { return }
        let duration = Double(self.size.seconds)
        let (seconds, counts) = try self.phase("group", server, swarm) {
            try Self.driveGroup(
                swarm,
                window: best,
                seconds: duration,
                subscribers: subscribers
            )
        }
        try self.settle(swarm, receivers: subscribers)
        self.result.groupSize = subscribers
        self.result.groupWindow = best
        self.result.groupDeliveriesPerSecond = Double(counts.delivered) / seconds
        guard swarm.faults.count == 0 else { return self.collectFaults(of: swarm) }
        try self.measureLatency(server, swarm, subscribers: subscribers)
        self.collectFaults(of: swarm)
    }

    /// Doubles the window while the rate grows; `nil` after a fault.
    private mutating func bestWindow(
        _ windows: ClosedRange<Int>,
        _ swarm: Swarm,
        receivers: Int,
        _ drive: (Int, Double) throws -> Void
    ) throws -> Int? {
        var best = (window: windows.lowerBound, rate: 0.0)
        var window = windows.lowerBound
        while window <= windows.upperBound {
            self.onProgress("window of \(window)")
            let before = swarm.counts.delivered
            let start = Swarm.now
            try drive(window, 0.7)
            let seconds = Double(Swarm.now - start) / 1e9
            let rate = Double(swarm.counts.delivered - before) / seconds
            try self.settle(swarm, receivers: receivers)
            guard swarm.faults.count == 0 else {
                self.collectFaults(of: swarm)
                return nil
            }
            if rate > best.rate { best = (window, rate) }
            window *= 2
        }
        return best.window
    }

    /// Keeps `window` messages under way, each until all subscribers have it.
    private static func driveGroup(
        _ swarm: Swarm,
        window: Int,
        seconds: Double,
        subscribers: Int
    ) throws {
        let end = Swarm.now + UInt64(seconds * 1e9)
        while Swarm.now < end, swarm.faults.count == 0 {
            while Int(swarm.counts.sent - swarm.counts.completed) < window {
                let sender = Int(swarm.counts.sent) % min(Self.senders, subscribers)
                try swarm.send(from: sender, intended: Swarm.now)
            }
            try swarm.poll(until: Swarm.now + 5_000_000)
            swarm.acknowledged.removeAll(keepingCapacity: true)
        }
    }

    /// Sends at random times, whatever comes back, at half of the best rate.
    private mutating func measureLatency(
        _ server: ServerProcess,
        _ swarm: Swarm,
        subscribers: Int
    ) throws {
        let perSecond = self.result.groupDeliveriesPerSecond / 2 / Double(subscribers)
        let meanGap = 1e9 / max(perSecond, 0.1)
        swarm.latencies = Histogram(
            highestTrackableValue: 60_000_000,
            numberOfSignificantValueDigits: .three
        )
        let random = KeyedRandom(seed: 1)
        let duration = UInt64(self.size.seconds) * 1_000_000_000
        let (seconds, counts) = try self.phase("half rate", server, swarm) {
            let start = Swarm.now
            var due = start
            var number: UInt64 = 0
            while due < start + duration, swarm.faults.count == 0 {
                while due <= Swarm.now, due < start + duration {
                    let sender = Int(number) % min(Self.senders, subscribers)
                    try swarm.send(from: sender, intended: due)
                    number += 1
                    let draw = random.draw(.benchmarkGap, 0, number)
                    let uniform = (Double(draw >> 11) + 0.5) / 9_007_199_254_740_992
                    due += UInt64(-log(uniform) * meanGap)
                }
                try swarm.poll(until: min(due, start + duration))
                swarm.acknowledged.removeAll(keepingCapacity: true)
            }
        }
        try self.settle(swarm, receivers: subscribers)
        guard let latencies = swarm.latencies else { return }
        self.result.halfRate = Double(counts.delivered) / seconds
        self.result.p50AtHalfRateMilliseconds = Double(latencies.valueAtPercentile(50)) / 1_000
        self.result.p99AtHalfRateMilliseconds = Double(latencies.valueAtPercentile(99)) / 1_000
    }

    mutating func measurePairs(_ server: ServerProcess, tokens: [String], pairs: Int) throws {
        let swarm = try Swarm(
            port: server.port,
            tokens: tokens,
            channels: (0..<pairs).map { "pair-\($0)" },
            bodyBytes: self.size.bodyBytes
        )
        try self.connect(0..<pairs * 2, of: swarm) { $0 / 2 }
        let best = try self.bestWindow(1...16, swarm, receivers: 2) { window, seconds in
            try Self.drivePairs(swarm, window: window, seconds: seconds, pairs: pairs)
        }
        guard let best else { return }
        let duration = Double(self.size.seconds)
        let (seconds, counts) = try self.phase("direct", server, swarm) {
            try Self.drivePairs(
                swarm,
                window: best,
                seconds: duration,
                pairs: pairs
            )
        }
        try self.settle(swarm, receivers: 2)
        self.result.pairs = pairs
        self.result.directWindow = best
        self.result.directMessagesPerSecond = Double(counts.acknowledged) / seconds
        self.collectFaults(of: swarm)
    }

    /// Keeps `window` messages of each pair under way, each until it is acknowledged.
    private static func drivePairs(
        _ swarm: Swarm,
        window: Int,
        seconds: Double,
        pairs: Int
    ) throws {
        let end = Swarm.now + UInt64(seconds * 1e9)
        for _ in 0..<window {
            for pair in 0..<pairs { try swarm.send(from: pair * 2, intended: Swarm.now) }
        }
        while Swarm.now < end, swarm.faults.count == 0 {
            try swarm.poll(until: Swarm.now + 5_000_000)
            let acknowledged = swarm.acknowledged
            swarm.acknowledged.removeAll(keepingCapacity: true)
            for client in acknowledged {
                try swarm.send(from: Int(client), intended: Swarm.now)
            }
        }
    }
}

extension RandomPurpose {
    fileprivate static var benchmarkGap: Self { Self(900) }
}
