package import Kernel

/// A host's side of overload, the same on both: how long the front of its queue has waited, and when to
/// tell the shard.
///
/// Without a policy it tells nothing.
package struct LoadGauge: Sendable {
    private var queue = QueueAge(step: .milliseconds(5))
    private var told = Interval.zero
    /// The last look at the queue, which the speed of working it off is measured from.
    private var lookedAt = Instant.zero
    private var takenThen: UInt64 = 0

    /// How often a shard is told at most, but for the end of a wait.
    package static var window: Interval { .milliseconds(100) }

    private let policy: OverloadPolicy?

    package init(_ policy: OverloadPolicy?) { self.policy = policy }

    /// Counts an event that begins to wait.
    package mutating func add(at now: Instant) { self.queue.add(at: now) }

    /// Counts an event that no longer waits.
    package mutating func take() { self.queue.take() }

    /// How long the front of the queue has waited.
    package func age(at now: Instant) -> Interval { self.queue.age(at: now) }

    /// What to tell the shard before the events of a round, if anything; `lateness` is how late the
    /// host's own clock was, which it is when sockets keep it from its queue.
    package mutating func reading(at now: Instant, lateness: Interval = .zero) -> Interval? {
        guard let policy = self.policy else { return nil }
        // A wait that is over is told at once: nothing more is to be refused for it.
        let isOver = self.told > .zero && self.queue.age(at: now) < self.told / 2
        guard isOver || self.lookedAt + Self.window <= now else { return nil }
        let lag = max(self.wait(at: now, leastTold: policy.leastTold), lateness)
        guard lag >= policy.leastTold || self.told > .zero else { return nil }
        self.told = lag < policy.leastTold ? .zero : lag
        return self.told
    }

    /// How long the front of the queue has waited or, if that is more, how long its end will wait at
    /// the speed of the last window: a sudden crowd shows before it has waited.
    private mutating func wait(at now: Instant, leastTold: Interval) -> Interval {
        let elapsed = now - self.lookedAt
        let taken = self.queue.taken - self.takenThen
        self.lookedAt = now
        self.takenThen = self.queue.taken
        let age = self.queue.age(at: now)
        // Nothing that waits for the first time tells of a speed, nor does one taken after a rest.
        guard age >= leastTold, taken > 0, elapsed <= Self.window * 4 else { return age }
        let ahead = self.queue.count.multipliedReportingOverflow(by: elapsed.nanoseconds / taken)
        return ahead.overflow ? .seconds(60) : max(age, Interval(nanoseconds: ahead.partialValue))
    }
}
