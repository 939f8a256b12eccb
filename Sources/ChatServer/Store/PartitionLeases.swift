import ChatCore
import Kernel

/// The leases of a store that one process has locked: expiry by this process's monotonic clock, terms
/// in the database, so that they grow over restarts.
struct PartitionLeases {
    private struct Told: Equatable {
        var term: Term
        var owner: ShardID?
    }

    private var table: LeaseTable
    private var told: [ShardID: [Told?]] = [:]
    private let incarnation: UInt64
    private let length: Interval
    private let save: Statement
    private let database: Database

    /// Reads the last terms; `shards` share the partitions from the start.
    init(
        database: Database,
        shards: [ShardID],
        incarnation: UInt64,
        partitionCount: UInt16,
        length: Interval
    ) throws(DatabaseError) {
        self.table = LeaseTable(partitionCount: partitionCount)
        self.incarnation = incarnation
        self.length = length
        self.database = database
        self.save = try database.prepare("INSERT OR REPLACE INTO leases VALUES(?, ?, ?, ?)")
        let load = try database.prepare("SELECT partition, term, incarnation FROM leases")
        while try load.step() {
            let index = Int(load.integer(0))
            guard self.table.rows.indices.contains(index) else { continue }
            // Nobody else can hold a lease: the data directory is locked.
            self.table.rows[index].term = Term(load.integer(1))
            self.table.rows[index].incarnation = load.integer(2)
        }
        for shard in shards { self.table.enrol(shard, roles: .all, until: .zero + length) }
        for shard in shards { try self.round(of: shard, at: .zero) }
    }

    func isOwner(_ partition: PartitionID, _ term: Term) -> Bool {
        let index = Int(partition.rawValue)
        return self.table.rows.indices.contains(index) && self.table.rows[index].term == term
            && self.table.rows[index].owner != nil
    }

    /// What a shard must believe of its leases for its word about plans to count.
    func fence(of shard: ShardID) -> UInt64 { LeaseFence(of: shard, in: self.table).value }

    /// The partitions of conversations that a shard holds.
    func conversationPartitions(of shard: ShardID) -> [Int] {
        (0..<self.table.rows.count / 2).filter { self.table.rows[$0].owner == shard }
    }

    /// A shard's round: renews, takes, gives back, and keeps the new terms before they count.
    mutating func round(of shard: ShardID, at now: Instant) throws(DatabaseError) {
        var next = self.table
        next.round(
            shard: shard,
            incarnation: self.incarnation,
            roles: .all,
            now: now,
            length: self.length
        )
        try self.keep(next)
        self.table = next
    }

    /// What changed since the shard was last told.
    mutating func news(for shard: ShardID) -> [ShardEvent] {
        var events: [ShardEvent] = []
        let unknown = [Told?](repeating: nil, count: self.table.rows.count)
        var told = self.told[shard] ?? unknown
        for (index, row) in self.table.rows.enumerated() {
            let now = Told(term: row.term, owner: row.owner)
            guard told[index] != now else { continue }
            told[index] = now
            let partition = PartitionID(UInt16(truncatingIfNeeded: index))
            events.append(.lease(partition, row.term, owner: row.owner))
        }
        self.told[shard] = told
        return events
    }

    private func keep(_ next: LeaseTable) throws(DatabaseError) {
        var isOpen = false
        do throws(DatabaseError) {
            for (index, row) in next.rows.enumerated() where row.term != self.table.rows[index].term
            {
                if !isOpen { try self.database.execute("BEGIN IMMEDIATE") }
                isOpen = true
                self.save.bind(1, UInt64(index))
                self.save.bind(2, row.term.rawValue)
                if let owner = row.owner { self.save.bind(3, UInt64(owner.rawValue)) }
                self.save.bind(4, row.incarnation)
                try self.save.run()
            }
            if isOpen { try self.database.execute("COMMIT") }
        } catch {
            if self.database.isInTransaction { try self.database.execute("ROLLBACK") }
            throw error
        }
    }
}
