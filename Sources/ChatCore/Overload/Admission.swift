package import Kernel

/// Limits new connections while a shard's queue is long.
///
/// The limit for each window of 100 ms follows what the shard was seen to complete, so it is the
/// measured cost of a connect with its subscriptions and recovery, whatever the machine: three
/// quarters of that while the wait is above the policy's target, nothing while it is above that for a
/// closed door, an eighth more in each window that used its limit up while the wait is below half the
/// target. Multiplicative
/// decrease keeps the queue bounded, and the slow increase finds the rate again (Chiu and Jain 1989).
package struct Admission: Equatable, Sendable, BitwiseCopyable {
    package static var window: Interval { .milliseconds(100) }
    /// As many as come.
    package static var unlimited: UInt32 { .max }
    /// So many windows below the limit lift it.
    private static var calmWindows: UInt32 { 50 }

    /// Connections that a window may take.
    package internal(set) var limit = Admission.unlimited
    /// Connects that were answered since the window began.
    package internal(set) var completed: UInt32 = 0
    /// Connections that were opened since the window began.
    package internal(set) var opened: UInt32 = 0
    var began = Instant.zero
    /// What a window was seen to complete under load.
    var capacity: UInt32 = 0
    var calm: UInt32 = 0

    package init() {}

    package mutating func open() { self.opened &+= 1 }

    package mutating func complete() { self.completed &+= 1 }

    /// Ends a window in which the oldest of what waited had waited `lag`; true if the limit changed.
    package mutating func turn(at now: Instant, lag: Interval, _ policy: OverloadPolicy) -> Bool {
        let before = self.limit
        let target = policy.connections
        let windows = max(1, (now - self.began).nanoseconds / Self.window.nanoseconds)
        if lag > target {
            let rate = UInt32(truncatingIfNeeded: UInt64(self.completed) / windows)
            self.capacity = self.capacity == 0 ? rate : (self.capacity / 4) * 3 + rate / 4
            self.limit = lag > policy.closed ? 0 : max(1, self.capacity / 4 * 3)
            self.calm = 0
        } else if self.limit != Self.unlimited, lag <= target / 2 {
            self.raise(over: windows)
        }
        self.completed = 0
        self.opened = 0
        self.began = now
        return self.limit != before
    }

    private mutating func raise(over windows: UInt64) {
        if self.limit == 0 {
            self.limit = max(1, self.capacity / 2)
        } else if self.opened >= self.limit {
            self.limit += max(1, self.limit / 8)
            self.calm = 0
        } else {
            self.calm &+= UInt32(min(windows, UInt64(Self.calmWindows)))
            if self.calm >= Self.calmWindows {
                self.limit = Self.unlimited
                self.calm = 0
                self.capacity = 0
            }
        }
    }
}
