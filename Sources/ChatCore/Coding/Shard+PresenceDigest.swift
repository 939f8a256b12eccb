import BasicContainers
import Kernel

extension Digest128 {
    mutating func combine(_ subject: PresenceSubject) {
        switch subject {
        case .user(let user):
            self.combine(0)
            self.combine(user)
        case .member(let conversation, let connection):
            self.combine(1)
            self.combine(conversation)
            self.combine(connection.rawValue)
        }
    }

    mutating func combine(_ phase: PresenceDebouncer.Phase) {
        switch phase {
        case .unknown: self.combine(0)
        case .present: self.combine(1)
        case .leaving(let until, let wasKnown):
            self.combine(wasKnown ? 2 : 3)
            self.combine(until.nanoseconds)
        case .absent: self.combine(4)
        }
    }

    mutating func combine(_ state: PresenceState?) {
        self.combine(state.map { UInt64($0.rawValue) } ?? .max)
    }

    mutating func combine(_ deadline: PresenceDeadline) {
        switch deadline {
        case .beacon: self.combine(100)
        case .resend: self.combine(101)
        case .reannounce: self.combine(102)
        case .watchReply: self.combine(103)
        case .batch: self.combine(104)
        case .gateways: self.combine(105)
        case .lost: self.combine(106)
        case .gatherings: self.combine(107)
        case .person: self.combine(108)
        case .member: self.combine(109)
        case .statuses: self.combine(110)
        case .watcher: self.combine(111)
        }
    }
}

/// Presence in the digest of a shard's state.
extension Shard {
    borrowing func sumPresence(into rows: inout RowSum) {
        self.presence.rows.forEachRow { row in
            rows.add(100) {
                $0.combine(row.subject)
                $0.combine(row.user)
                $0.combine(row.ordinal)
                $0.combine(UInt64(row.standing.rawValue))
                $0.combine(UInt64(row.choice.rawValue))
                $0.combine(row.chosenAt)
                $0.combine(UInt64(row.connectionCount))
                $0.combine(row.answeredTerm.rawValue)
                $0.combine(row.isAnswered ? 1 : 0)
                $0.combine(row.isListed ? 1 : 0)
                $0.combine(row.sentAt.nanoseconds)
            }
        }
        self.presence.users.forEachRow { row in
            rows.add(101) {
                $0.combine(row.user.id)
                $0.combine(row.incarnation)
                $0.combine(row.term.rawValue)
                $0.combine(row.version)
                $0.combine(row.state)
                $0.combine(row.isAnswered ? 1 : 0)
                $0.combine(row.isListed ? 1 : 0)
                $0.combine(row.isSpreading ? 1 : 0)
            }
        }
        for slot in 0..<self.presence.watches.slotCount
        where self.presence.watches.isOccupied(slot) {
            let row = self.presence.watches[slot]
            let handle = self.presence.watchers[row.watcher].connection
            let connection = self.connections[Int(handle.slot)].id
            let user = self.presence.users[row.user].user.id
            rows.add(102) {
                $0.combine(connection.rawValue)
                $0.combine(user)
                $0.combine(row.shown)
                $0.combine(row.shownAt.nanoseconds)
                $0.combine(row.isAwaited ? 1 : 0)
            }
        }
        self.presence.watchers.forEachRow { row in
            rows.add(103) {
                $0.combine(UInt64(row.count))
                $0.combine(row.isWaiting ? 1 : 0)
                $0.combine(UInt64(row.request?.rawValue ?? 0))
                $0.combine(UInt64(row.awaited))
            }
        }
        let line = UInt64(self.presence.budget.count)
        let left = UInt64(self.presence.budget.left)
        let next = self.presence.budget.nextBatch.nanoseconds
        let ordinals = self.presence.ordinals
        rows.add(104) {
            $0.combine(ordinals)
            $0.combine(line)
            $0.combine(left)
            $0.combine(next)
        }
    }

    borrowing func sumPeople(into rows: inout RowSum) {
        self.owner.people.forEachRow { row in
            rows.add(105) {
                $0.combine(row.id)
                $0.combine(row.debouncer.phase)
                $0.combine(UInt64(row.presentCount))
                $0.combine(UInt64(row.choice.rawValue))
                $0.combine(row.chosenAt)
                $0.combine(row.told)
                $0.combine(row.version)
                $0.combine(row.toldAt?.nanoseconds ?? .max)
                $0.combine(row.timer.nanoseconds)
                for watch in row.watches {
                    $0.combine(UInt64(watch.gateway.rawValue))
                    $0.combine(watch.incarnation)
                    $0.combine(watch.hasSeen ? 1 : 0)
                }
            }
        }
        self.owner.sessions.forEachRow { row in
            rows.add(106) {
                $0.combine(UInt64(row.gateway.rawValue))
                $0.combine(row.ordinal)
                $0.combine(row.isPresent ? 1 : 0)
                $0.combine(UInt64(row.connections))
            }
        }
        for gateway in self.owner.gateways {
            rows.add(107) {
                $0.combine(UInt64(gateway.shard.rawValue))
                $0.combine(gateway.incarnation)
                $0.combine(gateway.heard.nanoseconds)
                $0.combine(gateway.isLost ? 1 : 0)
            }
        }
        for index in self.owner.settles.indices {
            let instant = self.owner.settles[index].nanoseconds
            let term = self.owner.terms[index].rawValue
            rows.add(108) {
                $0.combine(UInt64(index))
                $0.combine(instant)
                $0.combine(term)
            }
        }
    }

    borrowing func sumGatherings(into rows: inout RowSum) {
        self.owner.gatherings.forEachRow { row in
            rows.add(109) {
                $0.combine(row.id)
                $0.combine(row.term.rawValue)
                $0.combine(UInt64(row.memberCount))
                $0.combine(UInt64(row.userCount))
            }
        }
        for slot in 0..<self.owner.members.slotCount where self.owner.members.isOccupied(slot) {
            let row = self.owner.members[slot]
            let conversation = self.owner.gatherings[row.gathering].id
            rows.add(110) {
                $0.combine(conversation)
                $0.combine(row.user)
                $0.combine(row.connection.rawValue)
                $0.combine(UInt64(row.gateway.rawValue))
                $0.combine(row.ordinal)
                $0.combine(row.debouncer.phase)
            }
        }
    }
}
