import BasicContainers
import ChatCore
import ClientModel
import DiscreteEvents
import EventTrace
import Kernel
import Measurement

extension World {
    mutating func arriveAtShard(_ index: Int, _ incarnation: UInt32, _ parcel: Parcel) {
        // Incarnation 0 stands for whichever is up: the bus knows addresses alone.
        let isAwaited =
            self.shards[index].isUp
            && (incarnation == 0 || self.shards[index].incarnation == UInt64(incarnation))
        switch parcel {
        case .event(let event):
            guard isAwaited else { return }
            if case .closed(let handle) = event {
                guard self.shards[index].isCurrent(handle) else { return }
                self.individualise(socket: Int(handle.slot), of: index)
                self.endLine(Int(handle.slot), of: index)
                self.shards[index].sockets[Int(handle.slot)].isOpen = false
                self.shards[index].settle(handle.slot)
                self.shards[index].vacantSlots.append(handle.slot)
                self.witnessEnd(of: handle, on: index)
            }
            self.enqueue(event, at: index)
        case .pongs(let list):
            let handles = self.parcels.takeList(list)
            guard isAwaited else { return }
            // Pongs that a shard finds together when it wakes up are one event.
            let isFirst = self.shards[index].pongs.isEmpty
            self.shards[index].pongs.append(contentsOf: handles)
            guard isFirst else { return }
            self.enqueue(.pongs(TargetRange(start: 0, count: 0)), at: index)
        case .none, .client, .command, .hangUp, .unaskedPong, .request, .pings: return
        }
    }

    /// Puts an event into a shard's queue, and wakes the shard if it is idle.
    mutating func enqueue(_ event: ShardEvent, at index: Int) {
        self.shards[index].waiting.append(event)
        self.shards[index].gauge.add(at: self.now)
        guard !self.shards[index].isBusy else { return }
        self.shards[index].isBusy = true
        self.scheduleRoundEnd(of: index, at: self.now)
    }

    private mutating func scheduleRoundEnd(of index: Int, at instant: Instant) {
        let incarnation = UInt32(truncatingIfNeeded: self.shards[index].incarnation)
        self.schedule(Happening(.roundEnds, index, detail: incarnation), at: instant)
    }

    mutating func wake(_ index: Int, incarnation: UInt32) {
        guard self.shards[index].isUp(as: incarnation) else { return }
        self.shards[index].deadlineScheduled = .never
        guard !self.shards[index].isBusy else { return }
        self.startRound(index)
    }

    /// A round is over, or an idle shard was woken: takes up what waits now.
    mutating func endRound(_ index: Int, incarnation: UInt32) {
        guard self.shards[index].isUp(as: incarnation) else { return }
        self.letIn(at: index)
        self.shards[index].isBusy = false
        let deadline = self.shards[index].shard?.nextDeadline ?? .never
        if self.shards[index].taken < self.shards[index].waiting.count || deadline <= self.now {
            return self.startRound(index)
        }
        self.scheduleWake(of: index, at: deadline)
        if self.shards[index].guests.count > 0 {
            self.scheduleWake(of: index, at: self.now + LoadGauge.window)
        }
    }

    mutating func scheduleWake(of index: Int, at instant: Instant) {
        guard instant < self.shards[index].deadlineScheduled else { return }
        self.shards[index].deadlineScheduled = instant
        let incarnation = UInt32(truncatingIfNeeded: self.shards[index].incarnation)
        self.schedule(Happening(.shardDeadline, index, detail: incarnation), at: instant)
    }

