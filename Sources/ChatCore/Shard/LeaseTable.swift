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
        package var roles: RoleSet
        package var expiry: Instant

        package init(shard: ShardID, roles: RoleSet, expiry: Instant) {
            self.shard = shard
            self.roles = roles
            self.expiry = expiry
        }
    }

    /// Those of conversations, and after them as many of users.
    package var rows: [Row]
    /// Shards that may hold partitions, by when they are believed dead.
    package var members: [Member] = []

    package init(partitionCount: UInt16) {
        let free = Row(term: .none, owner: nil, incarnation: 0, expiry: .zero)
        self.rows = Array(repeating: free, count: 2 * Int(partitionCount))
    }

    /// Counts a shard as alive before its first round, so that a fleet that starts together shares
    /// at once.
    package mutating func enrol(_ shard: ShardID, roles: RoleSet, until expiry: Instant) {
        if let index = self.members.firstIndex(where: { $0.shard == shard }) {
            self.members[index].expiry = expiry
        } else {
            self.members.append(Member(shard: shard, roles: roles, expiry: expiry))
        }
    }

    /// One round of one shard for the partitions of its roles; O(partitions + members).
    package mutating func round(
        shard: ShardID,
        incarnation: UInt64,
        roles: RoleSet,
        now: Instant,
        length: Interval
    ) {
        guard !roles.isDisjoint(with: [.conversation, .user]) else { return }
        self.enrol(shard, roles: roles, until: now + length)
        let renewal = Row(
            term: .none,
            owner: shard,
            incarnation: incarnation,
            expiry: now + length
        )
        let half = self.rows.count / 2
        if roles.contains(.conversation) {
            self.round(renewal, of: .conversation, in: 0..<half, now: now)
        }
        if roles.contains(.user) {
            self.round(renewal, of: .user, in: half..<self.rows.count, now: now)
        }
    }

    private mutating func round(
        _ renewal: Row,
        of role: RoleSet,
        in range: Range<Int>,
        now: Instant
    ) {
        let alive = self.members.count { $0.expiry > now && $0.roles.contains(role) }
        let share = (range.count + alive - 1) / alive
        var held = 0
        for index in range where self.rows[index].owner == renewal.owner {
            guard held < share else {
                self.rows[index].owner = nil
                continue
            }
            if self.rows[index].incarnation != renewal.incarnation {
                self.rows[index].term = Term(self.rows[index].term.rawValue + 1)
                self.rows[index].incarnation = renewal.incarnation
            }
            self.rows[index].expiry = renewal.expiry
            held += 1
        }
        for index in range where held < share {
            let row = self.rows[index]
            guard row.owner != renewal.owner, row.owner == nil || row.expiry <= now else {
                continue
            }
            self.rows[index] = renewal
            self.rows[index].term = Term(row.term.rawValue + 1)
            held += 1
        }
    }
}
