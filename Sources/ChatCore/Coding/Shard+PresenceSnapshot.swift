import Kernel

/// The part of a snapshot that is about presence.
extension Shard {
    borrowing func writePresence(to writer: inout ByteWriter) {
        self.presence.rows.write(to: &writer)
        writer.word(self.presence.ordinals)
        writer.flag(self.presence.isBeaconing)
        writer.list(self.presence.unanswered)
        writer.flag(self.presence.isResending)
        writer.word(self.presence.sweep)
        self.presence.users.write(to: &writer)
        self.presence.watches.write(to: &writer)
        self.presence.watchers.write(to: &writer)
        writer.list(self.presence.unansweredUsers)
        writer.list(self.presence.spreading)
        self.presence.questions.write(to: &writer)
        writer.flag(self.presence.isBatching)
        writer.word(self.presence.budget.left)
        writer.value(self.presence.budget.nextBatch)
        writer.list(self.presence.budget.line)
        writer.word(UInt64(self.presence.budget.served))
        writer.list(self.owner.gateways)
        writer.flag(self.owner.isWatching)
        writer.list(self.owner.lost)
        self.owner.people.write(to: &writer)
        self.owner.sessions.write(to: &writer)
        writer.word(self.owner.versions)
        writer.list(self.owner.unseen)
        writer.flag(self.owner.isResending)
        for instant in self.owner.settles { writer.value(instant) }
        for term in self.owner.terms { writer.value(term) }
        self.owner.gatherings.write(to: &writer)
        self.owner.members.write(to: &writer)
        self.owner.attendances.write(to: &writer)
        writer.word(self.owner.gatheringSweep)
    }

    mutating func readPresence(from reader: inout ByteReader) throws(ByteError) {
        self.presence.rows = try Slab(from: &reader, blank: .blank)
        self.presence.ordinals = try reader.word()
        self.presence.isBeaconing = try reader.flag()
        self.presence.unanswered = try reader.list()
        self.presence.isResending = try reader.flag()
        self.presence.sweep = try reader.integer()
        self.presence.users = try Slab(from: &reader, blank: .blank)
        self.presence.watches = try Slab(from: &reader, blank: .blank)
        self.presence.watchers = try Slab(from: &reader, blank: .blank)
        self.presence.unansweredUsers = try reader.list()
        self.presence.spreading = try reader.list()
        self.presence.questions = try Slab(from: &reader, blank: .blank)
        self.presence.isBatching = try reader.flag()
        self.presence.budget.left = try reader.integer()
        self.presence.budget.nextBatch = try reader.value()
        self.presence.budget.line = try reader.list()
        self.presence.budget.served = try reader.integer()
        self.owner.gateways = try reader.list()
        self.owner.isWatching = try reader.flag()
        self.owner.lost = try reader.list()
        self.owner.people = try Slab(from: &reader, blank: .blank)
        let nobody = PersonSession(
            gateway: ShardID(rawValue: 0),
            ordinal: 0,
            isPresent: false,
            connections: 0,
            next: noSlot
        )
        self.owner.sessions = try Slab(from: &reader, blank: nobody)
        self.owner.versions = try reader.word()
        self.owner.unseen = try reader.list()
        self.owner.isResending = try reader.flag()
        for index in self.owner.settles.indices {
            self.owner.settles[index] = try reader.value()
        }
        for index in self.owner.terms.indices { self.owner.terms[index] = try reader.value() }
        self.owner.gatherings = try Slab(from: &reader, blank: .blank)
        self.owner.members = try Slab(from: &reader, blank: .blank)
        self.owner.attendances = try Slab(from: &reader, blank: .blank)
        self.owner.gatheringSweep = try reader.integer()
        guard self.arePresenceLinksWhole() else {
            throw reader.refusal("rows of presence that name rows")
        }
        self.indexPresence()
    }

    private func isLink<Row>(_ slot: UInt32, into slab: borrowing Slab<Row>) -> Bool {
        slot == noSlot || slab.isOccupied(slot)
    }

