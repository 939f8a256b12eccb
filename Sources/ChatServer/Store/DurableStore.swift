package import ChatCore
import Dispatch
import Foundation
package import Kernel
package import Logging
import NIOCore
import Synchronization

/// The embedded store: one writer that commits in groups, and readers beside it.
///
/// What decides about a sequence (appends, heads, look-ups, epochs, leases) goes through the writer in
/// the order of the requests; pages are read from snapshots. SQLite runs with WAL and
/// `synchronous=FULL`, so an append's outcome leaves after the data is on the disk.
package final class DurableStore: Sendable {
    /// The most appends in one transaction.
    package static let batchLimit = 4096

    private struct WriterQueue {
        var waiting: [WriterWork] = []
        var isClosing = false
    }

    private struct ReaderQueue {
        var waiting: [ReaderWork] = []
        var taken = 0
        var isClosing = false
    }

    private let directory: DataDirectory
    private let writing = Mutex(WriterQueue())
    private let reading = Mutex(ReaderQueue())
    private let writerWake = DispatchSemaphore(value: 0)
    private let readerWake = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()
    private let readerCount: Int
    package let statistics = StoreStatistics()
    /// Changes with every start of a process on this store.
    package let processIncarnation: UInt64

    /// Opens or creates the store and starts its threads; `answer` is called from them.
    package init(
        directory: DataDirectory,
        shards: [ShardID],
        configuration: ShardConfiguration,
        leaseLength: Interval,
        readerCount: Int = 2,
        media: MediaDesk? = nil,
        weather: Weather? = nil,
        log: Logger,
        answer: @escaping @Sendable (ShardID, [ShardEvent]) -> Void
    ) throws(DatabaseError) {
        self.directory = directory
        self.readerCount = readerCount
        let database = try Database(path: directory.databasePath)
        try StoreSchema.configure(database)
        try StoreSchema.create(in: database)
        let witness = try CommitWitness(path: directory.witnessPath, log: log)
        let epochs = EpochSource(
            incarnation: try Self.incarnation(of: database, witness: witness, log: log)
        )
        let count = UInt64(configuration.partitionCount)
        guard try StoreSchema.number("partitions", in: database, initial: count) == count else {
            throw DatabaseError(
                code: 0,
                message: "made with another number of partitions, expected \(count)",
                operation: "open \(directory.databasePath)"
            )
        }
        let starts = try StoreSchema.number("starts", in: database, initial: 0) + 1
        try StoreSchema.set("starts", starts, in: database)
        self.processIncarnation = starts
        let writer = StoreWriter(
            log: try LogWriter(database: database, epochs: epochs, witness: witness),
            plans: try PlanTable(
                database: database,
                partitionCount: configuration.partitionCount
            ),
            leases: try PartitionLeases(
                database: database,
                shards: shards,
                incarnation: starts,
                partitionCount: configuration.partitionCount,
                length: leaseLength
            ),
            statistics: self.statistics,
            weather: weather,
            logger: log,
            answer: answer
        )
        var readers: [StoreReader] = []
        for _ in 0..<readerCount {
            let connection = try Database(path: directory.databasePath)
            try StoreSchema.configure(connection)
            let reader = try LogReader(database: connection, epochs: epochs)
            readers.append(
                StoreReader(
                    log: reader,
                    media: media,
                    weather: weather,
                    logger: log,
                    answer: answer
                )
            )
        }
        self.start(writer, readers)
    }

    /// The store's incarnation: another one if the database lacks commits that it has acknowledged.
    private static func incarnation(
        of database: Database,
        witness: CommitWitness,
        log: Logger
    ) throws(DatabaseError) -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        let kept = try StoreSchema.number(
            "incarnation",
            in: database,
            initial: generator.next()
        )
        let commits = try StoreSchema.number("commits", in: database, initial: 0)
        let witnessed = witness.found ?? (commits == 0 ? 0 : .max)
        guard witnessed > commits else { return kept }
        let next: UInt64 = generator.next()
        try StoreSchema.set("incarnation", next, in: database)
        witness.note(commits)
        log.warning(
            "the database lacks commits that were acknowledged: every epoch changes",
            metadata: [
                "commits": "\(commits)",
                "acknowledged": "\(witness.found.map { "\($0)" } ?? "unknown")",
            ]
        )
        return next
    }

    /// Takes a request; `message` is what an append's handle names, `known` what a list's does, `note` what
    /// that of a question about an account does.
    package func submit(
        _ request: StoreRequest,
        token: RequestToken,
        message: Message?,
        known: KnownConversations? = nil,
        note: AccountNote? = nil,
        from shard: ShardID
    ) {
        if Self.isForReaders(request) {
            let work = ReaderWork(
                shard: shard,
                token: token,
                request: request,
                known: known,
                note: note
            )
            self.reading.withLock { $0.waiting.append(work) }
            self.readerWake.signal()
            return
        }
        let work = WriterWork(
            shard: shard,
            token: token,
            request: request,
            message: message,
            note: note
        )
        let isFirst = self.writing.withLock { queue in
            queue.waiting.append(work)
            return queue.waiting.count == 1
        }
        if isFirst { self.writerWake.signal() }
    }

    private static func isForReaders(_ request: StoreRequest) -> Bool {
        switch request {
        case .read, .list, .audience: true
        case .account(let account): if case .media = account.action { true } else { false }
        case .append, .head, .lookUp, .renewEpoch, .leases, .standing, .mark, .plans: false
        }
    }

    /// Requests that wait for the writer.
    package var waitingCount: Int { self.writing.withLock { $0.waiting.count } }

    /// Carries out what was submitted, ends the threads, closes the database and unlocks its directory.
    package func close() {
        self.writing.withLock { $0.isClosing = true }
        self.reading.withLock { $0.isClosing = true }
        self.writerWake.signal()
        for _ in 0..<self.readerCount { self.readerWake.signal() }
        self.ended.wait()
        self.directory.unlock()
    }

    private func start(_ writer: sending StoreWriter, _ readers: sending [StoreReader]) {
        self.ended.enter()
        let writerBox = Handover(writer)
        Thread.detachNewThread {
            self.write(with: writerBox)
            self.ended.leave()
        }
        for reader in readers {
            self.ended.enter()
            let box = Handover(reader)
            Thread.detachNewThread {
                self.read(with: box)
                self.ended.leave()
            }
        }
    }

    /// The writer's connection to the database is closed when this returns.
    private func write(with box: Handover<StoreWriter>) {
        var writer = box.take()
        while let batch = self.nextBatch() { writer.carryOut(batch) }
    }

    /// The reader's connection to the database is closed when this returns.
    private func read(with box: Handover<StoreReader>) {
        let reader = box.take()
        while let work = self.nextRead() { reader.carryOut(work) }
    }

    private func nextBatch() -> [WriterWork]? {
        while true {
            let (batch, isClosing) = self.writing.withLock { queue in
                let taken = queue.waiting
                queue.waiting = []
                return (taken, queue.isClosing)
            }
            if !batch.isEmpty { return batch }
            if isClosing { return nil }
            self.writerWake.wait()
        }
    }

    private func nextRead() -> ReaderWork? {
        while true {
            let (work, isClosing) = self.reading.withLock { queue -> (ReaderWork?, Bool) in
                guard queue.taken < queue.waiting.count else { return (nil, queue.isClosing) }
                let work = queue.waiting[queue.taken]
                queue.taken += 1
                if queue.taken == queue.waiting.count {
                    queue.waiting.removeAll(keepingCapacity: true)
                    queue.taken = 0
                }
                return (work, false)
            }
            if let work { return work }
            if isClosing { return nil }
            self.readerWake.wait()
        }
    }
}

/// Carries a value to the one thread that uses it from then on.
private final class Handover<Value>: @unchecked Sendable {
    // Invariant: made by `DurableStore.start`, and its value is used by the new thread only.
    private var value: Value?

    init(_ value: Value) { self.value = value }

    func take() -> Value {
        guard let value = self.value else { preconditionFailure("a value is handed over once") }
        self.value = nil
        return value
    }
}
