package import Kernel

/// Which partitions a shard holds and in which terms, in one word: equal for the shard and the store if
/// they believe the same.
package struct LeaseFence: Equatable, Sendable {
    package private(set) var value: UInt64 = 0

    package init() {}

    /// What the store has of a shard's partitions of conversations.
    package init(of shard: ShardID, in leases: LeaseTable) {
        for partition in 0..<(leases.rows.count / 2) where leases.rows[partition].owner == shard {
            self.add(partition, leases.rows[partition].term)
        }
    }

    /// Adds a partition that the shard holds, in any order.
    package mutating func add(_ partition: Int, _ term: Term) {
        self.value &+= KeyedRandom.mix(UInt64(partition) << 48 ^ term.rawValue)
    }
}

/// How far each partition of conversations has been planned, as a store keeps it beside its leases.
///
/// The same transitions as the table of the embedded store, for the hosts that simulate one. Commits are
/// numbered from 1, and a conversation is owed to its members while its last commit lies beyond its
/// partition's cursor.
package struct PlanCursors: Equatable, Sendable {
    package private(set) var commits: UInt64 = 0
    private var planned: [UInt64]

    package init(partitionCount: UInt16) {
        self.planned = Array(repeating: 0, count: Int(partitionCount))
    }

    /// Counts one more commit; returns its number.
    package mutating func commit() -> UInt64 {
        self.commits += 1
        return self.commits
    }

    /// Moves the cursors of a shard's partitions up, unless the shard believes another thing of its leases.
    package mutating func note(
        through commit: UInt64,
        fence: UInt64,
        by shard: ShardID,
        leases: LeaseTable
    ) -> PlanPart {
        if LeaseFence(of: shard, in: leases).value == fence {
            for partition in self.planned.indices where leases.rows[partition].owner == shard {
                self.planned[partition] = max(self.planned[partition], commit)
            }
        }
        return .commits(self.commits)
    }

    /// The parts of the answer to what is owed; `changes` say in which commit each members' conversation
    /// has changed last.
    ///
    /// A page ends where a commit does.
    package func owed(
        to shard: ShardID,
        after commit: UInt64,
        limit: UInt32,
        leases: LeaseTable,
        changes: [(conversation: ConversationID, commit: UInt64)]
    ) -> [PlanPart] {
        let count = UInt16(truncatingIfNeeded: self.planned.count)
        var owed = changes.filter { change in
            let partition = Int(PartitionID(of: change.conversation, count: count).rawValue)
            return change.commit > commit && leases.rows[partition].owner == shard
                && change.commit > self.planned[partition]
        }
        owed.sort { ($0.commit, $0.conversation) < ($1.commit, $1.conversation) }
        var parts: [PlanPart] = []
        for change in owed {
            if parts.count >= Int(limit), let last = owed[..<parts.count].last,
                last.commit < change.commit
            {
                return parts + [.ends(next: last.commit)]
            }
            parts.append(.owed(change.conversation))
        }
        return parts + [.ends(next: nil)]
    }
}
