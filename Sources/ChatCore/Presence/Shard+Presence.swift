import Kernel

/// Where presence meets the rest of a shard: commands, messages and deadlines.
extension Shard {
    mutating func run(
        _ command: PresenceCommand,
        as id: CommandID,
        for handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch command {
        case .watch, .unwatch, .choose:
            guard self.configuration.presence.followsUsers else {
                if case .watch(let user, _) = command { self.release(user.name, into: &effects) }
                guard command.isLast else { return }
                self.fail(handle, id, .notAvailable, into: &effects)
                return
            }
        case .members, .counts: break
        }
        switch command {
        case .members(let reference), .counts(let reference):
            var wantsMembers = false
            if case .members = command { wantsMembers = true }
            self.askGathering(
                handle,
                id,
                reference,
                wantsMembers: wantsMembers,
                at: now,
                into: &effects
            )
        case .watch(let user, let remaining):
            self.watch(handle, id, user, remaining: remaining, at: now, into: &effects)
        case .unwatch(let user, let remaining):
            self.unwatch(handle, id, user, remaining: remaining, into: &effects)
        case .choose(let choice):
            self.choose(handle, id, choice, at: now, into: &effects)
        }
    }

    mutating func onPresence(
        _ message: PresenceMessage,
        from sender: ShardID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch message {
        case .announce(let announcement):
            self.onAnnounce(announcement, from: sender, at: now, into: &effects)
        case .announced(let subject, let term, let ordinal, let excess):
            self.onAnnounced(subject, term, ordinal: ordinal, excess: excess, into: &effects)
        case .beacon(let incarnation):
            _ = self.hear(sender, incarnation: incarnation, at: now, into: &effects)
        case .announceAgain:
            self.onAnnounceAgain(from: sender, at: now)
        case .watch(let user, let incarnation):
            guard self.hear(sender, incarnation: incarnation >> 32, at: now, into: &effects) else {
                return
            }
            self.onWatch(user, incarnation: incarnation, from: sender, at: now, into: &effects)
        case .unwatch(let user, let incarnation):
            self.onUnwatch(user, incarnation: incarnation, from: sender)
        case .status(let status):
            self.onStatus(status, from: sender, at: now, into: &effects)
        case .statusSeen(let user, let version):
            self.onStatusSeen(user, version: version, from: sender)
        case .attendance(let attendance):
            self.onAttendance(attendance, into: &effects)
        case .ask(let token, let conversation, let wantsMembers):
            self.onAsk(
                token,
                conversation,
                wantsMembers: wantsMembers,
                from: sender,
                into: &effects
            )
        case .counted(let token, let clients, let users):
            self.onCounted(token, clients: clients, users: users, into: &effects)
        case .member(let token, let index, let count, let entry):
            self.onMember(token, index: index, count: count, entry, into: &effects)
        }
    }

    private mutating func onAnnounce(
        _ announcement: Announcement,
        from sender: ShardID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let incarnation = announcement.ordinal >> 32
        guard self.hear(sender, incarnation: incarnation, at: now, into: &effects) else {
            self.release(announcement.info, into: &effects)
            return
        }
        switch announcement.subject {
        case .user:
            self.onUserAnnounced(announcement, from: sender, at: now, into: &effects)
        case .member(let conversation, let connection):
            self.onMemberAnnounced(
                announcement,
                conversation,
                connection,
                from: sender,
                at: now,
                into: &effects
            )
        }
    }

    mutating func fire(
        _ deadline: PresenceDeadline,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch deadline {
        case .beacon: self.sendBeacons(at: now, into: &effects)
        case .resend: self.resendUnanswered(at: now, into: &effects)
        case .reannounce: self.reannounceSome(at: now, into: &effects)
        case .watchReply(let watcher, let generation):
            guard self.presence.watchers.holds(watcher, generation: generation) else { return }
            self.expireWatch(of: watcher, at: now, into: &effects)
        case .batch: self.tellBatch(at: now, into: &effects)
        case .gateways: self.watchGateways(at: now)
        case .lost: self.sweepLost(at: now)
        case .gatherings: self.dropSomeGatherings(at: now, into: &effects)
        case .person(let person, let generation):
            guard self.owner.people.holds(person, generation: generation) else { return }
            self.onPersonDue(person, at: now, into: &effects)
        case .member(let member, let generation):
            guard self.owner.members.holds(member, generation: generation) else { return }
            self.onMemberDue(member, at: now, into: &effects)
        case .statuses: self.resendStatuses(at: now, into: &effects)
        case .watcher(let watcher, let generation):
            guard self.presence.watchers.holds(watcher, generation: generation) else { return }
            self.onWatcherDue(watcher, at: now)
        }
    }
}
