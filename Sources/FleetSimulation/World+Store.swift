import ClientModel
import DiscreteEvents
import Oracles
import ChatCore
import Kernel
import Measurement
import Workload

extension World {
    /// The most writes of one group commit.
    private static let groupLimit = 512

    func arriveAtStore(_ parcel: Parcel) {
        guard case .request(let shard, let incarnation, let token, let request) = parcel
        else { return }
        if self.bug == .acknowledgesBeforeCommit, case .append = request {
            self.answer(shard, incarnation, token, .appended(.done))
        }
        switch request {
        case .append, .head, .lookUp, .renewEpoch:
            self.writes.append(parcel)
            self.beginCommit()
            self.noteStoreQueue()
        case .read, .leases:
            let start = max(self.now, self.stalledUntil)
            let latency = self.latency(self.scenario.store.read, .storeLatency, UInt64(shard))
            self.schedule(
                Happening(.readDone, parcel: self.parcels.add(parcel)),
                at: start + latency
            )
        }
    }

    /// What waits when the writer is free is one group, durable at once.
    private func beginCommit() {
        guard !self.isCommitting, !self.writes.isEmpty else { return }
        self.isCommitting = true
        let count = min(self.writes.count, World.groupLimit)
        self.committing = Array(self.writes.prefix(count))
        self.writes.removeFirst(count)
        let start = max(self.now, self.stalledUntil)
        let latency = self.latency(self.scenario.store.commit, .storeLatency, .max)
        self.schedule(Happening(.commit), at: start + latency)
    }

    func commit() {
        // A stall that began meanwhile holds the group back.
        guard self.stalledUntil <= self.now else {
            self.schedule(Happening(.commit), at: self.stalledUntil)
            return
        }
        let group = self.committing
        self.committing = []
        self.isCommitting = false
        for parcel in group {
            guard case .request(let shard, let incarnation, let token, let request) = parcel
            else { continue }
            let outcome = self.write(request)
            if self.bug == .acknowledgesBeforeCommit, case .append = request { continue }
            self.answer(shard, incarnation, token, outcome)
        }
        self.beginCommit()
        self.noteStoreQueue()
    }

    private func noteStoreQueue() {
        self.series.storeQueue(self.writes.count + self.committing.count, now: self.now)
    }

    private func write(_ request: StoreRequest) -> StoreOutcome {
        switch request {
        case .append(let append): .appended(self.append(append))
        case .head(let conversation): .head(self.logs.head(of: conversation))
        case .lookUp(let conversation, let user, let message):
            self.logs.lookUp(conversation, user, message)
        case .renewEpoch(let conversation, let partition, let term):
            self.logs.renewEpoch(conversation, partition, term)
        case .read, .leases: .unavailable
        }
    }

    private func append(_ append: Append) -> AppendOutcome {
        let entity = append.body.handle.rawValue
        let store = self.scenario.store
        if self.happens(store.failedMillionths, .storeFault, entity) { return .failed }
        var isUnknown = false
        if self.happens(store.unknownMillionths, .storeFault, entity) {
            isUnknown = true
            // The answer is lost; half of the time the write was not.
            if self.happens(500_000, .storeFault, entity) { return .unknown }
        }
        let outcome = self.logs.append(append)
        if outcome == .done {
            self.counts.appended += 1
            self.oracle.committed(
                append.conversation,
                MessageID(high: 0, low: append.body.handle.rawValue),
                at: append.offset,
                partition: append.partition,
                term: append.term,
                now: self.now
            )
        }
        return isUnknown ? .unknown : outcome
    }

    func answerRead(_ parcel: Parcel) {
        guard case .request(let shard, let incarnation, let token, let request) = parcel,
            self.shards[shard].incarnation == incarnation, self.shards[shard].shard != nil
        else { return }
        switch request {
        case .read(let read):
            self.nextPage += 1
            let handle = PayloadHandle(rawValue: self.nextPage)
            let page = self.logs.read(read, handle: handle)
            self.pages[handle.rawValue] = (read.conversation, page)
            self.answer(shard, incarnation, token, .page(page))
        case .leases(let holdsPartitions):
            self.leaseRound(shard, holdsPartitions)
            self.answer(shard, incarnation, token, .leased)
        case .append, .head, .lookUp, .renewEpoch: return
        }
    }

    private func leaseRound(_ index: Int, _ holdsPartitions: Bool) {
        self.witnessQueues(of: index)
        let row = self.shards[index]
        self.logs.leases.round(
            shard: row.id,
            incarnation: row.incarnation,
            holdsPartitions: holdsPartitions,
            now: self.now,
            length: .seconds(6)
        )
        for (partition, lease) in self.logs.leases.rows.enumerated() {
            let known = row.told[partition]
            guard known?.term != lease.term || known?.owner != lease.owner else { continue }
            row.told[partition] = lease
            let id = PartitionID(UInt16(partition))
            self.send(.lease(id, lease.term, owner: lease.owner), to: index, at: self.now)
        }
    }

    private func answer(
        _ shard: Int,
        _ incarnation: UInt64,
        _ token: RequestToken,
        _ outcome: StoreOutcome
    ) {
        guard self.shards[shard].incarnation == incarnation else { return }
        self.send(.stored(token, outcome), to: shard, at: self.now)
    }

    func begin(_ fault: Scenario.Fault) {
        switch fault.kind {
        case .crash(let node): self.crash(node)
        case .pause(let node):
            for row in self.shards where row.node == node {
                row.pausedUntil = max(row.pausedUntil, self.now + fault.lasts)
            }
        case .partition(let node, let peer): self.severed.append((node, peer))
        case .stall: self.stalledUntil = max(self.stalledUntil, self.now + fault.lasts)
        }
    }

    func end(_ fault: Scenario.Fault) {
        switch fault.kind {
        case .crash(let node):
            for index in self.shards.indices where self.shards[index].node == node {
                if self.shards[index].shard == nil { self.startShard(index) }
            }
        case .partition(let node, let peer):
            if let index = self.severed.firstIndex(where: { $0 == (node, peer) }) {
                self.severed.remove(at: index)
            }
        case .pause, .stall: break
        }
    }

    private func crash(_ node: Int) {
        if self.bug == .losesTailAtCrash {
            for number in 0..<self.population.conversationCount {
                self.logs.loseTail(of: World.id(of: ConversationNumber(number)))
            }
        }
        for index in self.shards.indices where self.shards[index].node == node {
            let row = self.shards[index]
            for socket in row.sockets where socket.isOpen {
                self.tell(Int(socket.client), socket.socket, .closed(code: 1006))
            }
            row.clear()
        }
    }
}
