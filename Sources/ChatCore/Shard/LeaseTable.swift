package import Kernel

/// Who owns which partition, as the store keeps it: the policy of taking, renewing and giving back.
///
/// Leases expire by the store's clock. A shard renews what it holds, takes what is free up to its
/// fair share (the partitions divided by the live shards, rounded up), and gives back what is above
/// it. A restarted shard is a new incarnation: what its predecessor held is taken with a new term, at
/// once, because the predecessor is certainly dead.
package struct LeaseTable: Equatable, Sendable {
    /// One partition's lease.
    package struct Row: Equatable, Sendable, BitwiseCopyable {
        package var term: Term
        package var owner: ShardID?
        package var incarnation: UInt64
        package var expiry: Instant

        package init(term: Term, owner: ShardID?, incarnation: UInt64, expiry: Instant) {
            self.term = term
            self.owner = owner
            self.incarnation = incarnation
            self.expiry = expiry
        }
    }

    /// A shard that may hold partitions, and when it is believed dead.
    package struct Member: Equatable, Sendable, BitwiseCopyable {
        package var shard: ShardID
        package var expiry: Instant

        package init(shard: ShardID, expiry: Instant) {
            self.shard = shard
            self.expiry = expiry
        }
    }

    package var rows: [Row]
    /// Shards that may hold partitions, by when they are believed dead.
    package var members: [Member] = []

    package init(partitionCount: UInt16) {
        let free = Row(term: .none, owner: nil, incarnation: 0, expiry: .zero)
        self.rows = Array(repeating: free, count: Int(partitionCount))
    }

    /// Counts a shard as alive before its first round, so that a fleet that starts together shares
    /// at once.
    package mutating func enrol(_ shard: ShardID, until expiry: Instant) {
        if let index = self.members.firstIndex(where: { $0.shard == shard }) {
            self.members[index].expiry = expiry
        } else {
            self.members.append(Member(shard: shard, expiry: expiry))
        }
    }

    /// One round of one shard; O(partitions + members).
    package mutating func round(
        shard: ShardID,
        incarnation: UInt64,
        holdsPartitions: Bool,
        now: Instant,
        length: Interval
    ) {
        guard holdsPartitions else { return }
        self.enrol(shard, until: now + length)
        let alive = self.members.count { $0.expiry > now }
        let share = (self.rows.count + alive - 1) / alive
        var held = 0
        for index in self.rows.indices where self.rows[index].owner == shard {
            guard held < share else {
                self.rows[index].owner = nil
                continue
            }
            if self.rows[index].incarnation != incarnation {
                self.rows[index].term = Term(self.rows[index].term.rawValue + 1)
                self.rows[index].incarnation = incarnation
            }
            self.rows[index].expiry = now + length
            held += 1
        }
        for index in self.rows.indices where held < share {
            let row = self.rows[index]
            guard row.owner != shard, row.owner == nil || row.expiry <= now else { continue }
            self.rows[index] = Row(
                term: Term(row.term.rawValue + 1),
                owner: shard,
                incarnation: incarnation,
                expiry: now + length
            )
            held += 1
        }
    }
}