    /// One wake-up: what waits, at most as much as a wake-up takes, all at the same `now`.
    private mutating func startRound(_ index: Int) {
        let now = self.now
        guard self.shards[index].pausedUntil <= now else {
            self.shards[index].isBusy = true
            self.scheduleRoundEnd(of: index, at: self.shards[index].pausedUntil)
            return
        }
        let limit = self.scenario.costs.eventsPerWakeUp
        self.round.begin(index, self.shards[index].id, cost: self.scenario.costs.wakeUp)
        self.shards[index].isBusy = true
        self.round.cost = self.round.cost + self.shards[index].refusals
        self.shards[index].refusals = .zero
        if let lag = self.shards[index].gauge.reading(at: now) {
            self.stepShard(index, .load(lag: lag), at: now)
        }
        if let due = self.shards[index].shard?.nextDeadline, due <= now {
            self.shards[index].shard?.handleDeadline(at: now, into: &self.effects)
            self.digest.combineDeadline(at: now, shard: index)
            self.round.cost = self.round.cost + self.scenario.costs.event
            self.gather(after: nil)
        }
        var count = 0
        while true {
            if let message = self.round.takeOwn() {
                self.stepShard(index, .peer(self.shards[index].id, message), at: now)
            } else if count < limit, let event = self.shards[index].takeWaiting() {
                count += 1
                self.stepShard(index, event, at: now)
            } else {
                break
            }
        }
        self.shards[index].compactWaiting()
        self.shards[index].busy = self.shards[index].busy + self.round.cost
        self.series.busy(node: self.shards[index].node, for: self.round.cost, now: now)
        let end = now + self.round.cost
        self.departAll(from: index, at: end)
        self.backlogsTaken(from: index, at: end)
        self.scheduleRoundEnd(of: index, at: end)
    }

    private mutating func stepShard(_ index: Int, _ event: ShardEvent, at now: Instant) {
        var event = event
        if case .pongs = event {
            let count = self.shards[index].stagePongs()
            event = .pongs(TargetRange(start: 0, count: UInt32(count)))
            self.round.cost = self.round.cost + self.scenario.costs.target * UInt64(count)
        }
        self.round.cost = self.round.cost + self.cost(of: event)
        self.shards[index].lent += event.references
        self.witness(event, of: index)
        self.shards[index].shard?.handle(event, at: now, into: &self.effects)
        self.digest.combine(event, at: now, shard: index)
        self.gather(after: event)
        if case .backlog(let handle, _) = event { self.round.backlogs.append(handle) }
        self.shards[index].eventsSinceState += 1
        if self.shards[index].eventsSinceState == TraceDigest.eventsPerState {
            self.shards[index].eventsSinceState = 0
            self.digestState(of: index)
        }
    }

    private mutating func digestState(of index: Int) {
        guard let shard = self.shards[index].shard.take() else { return }
        self.digest.combineState(of: shard)
        self.shards[index].shard = consume shard
    }

    private func cost(of event: ShardEvent) -> Interval {
        switch event {
        case .command(_, _, .connect): self.scenario.costs.connect
        case .command: self.scenario.costs.command
        case .wallClock, .opened, .closed, .authenticated, .pongs, .violated, .peer, .stored,
            .lease, .drain, .grant, .asked, .load, .revoked, .backlog, .dropped:
            self.scenario.costs.event
        }
    }

    /// Takes a step's effects out of the buffer: they leave at the round's end.
    private mutating func gather(after event: ShardEvent?) {
        self.digest.combine(self.effects, shard: self.round.shard)
        var step: ShardStep?
        if self.observer != nil {
            let shard = self.shards[self.round.shard].id
            step = ShardStep(event, of: shard, targetsIn: self.effects)
        }
        for index in 0..<self.effects.count {
            var effect = self.effects[effect: index]
            if self.bug != nil {
                guard let altered = self.sabotaged(effect) else { continue }
                effect = altered
            }
            self.witness(effect, of: self.round.shard)
            self.round.cost = self.round.cost + self.cost(of: effect)
            for _ in 0..<self.copies(of: effect) {
                self.round.add(effect)
                step?.add(effect)
            }
        }
        if let step { self.observer?(step) }
        self.round.addTargets(of: self.effects)
        self.effects.removeAll()
    }

    private func cost(of effect: ShardEffect) -> Interval {
        switch effect {
        case .deliver(let delivery, _, let range):
            let bytes = UInt64(delivery.body.byteCount) * UInt64(range.count)
            return self.scenario.costs.target * UInt64(range.count)
                + self.scenario.costs.kilobyte * bytes / 1024
        case .deliverPage(_, let range), .ping(let range), .hint(_, let range),
            .presence(.statuses(_, let range)), .presence(.attendance(_, _, _, let range)):
            return self.scenario.costs.target * UInt64(range.count)
        case .reply: return self.scenario.costs.target
        case .peer(let receiver, _):
            let isOwn = receiver == self.shards[self.round.shard].id
            return isOwn ? .zero : self.scenario.costs.peer
        case .authenticate, .subscribe, .unsubscribe, .close, .respond, .store, .release,
            .drained, .refresh, .presence(.member), .presence(.status),
            .dropPublications, .awaitRoom:
            return .zero
        }
    }
}
