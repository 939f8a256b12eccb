import BasicContainers
import Kernel

/// The owner of a conversation: who is in it, who joins and who leaves.
extension Shard {
    private func gatheringSlot(of id: ConversationID) -> UInt32? {
        self.owner.gatheringIndex.find(self.hash(id)) {
            self.owner.gatherings[$0].id == id && self.isCurrent(gathering: $0)
        }
    }

    /// Whether the gathering is of the term in which this shard owns the conversation now.
    private func isCurrent(gathering: UInt32) -> Bool {
        let lease = self.placement[Int(self.owner.gatherings[gathering].partition.rawValue)]
        return lease.owner == self.id && lease.term == self.owner.gatherings[gathering].term
    }

    /// Whether another term has begun; an owner whose lease has ended may have it back in the same one.
    private func isOver(gathering: UInt32) -> Bool {
        let row = self.owner.gatherings[gathering]
        return self.placement[Int(row.partition.rawValue)].term != row.term
    }

    private func memberSlot(of id: ConversationID, _ connection: ConnectionID) -> UInt32? {
        self.owner.memberIndex.find(self.hash(.member(id, connection))) {
            let member = self.owner.members[$0]
            return member.connection == connection
                && self.owner.gatherings[member.gathering].id == id
                && self.isCurrent(gathering: member.gathering)
        }
    }

    private func attendanceSlot(of id: ConversationID, _ user: UserID) -> UInt32? {
        self.owner.attendanceIndex.find(self.hash(id, user)) {
            let attendance = self.owner.attendances[$0]
            return attendance.user == user && self.owner.gatherings[attendance.gathering].id == id
                && self.isCurrent(gathering: attendance.gathering)
        }
    }

    /// The term in which this shard believes to own the conversation.
    private func gatheringTerm(of id: ConversationID) -> Term? {
        let lease = self.placement[Int(self.partition(of: id).rawValue)]
        guard lease.owner == self.id, self.configuration.roles.contains(.conversation) else {
            return nil
        }
        return lease.term
    }

    /// Takes the reference to the info over.
    mutating func onMemberAnnounced(
        _ announcement: Announcement,
        _ id: ConversationID,
        _ connection: ConnectionID,
        from gateway: ShardID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let term = self.gatheringTerm(of: id),
            Int(announcement.namespace) < self.configuration.namespaces.count
        else {
            self.release(announcement.info, into: &effects)
            return
        }
        if let member = self.memberSlot(of: id, connection) {
            self.release(announcement.info, into: &effects)
            if announcement.ordinal >= self.owner.members[member].ordinal {
                self.owner.members[member].ordinal = announcement.ordinal
                self.apply(announcement.standing, to: member, at: now)
            }
        } else if announcement.standing == .present {
            self.join(announcement, id, connection, term, from: gateway, into: &effects)
        } else if announcement.answeredTerm != .none, announcement.answeredTerm < term {
            // Somebody was told of the session in an earlier term, and not of its end.
            let member = self.insertMember(announcement, id, connection, term, from: gateway)
            self.apply(announcement.standing, to: member, at: now)
        } else {
            self.release(announcement.info, into: &effects)
        }
        effects.emit(
            .peer(
                gateway,
                .presence(
                    .announced(
                        announcement.subject,
                        term,
                        ordinal: announcement.ordinal
                    )
                )
            )
        )
    }

    private mutating func apply(
        _ standing: Announcement.Standing,
        to member: UInt32,
        at now: Instant
    ) {
        let presence = self.configuration.presence
        switch standing {
        case .present: self.owner.members[member].debouncer.arrive()
        case .absent:
            guard self.owner.members[member].debouncer.phase == .present else { return }
            self.leave(member, until: now + presence.grace)
        case .sentAway:
            guard self.owner.members[member].debouncer.phase == .present else { return }
            self.leave(member, until: now + presence.lostGrace)
        }
    }

    /// The session's connection has gone; the session ends unless another takes it up in time.
    mutating func leave(_ member: UInt32, until: Instant) {
        self.owner.members[member].debouncer.leave(until: until)
        let generation = self.owner.members.generation(of: member)
        self.deadlines.schedule(.presence(.member(member, generation: generation)), at: until)
    }

