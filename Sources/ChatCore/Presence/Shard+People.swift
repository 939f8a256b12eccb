import BasicContainers
import Kernel

/// The owner of a user partition: who is there, and which gateways want to know.
extension Shard {
    func personSlot(of user: UserID) -> UInt32? {
        self.owner.peopleIndex.find(self.hash(user)) { self.owner.people[$0].id == user }
    }

    /// Whether this shard believes to own the user's partition, and in which term.
    func ownedTerm(of user: UserID) -> Term? {
        let lease = self.placement[Int(self.partition(of: user).rawValue)]
        guard lease.owner == self.id, self.configuration.roles.contains(.user) else { return nil }
        return lease.term
    }

    private func settles(_ partition: PartitionID) -> Instant {
        self.owner.settles[Int(partition.rawValue - self.configuration.partitionCount)]
    }

    private mutating func person(_ user: UserID) -> UInt32 {
        if let slot = self.personSlot(of: user) { return slot }
        let slot = self.owner.people.insert(Person(id: user, partition: self.partition(of: user)))
        self.owner.peopleIndex.insert(slot, self.hash(user))
        return slot
    }

    mutating func onUserAnnounced(
        _ announcement: Announcement,
        from gateway: ShardID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let term = self.ownedTerm(of: announcement.user) else { return }
        let person = self.person(announcement.user)
        if self.record(announcement, of: person, from: gateway) {
            if announcement.chosenAt > self.owner.people[person].chosenAt {
                self.owner.people[person].chosenAt = announcement.chosenAt
                self.owner.people[person].choice = announcement.choice
            }
            self.judge(person, announcement, at: now)
        }
        let answer = PresenceMessage.announced(
            announcement.subject,
            term,
            ordinal: announcement.ordinal,
            excess: self.takeExcess(of: person, announcement, from: gateway)
        )
        effects.emit(.peer(gateway, .presence(answer)))
        self.refresh(person, at: now, into: &effects)
        self.schedulePerson(person)
    }

    /// Takes an announcement into the user's sessions; false if a later one is known.
    private mutating func record(
        _ announcement: Announcement,
        of person: UInt32,
        from gateway: ShardID
    ) -> Bool {
        let isPresent = announcement.standing == .present
        var session = self.owner.people[person].firstSession
        while session != noSlot, self.owner.sessions[session].gateway != gateway {
            session = self.owner.sessions[session].next
        }
        if session == noSlot {
            session = self.owner.sessions.insert(
                PersonSession(
                    gateway: gateway,
                    ordinal: 0,
                    isPresent: false,
                    connections: 0,
                    next: self.owner.people[person].firstSession
                )
            )
            self.owner.people[person].firstSession = session
        }
        if announcement.ordinal >= self.owner.sessions[session].ordinal {
            self.owner.sessions[session].connections = announcement.connections
        }
        guard
            announcement.ordinal > self.owner.sessions[session].ordinal
                || (announcement.ordinal == self.owner.sessions[session].ordinal
                    && isPresent != self.owner.sessions[session].isPresent)
        else { return false }
        self.owner.sessions[session].ordinal = announcement.ordinal
        if self.owner.sessions[session].isPresent != isPresent {
            self.owner.sessions[session].isPresent = isPresent
            if isPresent {
                self.owner.people[person].presentCount += 1
                self.inbox.arrivedAt = self.now
            } else {
                self.owner.people[person].presentCount -= 1
            }
        }
        return true
    }

    private mutating func judge(_ person: UInt32, _ announcement: Announcement, at now: Instant) {
        guard self.owner.people[person].presentCount == 0 else {
            self.owner.people[person].debouncer.arrive()
            return
        }
        let presence = self.configuration.presence
        switch announcement.standing {
        case .present: return
        case .absent:
            self.owner.people[person].debouncer.leave(
                until: now + presence.grace + presence.transit
            )
        case .sentAway:
            self.owner.people[person].debouncer.leave(
                until: now + presence.lostGrace + presence.transit
            )
        }
    }

