package import Kernel

/// How much a gateway shard may still tell, and who waits to be told.
///
/// A batch begins at least `interval` after the one before and has its share of the budget, rounded
/// down. Shares are of a second and an interval, so that no second has more although one batch may leave
/// the shard sooner after its beginning than another. Watchers wait in line; the head's wait is what W has widened by.
package struct PresenceBudget: Equatable, Sendable {
    /// A watcher in line, by its row.
    package struct Place: Equatable, Sendable, BitwiseCopyable {
        package var watcher: UInt32
        package var generation: UInt32
        package var since: Instant

        package init(watcher: UInt32, generation: UInt32, since: Instant) {
            self.watcher = watcher
            self.generation = generation
            self.since = since
        }
    }

    private let share: UInt32
    private let interval: Interval
    private let window: Interval
    package internal(set) var left: UInt32
    /// When the next batch may begin.
    package internal(set) var nextBatch = Instant.zero
    var line: [Place] = []
    /// How many of `line` have been served.
    var served = 0

    package init(_ configuration: PresenceConfiguration) {
        let span = Interval.seconds(1) + configuration.batchInterval
        let budget = max(1, UInt64(configuration.budget))
        let share = budget * configuration.batchInterval.nanoseconds / span.nanoseconds
        self.share = UInt32(clamping: max(1, share))
        self.interval = max(configuration.batchInterval, span / budget)
        self.window = configuration.window
        self.left = 0
    }

    package var isEmpty: Bool { self.served == self.line.count }
    package var count: Int { self.line.count - self.served }
    package var first: Place? { self.isEmpty ? nil : self.line[self.served] }

    /// Takes a place in line.
    package mutating func wait(_ place: Place) { self.line.append(place) }

    /// Begins a batch if it is time; else goes on with the present one.
    package mutating func begin(at now: Instant) {
        guard now >= self.nextBatch else { return }
        self.left = self.share
        self.nextBatch = now + self.interval
    }

    /// Spends a part of what is left.
    package mutating func spend(_ count: UInt32) {
        precondition(count <= self.left, "a batch tells no more than its share")
        self.left -= count
    }

    package mutating func advance() {
        self.served += 1
        let isWorthIt = self.served > 4096 && self.served * 2 > self.line.count
        guard isWorthIt || self.served == self.line.count else { return }
        self.line.removeFirst(self.served)
        self.served = 0
    }

    /// The W in force for somebody who has waited since then.
    package func window(since: Instant, at now: Instant) -> Interval {
        self.window + Interval(nanoseconds: now.nanoseconds - min(since, now).nanoseconds)
    }
}
