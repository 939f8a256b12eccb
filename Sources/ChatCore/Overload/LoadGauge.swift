package import Kernel

/// A host's side of overload, the same on both: how long the front of its queue has waited, when to
/// tell the shard, and when new sockets come in.
///
/// Sockets wait before the door while the shard has something to do, so that those who are inside
/// wait for nobody who is not. Only whoever would wait longer than clients' patience is turned away.
///
/// Without a policy it tells nothing, and turns nobody away.
package struct LoadGauge: Sendable {
    private var queue = QueueAge(step: .milliseconds(5))
    private var told = Interval.zero
    /// The last look at the queue, which the speed of working it off is measured from.
    private var lookedAt = Instant.zero
    private var takenThen: UInt64 = 0
    private var limit = Admission.unlimited
    private var windowBegan = Instant.zero
    private var admittedInWindow: UInt32 = 0
    /// When those came who wait before the door, in their order.
    private var line: [Instant] = []
    private var lineTaken = 0
    /// How many of the line a window has let in; `nil` while that is not known.
    private var pace: UInt32?
    /// Of those let in during this window, how many had waited.
    private var takenInWindow: UInt32 = 0
    /// Whether there was a line when the window began.
    private var hadLine = false
    /// Sockets that were turned away so far.
    package private(set) var turnedAway: UInt64 = 0

    private let policy: OverloadPolicy?

    package init(_ policy: OverloadPolicy?) { self.policy = policy }

    /// Counts an event that begins to wait.
    package mutating func add(at now: Instant) { self.queue.add(at: now) }

    /// Counts an event that no longer waits.
    package mutating func take() { self.queue.take() }

    /// What to tell the shard before the events of a round, if anything; `lateness` is how late the
    /// host's own clock was, which it is when sockets keep it from its queue.
    package mutating func reading(at now: Instant, lateness: Interval = .zero) -> Interval? {
        guard let policy = self.policy else { return nil }
        // A wait that is over is told at once: nothing more is to be refused for it.
        let isOver = self.told > .zero && self.queue.age(at: now) < self.told / 2
        guard isOver || self.lookedAt + Admission.window <= now else { return nil }
        let lag = max(self.wait(at: now, leastTold: policy.leastTold), lateness)
        guard lag >= policy.leastTold || self.told > .zero || self.limit != Admission.unlimited
        else {
            return nil
        }
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
        guard age >= leastTold, taken > 0, elapsed <= Admission.window * 4 else { return age }
        let ahead = self.queue.count.multipliedReportingOverflow(by: elapsed.nanoseconds / taken)
        return ahead.overflow ? .seconds(60) : max(age, Interval(nanoseconds: ahead.partialValue))
    }

    /// Follows the shard's `limitConnections`.
    package mutating func limit(to limit: UInt32) { self.limit = limit }

    /// What becomes of a socket that asks to be a client's.
    package enum Entry: Equatable, Sendable {
        case now
        /// It waits in line.
        case later
        /// It is turned away.
        case never
    }

    /// The longest line, whatever its speed.
    package static var lineLimit: Int { 16_384 }
    /// A slower line is believed to go on faster soon.
    private static var leastPace: UInt32 { 32 }

    /// How many wait before the door.
    package var lineCount: Int { self.line.count - self.lineTaken }

    /// Decides about a new socket; with `later` it is the last of the line.
    package mutating func entry(at now: Instant) -> Entry {
        guard let policy = self.policy else { return .now }
        self.turnWindow(at: now)
        if self.lineCount == 0, self.isOpen(at: now, policy) {
            self.admittedInWindow += 1
            return .now
        }
        guard self.lineCount < self.lineLimit(policy) else {
            self.turnedAway += 1
            return .never
        }
        self.line.append(now)
        return .later
    }

    /// Decides about the first of the line: `nil` if there is none, or it goes on waiting.
    package mutating func nextEntry(at now: Instant) -> Entry? {
        guard let policy = self.policy, self.lineCount > 0 else { return nil }
        self.turnWindow(at: now)
        if self.line[self.lineTaken] + policy.everything < now {
            self.takeFirst()
            self.turnedAway += 1
            return .never
        }
        guard self.isOpen(at: now, policy) else { return nil }
        self.takeFirst()
        self.admittedInWindow += 1
        self.takenInWindow += 1
        return .now
    }

    /// Whether the shard has nothing else to do, and its limit allows for one more.
    private func isOpen(at now: Instant, _ policy: OverloadPolicy) -> Bool {
        self.admittedInWindow < self.limit && self.queue.age(at: now) <= policy.leastTold
    }

    private mutating func takeFirst() {
        self.lineTaken += 1
        guard self.lineTaken == self.line.count || self.lineTaken >= 1024 else { return }
        self.line.removeFirst(self.lineTaken)
        self.lineTaken = 0
    }

    private mutating func turnWindow(at now: Instant) {
        guard self.windowBegan + Admission.window <= now else { return }
        if self.lineCount == 0 {
            self.pace = nil
        } else if self.hadLine {
            let windows = (now - self.windowBegan).nanoseconds / Admission.window.nanoseconds
            let taken = self.takenInWindow / UInt32(min(max(windows, 1), 1_000))
            self.pace = self.pace.map { ($0 / 4) * 3 + taken / 4 } ?? taken
        }
        self.hadLine = self.lineCount > 0
        self.windowBegan = now
        self.admittedInWindow = 0
        self.takenInWindow = 0
    }

    /// How many can be let in while clients are patient.
    private func lineLimit(_ policy: OverloadPolicy) -> Int {
        guard let pace = self.pace else { return Self.lineLimit }
        let windows = Int(policy.everything.nanoseconds / Admission.window.nanoseconds)
        return min(Self.lineLimit, Int(max(pace, Self.leastPace)) * windows)
    }
}
