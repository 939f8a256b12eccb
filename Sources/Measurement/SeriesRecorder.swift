package import Kernel

/// Counts what happens in a run by steps of time, in fixed arrays: no note costs an allocation.
///
/// Latencies belong to the step in which a message was meant to be sent, so that a step's percentiles
/// are those of its messages, however late they ended.
package struct SeriesRecorder: Sendable {
    /// At most this many steps, whatever the length of the run.
    package static let stepLimit = 150

    private static let stepLengths: [UInt64] = [
        100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 120_000, 300_000, 600_000,
        1_200_000, 3_600_000,
    ]

    private let step: UInt64
    private let stepCount: Int
    private let coresOfNodes: [Int]
    /// The step of the latest note, so that most notes need no division.
    private var current = 0
    private var currentStart: UInt64 = 0
    private var sent: [UInt64]
    private var acknowledged: [UInt64]
    private var deliveries: [UInt64]
    private var online: Level
    private var isOnline: [Bool]
    private var storeQueue: Level
    private var busy: [UInt64]
    private var sendToAck: [UInt32]
    private var sendToDelivery: [UInt32]

    /// A recorder for a run from zero to `end`, at most three days; `coresOfNodes` is empty if nobody
    /// watches the nodes.
    package init(end: Instant, devices: Int, coresOfNodes: [Int]) {
        let milliseconds = max(end.nanoseconds / 1_000_000, 1)
        let length =
            Self.stepLengths.first { ($0 * UInt64(Self.stepLimit)) >= milliseconds }
            ?? milliseconds / UInt64(Self.stepLimit) + 1
        let count = Int((milliseconds + length - 1) / length)
        self.step = length * 1_000_000
        self.stepCount = count
        self.coresOfNodes = coresOfNodes
        self.sent = Array(repeating: 0, count: count)
        self.acknowledged = self.sent
        self.deliveries = self.sent
        self.online = Level(stepCount: count)
        self.isOnline = Array(repeating: false, count: devices)
        self.storeQueue = Level(stepCount: count)
        self.busy = Array(repeating: 0, count: count * coresOfNodes.count)
        self.sendToAck = Array(repeating: 0, count: count * LatencyBuckets.count)
        self.sendToDelivery = self.sendToAck
    }

    private func index(of instant: Instant) -> Int {
        let since = instant.nanoseconds &- self.currentStart
        if since < self.step { return self.current }
        return min(Int(instant.nanoseconds / self.step), self.stepCount - 1)
    }

    private mutating func advance(to now: Instant) -> Int {
        self.current = self.index(of: now)
        self.currentStart = UInt64(self.current) * self.step
        return self.current
    }

    /// A user meant to send a message.
    package mutating func sent(at intended: Instant) { self.sent[self.index(of: intended)] += 1 }

    /// A sender was told that its message is safe.
    package mutating func acknowledged(_ intended: Instant, now: Instant) {
        self.acknowledged[self.advance(to: now)] += 1
        let place = self.place(intended, now)
        self.sendToAck[place] &+= 1
    }

    /// A device was given a message; `intended` is `nil` if it was recovered or is of unknown age.
    package mutating func delivered(_ intended: Instant?, now: Instant) {
        self.deliveries[self.advance(to: now)] += 1
        guard let intended, intended <= now else { return }
        let place = self.place(intended, now)
        self.sendToDelivery[place] &+= 1
    }

    private func place(_ intended: Instant, _ now: Instant) -> Int {
        let microseconds = (now - min(intended, now)).nanoseconds / 1_000
        return self.index(of: intended) * LatencyBuckets.count
            + LatencyBuckets.index(ofMicroseconds: microseconds)
    }

    /// A device is online, or is no longer; to say so twice changes nothing.
    package mutating func noted(device: Int, isOnline: Bool, now: Instant) {
        guard self.isOnline[device] != isOnline else { return }
        self.isOnline[device] = isOnline
        let step = self.advance(to: now)
        self.online.set(isOnline ? self.online.last + 1 : self.online.last - 1, at: step)
    }

    /// So many writes wait for the store, those of the running commit among them.
    package mutating func storeQueue(_ depth: Int, now: Instant) {
        let step = self.advance(to: now)
        self.storeQueue.set(UInt64(depth), at: step)
    }

    /// One core of a node works for `length` from `now` on.
    package mutating func busy(node: Int, for length: Interval, now: Instant) {
        var start = now.nanoseconds
        let end = start + length.nanoseconds
        // What a core does behind the run's end belongs to no step.
        guard start < UInt64(self.stepCount) * self.step else { return }
        var step = self.advance(to: now)
        while start < end, step < self.stepCount {
            let stop = min(end, UInt64(step + 1) * self.step)
            self.busy[step * self.coresOfNodes.count + node] += stop - start
            start = stop
            step += 1
        }
    }

    /// Takes in what another recorder of the same run noted of other devices.
    package mutating func merge(_ other: consuming Self) {
        precondition(
            self.step == other.step && self.stepCount == other.stepCount,
            "recorders of one run have the same steps"
        )
        self.online.add(other.online)
        for step in 0..<self.stepCount {
            self.sent[step] += other.sent[step]
            self.acknowledged[step] += other.acknowledged[step]
            self.deliveries[step] += other.deliveries[step]
        }
        for place in self.sendToAck.indices {
            self.sendToAck[place] &+= other.sendToAck[place]
            self.sendToDelivery[place] &+= other.sendToDelivery[place]
        }
    }
}