    private borrowing func arePresenceLinksWhole() -> Bool {
        for slot in 0..<self.presence.rows.slotCount where self.presence.rows.isOccupied(slot) {
            let row = self.presence.rows[slot]
            guard Int(row.partition.rawValue) < self.placement.count,
                Int(row.namespace) < self.configuration.namespaces.count
            else { return false }
        }
        for slot in 0..<self.presence.users.slotCount where self.presence.users.isOccupied(slot) {
            let row = self.presence.users[slot]
            guard self.isLink(row.firstWatch, into: self.presence.watches),
                self.isLink(row.nextSpread, into: self.presence.watches),
                Int(row.partition.rawValue) < self.placement.count
            else { return false }
        }
        for slot in 0..<self.presence.watches.slotCount
        where self.presence.watches.isOccupied(slot) {
            let row = self.presence.watches[slot]
            guard self.presence.users.isOccupied(row.user),
                self.presence.watchers.isOccupied(row.watcher),
                self.isLink(row.nextOfUser, into: self.presence.watches),
                self.isLink(row.previousOfUser, into: self.presence.watches),
                self.isLink(row.nextOfWatcher, into: self.presence.watches)
            else { return false }
        }
        return self.areOwnerLinksWhole()
    }

    private borrowing func areOwnerLinksWhole() -> Bool {
        for slot in 0..<self.presence.watchers.slotCount
        where self.presence.watchers.isOccupied(slot) {
            let row = self.presence.watchers[slot]
            guard self.isLink(row.firstWatch, into: self.presence.watches) else { return false }
        }
        let partitions = Int(self.configuration.partitionCount)
        for slot in 0..<self.owner.people.slotCount where self.owner.people.isOccupied(slot) {
            let row = self.owner.people[slot]
            guard self.isLink(row.firstSession, into: self.owner.sessions),
                (partitions..<2 * partitions).contains(Int(row.partition.rawValue))
            else { return false }
        }
        for slot in 0..<self.owner.sessions.slotCount where self.owner.sessions.isOccupied(slot) {
            guard self.isLink(self.owner.sessions[slot].next, into: self.owner.sessions) else {
                return false
            }
        }
        for slot in 0..<self.owner.members.slotCount where self.owner.members.isOccupied(slot) {
            let row = self.owner.members[slot]
            guard self.owner.gatherings.isOccupied(row.gathering),
                self.owner.attendances.isOccupied(row.attendance),
                self.isLink(row.nextOfUser, into: self.owner.members),
                self.isLink(row.nextInGathering, into: self.owner.members),
                self.isLink(row.previousInGathering, into: self.owner.members)
            else { return false }
        }
        return self.areGatheringsWhole()
    }

    private borrowing func areGatheringsWhole() -> Bool {
        for slot in 0..<self.owner.gatherings.slotCount where self.owner.gatherings.isOccupied(slot)
        {
            let row = self.owner.gatherings[slot]
            guard self.owner.members.isOccupied(row.firstMember),
                Int(row.partition.rawValue) < self.placement.count,
                Int(row.namespace) < self.configuration.namespaces.count
            else { return false }
        }
        for slot in 0..<self.owner.attendances.slotCount
        where self.owner.attendances.isOccupied(slot) {
            let row = self.owner.attendances[slot]
            guard self.owner.gatherings.isOccupied(row.gathering),
                self.owner.members.isOccupied(row.firstMember)
            else { return false }
        }
        return true
    }

    private mutating func indexPresence() {
        for slot in 0..<self.presence.rows.slotCount where self.presence.rows.isOccupied(slot) {
            self.presence.index.insert(slot, self.hash(self.presence.rows[slot].subject))
        }
        for slot in 0..<self.presence.users.slotCount where self.presence.users.isOccupied(slot) {
            self.presence.userIndex.insert(slot, self.hash(self.presence.users[slot].user.id))
        }
        for slot in 0..<self.presence.watchers.slotCount
        where self.presence.watchers.isOccupied(slot) {
            let hash = self.hash(watcher: self.presence.watchers[slot].connection)
            self.presence.watcherIndex.insert(slot, hash)
        }
        for slot in 0..<self.owner.people.slotCount where self.owner.people.isOccupied(slot) {
            self.owner.peopleIndex.insert(slot, self.hash(self.owner.people[slot].id))
        }
        for slot in 0..<self.owner.gatherings.slotCount where self.owner.gatherings.isOccupied(slot)
        {
            self.owner.gatheringIndex.insert(slot, self.hash(self.owner.gatherings[slot].id))
        }
        for slot in 0..<self.owner.members.slotCount where self.owner.members.isOccupied(slot) {
            let row = self.owner.members[slot]
            let subject = PresenceSubject.member(
                self.owner.gatherings[row.gathering].id,
                row.connection
            )
            self.owner.memberIndex.insert(slot, self.hash(subject))
        }
        for slot in 0..<self.owner.attendances.slotCount
        where self.owner.attendances.isOccupied(slot) {
            let row = self.owner.attendances[slot]
            let conversation = self.owner.gatherings[row.gathering].id
            self.owner.attendanceIndex.insert(slot, self.hash(conversation, row.user))
        }
    }
}
