import BasicContainers
import Kernel

/// How watchers are told: in batches, within the budget, each of a user at most once in W.
extension Shard {
    /// Puts everybody who watches a user in line; those who were in line already stay where they are.
    mutating func spread(_ user: UInt32, at now: Instant) {
        self.presence.users[user].nextSpread = self.presence.users[user].firstWatch
        if !self.presence.users[user].isSpreading {
            self.presence.users[user].isSpreading = true
            let generation = self.presence.users.generation(of: user)
            self.presence.spreading.append(RowReference(slot: user, generation: generation))
        }
        self.batchAt(max(now, self.presence.budget.nextBatch))
    }

    private mutating func batchAt(_ instant: Instant) {
        guard !self.presence.isBatching else { return }
        self.presence.isBatching = true
        self.deadlines.schedule(.presence(.batch), at: instant)
    }

    /// One batch, or a part of one: what one step may do.
    mutating func tellBatch(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        self.presence.isBatching = false
        self.presence.budget.begin(at: now)
        guard self.spreadSome(at: now, into: &effects) else {
            // Behind what waits already, for the list may be long.
            self.batchAt(now + .microseconds(1))
            return
        }
        var batch = StatusBatch()
        while let place = self.presence.budget.first {
            guard self.presence.budget.left > 0 else {
                self.close(&batch, into: &effects)
                self.batchAt(self.presence.budget.nextBatch)
                return
            }
            guard effects.freeCapacity > Self.effectReserve / 4 else {
                self.close(&batch, into: &effects)
                self.batchAt(now + .microseconds(1))
                return
            }
            guard self.serve(place, at: now, &batch, into: &effects) else { continue }
            self.presence.budget.advance()
        }
        self.close(&batch, into: &effects)
    }

    /// Puts a part of the watchers of changed users in line; true if all are.
    private mutating func spreadSome(
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Bool {
        var left = 16_384
        while let reference = self.presence.spreading.last {
            let user = reference.slot
            guard self.presence.users.holds(user, generation: reference.generation) else {
                self.presence.spreading.removeLast()
                continue
            }
            while self.presence.users[user].nextSpread != noSlot {
                guard left > 0, effects.freeCapacity > Self.effectReserve / 4 else { return false }
                left -= 1
                let watch = self.presence.users[user].nextSpread
                self.presence.users[user].nextSpread = self.presence.watches[watch].nextOfUser
                self.takeNews(watch, at: now, into: &effects)
            }
            self.presence.users[user].isSpreading = false
            self.presence.spreading.removeLast()
        }
        return true
    }

    /// A watch's user appears otherwise: its watcher gets into line, or its answer.
    private mutating func takeNews(
        _ watch: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.presence.watches[watch]
        if row.isAwaited {
            if row.isMissing {
                self.presence.watches[watch].isMissing = false
                self.presence.watchers[row.watcher].awaited -= 1
            }
            self.answerWatchIfKnown(of: row.watcher, into: &effects)
            return
        }
        self.lineUp(row.watcher, at: now)
    }

    private mutating func lineUp(_ watcher: UInt32, at now: Instant) {
        guard !self.presence.watchers[watcher].isWaiting else { return }
        self.presence.watchers[watcher].isWaiting = true
        let generation = self.presence.watchers.generation(of: watcher)
        self.presence.budget.wait(
            PresenceBudget.Place(watcher: watcher, generation: generation, since: now)
        )
    }

    /// A watcher who was told of a user less than W ago may hear of the user again.
    mutating func onWatcherDue(_ watcher: UInt32, at now: Instant) {
        self.presence.watchers[watcher].isWaiting = false
        self.lineUp(watcher, at: now)
        self.batchAt(max(now, self.presence.budget.nextBatch))
    }

    /// Tells the watcher at the head of the line; false if it stays there for the rest.
    private mutating func serve(
        _ place: PresenceBudget.Place,
        at now: Instant,
        _ batch: inout StatusBatch,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Bool {
        let watcher = place.watcher
        guard self.presence.watchers.holds(watcher, generation: place.generation) else {
            return true
        }
        let window = self.presence.budget.window(since: place.since, at: now)
        var later = Instant.never
        var first: UInt32?
        var count: UInt32 = 0
        var watch = self.presence.watchers[watcher].firstWatch
        while watch != noSlot {
            let row = self.presence.watches[watch]
            defer { watch = row.nextOfWatcher }
            guard let state = self.presence.users[row.user].state, state != row.shown,
                !row.isAwaited
            else { continue }
            let due = row.shownAt + self.configuration.presence.window
            guard row.shown == nil || due <= now else {
                later = min(later, due)
                continue
            }
            guard self.presence.budget.left > 0 else {
                self.finish(watcher, first, count, window, &batch, into: &effects)
                return false
            }
            self.presence.budget.spend(1)
            self.presence.watches[watch].shown = state
            self.presence.watches[watch].shownAt = now
            self.counters.statuses += 1
            if count == 0 {
                first = row.user
            } else {
                if count == 1, let first { self.open(first, &batch, into: &effects) }
                self.emitStatus(of: row.user, into: &effects)
            }
            count += 1
        }
        self.finish(watcher, first, count, window, &batch, into: &effects)
        self.presence.watchers[watcher].isWaiting = later != .never
        if later != .never {
            self.deadlines.schedule(
                .presence(.watcher(watcher, generation: place.generation)),
                at: later
            )
        }
        return true
    }

    private mutating func emitStatus(
        of user: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let state = self.presence.users[user].state else {
            preconditionFailure("who is told of is known")
        }
        effects.emit(.presence(.status(self.presence.users[user].user, state)))
    }

    /// Begins the list of a watcher who hears of more than one user.
    private mutating func open(
        _ user: UInt32,
        _ batch: inout StatusBatch,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.close(&batch, into: &effects)
        self.emitStatus(of: user, into: &effects)
    }

    /// Ends a watcher's list; those who hear of the same one user share a push.
    private mutating func finish(
        _ watcher: UInt32,
        _ first: UInt32?,
        _ count: UInt32,
        _ window: Interval,
        _ batch: inout StatusBatch,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let first, count > 0 else { return }
        let handle = self.presence.watchers[watcher].connection
        if count == 1, batch.user != first {
            self.close(&batch, into: &effects)
            batch = StatusBatch(user: first, start: effects.targetCount)
        }
        if count > 1 { batch = StatusBatch(user: noSlot, start: effects.targetCount) }
        effects.appendTarget(handle)
        batch.count += 1
        batch.window = max(batch.window, window)
        if count > 1 { self.close(&batch, into: &effects) }
    }

    private mutating func close(
        _ batch: inout StatusBatch,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        defer { batch = StatusBatch() }
        guard batch.count > 0 else { return }
        if batch.user != noSlot { self.emitStatus(of: batch.user, into: &effects) }
        let targets = TargetRange(start: batch.start, count: batch.count)
        effects.emit(.presence(.statuses(window: batch.window, targets: targets)))
    }
}

/// Watchers in a row who hear the same: one push for all of them.
private struct StatusBatch {
    /// The one user of whom they hear; `noSlot` if the list has been emitted already.
    var user = noSlot
    var start: UInt32 = 0
    var count: UInt32 = 0
    var window = Interval.zero
}
