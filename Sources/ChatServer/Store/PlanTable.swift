import ChatCore
import Kernel

/// How far each partition of conversations has been planned, and what has changed since: used on the
/// writer's thread, between its transactions.
final class PlanTable {
    private let changed: Statement
    private let save: Statement
    private let database: Database
    private let partitionCount: UInt16
    private var planned: [UInt64]

    init(database: Database, partitionCount: UInt16) throws(DatabaseError) {
        self.database = database
        self.partitionCount = partitionCount
        self.planned = Array(repeating: 0, count: Int(partitionCount))
        self.changed = try database.prepare(
            """
            SELECT id, changed FROM conversations WHERE visibility > 0 AND changed > ?
            ORDER BY changed
            """
        )
        self.save = try database.prepare("INSERT OR REPLACE INTO plans VALUES(?, ?)")
        let load = try database.prepare("SELECT partition, through FROM plans")
        while try load.step() {
            let partition = Int(load.integer(0))
            guard self.planned.indices.contains(partition) else { continue }
            self.planned[partition] = load.integer(1)
        }
    }

    /// Moves the cursors of partitions up; writes nothing if they stand there already.
    func note(through commit: UInt64, of partitions: [Int]) throws(DatabaseError) {
        let behind = partitions.filter { self.planned[$0] < commit }
        guard !behind.isEmpty else { return }
        try self.database.execute("BEGIN IMMEDIATE")
        do throws(DatabaseError) {
            for partition in behind {
                self.save.bind(1, UInt64(partition))
                self.save.bind(2, commit)
                try self.save.run()
            }
            try self.database.execute("COMMIT")
        } catch {
            if self.database.isInTransaction { try self.database.execute("ROLLBACK") }
            throw error
        }
        for partition in behind { self.planned[partition] = commit }
    }

    /// The parts of the answer to what is owed in some partitions; a page ends where a commit does.
    func owed(
        after commit: UInt64,
        limit: UInt32,
        in partitions: [Int]
    ) throws(DatabaseError) -> [PlanPart] {
        let owned = Set(partitions)
        let least = partitions.map { self.planned[$0] }.min() ?? .max
        var parts: [PlanPart] = []
        var looked: UInt32 = 0
        var last = max(commit, least)
        guard !partitions.isEmpty else { return [.ends(next: nil)] }
        self.changed.bind(1, last)
        defer { self.changed.reset() }
        while try self.changed.step() {
            let change = self.changed.integer(1)
            if looked >= limit, change > last { return parts + [.ends(next: last)] }
            looked += 1
            last = change
            let id = self.changed.conversationID(0)
            let partition = Int(PartitionID(of: id, count: self.partitionCount).rawValue)
            guard owned.contains(partition), change > self.planned[partition] else { continue }
            parts.append(.owed(id))
        }
        return parts + [.ends(next: nil)]
    }
}
