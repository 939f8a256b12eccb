/// A point on the monotonic timeline of one shard or one run, real or simulated.
///
/// Nanoseconds since the shard (or the simulated world) started. Wall time is never an `Instant`: it
/// enters a machine as an event, so that a clock jump is an input like any other.
@frozen @usableFromInline package struct Instant: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var nanoseconds: UInt64

    @inlinable package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The start of the timeline.
    @inlinable package static var zero: Self { Self(nanoseconds: 0) }

    /// Later than every instant that a run can reach; means "never" where a deadline is meant.
    @inlinable package static var never: Self { Self(nanoseconds: .max) }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool {
        lhs.nanoseconds < rhs.nanoseconds
    }

    @inlinable package static func + (lhs: Self, rhs: Interval) -> Self {
        Self(nanoseconds: lhs.nanoseconds + rhs.nanoseconds)
    }

    /// The time from `earlier` to `later`; traps if they are in the other order.
    @inlinable package static func - (later: Self, earlier: Self) -> Interval {
        Interval(nanoseconds: later.nanoseconds - earlier.nanoseconds)
    }
}

/// A length of time in nanoseconds; integral, so that no result depends on rounding.
@frozen @usableFromInline package struct Interval: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var nanoseconds: UInt64

    @inlinable package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    @inlinable package static var zero: Self { Self(nanoseconds: 0) }

    @inlinable package static func microseconds(_ count: UInt64) -> Self {
        Self(nanoseconds: count * 1_000)
    }

    @inlinable package static func milliseconds(_ count: UInt64) -> Self {
        Self(nanoseconds: count * 1_000_000)
    }

    @inlinable package static func seconds(_ count: UInt64) -> Self {
        Self(nanoseconds: count * 1_000_000_000)
    }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool {
        lhs.nanoseconds < rhs.nanoseconds
    }

    @inlinable package static func + (lhs: Self, rhs: Self) -> Self {
        Self(nanoseconds: lhs.nanoseconds + rhs.nanoseconds)
    }

    @inlinable package static func * (lhs: Self, rhs: UInt64) -> Self {
        Self(nanoseconds: lhs.nanoseconds * rhs)
    }

    @inlinable package static func / (lhs: Self, rhs: UInt64) -> Self {
        Self(nanoseconds: lhs.nanoseconds / rhs)
    }
}
