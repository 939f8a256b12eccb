import BasicContainers
import Kernel

/// How fast users publish, each over all connections that a gateway shard has of theirs.
///
/// A row is needed only while its bucket is not full, so that coming back on another connection gains nothing,
/// and rows of the quiet go with the next look. The rate stands at the gateway, not at a conversation's owner:
/// a message that is too many costs no way over the bus, and one user's messages to many conversations
/// count together.
struct PublisherRates: ~Copyable {
    struct Row: BitwiseCopyable {
        var user: UserID
        var bucket: RateBucket

        static var blank: Self { Self(user: UserID(high: 0, low: 0), bucket: RateBucket()) }
    }

    /// Rows that an insertion looks at.
    private static var looks: UInt32 { 4 }

    var rows = Slab<Row>()
    private var index = SlotIndex()
    /// The slot that is looked at next.
    var hand: UInt32 = 0

    init() {}

    /// Takes one message of a user; false if it is too many, or if there is no place to remember it.
    mutating func take(
        _ user: UserID,
        _ hash: UInt32,
        at now: Instant,
        _ limit: RateLimit,
        most: Int,
        hash hashOf: (UserID) -> UInt32
    ) -> Bool {
        if let slot = self.index.find(hash, { self.rows[$0].user == user }) {
            return self.rows[slot].bucket.take(at: now, limit)
        }
        self.sweep(self.rows.count < most ? Self.looks : 16 * Self.looks, at: now, hashOf)
        guard self.rows.count < most else { return false }
        var row = Row(user: user, bucket: RateBucket())
        _ = row.bucket.take(at: now, limit)
        self.index.insert(self.rows.insert(row), hash)
        return true
    }

    private mutating func sweep(_ looks: UInt32, at now: Instant, _ hash: (UserID) -> UInt32) {
        for _ in 0..<min(looks, self.rows.slotCount) {
            if self.hand >= self.rows.slotCount { self.hand = 0 }
            if self.rows.isOccupied(self.hand), self.rows[self.hand].bucket.isFull(at: now) {
                self.index.remove(self.hand, hash(self.rows[self.hand].user))
                self.rows.remove(self.hand, leaving: .blank)
            }
            self.hand += 1
        }
    }

    /// Makes a row that was read findable.
    mutating func enter(_ slot: UInt32, _ hash: UInt32) { self.index.insert(slot, hash) }
}

extension PublisherRates.Row: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.user)
        writer.value(self.bucket)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(user: try reader.value(), bucket: try reader.value())
    }
}
