/// What a `RadixWheel` holds: plain data with an instant and a tie-breaker.
///
/// Elements are ordered by (`time`, `order`). `order` decides among elements of one instant; elements
/// that are equal in both leave in an order that is deterministic but not otherwise specified.
@usableFromInline package protocol TimedElement: BitwiseCopyable {
    /// When the element comes due, in nanoseconds of the owner's timeline.
    var time: UInt64 { get }

    /// The element's place among those of the same `time`.
    var order: UInt64 { get }
}

extension TimedElement {
    /// Both keys as one number, because one wide comparison costs one branch where two cost two.
    @inlinable var rank: UInt128 {
        UInt128(truncatingIfNeeded: self.time) &<< 64 | UInt128(truncatingIfNeeded: self.order)
    }

    /// Whether this element leaves a wheel before `other`.
    @inlinable func precedes(_ other: Self) -> Bool { self.rank < other.rank }
}
