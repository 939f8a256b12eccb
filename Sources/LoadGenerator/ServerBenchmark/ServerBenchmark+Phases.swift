import Glibc
import Histogram
import Kernel

extension ServerBenchmark {
    /// Clients that are connected before the memory is first looked at, so that what a server needs
    /// once does not count.
    private static let warmUp = 100
    /// Subscribers of an idle client's conversation.
    private static let idleGroup = 10
    /// Members of a small group.
    static let smallGroup = 10
    /// With slower deliveries than this at its 99th percentile, a rate does not count.
    private static let bearableMilliseconds = 100.0
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
        self.figures.idleConnections = count
        self.figures.connectsPerSecond = Double(count - warm) / seconds
        self.figures.idleBytesPerConnection = Double(after - before) / Double(count - warm)
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
        self.figures.group = try self.fanOut(
            "group",
            server,
            swarm,
            windows: Self.windows(upTo: 256),
            subscribers: subscribers
        ) { window, seconds in
            try Self.driveGroup(swarm, window: window, seconds: seconds, subscribers: subscribers)
        }
        guard swarm.faults.count == 0 else { return self.collectFaults(of: swarm) }
        try self.measureLatency(server, swarm, subscribers: subscribers)
        self.collectFaults(of: swarm)
    }

    /// Finds the best window, and then measures with it for longer; with the next smaller one if that
    /// proves too slow.
    private mutating func fanOut(
        _ name: String,
        _ server: ServerProcess,
        _ swarm: Swarm,
        windows: [Int],
        subscribers: Int,
        _ drive: (Int, Double) throws -> Void
    ) throws -> FanOutFigures {
        var bearable: [Int] = []
        var best = 0.0
        // Two in a row: one may have met a hiccup, and wider windows are slower still.
        var unbearable = 0
        for window in windows where swarm.faults.count == 0 && unbearable < 2 {
            self.onProgress("\(self.contender): window of \(window)")
            swarm.latencies = Self.histogram()
            let before = swarm.counts.delivered
            let start = Swarm.now
            try drive(window, 0.7)
            let seconds = Double(Swarm.now - start) / 1e9
            let rate = Double(swarm.counts.delivered - before) / seconds
            try self.settle(swarm, receivers: subscribers)
            guard Self.milliseconds(swarm, 99) <= Self.bearableMilliseconds else {
                unbearable += 1
                continue
            }
            unbearable = 0
            if rate > best {
                best = rate
                bearable.append(window)
            }
        }
        if bearable.isEmpty { bearable = [windows[0]] }
        var figures = FanOutFigures()
        while let window = bearable.popLast(), swarm.faults.count == 0 {
            figures = try self.measured(name, server, swarm, subscribers: subscribers) { seconds in
                try drive(window, seconds)
            }
            figures.window = window
            if figures.p99Milliseconds <= Self.bearableMilliseconds { break }
        }
        return figures
    }

    private mutating func measured(
        _ name: String,
        _ server: ServerProcess,
        _ swarm: Swarm,
        subscribers: Int,
        _ drive: (Double) throws -> Void
    ) throws -> FanOutFigures {
        var figures = FanOutFigures()
        figures.subscribers = subscribers
        figures.conversations = swarm.streams.count
        let appendsBefore = try server.appendCount()
        let sentBefore = swarm.counts.sent
        swarm.latencies = Self.histogram()
        let length = Double(self.size.seconds)
        let (seconds, counts) = try self.phase(name, server, swarm) { try drive(length) }
        try self.settle(swarm, receivers: subscribers)
        figures.messagesPerSecond = Double(counts.acknowledged) / seconds
        figures.deliveriesPerSecond = Double(counts.delivered) / seconds
        figures.p50Milliseconds = Self.milliseconds(swarm, 50)
        figures.p99Milliseconds = Self.milliseconds(swarm, 99)
        let sent = swarm.counts.sent - sentBefore
        if let appendsBefore, let appends = try server.appendCount(), swarm.faults.count == 0 {
            figures.appendsPerMessage = Double(appends - appendsBefore) / Double(max(1, sent))
            if appends - appendsBefore != sent {
                swarm.faults.add("\(appends - appendsBefore) appends for \(sent) messages")
            }
        }
        return figures
    }

    /// 1, 2, 3, 4, 6, 8, 12 and so on.
    private static func windows(upTo limit: Int) -> [Int] {
        let powers = (0...Int.bitWidth / 2).map { 1 << $0 }.prefix { $0 <= limit }
        return powers.flatMap { $0 < 2 || $0 == limit ? [$0] : [$0, $0 * 3 / 2] }
    }

    private static func histogram() -> Histogram<UInt64> {
        Histogram(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
    }

    private static func milliseconds(_ swarm: Swarm, _ percentile: Double) -> Double {
        Double(swarm.latencies?.valueAtPercentile(percentile) ?? 0) / 1_000
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
        let perSecond = self.figures.group.deliveriesPerSecond / 2 / Double(subscribers)
        let meanGap = 1e9 / max(perSecond, 0.1)
        swarm.latencies = Self.histogram()
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
        self.figures.halfRate = Double(counts.delivered) / seconds
        self.figures.p50AtHalfRateMilliseconds = Self.milliseconds(swarm, 50)
        self.figures.p99AtHalfRateMilliseconds = Self.milliseconds(swarm, 99)
    }

    mutating func measureConversations(
        _ server: ServerProcess,
        tokens: [String],
        count: Int,
        subscribers: Int
    ) throws -> FanOutFigures {
        let swarm = try Swarm(
            port: server.port,
            tokens: tokens,
            channels: (0..<count).map { "conversation-\($0)" },
            bodyBytes: self.size.bodyBytes
        )
        try self.connect(0..<count * subscribers, of: swarm) { $0 / subscribers }
        let figures = try self.fanOut(
            subscribers == 2 ? "direct" : "small groups",
            server,
            swarm,
            windows: Self.windows(upTo: 64),
            subscribers: subscribers
        ) { window, seconds in
            let senders = (0..<count).map { $0 * subscribers }
            try Self.driveConversations(swarm, window: window, seconds: seconds, senders: senders)
        }
        self.collectFaults(of: swarm)
        return figures
    }

    /// Keeps `window` messages of each sender under way, each until it is acknowledged.
    private static func driveConversations(
        _ swarm: Swarm,
        window: Int,
        seconds: Double,
        senders: [Int]
    ) throws {
        let end = Swarm.now + UInt64(seconds * 1e9)
        for _ in 0..<window {
            for sender in senders { try swarm.send(from: sender, intended: Swarm.now) }
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
