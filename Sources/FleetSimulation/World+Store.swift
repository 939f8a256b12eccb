import BasicContainers
import ChatCore
import ClientModel
import DiscreteEvents
import Kernel
import Measurement
import Oracles

/// The writes that wait for the store's one writer, and the group that it is committing.
struct GroupWriter {
    /// A write and when it came.
    struct Waiting: BitwiseCopyable {
        var errand: StoreErrand
        var arrival: Instant
    }

    private(set) var waiting: [Waiting] = []
    private var taken = 0
    private(set) var group: [Waiting] = []
    private(set) var isCommitting = false

    init() {}

    var count: Int { self.waiting.count - self.taken }

    mutating func add(_ errand: StoreErrand, at now: Instant) {
        self.waiting.append(Waiting(errand: errand, arrival: now))
    }

    /// Takes what waits, at most `limit`, for one commit; false if nothing does or one is under way.
    mutating func begin(limit: Int) -> Bool {
        guard !self.isCommitting, self.count > 0 else { return false }
        self.isCommitting = true
        let size = min(self.count, limit)
        self.group.removeAll(keepingCapacity: true)
        self.group.append(contentsOf: self.waiting[self.taken..<self.taken + size])
        self.taken += size
        if self.taken == self.waiting.count {
            self.waiting.removeAll(keepingCapacity: true)
            self.taken = 0
        } else if self.taken > 65_536 {
            self.waiting.removeFirst(self.taken)
            self.taken = 0
        }
        return true
    }

    mutating func end() { self.isCommitting = false }
}

extension World {
    mutating func arriveAtStore(_ parcel: Parcel) {
        guard case .request(let errand) = parcel else { return }
        if self.bug == .acknowledgesBeforeCommit, case .append = errand.request {
            self.answer(errand, .appended(.done))
        }
        switch errand.request {
        case .append, .head, .lookUp, .renewEpoch, .standing, .mark, .account:
            self.writer.add(errand, at: self.now)
            self.beginCommit()
            self.noteStoreQueue()
        case .read, .list, .leases, .audience, .plans:
            let start = max(self.now, self.stalledUntil)
            let bits = self.random.draw(.storeRead, UInt64(errand.shard), errand.occasion)
            let parcel = self.parcels.add(parcel)
            let end = start + self.scenario.store.read.draw(bits)
            self.schedule(Happening(.readDone, parcel: parcel), at: end)
        }
    }

    /// What waits when the writer is free is one group, durable at once.
    private mutating func beginCommit() {
        let store = self.scenario.store
        guard self.writer.begin(limit: store.groupLimit) else { return }
        let first = self.writer.group[0].errand
        let bits = self.random.draw(.storeCommit, UInt64(first.shard), first.occasion)
        let start = max(self.now, self.stalledUntil)
        let work = store.append * UInt64(self.writer.group.count)
        self.schedule(Happening(.commit), at: start + store.commit.draw(bits) + work)
    }

    mutating func commit() {
        // A stall that began meanwhile holds the group back.
        guard self.stalledUntil <= self.now else {
            self.schedule(Happening(.commit), at: self.stalledUntil)
            return
        }
        self.writer.end()
        for index in 0..<self.writer.group.count {
            let write = self.writer.group[index]
            let outcome = self.outcome(of: write)
            if self.bug == .acknowledgesBeforeCommit, case .append = write.errand.request {
                continue
            }
            self.answer(write.errand, outcome)
        }
        self.beginCommit()
        self.noteStoreQueue()
    }

    private mutating func noteStoreQueue() {
        let committing = self.writer.isCommitting ? self.writer.group.count : 0
        self.series.storeQueue(self.writer.count + committing, now: self.now)
    }

    /// Refuses what has waited too long: whoever asked has given up, and will ask again.
    private mutating func outcome(of write: GroupWriter.Waiting) -> StoreOutcome {
        guard write.arrival + self.scenario.store.deadline >= self.now else {
            switch write.errand.request {
            case .append: return .appended(.failed)
            case .head, .lookUp, .renewEpoch, .read, .leases, .standing, .mark, .list, .account,
                .audience, .plans:
                return .unavailable
            }
        }
        return self.write(write.errand)
    }

    private func isUnreadable(_ errand: StoreErrand) -> Bool {
        let part = self.scenario.store.unreadableMillionths
        return self.happens(part, .storeUnreadable, UInt64(errand.shard), errand.occasion)
    }

