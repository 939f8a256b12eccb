import BasicContainers
import Kernel

/// A gateway: hints the devices of a user that do not look at the conversation, each once in a window.
extension Shard {
    private func toldSlot(_ conversation: ConversationID, _ user: UserID) -> UInt32? {
        self.inbox.toldIndex.find(self.hash(conversation, user)) {
            self.inbox.told[$0].user == user
                && self.inbox.told[$0].hint.conversation == conversation
        }
    }

    /// Whether a hint has been taken, or is of no use; otherwise it shall come again.
    mutating func onHint(
        _ hint: Hint,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Bool {
        let user = hint.standing.user
        guard let row = self.localPresence(of: .user(user)),
            self.presence.rows[row].connectionCount > 0
        else {
            self.release(hint.name, into: &effects)
            return true
        }
        guard let slot = self.toldSlot(hint.conversation, user) else {
            guard self.inbox.told.count < self.configuration.toldLimit else {
                self.counters.hintsShed += 1
                self.release(hint.name, into: &effects)
                return false
            }
            let slot = self.inbox.told.insert(ToldHint(user: user, hint: hint))
            self.inbox.toldIndex.insert(slot, self.hash(hint.conversation, user))
            self.tell(slot, at: now, into: &effects)
            self.forgetLater(slot)
            return true
        }
        let known = self.inbox.told[slot]
        guard hint.isNews(after: known.hint) else {
            self.release(hint.name, into: &effects)
            return true
        }
        if known.isOwed {
            self.counters.hintsCoalesced += 1
            self.release(known.hint.name, into: &effects)
        }
        self.inbox.told[slot].hint = hint
        self.inbox.told[slot].isOwed = true
        self.tellInTime(slot, at: now, into: &effects)
        return true
    }

    /// Tells what is owed, now or when the window is over.
    private mutating func tellInTime(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard !self.inbox.told[slot].isTimed else { return }
        let due = self.inbox.told[slot].toldAt + self.hintWindow
        guard due > now else {
            self.tell(slot, at: now, into: &effects)
            return
        }
        self.inbox.told[slot].isTimed = true
        let generation = self.inbox.told.generation(of: slot)
        self.deadlines.schedule(.hints(.owed(slot, generation: generation)), at: due)
    }

    mutating func onOwedDue(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.inbox.told[slot].isTimed = false
        guard self.inbox.told[slot].isOwed else { return }
        self.tellInTime(slot, at: now, into: &effects)
        if self.inbox.told[slot].isTimed { self.counters.hintsShed += 1 }
    }

    /// Tells those of the user's devices that do not look.
    private mutating func tell(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.inbox.told[slot]
        self.inbox.told[slot].isOwed = false
        self.inbox.told[slot].toldAt = now
        self.inbox.told[slot].hint.name = .none
        defer { self.release(row.hint.name, into: &effects) }
        guard let presence = self.localPresence(of: .user(row.user)) else { return }
        let start = effects.targetCount
        var connection = self.presence.rows[presence].firstConnection
        while connection != noSlot {
            let handle = ConnectionHandle(
                slot: connection,
                generation: self.connections[Int(connection)].generation
            )
            if self.subscription(of: handle, to: row.hint.conversation) == nil {
                effects.appendTarget(handle)
            }
            connection = self.connections[Int(connection)].nextOfUser
        }
        let count = effects.targetCount - start
        guard count > 0 else { return }
        self.counters.hints += UInt64(count)
        effects.emit(.hint(row.hint, targets: TargetRange(start: start, count: count)))
    }

    private mutating func forgetLater(_ slot: UInt32) {
        let generation = self.inbox.told.generation(of: slot)
        let row = self.inbox.told[slot]
        let due = max(row.toldAt + self.hintMemory, row.isOwed ? self.now + self.hintWindow : .zero)
        self.deadlines.schedule(.hints(.told(slot, generation: generation)), at: due)
    }

    mutating func onToldDue(_ slot: UInt32, at now: Instant) {
        let row = self.inbox.told[slot]
        guard !row.isOwed, row.toldAt + self.hintMemory <= now else {
            self.forgetLater(slot)
            return
        }
        self.inbox.toldIndex.remove(slot, self.hash(row.hint.conversation, row.user))
        self.inbox.told.remove(slot, leaving: .blank)
    }

    /// The user's markers have moved: the other devices shall hear of it.
    mutating func shareMarkers(
        of handle: ConnectionHandle,
        in conversation: ConversationID,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.configuration.hintsMembers else { return }
        let user = self.connections[Int(handle.slot)].user
        guard let row = self.localPresence(of: .user(user)),
            let owner = self.placement[Int(self.partition(of: user).rawValue)].owner
        else { return }
        let hasOthers = self.presence.rows[row].connectionCount > 1
        let message = InboxMessage.marked(user, conversation, hasOthers: hasOthers)
        effects.emit(.peer(owner, .inbox(message)))
    }

    mutating func fire(
        _ deadline: HintDeadline,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch deadline {
        case .gathered: self.tellGathered(at: now, into: &effects)
        case .plans: self.readPlans(into: &effects)
        case .notice(let slot, let generation):
            guard self.inbox.notices.holds(slot, generation: generation) else { return }
            self.onNoticeDue(slot, at: now, into: &effects)
        case .heard(let slot, let generation):
            guard self.inbox.notices.holds(slot, generation: generation) else { return }
            self.onHeardDue(slot, at: now)
        case .owed(let slot, let generation):
            guard self.inbox.told.holds(slot, generation: generation) else { return }
            self.onOwedDue(slot, at: now, into: &effects)
        case .told(let slot, let generation):
            guard self.inbox.told.holds(slot, generation: generation) else { return }
            self.onToldDue(slot, at: now)
        }
    }
}
