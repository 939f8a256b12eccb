import BasicContainers
import Kernel

/// A gateway's side of watching: which connections want to know of which users.
extension Shard {
    func hash(watcher handle: ConnectionHandle) -> UInt32 { handle.slot &* 0x9e37_79b9 }

    private func watcherSlot(of handle: ConnectionHandle) -> UInt32? {
        self.presence.watcherIndex.find(self.hash(watcher: handle)) {
            self.presence.watchers[$0].connection == handle
        }
    }

    /// Whether a `presence.watch` of a connection has not been answered.
    func awaitsWatch(_ handle: ConnectionHandle) -> Bool {
        self.watcherSlot(of: handle).map { self.presence.watchers[$0].request != nil } ?? false
    }

    func watchedUserSlot(of user: UserID) -> UInt32? {
        self.presence.userIndex.find(self.hash(user)) { self.presence.users[$0].user.id == user }
    }

    private mutating func watcher(of handle: ConnectionHandle) -> UInt32 {
        if let slot = self.watcherSlot(of: handle) { return slot }
        let slot = self.presence.watchers.insert(Watcher(connection: handle))
        self.presence.watcherIndex.insert(slot, self.hash(watcher: handle))
        return slot
    }

    mutating func watch(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reference: UserReference,
        remaining: UInt16,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let watcher = self.watcher(of: handle)
        if self.presence.watchers[watcher].request != id {
            self.answerWatch(of: watcher, into: &effects)
            self.presence.watchers[watcher].request = id
            self.presence.watchers[watcher].isRequestWhole = false
            self.presence.watchers[watcher].isRefused = false
            let due = now + self.configuration.requestTimeout
            self.presence.watchers[watcher].requestDue = due
            let generation = self.presence.watchers.generation(of: watcher)
            self.deadlines.schedule(
                .presence(.watchReply(watcher: watcher, generation: generation)),
                at: due
            )
        }
        self.add(reference, to: watcher, at: now, into: &effects)
        guard remaining == 0 else { return }
        self.presence.watchers[watcher].isRequestWhole = true
        self.answerWatchIfKnown(of: watcher, into: &effects)
    }

    private mutating func add(
        _ reference: UserReference,
        to watcher: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let watch = self.findWatch(of: watcher, reference.id) {
            // Asked again: the answer says it again.
            self.release(reference.name, into: &effects)
            self.await(watch, of: watcher)
            return
        }
        guard
            self.presence.watchers[watcher].count < self.configuration.presence.watchLimit
        else {
            self.release(reference.name, into: &effects)
            self.presence.watchers[watcher].isRefused = true
            return
        }
        let user = self.watchedUser(reference, at: now, into: &effects)
        let first = self.presence.users[user].firstWatch
        let watch = self.presence.watches.insert(
            Watch(
                user: user,
                watcher: watcher,
                nextOfWatcher: self.presence.watchers[watcher].firstWatch,
                nextOfUser: first
            )
        )
        if first != noSlot { self.presence.watches[first].previousOfUser = watch }
        self.presence.users[user].firstWatch = watch
        self.presence.watchers[watcher].firstWatch = watch
        self.presence.watchers[watcher].count += 1
        self.await(watch, of: watcher)
    }

    private mutating func await(_ watch: UInt32, of watcher: UInt32) {
        guard !self.presence.watches[watch].isAwaited else { return }
        self.presence.watches[watch].isAwaited = true
        if self.presence.users[self.presence.watches[watch].user].state == nil {
            self.presence.watches[watch].isMissing = true
            self.presence.watchers[watcher].awaited += 1
        }
    }

    private func findWatch(of watcher: UInt32, _ user: UserID) -> UInt32? {
        var watch = self.presence.watchers[watcher].firstWatch
        while watch != noSlot {
            if self.presence.users[self.presence.watches[watch].user].user.id == user {
                return watch
            }
            watch = self.presence.watches[watch].nextOfWatcher
        }
        return nil
    }

