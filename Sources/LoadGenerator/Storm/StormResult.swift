import Histogram
import Kernel

/// What a storm came to; times are in seconds after the cut unless they say otherwise.
package struct StormResult: Encodable, Sendable {
    package var isAdmitting: Bool
    package var connections: Int
    /// Those that were cut off.
    package var cut: Int
    /// Upgrade, `connect` with a token, and `subscribe`, of clients who come some at a time.
    package var connectsPerSecond = 0.0
    package var reconnected = Times()
    package var recovered = Times()
    /// 1.2 × N ÷ (connects a second) + 2 s, for 99 % of those who were cut off.
    package var boundSeconds = 0.0
    package var isWithinBound = false
    /// Upgrades that were refused with 503.
    package var refused: UInt64 = 0
    /// Attempts that failed in another way, or that their client gave up after 5 s.
    package var failed: UInt64 = 0
    package var patienceEnded: UInt64 = 0
    /// By code, sockets that the server closed.
    package var closes: [String: UInt64] = [:]
    /// Live clients that lost their connection.
    package var liveLost: UInt64 = 0
    package var liveBefore = Latencies()
    package var liveMeanwhile = Latencies()
    package var sent: UInt64 = 0
    package var acknowledged: UInt64 = 0
    package var deliveriesExpected: UInt64 = 0
    package var deliveriesReceived: UInt64 = 0
    /// Devices whose gap was longer than a subscribe reply recovers; they page.
    package var paged: UInt64 = 0
    /// Busy shares of one core during the storm.
    package var serverShare = 0.0
    package var clientShare = 0.0
    package var faultCount: UInt64 = 0
    package var faults: [String] = []

    /// When so many of those who were cut off were back.
    package struct Times: Encodable, Sendable {
        package var half = 0.0
        package var ninetyNinePercent = 0.0
        package var all = 0.0
        /// Those who never were.
        package var missing = 0
    }

    /// From the intended send to the delivery to live clients, in milliseconds.
    package struct Latencies: Encodable, Sendable {
        package var deliveries: UInt64 = 0
        package var p50 = 0.0
        package var p99 = 0.0
        package var most = 0.0
    }

    init(_ size: StormBenchmark.Size, isAdmitting: Bool) {
        self.isAdmitting = isAdmitting
        self.connections = size.connections
        self.cut = size.connections - size.live
    }

    mutating func note(_ clients: StormClients, since before: StormTally) {
        let tally = clients.tally
        self.refused = tally.refused - before.refused
        self.failed = tally.failed - before.failed
        self.patienceEnded = tally.patienceEnded - before.patienceEnded
        self.liveLost = tally.liveLost - before.liveLost
        for (code, count) in tally.closes {
            let count = count - (before.closes[code] ?? 0)
            if count > 0 { self.closes["\(code)"] = count }
        }
        self.reconnected = Times(clients.reconnectedAt[clients.live...], after: clients.cutAt)
        self.recovered = Times(clients.recoveredAt[clients.live...], after: clients.cutAt)
        self.boundSeconds = 1.2 * Double(self.cut) / self.connectsPerSecond + 2
        // Nothing is a time that nobody needed.
        self.isWithinBound =
            self.recovered.missing * 100 <= self.cut
            && self.recovered.ninetyNinePercent <= self.boundSeconds
        self.liveBefore = Latencies(clients.calm)
        self.liveMeanwhile = Latencies(clients.stormy)
        self.judge(clients)
    }

    /// What somebody did not get that the log or the protocol owed to him.
    private mutating func judge(_ clients: StormClients) {
        let isSettled = (0..<clients.count).map { clients.isSettled($0) }
        let judgement = Judgement([(clients.ledger, isSettled)], perUser: 1)
        let counts = clients.ledger.counts
        self.sent = counts.sent
        self.acknowledged = counts.acknowledged
        self.deliveriesExpected = judgement.expected
        self.deliveriesReceived = counts.received
        self.paged = counts.unrecovered
        self.faultCount = judgement.violations.count
        self.faults = judgement.violations.examples
        func fault(_ text: String) {
            self.faultCount += 1
            self.faults.append(text)
        }
        let missing = isSettled.count { !$0 }
        if missing > 0 { fault("\(missing) clients are not back with all that they missed") }
        if counts.acknowledged < counts.sent {
            fault("\(counts.acknowledged) of \(counts.sent) messages were acknowledged")
        }
        if judgement.expected != counts.received {
            fault("\(counts.received) of \(judgement.expected) deliveries came")
        }
        if counts.sent == 0 { fault("nothing was sent") }
    }
}

extension StormResult.Times {
    /// `.never` among the instants is who did not come.
    fileprivate init(_ instants: ArraySlice<Instant>, after start: Instant) {
        let times = instants.filter { $0 != .never }.sorted()
        func seconds(_ part: Int) -> Double {
            let place = max(0, (instants.count * part + 99) / 100 - 1)
            guard let last = times.last else { return 0 }
            return Double(((place < times.count ? times[place] : last) - start).nanoseconds) / 1e9
        }
        self.half = seconds(50)
        self.ninetyNinePercent = seconds(99)
        self.all = seconds(100)
        self.missing = instants.count - times.count
    }
}

extension StormResult.Latencies {
    fileprivate init(_ histogram: Histogram<UInt64>) {
        self.deliveries = UInt64(histogram.totalCount)
        guard histogram.totalCount > 0 else { return }
        self.p50 = Double(histogram.valueAtPercentile(50)) / 1_000
        self.p99 = Double(histogram.valueAtPercentile(99)) / 1_000
        self.most = Double(histogram.max) / 1_000
    }
}
