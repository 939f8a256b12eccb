package import Kernel

/// The shards to which a relay passes a delivery on: some of a window of shards' numbers.
///
/// A list of any length would not fit into a message that is plain data; a window takes 21 bytes. A shard's
/// number is its node's, followed by its index in so many bits as the window's shards need.
package struct Route: Equatable, Sendable, BitwiseCopyable {
    /// How many numbers a window has, and so the most shards of a route.
    package static let span: UInt64 = 128

    package private(set) var base: UInt32
    /// At most 16.
    package private(set) var indexBits: UInt8
    /// Of the numbers from `base` on, the lowest bit first.
    package private(set) var low: UInt64 = 0
    package private(set) var high: UInt64 = 0

    /// A window without shards, which begins at `first`.
    package init(from first: ShardID, indexBits: UInt8) {
        self.indexBits = indexBits
        self.base = UInt32(truncatingIfNeeded: Self.number(of: first, indexBits))
    }

    /// As it was before, or from a record; `nil` if it names what is no shard's number.
    package init?(base: UInt32, indexBits: UInt8, low: UInt64, high: UInt64) {
        guard indexBits <= 16 else { return nil }
        self.base = base
        self.indexBits = indexBits
        self.low = low
        self.high = high
        let end = UInt64(base) + Self.span - UInt64(self.emptyEnd)
        guard end <= 1 << (16 + UInt64(indexBits)) else { return nil }
    }

    /// To nobody.
    package static let none = Self(from: ShardID(rawValue: 0), indexBits: 0)

    private static func number(of shard: ShardID, _ indexBits: UInt8) -> UInt64 {
        UInt64(shard.node.rawValue) << UInt64(indexBits) | UInt64(shard.index)
    }

    /// How many numbers at the window's end are not named.
    private var emptyEnd: Int {
        self.high != 0 ? self.high.leadingZeroBitCount : 64 + self.low.leadingZeroBitCount
    }

    package var count: Int { self.low.nonzeroBitCount + self.high.nonzeroBitCount }

    /// Whether the shard, whose index the window's bits must hold, has a number in the window.
    package func reaches(_ shard: ShardID) -> Bool {
        let number = Self.number(of: shard, self.indexBits)
        return number >= UInt64(self.base) && number - UInt64(self.base) < Self.span
    }

    /// Adds a shard that the window reaches.
    package mutating func insert(_ shard: ShardID) {
        precondition(self.reaches(shard), "a route holds the shards of its window")
        let place = Self.number(of: shard, self.indexBits) - UInt64(self.base)
        if place < 64 { self.low |= 1 << place } else { self.high |= 1 << (place - 64) }
    }

    /// In ascending order.
    package var shards: [ShardID] {
        var shards: [ShardID] = []
        shards.reserveCapacity(self.count)
        var (low, high) = (self.low, self.high)
        while low != 0 {
            shards.append(self.shard(at: UInt64(low.trailingZeroBitCount)))
            low &= low - 1
        }
        while high != 0 {
            shards.append(self.shard(at: 64 + UInt64(high.trailingZeroBitCount)))
            high &= high - 1
        }
        return shards
    }

    private func shard(at place: UInt64) -> ShardID {
        let number = UInt64(self.base) + place
        let index = number & ((1 << UInt64(self.indexBits)) - 1)
        return ShardID(
            node: NodeID(UInt16(truncatingIfNeeded: number >> UInt64(self.indexBits))),
            index: UInt16(truncatingIfNeeded: index)
        )
    }

    /// Cuts `shards`, which ascend, into parts, and calls `body` with each part's relay and the route to
    /// the others of it.
    ///
    /// At most `degree` parts of equal size, or more where a part's numbers do not fit into one window.
    /// `turn` decides who of a part is its relay: whoever has the same turn names the same relays, so
    /// that messages of one turn keep their order on the way.
    package static func split(
        _ shards: ArraySlice<ShardID>,
        degree: Int,
        turn: UInt64,
        _ body: (ShardID, Route) -> Void
    ) {
        let parts = min(degree, shards.count)
        var start = shards.startIndex
        for part in 0..<parts {
            let size = (shards.count + parts - 1 - part) / parts
            let end = start + size
            Self.cut(shards[start..<end], turn: turn, body)
            start = end
        }
    }

    /// Cuts one part where its windows end.
    private static func cut(
        _ part: ArraySlice<ShardID>,
        turn: UInt64,
        _ body: (ShardID, Route) -> Void
    ) {
        let greatest = part.reduce(UInt16(0)) { max($0, $1.index) }
        let indexBits = UInt8(UInt16.bitWidth - greatest.leadingZeroBitCount)
        var rest = part
        while let first = rest.first {
            let empty = Route(from: first, indexBits: indexBits)
            let window = rest.prefix { empty.reaches($0) }
            let chosen = Int(truncatingIfNeeded: turn % UInt64(window.count))
            var route = empty
            for (place, shard) in window.enumerated() where place != chosen { route.insert(shard) }
            body(window[window.startIndex + chosen], route)
            rest = rest.dropFirst(window.count)
        }
    }
}
