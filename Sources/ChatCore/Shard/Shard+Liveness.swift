import BasicContainers
import Kernel

/// Pings, pongs and draining.
extension Shard {
    mutating func turnPingSlots(at now: Instant) {
        guard !self.pingSlots.isTurning else { return }
        self.pingSlots.isTurning = true
        self.deadlines.schedule(.pings, at: self.nextSlot(after: now))
    }

    private func nextSlot(after now: Instant) -> Instant {
        let width = PingSlots.width.nanoseconds
        return Instant(nanoseconds: (now.nanoseconds / width + 1) * width)
    }

    /// Pings one slot, and lets go of those in the overdue slot that never answered.
    mutating func pingSlot(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        guard self.closeOverdue(self.pingSlots.overdueIndex(at: now), into: &effects) else {
            self.deadlines.schedule(.pings, at: now)
            return
        }
        let index = self.pingSlots.index(at: now)
        let start = effects.targetCount
        var kept = self.pingSlots.take(index)
        kept.removeAll { !self.isOpen($0) }
        for handle in kept {
            self.connections[Int(handle.slot)].ping()
            effects.appendTarget(handle)
        }
        if !kept.isEmpty {
            self.counters.pings += UInt64(kept.count)
            let range = TargetRange(start: start, count: UInt32(kept.count))
            effects.emit(.ping(targets: range))
        }
        self.pingSlots.put(back: kept, into: index)
        guard self.connectionCount > 0 else {
            self.pingSlots.isTurning = false
            return
        }
        self.deadlines.schedule(.pings, at: self.nextSlot(after: now))
    }

    /// False if there are more than one step may close.
    private mutating func closeOverdue(
        _ index: Int,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Bool {
        for handle in self.pingSlots.slots[index] where self.isOpen(handle) {
            guard self.connections[Int(handle.slot)].awaitsPong else { continue }
            guard effects.freeCapacity > Self.effectReserve / 4 else { return false }
            self.close(handle, .noPong, into: &effects)
        }
        return true
    }

    mutating func onPongs(_ range: TargetRange, into effects: inout EffectBuffer<ShardEffect>) {
        for index in range.start..<(range.start + range.count) {
            let handle = self.staged[Int(index)]
            guard self.isOpen(handle) else { continue }
            self.counters.pongs += 1
            guard self.connections[Int(handle.slot)].pong() else {
                self.close(handle, .badRequest, into: &effects)
                continue
            }
        }
    }

    mutating func onDrain(
        over duration: Interval,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.drain == .serving else { return }
        let rounds = max(1, Int(duration.nanoseconds / PingSlots.width.nanoseconds))
        let batch = (Int(self.connectionCount) + rounds - 1) / rounds
        self.drain = .draining(batch: max(1, batch), next: 0)
        self.drainSome(at: now, into: &effects)
    }

    mutating func drainSome(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        guard case .draining(let batch, var next) = self.drain else { return }
        // Those who were answered go within the pace too: an answer that comes to all at once, after a
        // stall of the store, must not send all away at once.
        var closed = self.closeAnswered(at: now, atMost: batch, into: &effects)
        var left = batch
        while left > 0, Int(next) < self.connections.count,
            effects.freeCapacity > Self.effectReserve / 4
        {
            let generation = self.connections[Int(next)].generation
            let handle = ConnectionHandle(slot: next, generation: generation)
            if self.isOpen(handle) {
                if !self.lets(handle, leaveAt: now) {
                    guard closed < batch else { break }
                    self.close(handle, .shutdown, into: &effects)
                    closed += 1
                }
                left -= 1
            }
            next += 1
        }
        self.drain = .draining(batch: batch, next: next)
        guard Int(next) < self.connections.count || !self.leaving.isEmpty else { return }
        self.deadlines.schedule(.drain, at: now + PingSlots.width)
    }

    /// Whether a connection waits for an answer: then it takes no more commands, and stays until it has been
    /// answered, at most as long as a request may take.
    private mutating func lets(_ handle: ConnectionHandle, leaveAt now: Instant) -> Bool {
        let slot = Int(handle.slot)
        guard self.connections[slot].phase != .leaving else { return true }
        guard self.connections[slot].phase == .connected, self.isOwedAnswer(handle.slot) else {
            return false
        }
        self.connections[slot].leave()
        let due = now + self.configuration.requestTimeout
        self.leaving.append(Leaving(connection: handle, due: due))
        return true
    }

    private func isOwedAnswer(_ connection: UInt32) -> Bool {
        let row = self.connections[Int(connection)]
        if row.openBytes > 0 || row.openHistories > 0 { return true }
        if self.awaitsWatch(ConnectionHandle(slot: connection, generation: row.generation)) {
            return true
        }
        var slot = row.firstSubscription
        while slot != noSlot {
            switch self.subscriptions[slot].standing {
            case .joining(let join) where self.joins[join].isOwedAnswer: return true
            case .joining, .live: slot = self.subscriptions[slot].nextInConnection
            }
        }
        return false
    }

    /// Closes those who wait for nothing any more, or have waited long enough; returns how many.
    private mutating func closeAnswered(
        at now: Instant,
        atMost limit: Int,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Int {
        var kept: [Leaving] = []
        var closed = 0
        for row in self.leaving where self.isOpen(row.connection) {
            let waits = row.due > now && self.isOwedAnswer(row.connection.slot)
            guard !waits, closed < limit, effects.freeCapacity > Self.effectReserve / 4 else {
                kept.append(row)
                continue
            }
            self.close(row.connection, .shutdown, into: &effects)
            closed += 1
        }
        self.leaving = kept
        return closed
    }

    /// The gateway role has drained when its last connection is gone; owners serve other shards on.
    mutating func finishDrainIfEmpty(into effects: inout EffectBuffer<ShardEffect>) {
        guard case .draining = self.drain, self.connectionCount == 0, self.messages.count == 0
        else { return }
        self.drain = .drained
        effects.emit(.drained)
    }
}