extension SeriesRecorder {
    /// The run up to `end`, in steps.
    package func series(until end: Instant) -> Series {
        let last = Int(max(end.nanoseconds, 1) - 1) / Int(self.step)
        let count = min(last + 1, self.stepCount)
        var series = Series(stepMilliseconds: self.step / 1_000_000)
        series.sent = Array(self.sent.prefix(count))
        series.acknowledged = Array(self.acknowledged.prefix(count))
        series.deliveries = Array(self.deliveries.prefix(count))
        var online = self.online
        online.finish()
        series.online = Array(online.troughs.prefix(count))
        for step in 0..<count {
            series.sendToAck.append(self.sendToAck, step)
            series.sendToDelivery.append(self.sendToDelivery, step)
        }
        guard !self.coresOfNodes.isEmpty else { return series }
        var queue = self.storeQueue
        queue.finish()
        series.storeQueue = Array(queue.peaks.prefix(count))
        series.busyNodes = self.coresOfNodes.indices.map { node in
            let capacity = self.step * UInt64(self.coresOfNodes[node]) / 1_000_000
            return (0..<count).map { step in
                self.busy[step * self.coresOfNodes.count + node] / capacity
            }
        }
        return series
    }

    /// How the latencies from the intended sending to the acknowledgement were spread.
    package var acknowledgements: Distribution { Self.distribution(self.sendToAck) }

    /// How the latencies from the intended sending to the delivery were spread.
    package var arrivals: Distribution { Self.distribution(self.sendToDelivery) }

    private static func distribution(_ counts: [UInt32]) -> Distribution {
        var total = [UInt64](repeating: 0, count: LatencyBuckets.count)
        for (place, count) in counts.enumerated() {
            total[place % LatencyBuckets.count] += UInt64(count)
        }
        return Distribution(bucketCounts: total)
    }
}

extension Series.Percentiles {
    fileprivate mutating func append(_ counts: [UInt32], _ step: Int) {
        let row = counts[step * LatencyBuckets.count..<(step + 1) * LatencyBuckets.count]
        let total = row.reduce(UInt64(0)) { $0 + UInt64($1) }
        self.p50.append(Self.percentile(50, of: row, total))
        self.p99.append(Self.percentile(99, of: row, total))
    }

    private static func percentile(
        _ percent: UInt64,
        of row: ArraySlice<UInt32>,
        _ total: UInt64
    ) -> UInt64 {
        guard total > 0 else { return 0 }
        let rank = (total * percent + 99) / 100
        var seen: UInt64 = 0
        for (index, count) in row.enumerated() {
            seen += UInt64(count)
            if seen >= rank { return max(LatencyBuckets.middle(of: index), 1) }
        }
        preconditionFailure("the counts of a step add up to its total")
    }
}

/// A number that stands until it changes.
private struct Level: Sendable {
    /// The most that stood in each step; filled up to `step`.
    var peaks: [UInt64]
    /// The least that stood in each step; filled up to `step`.
    var troughs: [UInt64]
    private(set) var last: UInt64 = 0
    private var step = 0

    init(stepCount: Int) {
        self.peaks = Array(repeating: 0, count: stepCount)
        self.troughs = self.peaks
    }

    mutating func set(_ value: UInt64, at step: Int) {
        while self.step < step {
            self.step += 1
            self.peaks[self.step] = self.last
            self.troughs[self.step] = self.last
        }
        self.last = value
        self.peaks[step] = max(self.peaks[step], value)
        self.troughs[step] = min(self.troughs[step], value)
    }

    /// Stands beside another level from now on, as their sum.
    mutating func add(_ other: consuming Self) {
        self.finish()
        other.finish()
        for step in self.peaks.indices {
            self.peaks[step] += other.peaks[step]
            self.troughs[step] += other.troughs[step]
        }
        self.last += other.last
    }

    /// What stands now stands to the end.
    mutating func finish() { self.set(self.last, at: self.peaks.count - 1) }
}
