import BasicContainers
import Kernel

/// A gateway's side of presence: who is here, told to owners until they have answered.
extension Shard {
    func hash(_ subject: PresenceSubject) -> UInt32 {
        switch subject {
        case .user(let user): self.hash(user)
        case .member(let conversation, let connection):
            self.hash(conversation, UserID(high: connection.rawValue, low: 0))
        }
    }

    func hash(_ user: UserID) -> UInt32 {
        UInt32(truncatingIfNeeded: KeyedRandom.mix(user.high ^ self.random.seed))
    }

    func hash(_ conversation: ConversationID, _ user: UserID) -> UInt32 {
        let word = KeyedRandom.mix(conversation.high ^ self.random.seed)
        return UInt32(truncatingIfNeeded: KeyedRandom.mix(word &+ user.high))
    }

    func localPresence(of subject: PresenceSubject) -> UInt32? {
        self.presence.index.find(self.hash(subject)) { self.presence.rows[$0].subject == subject }
    }

    /// The partition of a user; those of users come after those of conversations.
    func partition(of user: UserID) -> PartitionID {
        PartitionID(of: user, count: self.configuration.partitionCount)
    }

    private mutating func nextOrdinal() -> UInt64 {
        self.presence.ordinals += 1
        return self.incarnation << 32 | self.presence.ordinals
    }

    // MARK: Users

    /// A connection speaks for its user from now on.
    mutating func arrive(
        _ handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.configuration.presence.followsUsers else { return }
        let user = self.connections[Int(handle.slot)].user
        if let row = self.localPresence(of: .user(user)) {
            self.presence.rows[row].connectionCount += 1
            if self.presence.rows[row].standing != .present || self.limitsConnections(of: user) {
                self.change(row, to: .present, at: now, into: &effects)
            }
            self.listConnection(handle, of: row)
            return
        }
        var presence = LocalPresence(
            subject: .user(user),
            user: user,
            partition: self.partition(of: user)
        )
        presence.connectionCount = 1
        let row = self.announce(presence, at: now, into: &effects)
        self.listConnection(handle, of: row)
    }

    /// A connection that spoke for a user is going or gone: the server has seen it.
    mutating func depart(
        _ handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.configuration.presence.followsUsers else { return }
        let connection = self.connections[Int(handle.slot)]
        switch connection.phase {
        case .connected, .leaving: break
        case .vacant, .opened, .authenticating, .joining, .rejected, .closing: return
        }
        self.dropWatcher(of: handle, into: &effects)
        guard let row = self.localPresence(of: .user(connection.user)) else {
            preconditionFailure("who is connected is present")
        }
        self.presence.rows[row].connectionCount -= 1
        self.unlistConnection(handle, of: row)
        guard self.presence.rows[row].connectionCount == 0 else {
            if self.limitsConnections(of: connection.user) {
                self.change(row, to: .present, at: now, into: &effects)
            }
            return
        }
        self.change(row, to: self.standingOfLeaver, at: now, into: &effects)
    }

    private var standingOfLeaver: Announcement.Standing {
        self.drain == .serving ? .absent : .sentAway
    }

    mutating func choose(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ choice: PresenceChoice,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let user = self.connections[Int(handle.slot)].user
        guard let row = self.localPresence(of: .user(user)) else {
            preconditionFailure("who is connected is present")
        }
        self.presence.rows[row].choice = choice
        self.presence.rows[row].chosenAt = self.wallClockOrigin &+ now.nanoseconds / 1_000_000
        self.change(row, to: .present, at: now, into: &effects)
        effects.emit(.reply(handle, id, .presence(.done)))
    }

    // MARK: Members

    /// A subscription is live, so that its connection is in the conversation; takes the info over.
    mutating func attend(
        _ subscription: UInt32,
        _ info: PayloadHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let feed = self.subscriptions[subscription].feed
        let namespace = self.namespace(self.feeds[feed].namespace)
        guard info != .none, namespace.presence || namespace.joinLeave else {
            self.release(info, into: &effects)
            return
        }
        let handle = self.subscriptions[subscription].connection
        let connection = self.connections[Int(handle.slot)]
        let subject = PresenceSubject.member(self.feeds[feed].id, connection.id)
        if let row = self.localPresence(of: subject) {
            // Its departure was not answered yet.
            self.release(self.presence.rows[row].info, into: &effects)
            self.presence.rows[row].info = info
            self.presence.rows[row].connectionCount = 1
            self.presence.rows[row].answeredTerm = .none
            self.change(row, to: .present, at: now, into: &effects)
            return
        }
        var presence = LocalPresence(
            subject: subject,
            user: connection.user,
            partition: self.partition(of: self.feeds[feed].id)
        )
        presence.namespace = self.feeds[feed].namespace
        presence.info = info
        presence.connection = handle
        presence.connectionCount = 1
        self.announce(presence, at: now, into: &effects)
    }

