import ChatCore
import ClientProtocol
import Kernel
import Logging
import NIOCore
package import Synchronization

/// A request on its way to the writer.
struct WriterWork: Sendable {
    var shard: ShardID
    var token: RequestToken
    var request: StoreRequest
    var message: Message?
    var note: AccountNote?
}

/// A request on its way to a reader.
struct ReaderWork: Sendable {
    var shard: ShardID
    var token: RequestToken
    /// A page of a log, a window of a list, members, or a question about media.
    var request: StoreRequest
    var known: KnownConversations?
    var note: AccountNote?
}

/// What the store has done since it was opened.
package final class StoreStatistics: Sendable {
    package let commits = Atomic<UInt64>(0)
    package let commitNanoseconds = Atomic<UInt64>(0)
    package let slowestCommitNanoseconds = Atomic<UInt64>(0)
    package let appends = Atomic<UInt64>(0)
    package let largestBatch = Atomic<UInt64>(0)
    package let errors = Atomic<UInt64>(0)

    func count(commitOf appends: Int, nanoseconds: UInt64) {
        self.commits.wrappingAdd(1, ordering: .relaxed)
        self.appends.wrappingAdd(UInt64(appends), ordering: .relaxed)
        self.commitNanoseconds.wrappingAdd(nanoseconds, ordering: .relaxed)
        self.slowestCommitNanoseconds.max(nanoseconds, ordering: .relaxed)
        self.largestBatch.max(UInt64(appends), ordering: .relaxed)
    }
}

/// What the writer's thread does with a batch of requests.
struct StoreWriter {
    private let log: LogWriter
    private let plans: PlanTable
    private var leases: PartitionLeases
    private let statistics: StoreStatistics
    private let weather: Weather?
    private let logger: Logger
    private let answer: @Sendable (ShardID, [ShardEvent]) -> Void
    private let origin = NIODeadline.now()
    private var answers: [ShardID: [ShardEvent]] = [:]
    private var group: [WriterWork] = []
    private var grouped: Set<ConversationID> = []
    /// Under a weather, how often each shard has asked for its leases.
    private var leaseRounds: [ShardID: UInt64] = [:]
    /// Under a weather, whether the end of a log has been lost.
    private var hasLost = false

    init(
        log: LogWriter,
        plans: PlanTable,
        leases: PartitionLeases,
        statistics: StoreStatistics,
        weather: Weather?,
        logger: Logger,
        answer: @escaping @Sendable (ShardID, [ShardEvent]) -> Void
    ) {
        self.log = log
        self.plans = plans
        self.leases = leases
        self.statistics = statistics
        self.weather = weather
        self.logger = logger
        self.answer = answer
    }

    mutating func carryOut(_ batch: [WriterWork]) {
        if let weather, weather.hasLoss, !self.hasLost {
            self.hasLost = true
            do throws(DatabaseError) {
                try self.log.loseEnd(of: weather.lostMessages)
            } catch {
                self.report(error)
            }
        }
        for work in batch {
            self.weather?.delay(work.token, of: work.shard)
            switch work.request {
            case .append(let append):
                if self.group.count == DurableStore.batchLimit { self.commit() }
                self.group.append(work)
                self.grouped.insert(append.conversation)
            case .head(let conversation):
                self.commitBefore(conversation)
                self.answer(work) { log throws(DatabaseError) in
                    try log.outcome(ofHead: conversation)
                }
            case .lookUp(let conversation, let user, let message):
                self.commitBefore(conversation)
                self.answer(work) { log throws(DatabaseError) in
                    guard let found = try log.find(message, of: user, in: conversation) else {
                        return .notFound
                    }
                    return .found(found.offset, unixMilliseconds: found.unixMilliseconds)
                }
            case .renewEpoch(let conversation, let partition, let term):
                self.commitBefore(conversation)
                guard self.leases.isOwner(partition, term) else {
                    self.answers[work.shard, default: []].append(
                        .stored(work.token, .unavailable)
                    )
                    continue
                }
                self.answer(work) { log throws(DatabaseError) in
                    try log.renewEpoch(of: conversation)
                }
            case .leases(let roles):
                self.commit()
                self.roundOfLeases(work, roles)
            case .mark(let mark):
                if self.group.count == DurableStore.batchLimit { self.commit() }
                self.group.append(work)
                self.grouped.insert(mark.conversation)
            case .account:
                if self.group.count == DurableStore.batchLimit { self.commit() }
                self.group.append(work)
            case .standing(let inquiry):
                // Sees no append of the group that waits, whose transaction asks again.
                self.answer(work) { log throws(DatabaseError) in try log.ruling(on: inquiry) }
            case .plans(let request):
                self.commit()
                self.answer(request, of: work)
            case .read, .list, .audience:
                preconditionFailure("pages are read by the readers")
            }
        }
        self.commit()
        for (shard, events) in self.answers { self.answer(shard, events) }
        self.answers.removeAll(keepingCapacity: true)
    }

    private mutating func commitBefore(_ conversation: ConversationID) {
        if self.grouped.contains(conversation) { self.commit() }
    }

    private mutating func answer(
        _ work: WriterWork,
        _ body: (LogWriter) throws(DatabaseError) -> StoreOutcome
    ) {
        var outcome = StoreOutcome.unavailable
        if self.weather?.isUnreadable(work.token, of: work.shard) != true {
            do throws(DatabaseError) {
                outcome = try body(self.log)
            } catch {
                self.report(error)
            }
        }
        self.answers[work.shard, default: []].append(.stored(work.token, outcome))
    }

