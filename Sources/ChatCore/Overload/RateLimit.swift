package import Kernel

/// How often something may happen: `burst` times at once, and `perSecond` times in each second for ever.
///
/// Both are from 1 to 1,000,000.
package struct RateLimit: Equatable, Sendable, BitwiseCopyable {
    package static var range: ClosedRange<UInt32> { 1...1_000_000 }

    package var perSecond: UInt32
    package var burst: UInt32

    package init(perSecond: UInt32, burst: UInt32) {
        precondition(Self.range.contains(perSecond) && Self.range.contains(burst))
        self.perSecond = perSecond
        self.burst = burst
    }

    /// How long one takes to come back.
    var pause: Interval { .seconds(1) / UInt64(self.perSecond) }
}

/// A token bucket, kept as the instant at which it is full again (the generic cell rate algorithm of ITU-T
/// I.371): no timer fills it, and a full one is the same as none.
package struct RateBucket: Equatable, Sendable, BitwiseCopyable {
    private(set) var fullAt = Instant.zero

    package init() {}

    /// Takes one; false, and nothing is taken, if there is none.
    package mutating func take(at now: Instant, _ limit: RateLimit) -> Bool {
        let base = max(self.fullAt, now)
        guard base - now + limit.pause <= limit.pause * UInt64(limit.burst) else { return false }
        self.fullAt = base + limit.pause
        return true
    }

    package func isFull(at now: Instant) -> Bool { self.fullAt <= now }
}

extension RateLimit: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.word(self.perSecond)
        writer.word(self.burst)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        let perSecond: UInt32 = try reader.integer()
        let burst: UInt32 = try reader.integer()
        guard Self.range.contains(perSecond), Self.range.contains(burst) else {
            throw reader.refusal("a rate from 1 to 1,000,000")
        }
        self.init(perSecond: perSecond, burst: burst)
    }
}

extension RateBucket: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.value(self.fullAt) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.fullAt = try reader.value()
    }
}