    /// One session less, because its gateway is lost.
    mutating func endSession(of person: UInt32, until: Instant) {
        self.owner.people[person].presentCount -= 1
        guard self.owner.people[person].presentCount == 0 else { return }
        self.owner.people[person].debouncer.leave(until: until)
    }

    /// When something may change by itself.
    private func dueTime(of person: UInt32) -> Instant {
        let row = self.owner.people[person]
        var due = Instant.never
        switch row.debouncer.phase {
        case .unknown: due = self.settles(row.partition)
        case .leaving(let until, _): due = max(until, self.settles(row.partition))
        case .present, .absent: break
        }
        if let toldAt = row.toldAt, let appearance = self.appearance(of: person),
            appearance != row.told
        {
            due = min(due, toldAt + self.configuration.presence.window)
        }
        return due
    }

    /// Sets the row's own deadline, unless an earlier one will do so.
    mutating func schedulePerson(_ person: UInt32) {
        let due = self.dueTime(of: person)
        guard due < self.owner.people[person].timer else { return }
        self.owner.people[person].timer = due
        let generation = self.owner.people.generation(of: person)
        self.deadlines.schedule(.presence(.person(person, generation: generation)), at: due)
    }

    mutating func onPersonDue(
        _ person: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.owner.people[person].timer <= now else { return }
        self.owner.people[person].timer = .never
        if now >= self.settles(self.owner.people[person].partition) {
            self.owner.people[person].debouncer.settle()
            _ = self.owner.people[person].debouncer.elapse(at: now)
        }
        self.refresh(person, at: now, into: &effects)
        self.schedulePerson(person)
        self.forgetIfGone(person)
    }

    private func appearance(of person: UInt32) -> PresenceState? {
        self.owner.people[person].debouncer.isThere.map {
            $0 ? self.owner.people[person].choice.appearance : .offline
        }
    }

    /// Tells the gateways that watch if the user appears otherwise than they know, at most once in W.
    private mutating func refresh(
        _ person: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let appearance = self.appearance(of: person),
            appearance != self.owner.people[person].told
        else { return }
        if let toldAt = self.owner.people[person].toldAt {
            let due = toldAt + self.configuration.presence.window
            guard due <= now else { return }
        }
        self.owner.versions += 1
        self.owner.people[person].told = appearance
        self.owner.people[person].version = self.owner.versions
        if !self.owner.people[person].watches.isEmpty {
            self.owner.people[person].toldAt = now
        }
        for index in self.owner.people[person].watches.indices {
            self.owner.people[person].watches[index].hasSeen = false
        }
        self.sendStatus(of: person, into: &effects)
        self.listUnseen(person, at: now)
    }

    private mutating func listUnseen(_ person: UInt32, at now: Instant) {
        guard !self.owner.people[person].isListed,
            self.owner.people[person].watches.contains(where: { !$0.hasSeen })
        else { return }
        self.owner.people[person].isListed = true
        let generation = self.owner.people.generation(of: person)
        self.owner.unseen.append(RowReference(slot: person, generation: generation))
        guard !self.owner.isResending else { return }
        self.owner.isResending = true
        let pause = self.configuration.presence.resendInterval
        self.deadlines.schedule(.presence(.statuses), at: now + pause)
    }

    private mutating func sendStatus(
        of person: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.owner.people[person]
        guard let term = self.ownedTerm(of: row.id) else { return }
        let status = UserStatus(user: row.id, term: term, version: row.version, state: row.told)
        for watch in row.watches where !watch.hasSeen {
            effects.emit(.peer(watch.gateway, .presence(.status(status))))
        }
    }

    mutating func resendStatuses(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        self.owner.isResending = false
        var kept: [RowReference] = []
        swap(&kept, &self.owner.unseen)
        kept.removeAll { reference in
            let person = reference.slot
            guard self.owner.people.holds(person, generation: reference.generation) else {
                return true
            }
            guard self.owner.people[person].watches.contains(where: { !$0.hasSeen }) else {
                self.owner.people[person].isListed = false
                return true
            }
            if effects.freeCapacity > Self.effectReserve / 4 {
                self.sendStatus(of: person, into: &effects)
            }
            return false
        }
        self.owner.unseen = kept
        guard !kept.isEmpty else { return }
        self.owner.isResending = true
        let pause = self.configuration.presence.resendInterval
        self.deadlines.schedule(.presence(.statuses), at: now + pause)
    }

