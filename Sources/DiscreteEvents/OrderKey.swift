public import Kernel

/// What kind of thing happens, where kinds of one instant and node must keep an order of their own.
@frozen @usableFromInline package struct EventClass: Hashable, Comparable, Sendable, BitwiseCopyable
{
    @usableFromInline package let rawValue: UInt8

    /// Traps at 16 and above: a class has 4 bits in an `OrderKey`.
    @inlinable package init(_ rawValue: UInt8) {
        precondition(rawValue < 1 << OrderKey.classBits, "an event class is below 16")
        self.rawValue = rawValue
    }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// Who schedules events: a dense number, given out by the owner of the calendar.
@frozen @usableFromInline
package struct EventSource: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package let rawValue: UInt32

    /// Traps at 2^24 and above: a source has 24 bits in an `OrderKey`.
    @inlinable package init(_ rawValue: UInt32) {
        precondition(rawValue < 1 << OrderKey.sourceBits, "an event source is below 2^24")
        self.rawValue = rawValue
    }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// The order among the events of one instant: by node, then class, source and source sequence.
///
/// It depends on who does what and never on the order of calls between sources, so that a change in
/// one part of a model leaves the ties of all other parts as they were.
///
/// Packed from the highest bit: node 12 bits (4,096 nodes), class 4 (16), source 24 (16,777,216),
/// sequence 24. A source's sequence wraps after 2^24 events. That matters only where events of one
/// source, class, node *and instant* lie on both sides of the wrap: the later ones then go first, the
/// same in every run.
@frozen @usableFromInline package struct OrderKey: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package let rawValue: UInt64

    @inlinable static var nodeBits: Int { 12 }
    @inlinable static var classBits: Int { 4 }
    @inlinable static var sourceBits: Int { 24 }
    @inlinable static var sequenceBits: Int { 24 }

    /// Traps if `node` is 4,096 or above; of `sequence` the low 24 bits count.
    @inlinable package init(
        node: NodeID,
        class eventClass: EventClass,
        source: EventSource,
        sequence: UInt32
    ) {
        precondition(node.rawValue < 1 << Self.nodeBits, "a node in an order key is below 4096")
        var key = UInt64(node.rawValue)
        key = key &<< UInt64(Self.classBits) | UInt64(eventClass.rawValue)
        key = key &<< UInt64(Self.sourceBits) | UInt64(source.rawValue)
        key = key &<< UInt64(Self.sequenceBits)
        self.rawValue = key | UInt64(sequence) & ((1 &<< UInt64(Self.sequenceBits)) - 1)
    }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

    /// The node where the event happens.
    @inlinable package var node: NodeID {
        let shift = UInt64(Self.classBits + Self.sourceBits + Self.sequenceBits)
        return NodeID(UInt16(truncatingIfNeeded: self.rawValue &>> shift))
    }
}