    private mutating func write(_ errand: StoreErrand) -> StoreOutcome {
        switch errand.request {
        case .head where self.isUnreadable(errand), .lookUp where self.isUnreadable(errand),
            .renewEpoch where self.isUnreadable(errand):
            .unavailable
        case .append(let append): .appended(self.append(append))
        case .head(let conversation):
            .head(
                self.logs.head(of: conversation),
                members: self.logs.memberCount(of: conversation)
            )
        case .lookUp(let conversation, let user, let message):
            self.logs.lookUp(conversation, user, message)
        case .renewEpoch(let conversation, let partition, let term):
            self.logs.renewEpoch(conversation, partition, term)
        case .standing(let inquiry): self.logs.ruling(on: inquiry)
        case .mark(let mark): self.mark(mark)
        case .account(let request): self.logs.account(request)
        case .read, .leases, .list, .audience, .plans: .unavailable
        }
    }

    private mutating func mark(_ request: MarkRequest) -> StoreOutcome {
        let outcome = self.logs.mark(request)
        if case .marked = outcome {
            self.hinting?.marked(
                request.conversation,
                request.user.low,
                read: request.markers.read
            )
            self.membership.marked(
                request.conversation,
                request.user.low,
                read: request.markers.read
            )
        }
        return outcome
    }

    private mutating func append(_ append: Append) -> AppendOutcome {
        let conversation = append.conversation.low
        let message = append.body.handle.rawValue
        // The attempt: one message may be appended again, at this offset or another.
        let attempt = append.offset.rawValue << 44 ^ append.unixMilliseconds
        let store = self.scenario.store
        if self.happens(store.failedMillionths, .storeFailed, conversation, message, attempt) {
            return .failed
        }
        var isUnknown = false
        if self.happens(store.unknownMillionths, .storeUnknown, conversation, message, attempt) {
            isUnknown = true
            // The answer is lost; half of the time the write was not.
            if self.happens(500_000, .storeDropped, conversation, message, attempt) {
                return .unknown
            }
        }
        let people = self.people(of: append)
        let outcome = self.logs.append(append, people: people)
        if outcome == .done {
            self.counts.appended += 1
            self.witnessEntry(append, people: people)
            self.oracle.committed(
                append.conversation,
                MessageID(high: 0, low: message),
                at: append.offset,
                partition: append.partition,
                term: append.term,
                now: self.now
            )
        }
        return isUnknown ? .unknown : outcome
    }

    mutating func answerRead(_ parcel: Parcel) {
        guard case .request(let errand) = parcel else { return }
        let shard = Int(errand.shard)
        guard self.shards[shard].isUp(as: errand.incarnation) else { return }
        switch errand.request {
        case .read where self.isUnreadable(errand), .audience where self.isUnreadable(errand),
            .plans where self.isUnreadable(errand):
            self.answer(errand, .unavailable)
        case .read(let read):
            if let reader = read.reader, self.bug != .ignoresMembership,
                !self.logs.mayRead(reader, read)
            {
                return self.answer(errand, .denied)
            }
            self.nextPage += 1
            let handle = PayloadHandle(rawValue: self.nextPage)
            let page = self.logs.read(read, handle: handle)
            self.pages[handle.rawValue] = (read.conversation, page)
            self.answer(errand, .page(page))
        case .leases(let roles):
            self.leaseRound(shard, roles)
            self.answer(errand, .leased)
        case .list(let list): self.answer(errand, self.list(list))
        case .audience(let request):
            for part in self.audience(request) { self.answer(errand, part) }
        case .plans(let request):
            let id = self.shards[shard].id
            for part in self.logs.plans(request, of: id) { self.answer(errand, part) }
        case .append, .head, .lookUp, .renewEpoch, .standing, .mark, .account: return
        }
    }

    private mutating func leaseRound(_ index: Int, _ roles: RoleSet) {
        self.witnessQueues(of: index)
        self.logs.leases.round(
            shard: self.shards[index].id,
            incarnation: self.shards[index].incarnation,
            roles: roles,
            now: self.now,
            length: .seconds(6)
        )
        for partition in 0..<self.logs.leases.rows.count {
            let lease = self.logs.leases.rows[partition]
            let known = self.shards[index].told[partition]
            guard known?.term != lease.term || known?.owner != lease.owner else { continue }
            self.shards[index].told[partition] = lease
            let id = PartitionID(UInt16(partition))
            self.send(.lease(id, lease.term, owner: lease.owner), to: index, at: self.now)
        }
    }

    private mutating func answer(_ errand: StoreErrand, _ outcome: StoreOutcome) {
        let shard = Int(errand.shard)
        guard self.shards[shard].incarnation == UInt64(errand.incarnation) else { return }
        self.send(.stored(errand.token, outcome), to: shard, at: self.now)
    }
}
