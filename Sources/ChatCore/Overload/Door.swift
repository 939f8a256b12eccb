package import Kernel

/// A host's door, the same on both: lets new sockets in no faster than a shard works off what they bring.
///
/// At most `width` sockets are under way between the door and the answer to their `connect`, and nobody is let in
/// while the shard's queue has waited longer than the policy's `held`: so a crowd waits outside, and what those
/// who are in ask is answered before it. The width follows the queue as a congestion window does, as long as
/// somebody waits for it: half of it after a tenth of a second in which the queue was twice too long, half as much
/// more after one in which it was not too long (Chiu and Jain 1989).
///
/// When the crowd has waited for longer than the policy's `connections`, and who came now would wait for longer
/// than its `everything`, he is turned away, for such a client gives up. That costs nearly as much as to let
/// him in, so that turning many away would keep those out who wait.
///
/// The host keeps those who wait, in their order; without a policy nobody waits. Every operation takes constant time.
package struct Door: Sendable {
    package enum Answer: Equatable, Sendable {
        case enter
        /// Until `letIn` comes to it.
        case wait
        case turnAway
    }

    private static let slice = Interval.milliseconds(100)
    private static let widths: ClosedRange<UInt32> = 16...4_096

    private let policy: OverloadPolicy?
    private var width: UInt32 = 64
    private var underWay: UInt32 = 0
    private var outside = QueueAge(step: .milliseconds(5))
    /// How many were let in, by tenths of the last second: whoever has said nothing for a second is no
    /// longer waited for.
    private var entered = [UInt32](repeating: 0, count: 10)
    private var current = 0
    private var sliceBegan = Instant.zero
    private var worstLag = Interval.zero
    private var wasFull = false
    /// Sockets that were turned away so far.
    package private(set) var turnedAway: UInt64 = 0

    package init(_ policy: OverloadPolicy?) { self.policy = policy }

    /// How many wait.
    package var waitingCount: UInt64 { self.outside.count }

    /// A socket wants in while the front of the shard's queue has waited `lag`.
    package mutating func knock(at now: Instant, lag: Interval) -> Answer {
        guard let policy = self.policy else { return .enter }
        self.note(lag, at: now, policy)
        if self.outside.count == 0 {
            if self.isOpen(lag, policy) {
                self.enter(1)
                return .enter
            }
        }
        guard lag <= policy.connections, !self.isHopeless(at: now, policy) else {
            self.turnedAway += 1
            return .turnAway
        }
        self.outside.add(at: now)
        return .wait
    }

    /// How many of those who wait enter now, those who came first; to be asked after each round, and at least
    /// ten times a second while somebody waits.
    package mutating func letIn(at now: Instant, lag: Interval) -> Int {
        guard let policy = self.policy, self.outside.count > 0 else { return 0 }
        self.note(lag, at: now, policy)
        var count: UInt32 = 0
        if self.isOpen(lag, policy) {
            let room = self.width - self.underWay
            count = UInt32(min(UInt64(room), self.outside.count))
        } else if lag <= policy.connections, self.entered[self.current] == 0 {
            // A shard that is busy with other things for long takes a few all the same.
            count = 1
        }
        for _ in 0..<count { self.outside.take() }
        self.enter(count)
        return Int(count)
    }

    /// Whether somebody who is let in has waited for so long since an instant that the client gives up before it is
    /// served; then it counts as turned away.
    package mutating func isTooLate(_ since: Instant, at now: Instant) -> Bool {
        guard let policy = self.policy, now - since > policy.everything else { return false }
        self.turnedAway += 1
        self.settle()
        return true
    }

    /// The `connect` of a socket that was let in is answered, or it is gone before.
    package mutating func settle() {
        if self.underWay > 0 { self.underWay -= 1 }
    }

    private mutating func isOpen(_ lag: Interval, _ policy: OverloadPolicy) -> Bool {
        if self.underWay >= self.width { self.wasFull = true }
        return lag <= policy.held && self.underWay < self.width
    }

    private mutating func enter(_ count: UInt32) {
        self.underWay += count
        self.entered[self.current] += count
    }

    /// Whether who came now would wait too long, at the speed of the last second.
    private func isHopeless(at now: Instant, _ policy: OverloadPolicy) -> Bool {
        guard self.outside.age(at: now) > policy.connections else { return false }
        let entered = self.entered.reduce(0) { $0 + UInt64($1) }
        let time = Self.slice * UInt64(self.entered.count)
        return entered == 0 || time * self.outside.count / entered > policy.everything
    }

    /// Turns to the next tenth of a second when the present one is over.
    private mutating func note(_ lag: Interval, at now: Instant, _ policy: OverloadPolicy) {
        let passed = (now - self.sliceBegan).nanoseconds / Self.slice.nanoseconds
        if passed > 0 {
            if self.wasFull, self.worstLag > policy.held * 2 {
                self.width = max(Self.widths.lowerBound, self.width / 2)
            } else if self.wasFull, self.worstLag <= policy.held {
                self.width = min(Self.widths.upperBound, self.width + self.width / 2)
            }
            self.worstLag = .zero
            self.wasFull = false
            self.sliceBegan = self.sliceBegan + Self.slice * passed
            for _ in 0..<min(passed, UInt64(self.entered.count)) {
                self.current = (self.current + 1) % self.entered.count
                self.entered[self.current] = 0
            }
            let lately = self.entered.reduce(0, +)
            self.underWay = min(self.underWay, lately)
        }
        self.worstLag = max(self.worstLag, lag)
    }
}