    private mutating func answer(_ request: PlanRequest, of work: WriterWork) {
        var parts: [StoreOutcome] = [.unavailable]
        do throws(DatabaseError) {
            let partitions = self.leases.conversationPartitions(of: work.shard)
            switch request {
            case .note(let through, let fence):
                if self.leases.fence(of: work.shard) == fence {
                    try self.plans.note(through: through, of: partitions)
                }
                parts = [.plans(.commits(self.log.commits))]
            case .read(let after, let limit):
                parts = try self.plans.owed(after: after, limit: limit, in: partitions)
                    .map { .plans($0) }
            }
        } catch {
            self.report(error)
        }
        for part in parts {
            self.answers[work.shard, default: []].append(.stored(work.token, part))
        }
    }

    private mutating func commit() {
        guard !self.group.isEmpty else { return }
        let start = NIODeadline.now()
        let outcomes =
            self.weather?.write(self.group) { self.write($0) } ?? self.write(self.group)
        let elapsed = (NIODeadline.now() - start).nanoseconds
        let appendCount = self.group.count {
            if case .append = $0.request { true } else { false }
        }
        self.statistics.count(commitOf: appendCount, nanoseconds: UInt64(max(0, elapsed)))
        for (work, outcome) in zip(self.group, outcomes) {
            self.answers[work.shard, default: []].append(.stored(work.token, outcome))
        }
        self.group.removeAll(keepingCapacity: true)
        self.grouped.removeAll(keepingCapacity: true)
    }

    private func write(_ group: [WriterWork]) -> [StoreOutcome] {
        let writes = group.map { work -> StoredWrite in
            if case .mark(let mark) = work.request { return .mark(mark) }
            if case .account(let request) = work.request, let note = work.note {
                return .account(request, note)
            }
            guard case .append(let append) = work.request, let message = work.message else {
                preconditionFailure("an append comes with its message")
            }
            return .append(append, message)
        }
        let leases = self.leases
        return self.log.write(
            writes,
            isOwner: { leases.isOwner($0, $1) },
            report: { self.report($0) }
        )
    }

    /// Whether the weather lets this round come to nothing.
    private mutating func isLeaseless(_ shard: ShardID) -> Bool {
        guard let weather = self.weather else { return false }
        let round = self.leaseRounds[shard, default: 0]
        self.leaseRounds[shard] = round + 1
        return weather.isLeaseless(shard, round: round)
    }

    private mutating func roundOfLeases(_ work: WriterWork, _ roles: RoleSet) {
        let now = Instant(
            nanoseconds: UInt64(max(0, (NIODeadline.now() - self.origin).nanoseconds))
        )
        guard !self.isLeaseless(work.shard) else {
            self.answers[work.shard, default: []].append(.stored(work.token, .unavailable))
            return
        }
        do throws(DatabaseError) {
            if !roles.isDisjoint(with: [.conversation, .user]) {
                try self.leases.round(of: work.shard, at: now)
            }
            let news = self.leases.news(for: work.shard)
            self.answers[work.shard, default: []] += news + [.stored(work.token, .leased)]
        } catch {
            self.report(error)
            self.answers[work.shard, default: []].append(.stored(work.token, .unavailable))
        }
    }

    private func report(_ error: DatabaseError) {
        self.statistics.errors.wrappingAdd(1, ordering: .relaxed)
        self.logger.error("the store refused", metadata: ["error": "\(error)"])
    }
}

/// What a reader's thread does.
struct StoreReader {
    private let log: LogReader
    private let media: MediaDesk?
    private let weather: Weather?
    private let logger: Logger
    private let answer: @Sendable (ShardID, [ShardEvent]) -> Void

    init(
        log: LogReader,
        media: MediaDesk?,
        weather: Weather?,
        logger: Logger,
        answer: @escaping @Sendable (ShardID, [ShardEvent]) -> Void
    ) {
        self.log = log
        self.media = media
        self.weather = weather
        self.logger = logger
        self.answer = answer
    }

    func carryOut(_ work: ReaderWork) {
        self.weather?.delay(work.token, of: work.shard)
        if case .account(let request) = work.request {
            self.carryOut(request, work)
            return
        }
        var outcomes = [StoreOutcome.unavailable]
        if self.weather?.isUnreadable(work.token, of: work.shard) != true {
            do throws(DatabaseError) {
                outcomes = try self.outcomes(of: work)
            } catch {
                self.logger.error("the store could not read", metadata: ["error": "\(error)"])
            }
        }
        self.answer(work.shard, outcomes.map { .stored(work.token, $0) })
    }

    private func carryOut(_ request: AccountRequest, _ work: ReaderWork) {
        guard let note = work.note, case .media(let query) = note.content else {
            preconditionFailure("a question about media comes with its note")
        }
        let answer = self.answer
        guard let media = self.media else {
            let refused = StoreOutcome.account(.refused(.notAvailable))
            answer(work.shard, [.stored(work.token, refused)])
            return
        }
        media.carryOut(request, query) { answer(work.shard, [.stored(work.token, $0)]) }
    }

    /// One, or the parts of an answer.
    private func outcomes(of work: ReaderWork) throws(DatabaseError) -> [StoreOutcome] {
        switch work.request {
        case .read(let read): return [try self.log.page(read).map { .page($0) } ?? .denied]
        case .audience(let request): return try self.log.audience(request).map { .audience($0) }
        case .list(let list):
            guard let known = work.known else {
                preconditionFailure("a list comes with what is known")
            }
            return [.listed(try self.log.window(list, known: known))]
        case .append, .head, .lookUp, .renewEpoch, .leases, .standing, .mark, .account, .plans:
            preconditionFailure("a reader reads pages and windows")
        }
    }
}