    /// A live subscription has ended.
    mutating func cease(
        _ subscription: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.subscriptions[subscription]
        let connection = self.connections[Int(row.connection.slot)].id
        guard let presence = self.localPresence(of: .member(self.feeds[row.feed].id, connection))
        else { return }
        self.presence.rows[presence].connectionCount = 0
        self.change(presence, to: self.standingOfLeaver, at: now, into: &effects)
    }

    // MARK: Telling owners

    @discardableResult private mutating func announce(
        _ presence: LocalPresence,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> UInt32 {
        let row = self.presence.rows.insert(presence)
        self.presence.index.insert(row, self.hash(presence.subject))
        self.beginBeacons(at: now)
        self.change(row, to: .present, at: now, into: &effects)
        return row
    }

    private mutating func change(
        _ row: UInt32,
        to standing: Announcement.Standing,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.presence.rows[row].standing = standing
        self.presence.rows[row].ordinal = self.nextOrdinal()
        self.tell(row, at: now, into: &effects)
    }

    /// Sends a row to its owner, and again later unless the owner has answered.
    private mutating func tell(
        _ row: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.presence.rows[row].isAnswered = false
        self.send(row, at: now, into: &effects)
        guard !self.presence.rows[row].isListed, self.hasOwner(self.presence.rows[row].partition)
        else { return }
        self.presence.rows[row].isListed = true
        let generation = self.presence.rows.generation(of: row)
        self.presence.unanswered.append(RowReference(slot: row, generation: generation))
        self.resendLater(at: now)
    }

    /// A partition that nobody owns will be somebody's, and then all of it is announced.
    func hasOwner(_ partition: PartitionID) -> Bool {
        self.placement[Int(partition.rawValue)].owner != nil
    }

    private mutating func send(
        _ row: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let presence = self.presence.rows[row]
        self.presence.rows[row].sentAt = now
        guard let owner = self.placement[Int(presence.partition.rawValue)].owner else { return }
        let announcement = Announcement(
            subject: presence.subject,
            user: presence.user,
            ordinal: presence.ordinal,
            info: presence.info,
            namespace: presence.namespace,
            standing: presence.standing,
            answeredTerm: presence.answeredTerm,
            choice: presence.choice,
            chosenAt: presence.chosenAt,
            connections: presence.connectionCount
        )
        effects.emit(.peer(owner, .presence(.announce(announcement))))
    }

    mutating func resendLater(at now: Instant) {
        guard !self.presence.isResending else { return }
        self.presence.isResending = true
        let pause = self.configuration.presence.resendInterval
        self.deadlines.schedule(.presence(.resend), at: now + pause)
    }

    /// Sends again what owners have not answered, as much as one step may.
    mutating func resendUnanswered(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        self.presence.isResending = false
        let pause = self.configuration.presence.resendInterval
        var kept: [RowReference] = []
        swap(&kept, &self.presence.unanswered)
        kept.removeAll { reference in
            guard self.presence.rows.holds(reference.slot, generation: reference.generation),
                !self.presence.rows[reference.slot].isAnswered,
                self.hasOwner(self.presence.rows[reference.slot].partition)
            else {
                self.unlist(reference)
                return true
            }
            if effects.freeCapacity > Self.effectReserve / 4,
                self.presence.rows[reference.slot].sentAt + pause <= now
            {
                self.send(reference.slot, at: now, into: &effects)
            }
            return false
        }
        self.presence.unanswered = kept
        self.resendWatches(at: now, into: &effects)
        if !self.presence.unanswered.isEmpty || !self.presence.unansweredUsers.isEmpty {
            self.resendLater(at: now)
        }
    }

    private mutating func unlist(_ reference: RowReference) {
        guard self.presence.rows.holds(reference.slot, generation: reference.generation) else {
            return
        }
        self.presence.rows[reference.slot].isListed = false
    }

    mutating func onAnnounced(
        _ subject: PresenceSubject,
        _ term: Term,
        ordinal: UInt64,
        excess: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let row = self.localPresence(of: subject),
            self.presence.rows[row].ordinal == ordinal,
            self.placement[Int(self.presence.rows[row].partition.rawValue)].term == term
        else { return }
        let isFirst = self.presence.rows[row].answeredTerm == .none
        self.presence.rows[row].answeredTerm = term
        self.presence.rows[row].isAnswered = true
        guard self.presence.rows[row].standing == .present else {
            self.forgetPresence(row, into: &effects)
            return
        }
        if isFirst { self.tellOwnJoin(of: row, into: &effects) }
        self.endNewest(excess, of: row, into: &effects)
    }

    private mutating func forgetPresence(
        _ row: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.release(self.presence.rows[row].info, into: &effects)
        self.presence.index.remove(row, self.hash(self.presence.rows[row].subject))
        self.presence.rows.remove(row, leaving: .blank)
    }

    // MARK: Owners that change

    /// A partition has another owner or term: everything of it will be announced again.
    mutating func reannounce(at now: Instant) {
        guard self.presence.rows.count > 0 || self.presence.users.count > 0 else { return }
        let isRunning = self.presence.sweep != noSlot
        self.presence.sweep = 0
        if !isRunning { self.deadlines.schedule(.presence(.reannounce), at: now) }
    }

    /// Looks at a part of the rows; those that their present owner has not answered are announced.
    mutating func reannounceSome(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        var looked = 0
        while self.presence.sweep
            < max(
                self.presence.rows.slotCount,
                self.presence.users.slotCount
            )
        {
            guard looked < 8192, effects.freeCapacity > Self.effectReserve / 4 else {
                self.deadlines.schedule(.presence(.reannounce), at: now)
                return
            }
            let slot = self.presence.sweep
            self.presence.sweep += 1
            looked += 1
            if self.presence.rows.isOccupied(slot), self.isStale(slot) {
                self.tell(slot, at: now, into: &effects)
            }
            if self.presence.users.isOccupied(slot) {
                self.watchAgain(slot, at: now, into: &effects)
            }
        }
        self.presence.sweep = noSlot
    }

    /// Whether the present owner has not answered, also if a former one has just done so.
    private func isStale(_ row: UInt32) -> Bool {
        let presence = self.presence.rows[row]
        guard self.hasOwner(presence.partition) else { return false }
        let term = self.placement[Int(presence.partition.rawValue)].term
        return presence.answeredTerm != term || !presence.isAnswered && !presence.isListed
    }

    /// An owner held this gateway to be lost, and has let its users go.
    mutating func onAnnounceAgain(from owner: ShardID, at now: Instant) {
        for slot in 0..<self.presence.rows.slotCount where self.presence.rows.isOccupied(slot) {
            let partition = self.presence.rows[slot].partition
            guard self.placement[Int(partition.rawValue)].owner == owner,
                self.presence.rows[slot].isAnswered
            else { continue }
            self.presence.rows[slot].isAnswered = false
            guard !self.presence.rows[slot].isListed else { continue }
            self.presence.rows[slot].isListed = true
            let generation = self.presence.rows.generation(of: slot)
            self.presence.unanswered.append(RowReference(slot: slot, generation: generation))
        }
        for slot in 0..<self.presence.users.slotCount where self.presence.users.isOccupied(slot) {
            let partition = self.presence.users[slot].partition
            guard self.placement[Int(partition.rawValue)].owner == owner else { continue }
            self.presence.users[slot].isAnswered = false
            self.listUser(slot)
        }
        self.resendLater(at: now)
    }

    mutating func beginBeacons(at now: Instant) {
        guard !self.presence.isBeaconing else { return }
        self.presence.isBeaconing = true
        self.deadlines.schedule(.presence(.beacon), at: now)
    }

    /// Tells every owner that this gateway lives; one that has nothing may be held to be lost.
    mutating func sendBeacons(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        guard self.presence.rows.count > 0 || self.presence.users.count > 0 else {
            self.presence.isBeaconing = false
            return
        }
        var told: [ShardID] = []
        for lease in self.placement {
            guard let owner = lease.owner, !told.contains(owner) else { continue }
            told.append(owner)
            effects.emit(.peer(owner, .presence(.beacon(incarnation: self.incarnation))))
        }
        let pause = self.configuration.presence.beaconInterval
        self.deadlines.schedule(.presence(.beacon), at: now + pause)
    }
}