    /// A connection joins, or silently takes up a session of its user that has been left.
    private mutating func join(
        _ announcement: Announcement,
        _ id: ConversationID,
        _ connection: ConnectionID,
        _ term: Term,
        from gateway: ShardID,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let member = self.leftSession(of: announcement.user, in: id) {
            self.release(announcement.info, into: &effects)
            let former = self.owner.members[member].connection
            self.owner.memberIndex.remove(member, self.hash(.member(id, former)))
            self.owner.members[member].connection = connection
            self.owner.members[member].gateway = gateway
            self.owner.members[member].ordinal = announcement.ordinal
            self.owner.members[member].debouncer.arrive()
            self.owner.memberIndex.insert(member, self.hash(announcement.subject))
            return
        }
        let member = self.insertMember(announcement, id, connection, term, from: gateway)
        // Who joined in an earlier term has been told of then.
        guard announcement.answeredTerm == .none || announcement.answeredTerm == term else {
            return
        }
        self.tellAttendance(of: member, isJoin: true, into: &effects)
    }

    private func leftSession(of user: UserID, in id: ConversationID) -> UInt32? {
        guard let attendance = self.attendanceSlot(of: id, user) else { return nil }
        var member = self.owner.attendances[attendance].firstMember
        while member != noSlot {
            if self.owner.members[member].debouncer.phase != .present || self.isOrphan(member) {
                return member
            }
            member = self.owner.members[member].nextOfUser
        }
        return nil
    }

    /// Whether the session's gateway has died, though the sweep has not come to the row.
    private func isOrphan(_ member: UInt32) -> Bool {
        let row = self.owner.members[member]
        guard let gateway = self.owner.gateways.first(where: { $0.shard == row.gateway }) else {
            return false
        }
        return gateway.isLost || gateway.incarnation > row.ordinal >> 32
    }

    private mutating func insertMember(
        _ announcement: Announcement,
        _ id: ConversationID,
        _ connection: ConnectionID,
        _ term: Term,
        from gateway: ShardID
    ) -> UInt32 {
        let gathering = self.gathering(id, announcement.namespace, term)
        let attendance = self.attendance(of: announcement.user, in: gathering)
        var row = Member(
            gathering: gathering,
            user: announcement.user,
            connection: connection,
            gateway: gateway,
            ordinal: announcement.ordinal,
            info: announcement.info,
            debouncer: PresenceDebouncer(.present),
            attendance: attendance
        )
        row.nextOfUser = self.owner.attendances[attendance].firstMember
        row.nextInGathering = self.owner.gatherings[gathering].firstMember
        let member = self.owner.members.insert(row)
        if row.nextInGathering != noSlot {
            self.owner.members[row.nextInGathering].previousInGathering = member
        }
        self.owner.attendances[attendance].firstMember = member
        self.owner.gatherings[gathering].firstMember = member
        self.owner.gatherings[gathering].memberCount += 1
        self.owner.memberIndex.insert(member, self.hash(announcement.subject))
        return member
    }

    private mutating func gathering(
        _ id: ConversationID,
        _ namespace: UInt8,
        _ term: Term
    ) -> UInt32 {
        if let slot = self.gatheringSlot(of: id) { return slot }
        let slot = self.owner.gatherings.insert(
            Gathering(id: id, partition: self.partition(of: id), term: term, namespace: namespace)
        )
        self.owner.gatheringIndex.insert(slot, self.hash(id))
        return slot
    }

    private mutating func attendance(of user: UserID, in gathering: UInt32) -> UInt32 {
        let id = self.owner.gatherings[gathering].id
        if let slot = self.attendanceSlot(of: id, user) { return slot }
        let slot = self.owner.attendances.insert(UserAttendance(gathering: gathering, user: user))
        self.owner.attendanceIndex.insert(slot, self.hash(id, user))
        self.owner.gatherings[gathering].userCount += 1
        return slot
    }

    mutating func onMemberDue(
        _ member: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.owner.members[member].debouncer.elapse(at: now) else { return }
        self.tellAttendance(of: member, isJoin: false, into: &effects)
        self.removeMember(member, into: &effects)
    }