    mutating func onWatch(
        _ user: UserID,
        incarnation: UInt64,
        from gateway: ShardID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let term = self.ownedTerm(of: user) else { return }
        let person = self.person(user)
        if let index = self.owner.people[person].watches.firstIndex(where: {
            $0.gateway == gateway
        }) {
            guard incarnation >= self.owner.people[person].watches[index].incarnation else {
                return
            }
            self.owner.people[person].watches[index].incarnation = incarnation
        } else {
            self.owner.people[person].watches.append(
                GatewayWatch(gateway: gateway, incarnation: incarnation, hasSeen: true)
            )
        }
        if now >= self.settles(self.owner.people[person].partition) {
            self.owner.people[person].debouncer.settle()
        }
        if self.owner.people[person].told == nil, let state = self.appearance(of: person) {
            self.owner.versions += 1
            self.owner.people[person].told = state
            self.owner.people[person].version = self.owner.versions
        }
        let row = self.owner.people[person]
        let status = UserStatus(user: user, term: term, version: row.version, state: row.told)
        effects.emit(.peer(gateway, .presence(.status(status))))
        self.schedulePerson(person)
    }

    mutating func onUnwatch(_ user: UserID, incarnation: UInt64, from gateway: ShardID) {
        guard let person = self.personSlot(of: user) else { return }
        self.owner.people[person].watches.removeAll {
            $0.gateway == gateway && $0.incarnation <= incarnation
        }
        self.forgetIfGone(person)
    }

    mutating func onStatusSeen(_ user: UserID, version: UInt64, from gateway: ShardID) {
        guard let person = self.personSlot(of: user),
            self.owner.people[person].version == version,
            let index = self.owner.people[person].watches.firstIndex(where: {
                $0.gateway == gateway
            })
        else { return }
        self.owner.people[person].watches[index].hasSeen = true
    }

    /// Lets go of a user who is not there and whom nobody watches.
    private mutating func forgetIfGone(_ person: UInt32) {
        let row = self.owner.people[person]
        guard row.watches.isEmpty, row.presentCount == 0, row.debouncer.phase == .absent else {
            return
        }
        self.forgetPerson(person)
    }

    private mutating func forgetPerson(_ person: UInt32) {
        var session = self.owner.people[person].firstSession
        while session != noSlot {
            let row = self.owner.sessions[session]
            self.owner.sessions.remove(session, leaving: row)
            session = row.next
        }
        self.owner.peopleIndex.remove(person, self.hash(self.owner.people[person].id))
        self.owner.people.remove(person, leaving: .blank)
    }

    /// A user partition has another owner or term: in another term, what was known of its users is void.
    ///
    /// An owner that was late to renew its lease may have it back in the same term. Gateways have told it all
    /// in this term and say nothing again, so that it must not have forgotten.
    mutating func onUserLease(_ partition: PartitionID, _ term: Term, at now: Instant) {
        let index = Int(partition.rawValue - self.configuration.partitionCount)
        if self.owner.terms[index] != .none, self.owner.terms[index] < term {
            self.owner.terms[index] = .none
            for slot in 0..<self.owner.people.slotCount
            where self.owner.people.isOccupied(slot)
                && self.owner.people[slot].partition == partition
            {
                self.forgetPerson(slot)
            }
        }
        guard self.placement[Int(partition.rawValue)].owner == self.id,
            self.owner.terms[index] != term
        else { return }
        self.owner.terms[index] = term
        let presence = self.configuration.presence
        // In its first term nobody can have been told anything of its users, but gateways may just have heard
        // whom to tell of them.
        let wait = term == Term(1) ? .zero : presence.lostGrace
        self.owner.settles[index] = now + presence.beaconInterval + wait + presence.transit
    }
}
