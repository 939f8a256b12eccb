/// A conversation's stable id: 128 bits of a cryptographic hash of its name, the same on every node.
@frozen @usableFromInline
package struct ConversationID: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var high: UInt64
    @usableFromInline package var low: UInt64

    @inlinable package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool {
        lhs.high == rhs.high ? lhs.low < rhs.low : lhs.high < rhs.high
    }
}

/// A user's stable id: 128 bits of a cryptographic hash of the user's name.
@frozen @usableFromInline package struct UserID: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var high: UInt64
    @usableFromInline package var low: UInt64

    @inlinable package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool {
        lhs.high == rhs.high ? lhs.low < rhs.low : lhs.high < rhs.high
    }
}

/// A client's own id of a message: 128 bits of a cryptographic hash of the string the client chose.
///
/// Unique in one conversation for one user; a repeat means the same message sent again.
@frozen @usableFromInline package struct MessageID: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package var high: UInt64
    @usableFromInline package var low: UInt64

    @inlinable package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// The number of a server process in its fleet.
@frozen @usableFromInline package struct NodeID: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt16

    @inlinable package init(_ rawValue: UInt16) { self.rawValue = rawValue }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// A shard in the whole fleet: its node and its index in the node.
@frozen @usableFromInline package struct ShardID: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt32

    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }

    @inlinable package init(node: NodeID, index: UInt16) {
        self.rawValue = UInt32(node.rawValue) << 16 | UInt32(index)
    }

    @inlinable package var node: NodeID { NodeID(UInt16(truncatingIfNeeded: self.rawValue >> 16)) }
    @inlinable package var index: UInt16 { UInt16(truncatingIfNeeded: self.rawValue) }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// A fixed slice of all conversations or of all users, owned by exactly one shard in a term.
@frozen @usableFromInline
package struct PartitionID: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt16

    @inlinable package init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// The partition of `conversation` when there are `count` partitions.
    @inlinable package init(of conversation: ConversationID, count: UInt16) {
        let product = conversation.high.multipliedFullWidth(by: UInt64(count))
        self.rawValue = UInt16(truncatingIfNeeded: product.high)
    }

    /// The partition of `user`: as many of users follow the `count` of conversations.
    @inlinable package init(of user: UserID, count: UInt16) {
        let product = user.high.multipliedFullWidth(by: UInt64(count))
        self.rawValue = count + UInt16(truncatingIfNeeded: product.high)
    }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// The number of an ownership lease of a partition; grows with each new owner, from 1.
@frozen @usableFromInline package struct Term: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt64

    @inlinable package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Before every term: no lease is known.
    @inlinable package static var none: Self { Self(0) }

    /// The term of the next owner.
    @inlinable package var next: Self { Self(self.rawValue + 1) }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// A message's position in its conversation: 1, 2, 3 … without holes; 0 is before the first.
@frozen @usableFromInline package struct Offset: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt64

    @inlinable package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The position before the first message, and the head of an empty conversation.
    @inlinable package static var start: Self { Self(0) }

    @inlinable package var next: Self { Self(self.rawValue + 1) }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

    @inlinable package static func + (lhs: Self, rhs: UInt64) -> Self { Self(lhs.rawValue + rhs) }

    /// How many messages lie after `lower` up to `upper`.
    @inlinable package static func - (upper: Self, lower: Self) -> UInt64 {
        upper.rawValue - lower.rawValue
    }
}

/// The incarnation of a conversation's stream; changes only when the stream's past is lost.
///
/// Whatever makes a new epoch within one term of a conversation counts upwards, and may pass from the
/// greatest number to the least.
@frozen @usableFromInline package struct Epoch: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt32

    @inlinable package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// Whether this one was begun after `other`, both in the same term (serial numbers, RFC 1982).
    @inlinable package func follows(_ other: Self) -> Bool {
        Int32(bitPattern: self.rawValue &- other.rawValue) > 0
    }
}

/// Where a reader of a conversation stands: it has everything up to `offset` of `epoch`.
@frozen @usableFromInline package struct Position: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package var epoch: Epoch
    @usableFromInline package var offset: Offset

    @inlinable package init(epoch: Epoch, offset: Offset) {
        self.epoch = epoch
        self.offset = offset
    }
}

/// A connection's stable id, unique in a run: what traces and keyed randomness call it.
@frozen @usableFromInline
package struct ConnectionID: Hashable, Comparable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt64

    @inlinable package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    @inlinable package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// A connection's row in its shard: the slot is chosen by the host and reused, the generation is not.
@frozen @usableFromInline package struct ConnectionHandle: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package var slot: UInt32
    @usableFromInline package var generation: UInt32

    @inlinable package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

/// Correlates a request to the host or a peer with its completion; opaque to whoever echoes it.
@frozen @usableFromInline package struct RequestToken: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt64

    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// Bytes that the host keeps (a message, a page of messages, a channel's name) on behalf of the core.
///
/// An event or peer message that carries a handle gives the machine one reference to it; the machine
/// gives it back with exactly one release effect. Effects that carry a handle only lend it: a host
/// that needs it longer takes a reference of its own.
@frozen @usableFromInline package struct PayloadHandle: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package var rawValue: UInt64

    @inlinable package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// No bytes: never released.
    @inlinable package static var none: Self { Self(rawValue: 0) }
}
