import BasicContainers
import Kernel

/// An owner's view of gateways: who lives, and what becomes of the users of one that does not.
extension Shard {
    /// A gateway has spoken; one of a new incarnation has lost all that its predecessor had.
    ///
    /// False if it is the voice of a predecessor.
    mutating func hear(
        _ gateway: ShardID,
        incarnation: UInt64,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Bool {
        if !self.owner.isWatching {
            self.owner.isWatching = true
            let pause = self.configuration.presence.beaconInterval
            self.deadlines.schedule(.presence(.gateways), at: now + pause)
        }
        guard let index = self.owner.gateways.firstIndex(where: { $0.shard == gateway }) else {
            let known = KnownGateway(shard: gateway, incarnation: incarnation, heard: now)
            self.owner.gateways.append(known)
            return true
        }
        let known = self.owner.gateways[index]
        guard incarnation >= known.incarnation else { return false }
        if incarnation > known.incarnation, !known.isLost { self.lose(known, at: now) }
        if incarnation == known.incarnation, known.isLost {
            effects.emit(.peer(gateway, .presence(.announceAgain)))
        }
        self.owner.gateways[index] = KnownGateway(
            shard: gateway,
            incarnation: incarnation,
            heard: now
        )
        return true
    }

    /// Its users may come back elsewhere until the longer grace has passed since it was last heard.
    private mutating func lose(_ gateway: KnownGateway, at now: Instant) {
        let presence = self.configuration.presence
        let isIdle = self.owner.lost.isEmpty
        self.owner.lost.append(
            LostSweep(
                shard: gateway.shard,
                incarnation: gateway.incarnation,
                until: gateway.heard + presence.beaconInterval + presence.lostGrace
                    + presence.transit
            )
        )
        if isIdle { self.deadlines.schedule(.presence(.lost), at: now) }
    }

    /// Looks for gateways that have been silent too long.
    mutating func watchGateways(at now: Instant) {
        for index in self.owner.gateways.indices {
            let known = self.owner.gateways[index]
            guard !known.isLost, known.heard + self.configuration.presence.beaconTimeout <= now
            else { continue }
            self.owner.gateways[index].isLost = true
            self.lose(known, at: now)
        }
        self.owner.isWatching = self.owner.gateways.contains { !$0.isLost }
        guard self.owner.isWatching else { return }
        let pause = self.configuration.presence.beaconInterval
        self.deadlines.schedule(.presence(.gateways), at: now + pause)
    }

    /// Looks at a part of the rows that may be a lost gateway's.
    mutating func sweepLost(at now: Instant) {
        guard var sweep = self.owner.lost.first else { return }
        var looked = 0
        while looked < 8192, sweep.nextPerson < self.owner.people.slotCount {
            if self.owner.people.isOccupied(sweep.nextPerson) {
                self.lose(sweep, of: sweep.nextPerson)
            }
            sweep.nextPerson += 1
            looked += 1
        }
        while looked < 8192, sweep.nextMember < self.owner.members.slotCount {
            let slot = sweep.nextMember
            sweep.nextMember += 1
            looked += 1
            guard self.owner.members.isOccupied(slot),
                self.owner.members[slot].gateway == sweep.shard,
                self.owner.members[slot].ordinal >> 32 <= sweep.incarnation,
                self.owner.members[slot].debouncer.phase == .present
            else { continue }
            self.leave(slot, until: sweep.until)
        }
        if looked < 8192 {
            self.owner.lost.removeFirst()
        } else {
            self.owner.lost[0] = sweep
        }
        if !self.owner.lost.isEmpty { self.deadlines.schedule(.presence(.lost), at: now) }
    }

    private mutating func lose(_ sweep: LostSweep, of person: UInt32) {
        self.owner.people[person].watches.removeAll {
            $0.gateway == sweep.shard && $0.incarnation >> 32 <= sweep.incarnation
        }
        var session = self.owner.people[person].firstSession
        while session != noSlot {
            let row = self.owner.sessions[session]
            if row.gateway == sweep.shard, row.ordinal >> 32 <= sweep.incarnation, row.isPresent {
                self.owner.sessions[session].isPresent = false
                self.endSession(of: person, until: sweep.until)
            }
            session = row.next
        }
        self.schedulePerson(person)
    }
}