    private mutating func removeMember(
        _ member: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.owner.members[member]
        let id = self.owner.gatherings[row.gathering].id
        self.owner.memberIndex.remove(member, self.hash(.member(id, row.connection)))
        if row.previousInGathering == noSlot {
            self.owner.gatherings[row.gathering].firstMember = row.nextInGathering
        } else {
            self.owner.members[row.previousInGathering].nextInGathering = row.nextInGathering
        }
        if row.nextInGathering != noSlot {
            self.owner.members[row.nextInGathering].previousInGathering = row.previousInGathering
        }
        self.removeFromAttendance(member, of: id)
        self.owner.members.remove(member, leaving: .blank)
        self.release(row.info, into: &effects)
        self.owner.gatherings[row.gathering].memberCount -= 1
        guard self.owner.gatherings[row.gathering].memberCount == 0 else { return }
        self.owner.gatheringIndex.remove(row.gathering, self.hash(id))
        self.owner.gatherings.remove(row.gathering, leaving: .blank)
    }

    private mutating func removeFromAttendance(_ member: UInt32, of id: ConversationID) {
        let row = self.owner.members[member]
        let attendance = self.owner.attendances[row.attendance]
        if attendance.firstMember == member {
            self.owner.attendances[row.attendance].firstMember = row.nextOfUser
        } else {
            var previous = attendance.firstMember
            while self.owner.members[previous].nextOfUser != member {
                previous = self.owner.members[previous].nextOfUser
            }
            self.owner.members[previous].nextOfUser = row.nextOfUser
        }
        guard self.owner.attendances[row.attendance].firstMember == noSlot else { return }
        self.owner.attendanceIndex.remove(row.attendance, self.hash(id, row.user))
        self.owner.attendances.remove(row.attendance, leaving: .blank)
        self.owner.gatherings[row.gathering].userCount -= 1
    }

    /// Tells the gateways that have subscribers.
    private mutating func tellAttendance(
        of member: UInt32,
        isJoin: Bool,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.owner.members[member]
        let gathering = self.owner.gatherings[row.gathering]
        guard self.namespace(gathering.namespace).joinLeave,
            self.isCurrent(gathering: row.gathering),
            let conversation = self.conversationSlot(of: gathering.id)
        else { return }
        let attendance = Attendance(
            conversation: gathering.id,
            isJoin: isJoin,
            connection: row.connection,
            info: row.info
        )
        for index in self.conversations[conversation].planner.recipients.indices {
            let shard = self.conversations[conversation].planner.recipients[index].shard
            effects.emit(.peer(shard, .presence(.attendance(attendance))))
        }
    }

    mutating func onAsk(
        _ token: RequestToken,
        _ id: ConversationID,
        wantsMembers: Bool,
        from gateway: ShardID,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.gatheringTerm(of: id) != nil else { return }
        let slot = self.gatheringSlot(of: id)
        let clients = slot.map { self.owner.gatherings[$0].memberCount } ?? 0
        let users = slot.map { self.owner.gatherings[$0].userCount } ?? 0
        let isWhole = clients <= self.configuration.presence.memberLimit
        guard let slot, wantsMembers, isWhole else {
            effects.emit(
                .peer(gateway, .presence(.counted(token, clients: clients, users: users)))
            )
            return
        }
        var member = self.owner.gatherings[slot].firstMember
        var index: UInt32 = 0
        while member != noSlot {
            let row = self.owner.members[member]
            let entry = GatheringEntry(connection: row.connection, info: row.info)
            effects.emit(
                .peer(gateway, .presence(.member(token, index: index, count: clients, entry)))
            )
            index += 1
            member = row.nextInGathering
        }
    }

    /// A partition of conversations has another owner or term: gatherings of the former go, in parts.
    mutating func dropGatherings(at now: Instant) {
        guard self.owner.members.count > 0 else { return }
        let isRunning = self.owner.gatheringSweep != noSlot
        self.owner.gatheringSweep = 0
        if !isRunning { self.deadlines.schedule(.presence(.gatherings), at: now) }
    }

    mutating func dropSomeGatherings(at now: Instant, into effects: inout EffectBuffer<ShardEffect>)
    {
        var looked = 0
        while self.owner.gatheringSweep < self.owner.members.slotCount {
            guard looked < 8192, effects.freeCapacity > Self.effectReserve / 4 else {
                self.deadlines.schedule(.presence(.gatherings), at: now)
                return
            }
            let slot = self.owner.gatheringSweep
            self.owner.gatheringSweep += 1
            looked += 1
            guard self.owner.members.isOccupied(slot),
                self.isOver(gathering: self.owner.members[slot].gathering)
            else { continue }
            self.removeMember(slot, into: &effects)
        }
        self.owner.gatheringSweep = noSlot
    }
}
