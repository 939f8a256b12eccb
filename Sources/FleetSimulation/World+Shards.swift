import DiscreteEvents
import EventTrace
import ChatCore
import ClientModel
import Kernel
import Measurement

extension World {
    func arriveAtShard(_ index: Int, _ incarnation: UInt32, _ parcel: Parcel) {
        let row = self.shards[index]
        guard row.shard != nil, incarnation == 0 || row.incarnation == UInt64(incarnation)
        else { return }
        switch parcel {
        case .event(let event):
            if case .closed(let handle) = event {
                guard row.isCurrent(handle) else { return }
                row.sockets[Int(handle.slot)].isOpen = false
                row.vacantSlots.insert(handle.slot, at: 0)
            }
            self.enqueue(event, at: index)
        case .pongs(let handles):
            row.pongs.append(handles)
            self.enqueue(.pongs(TargetRange(start: 0, count: 0)), at: index)
        case .none, .client, .command, .hangUp, .request, .pings: return
        }
    }

    /// Puts an event into a shard's queue, and wakes the shard if it is idle.
    func enqueue(_ event: ShardEvent, at index: Int) {
        let row = self.shards[index]
        row.waiting.append(event)
        if !row.isBusy {
            row.isBusy = true
            self.schedule(
                Happening(.roundEnds, index, detail: UInt32(row.incarnation)),
                at: self.now
            )
        }
    }

    func wake(_ index: Int, incarnation: UInt32) {
        let row = self.shards[index]
        guard row.incarnation == UInt64(incarnation), row.shard != nil else { return }
        row.deadlineScheduled = .never
        guard !row.isBusy else { return }
        self.startRound(index)
    }

    /// A round is over, or an idle shard was woken: takes up what waits now.
    func endRound(_ index: Int, incarnation: UInt32) {
        let row = self.shards[index]
        guard row.incarnation == UInt64(incarnation), row.shard != nil else { return }
        row.isBusy = false
        let isDue = row.shard?.nextDeadline.map { $0 <= self.now } ?? false
        if row.taken < row.waiting.count || isDue { return self.startRound(index) }
        self.scheduleDeadline(of: index)
    }

    private func scheduleDeadline(of index: Int) {
        let row = self.shards[index]
        guard let deadline = row.shard?.nextDeadline, deadline < row.deadlineScheduled
        else { return }
        row.deadlineScheduled = max(deadline, self.now)
        self.schedule(
            Happening(.shardDeadline, index, detail: UInt32(row.incarnation)),
            at: row.deadlineScheduled
        )
    }

    /// One wake-up: what waits, at most as much as a wake-up takes, all at the same `now`.
    private func startRound(_ index: Int) {
        let row = self.shards[index]
        guard row.pausedUntil <= self.now else {
            row.isBusy = true
            self.schedule(
                Happening(.roundEnds, index, detail: UInt32(row.incarnation)),
                at: row.pausedUntil
            )
            return
        }
        guard var shard = row.shard.take() else { return }
        let costs = self.scenario.costs
        var round = Round(shard: index, cost: costs.wakeUp)
        row.isBusy = true
        if let due = shard.nextDeadline, due <= self.now {
            shard.handleDeadline(at: self.now, into: &self.effects)
            self.digest.combineDeadline(at: self.now, shard: index)
            round.cost = round.cost + costs.event
            self.gather(&round)
        }
        var count = 0
        while count < costs.eventsPerWakeUp || !round.own.isEmpty {
            var event: ShardEvent
            if !round.own.isEmpty {
                event = .peer(row.id, round.own.removeFirst())
            } else if row.taken < row.waiting.count {
                event = row.waiting[row.taken]
                row.taken += 1
                count += 1
            } else {
                break
            }
            if case .pongs = event {
                let handles = row.pongs.removeFirst()
                for handle in handles { _ = shard.stage(handle) }
                event = .pongs(TargetRange(start: 0, count: UInt32(handles.count)))
                round.cost = round.cost + costs.target * UInt64(handles.count)
            }
            round.cost = round.cost + self.cost(of: event)
            shard.handle(event, at: self.now, into: &self.effects)
            self.digest.combine(event, at: self.now, shard: index)
            self.gather(&round)
        }
        if row.taken == row.waiting.count {
            row.waiting.removeAll(keepingCapacity: true)
            row.taken = 0
        } else if row.taken > 4096 {
            row.waiting.removeFirst(row.taken)
            row.taken = 0
        }
        row.shard = consume shard
        row.busy = row.busy + round.cost
        self.series.busy(node: row.node, for: round.cost, now: self.now)
        let end = self.now + round.cost
        for departure in round.departures { self.depart(departure, from: index, at: end) }
        self.schedule(Happening(.roundEnds, index, detail: UInt32(row.incarnation)), at: end)
    }

    private func cost(of event: ShardEvent) -> Interval {
        switch event {
        case .command(_, _, .connect): self.scenario.costs.connect
        case .command: self.scenario.costs.command
        case .wallClock, .opened, .closed, .authenticated, .pongs, .violated, .peer, .stored,
            .lease, .drain:
            self.scenario.costs.event
        }
    }

    /// Takes a step's effects out of the buffer: they leave at the round's end.
    private func gather(_ round: inout Round) {
        self.digest.combine(self.effects, shard: round.shard)
        let costs = self.scenario.costs
        let own = self.shards[round.shard].id
        for index in 0..<self.effects.count {
            var effect = self.effects[effect: index]
            if self.bug != nil {
                guard let altered = self.sabotaged(effect) else { continue }
                effect = altered
            }
            self.witness(effect, of: round.shard)
            var targets: [ConnectionHandle] = []
            switch effect {
            case .peer(own, let message):
                round.own.append(message)
                continue
            case .deliver(let delivery, _, let range):
                targets = self.targets(range)
                round.cost =
                    round.cost + costs.target * UInt64(targets.count)
                    + costs.kilobyte * (UInt64(delivery.body.byteCount) * UInt64(targets.count))
                    / 1024
            case .deliverPage(_, let range), .ping(let range):
                targets = self.targets(range)
                round.cost = round.cost + costs.target * UInt64(targets.count)
            case .reply: round.cost = round.cost + costs.target
            case .authenticate, .unsubscribe, .close, .peer, .store, .release, .drained: break
            }
            guard let departure = self.departure(effect, targets) else { continue }
            for _ in 0..<self.copies(of: effect) { round.departures.append(departure) }
        }
        self.effects.removeAll()
    }

    private func targets(_ range: TargetRange) -> [ConnectionHandle] {
        (range.start..<(range.start + range.count)).map { self.effects[target: $0] }
    }
}

/// What a wake-up costs and sends, as far as it has come.
struct Round {
    let shard: Int
    var cost: Interval
    /// Messages of the shard to itself.
    var own: [PeerMessage] = []
    var departures: [Departure] = []

    init(shard: Int, cost: Interval) {
        self.shard = shard
        self.cost = cost
    }
}

/// An effect with what it needs from its step, so that it can leave later.
enum Departure {
    case authenticate(ConnectionHandle)
    /// Events for one connection's client, in their order.
    case client(ConnectionHandle, [SocketEvent])
    case deliver(SocketEvent, [ConnectionHandle])
    /// A hole's messages, to several connections.
    case stretch([SocketEvent], [ConnectionHandle])
    case pings([ConnectionHandle])
    case close(ConnectionHandle, CloseCode)
    case peer(ShardID, PeerMessage)
    case store(RequestToken, StoreRequest)
}