    /// The row of a watched user, made and registered if there is none; takes the name over.
    private mutating func watchedUser(
        _ reference: UserReference,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> UInt32 {
        if let slot = self.watchedUserSlot(of: reference.id) {
            self.release(reference.name, into: &effects)
            return slot
        }
        self.presence.ordinals += 1
        let slot = self.presence.users.insert(
            WatchedUser(
                user: reference,
                partition: self.partition(of: reference.id),
                incarnation: self.incarnation << 32 | self.presence.ordinals
            )
        )
        self.presence.userIndex.insert(slot, self.hash(reference.id))
        self.beginBeacons(at: now)
        self.sendWatch(slot, at: now, into: &effects)
        self.listUser(slot)
        self.resendLater(at: now)
        return slot
    }

    // MARK: Owners

    private mutating func sendWatch(
        _ user: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.presence.users[user].sentAt = now
        let row = self.presence.users[user]
        guard let owner = self.placement[Int(row.partition.rawValue)].owner else { return }
        let message = PresenceMessage.watch(row.user.id, incarnation: row.incarnation)
        effects.emit(.peer(owner, .presence(message)))
    }

    mutating func listUser(_ user: UInt32) {
        guard !self.presence.users[user].isListed,
            self.hasOwner(self.presence.users[user].partition)
        else { return }
        self.presence.users[user].isListed = true
        let generation = self.presence.users.generation(of: user)
        self.presence.unansweredUsers.append(RowReference(slot: user, generation: generation))
    }

    mutating func resendWatches(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        let pause = self.configuration.presence.resendInterval
        var kept: [RowReference] = []
        swap(&kept, &self.presence.unansweredUsers)
        kept.removeAll { reference in
            let user = reference.slot
            guard self.presence.users.holds(user, generation: reference.generation) else {
                return true
            }
            guard !self.presence.users[user].isAnswered,
                self.hasOwner(self.presence.users[user].partition)
            else {
                self.presence.users[user].isListed = false
                return true
            }
            if effects.freeCapacity > Self.effectReserve / 4,
                self.presence.users[user].sentAt + pause <= now
            {
                self.sendWatch(user, at: now, into: &effects)
            }
            return false
        }
        self.presence.unansweredUsers = kept
    }

    /// Registers with the user's present owner if another one has answered.
    mutating func watchAgain(
        _ user: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.presence.users[user]
        // A former owner may have answered just now, so that it stands in the list and would leave it.
        guard self.hasOwner(row.partition),
            row.term != self.placement[Int(row.partition.rawValue)].term
                || !row.isAnswered && !row.isListed
        else { return }
        self.presence.users[user].isAnswered = false
        self.sendWatch(user, at: now, into: &effects)
        self.listUser(user)
        self.resendLater(at: now)
    }

    mutating func onStatus(
        _ status: UserStatus,
        from sender: ShardID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let user = self.watchedUserSlot(of: status.user) else {
            // Nobody here wants it any more: the end of the watch was lost.
            self.presence.ordinals += 1
            let incarnation = self.incarnation << 32 | self.presence.ordinals
            let message = PresenceMessage.unwatch(status.user, incarnation: incarnation)
            effects.emit(.peer(sender, .presence(message)))
            return
        }
        let row = self.presence.users[user]
        guard status.term >= self.placement[Int(row.partition.rawValue)].term else { return }
        let seen = PresenceMessage.statusSeen(status.user, version: status.version)
        effects.emit(.peer(sender, .presence(seen)))
        self.presence.users[user].isAnswered = true
        guard
            status.term > row.term
                || (status.term == row.term && status.version >= row.version)
        else { return }
        self.presence.users[user].term = status.term
        self.presence.users[user].version = status.version
        guard let state = status.state, state != row.state else { return }
        self.presence.users[user].state = state
        self.spread(user, at: now)
    }

    // MARK: Replies

    /// Answers an open `presence.watch` if every user's state that it waits for is known.
    mutating func answerWatchIfKnown(
        of watcher: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.presence.watchers[watcher].isRequestWhole,
            self.presence.watchers[watcher].awaited == 0
        else { return }
        self.answerWatch(of: watcher, into: &effects)
    }

    /// Some of what a `presence.watch` waits for has not come in time.
    mutating func expireWatch(
        of watcher: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.presence.watchers[watcher].requestDue <= now else { return }
        self.answerWatch(of: watcher, into: &effects)
    }

    /// Answers an open `presence.watch` with what is known.
    mutating func answerWatch(of watcher: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        guard let request = self.presence.watchers[watcher].request else { return }
        self.presence.watchers[watcher].request = nil
        self.presence.watchers[watcher].awaited = 0
        let handle = self.presence.watchers[watcher].connection
        let isRefused = self.presence.watchers[watcher].isRefused
        var watch = self.presence.watchers[watcher].firstWatch
        while watch != noSlot {
            let row = self.presence.watches[watch]
            if row.isAwaited {
                self.presence.watches[watch].isAwaited = false
                self.presence.watches[watch].isMissing = false
                if isRefused, row.shown == nil {
                    // Named before the limit was met: of a refused request none is watched.
                    self.unlinkFromWatcher(watch, watcher)
                    self.removeWatch(watch, into: &effects)
                } else if !isRefused, let state = self.presence.users[row.user].state {
                    self.presence.watches[watch].shown = state
                    self.presence.watches[watch].shownAt = self.now
                    effects.emit(
                        .presence(.status(self.presence.users[row.user].user, state))
                    )
                }
            }
            watch = row.nextOfWatcher
        }
        guard !isRefused else {
            self.fail(handle, request, .limitExceeded, into: &effects)
            return
        }
        effects.emit(.reply(handle, request, .presence(.watching)))
    }

    // MARK: Ends

    mutating func unwatch(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ user: UserID,
        remaining: UInt16,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let watcher = self.watcherSlot(of: handle),
            let watch = self.findWatch(of: watcher, user)
        {
            self.unlinkFromWatcher(watch, watcher)
            self.removeWatch(watch, into: &effects)
            self.answerWatchIfKnown(of: watcher, into: &effects)
        }
        guard remaining == 0 else { return }
        effects.emit(.reply(handle, id, .presence(.done)))
    }

    private mutating func unlinkFromWatcher(_ watch: UInt32, _ watcher: UInt32) {
        let row = self.presence.watches[watch]
        self.presence.watchers[watcher].count -= 1
        if row.isMissing { self.presence.watchers[watcher].awaited -= 1 }
        guard self.presence.watchers[watcher].firstWatch != watch else {
            self.presence.watchers[watcher].firstWatch = row.nextOfWatcher
            return
        }
        var previous = self.presence.watchers[watcher].firstWatch
        while self.presence.watches[previous].nextOfWatcher != watch {
            previous = self.presence.watches[previous].nextOfWatcher
        }
        self.presence.watches[previous].nextOfWatcher = row.nextOfWatcher
    }

    /// A connection watches nobody any more.
    mutating func dropWatcher(
        of handle: ConnectionHandle,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let watcher = self.watcherSlot(of: handle) else { return }
        var watch = self.presence.watchers[watcher].firstWatch
        while watch != noSlot {
            let next = self.presence.watches[watch].nextOfWatcher
            self.removeWatch(watch, into: &effects)
            watch = next
        }
        self.presence.watcherIndex.remove(watcher, self.hash(watcher: handle))
        self.presence.watchers.remove(watcher, leaving: .blank)
    }

    /// Takes a watch out of its user's list, and the user away with the last one.
    private mutating func removeWatch(
        _ watch: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.presence.watches[watch]
        if self.presence.users[row.user].nextSpread == watch {
            self.presence.users[row.user].nextSpread = row.nextOfUser
        }
        if row.previousOfUser == noSlot {
            self.presence.users[row.user].firstWatch = row.nextOfUser
        } else {
            self.presence.watches[row.previousOfUser].nextOfUser = row.nextOfUser
        }
        if row.nextOfUser != noSlot {
            self.presence.watches[row.nextOfUser].previousOfUser = row.previousOfUser
        }
        self.presence.watches.remove(watch, leaving: .blank)
        guard self.presence.users[row.user].firstWatch == noSlot else { return }
        let user = self.presence.users[row.user]
        if let owner = self.placement[Int(user.partition.rawValue)].owner {
            let message = PresenceMessage.unwatch(user.user.id, incarnation: user.incarnation)
            effects.emit(.peer(owner, .presence(message)))
        }
        self.release(user.user.name, into: &effects)
        self.presence.userIndex.remove(row.user, self.hash(user.user.id))
        self.presence.users.remove(row.user, leaving: .blank)
    }
}
