/// Latencies in microseconds, sorted into buckets whose width grows with the latency.
///
/// Sixteen buckets for each doubling: a bucket's middle is within 3.2 % of everything in it.
enum LatencyBuckets {
    /// 1 to 32 µs one by one, then 27 doublings; the last bucket takes what is over an hour too.
    static let count = 32 + 27 * 16

    static func index(ofMicroseconds microseconds: UInt64) -> Int {
        guard microseconds >= 32 else { return Int(microseconds) }
        let doubling = 63 - microseconds.leadingZeroBitCount
        let part = Int(microseconds >> UInt64(doubling - 4)) - 16
        return min(32 + (doubling - 5) * 16 + part, Self.count - 1)
    }

    /// The least latency of a bucket, in microseconds.
    static func start(of index: Int) -> UInt64 {
        guard index >= 32 else { return UInt64(index) }
        let doubling = (index - 32) / 16 + 5
        return UInt64((index - 32) % 16 + 16) << UInt64(doubling - 4)
    }

    static func middle(of index: Int) -> UInt64 {
        (Self.start(of: index) + Self.start(of: index + 1)) / 2
    }
}

/// How latencies were spread.
package struct Distribution: Codable, Equatable, Sendable {
    /// The greatest latency of a step, in microseconds; ascending.
    package var upTo: [UInt64] = []
    /// How many latencies were in the step.
    package var counts: [UInt64] = []

    package init() {}

    init(bucketCounts: [UInt64]) {
        for (index, count) in bucketCounts.enumerated() where count > 0 {
            self.upTo.append(LatencyBuckets.start(of: index + 1))
            self.counts.append(count)
        }
    }
}
