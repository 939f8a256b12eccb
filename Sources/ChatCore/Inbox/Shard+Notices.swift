import BasicContainers
import Kernel

/// An owner of users: which of them are members of what has moved, and at which gateways they are.
extension Shard {
    /// The most members of one page of a conversation's audience.
    static var audiencePageLimit: UInt32 { 512 }
    /// How often the store is asked again for gateways that have not received their hints.
    private static var hintRepeats: UInt8 { 5 }

    /// How long it is known what was heard and told: until owners have ceased to repeat it.
    var hintMemory: Interval { self.configuration.headInterval * 4 }

    /// How long hints are gathered: more while this shard is behind, so that hints give way to markers.
    var hintWindow: Interval {
        let window = self.configuration.hintWindow
        guard let policy = self.configuration.overload, self.lag > policy.hints else {
            return window
        }
        return window * 4
    }

    private func hash(_ conversation: ConversationID, of user: UserID?) -> UInt32 {
        user.map { self.hash(conversation, $0) } ?? self.hash(conversation)
    }

    private func noticeSlot(_ conversation: ConversationID, of user: UserID?) -> UInt32? {
        self.inbox.noticeIndex.find(self.hash(conversation, of: user)) {
            self.inbox.notices[$0].conversation == conversation
                && self.inbox.notices[$0].user == user
        }
    }

    mutating func indexNotice(_ slot: UInt32) {
        let row = self.inbox.notices[slot]
        self.inbox.noticeIndex.insert(slot, self.hash(row.conversation, of: row.user))
    }

    mutating func onInbox(
        _ message: InboxMessage,
        from sender: ShardID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch message {
        case .moved(let conversation, let head):
            self.onMoved(conversation, head, at: now, into: &effects)
        case .marked(let user, let conversation, let hasOthers):
            self.onMarked(user, conversation, hasOthers: hasOthers, at: now, into: &effects)
        case .hint(let hint, let receipt):
            guard self.onHint(hint, at: now, into: &effects) else { return }
            let answer = InboxMessage.received(hint.standing.user, hint.conversation, receipt)
            effects.emit(.peer(sender, .inbox(answer)))
        case .received(let user, let conversation, let receipt):
            self.onReceived(conversation, by: user, receipt)
        }
    }

    private mutating func onMoved(
        _ conversation: ConversationID,
        _ head: Position,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        // Whoever comes later asks for what has changed.
        guard self.owner.people.count > 0 else { return }
        guard let slot = self.noticeSlot(conversation, of: nil) else {
            let notice = Notice(conversation: conversation, user: nil, head: head)
            self.enter(notice, at: now, into: &effects)
            return
        }
        let known = self.inbox.notices[slot].head
        let isNews =
            head.epoch == known.epoch
            ? head.offset > known.offset : head.epoch.follows(known.epoch)
        guard isNews || self.isWorthRepeating(slot, head, at: now) else { return }
        if self.inbox.notices[slot].isNews { self.counters.hintsCoalesced += 1 }
        self.inbox.notices[slot].head = head
        self.inbox.notices[slot].isNews = true
        self.arrange(slot, at: now, into: &effects)
    }

    /// Whether somebody may be here now of whom the last question to the store could not lead to a hint.
    private func isWorthRepeating(_ slot: UInt32, _ head: Position, at now: Instant) -> Bool {
        let row = self.inbox.notices[slot]
        return head == row.head && self.inbox.arrivedAt > row.askedAt
            && row.askedAt + self.hintWindow <= now
    }

    /// A gateway has a hint; one of an earlier question counts no more.
    private mutating func onReceived(
        _ conversation: ConversationID,
        by user: UserID,
        _ receipt: HintReceipt
    ) {
        guard let slot = self.noticeSlot(conversation, of: receipt.isOwn ? user : nil),
            self.inbox.notices[slot].attempt == receipt.attempt
        else { return }
        self.inbox.notices[slot].open ^= receipt.mark
    }

    private mutating func onMarked(
        _ user: UserID,
        _ conversation: ConversationID,
        hasOthers: Bool,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let person = self.personSlot(of: user),
            hasOthers || self.owner.people[person].presentCount > 1
        else { return }
        if let slot = self.noticeSlot(conversation, of: user) {
            self.inbox.notices[slot].isNews = true
            self.arrange(slot, at: now, into: &effects)
            return
        }
        let head = Position(epoch: Epoch(0), offset: .start)
        let notice = Notice(conversation: conversation, user: user, head: head)
        self.enter(notice, at: now, into: &effects)
    }

    private mutating func enter(
        _ notice: Notice,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.inbox.notices.count < self.configuration.noticeLimit else {
            self.counters.hintsShed += 1
            return
        }
        let slot = self.inbox.notices.insert(notice)
        self.indexNotice(slot)
        self.forgetNotice(slot, at: now + self.hintMemory)
        self.beginReading(slot, at: now, into: &effects)
    }

    /// Asks the store now, or when the window is over.
    private mutating func arrange(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard !self.inbox.notices[slot].isReading, !self.inbox.notices[slot].waits else { return }
        let due = self.inbox.notices[slot].askedAt + self.hintWindow
        guard due > now else {
            self.beginReading(slot, at: now, into: &effects)
            return
        }
        self.inbox.notices[slot].waits = true
        let generation = self.inbox.notices.generation(of: slot)
        self.deadlines.schedule(.hints(.notice(slot, generation: generation)), at: due)
    }

    mutating func onNoticeDue(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.inbox.notices[slot].waits = false
        let row = self.inbox.notices[slot]
        guard !row.isReading else { return }
        let isRepeated = row.open != 0 && row.repeats < Self.hintRepeats
        guard row.isNews || isRepeated else { return }
        if !row.isNews { self.inbox.notices[slot].repeats += 1 }
        self.beginReading(slot, at: now, into: &effects)
    }

    private mutating func forgetNotice(_ slot: UInt32, at instant: Instant) {
        let generation = self.inbox.notices.generation(of: slot)
        self.deadlines.schedule(.hints(.heard(slot, generation: generation)), at: instant)
    }

    /// Forgets what was heard when its owner has ceased to repeat it.
    mutating func onHeardDue(_ slot: UInt32, at now: Instant) {
        let row = self.inbox.notices[slot]
        guard !row.isReading, !row.waits, row.askedAt + self.hintMemory <= now else {
            self.forgetNotice(slot, at: max(row.askedAt + self.hintMemory, now + self.hintWindow))
            return
        }
        self.inbox.noticeIndex.remove(slot, self.hash(row.conversation, of: row.user))
        self.inbox.notices.remove(slot, leaving: .blank)
    }

    private mutating func beginReading(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if self.inbox.notices[slot].isNews { self.inbox.notices[slot].repeats = 0 }
        self.inbox.notices[slot].isReading = true
        self.inbox.notices[slot].isNews = false
        self.inbox.notices[slot].attempt &+= 1
        self.inbox.notices[slot].open = 0
        self.inbox.notices[slot].askedAt = now
        self.inbox.notices[slot].window = 0
        self.readAudience(of: slot, after: nil, at: now, into: &effects)
    }

    /// Asks for a page of the members whose partitions this shard owns, window by window.
    private mutating func readAudience(
        of slot: UInt32,
        after: UserID?,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.inbox.notices[slot]
        var partitions = self.ownedUsers(from: row.window)
        while partitions.isEmpty, row.user == nil {
            let (next, isBeyond) = partitions.first.addingReportingOverflow(PartitionWindow.span)
            guard !isBeyond, next < self.configuration.partitionCount else {
                self.endReading(slot, at: now, into: &effects)
                return
            }
            self.inbox.notices[slot].window = next
            partitions = self.ownedUsers(from: next)
        }
        let request = AudienceRequest(
            conversation: row.conversation,
            user: row.user,
            partitions: partitions,
            after: after,
            limit: Self.audiencePageLimit
        )
        let generation = self.inbox.notices.generation(of: slot)
        let purpose = PendingRequest.audience(notice: slot, generation: generation)
        self.ask(.audience(request), for: purpose, into: &effects)
    }

    /// Of a row of user partitions, those that this shard believes to own.
    private func ownedUsers(from first: UInt16) -> PartitionWindow {
        let count = self.configuration.partitionCount
        var window = PartitionWindow(from: first, of: count)
        for partition in first..<min(count, first + min(PartitionWindow.span, count - first))
        where self.placement[Int(count + partition)].owner == self.id {
            window.insert(partition)
        }
        return window
    }

    /// Whether an outcome is a part of an answer, which others follow.
    mutating func takesPart(
        _ token: RequestToken,
        _ outcome: StoreOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Bool {
        switch outcome {
        case .audience(let part) where !part.isLast:
            guard let row = self.slot(of: token),
                case .audience(let notice, _) = self.requests[row]
            else { preconditionFailure("the store answers each request once") }
            self.onAudience(part, of: notice, into: &effects)
            return true
        case .plans(.owed(let conversation)):
            self.onOwed(conversation, into: &effects)
            return true
        case .audience, .plans, .appended, .head, .found, .notFound, .page, .ruling, .marked,
            .listed, .account, .denied, .unavailable, .leased:
            return false
        }
    }

    /// A part of the store's answer that others follow.
    mutating func onAudience(
        _ part: AudiencePart,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch part {
        case .begins(let name, let head):
            precondition(self.inbox.notices[slot].name == .none, "an answer begins once")
            self.inbox.notices[slot].name = name
            self.inbox.notices[slot].answered = head
        case .member(let standing): self.pass(standing, of: slot, into: &effects)
        case .ends: preconditionFailure("the last part ends the request")
        }
    }

    /// Hints a member at each gateway where the member is.
    private mutating func pass(
        _ standing: MemberStanding,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.ownedTerm(of: standing.user) != nil,
            let person = self.personSlot(of: standing.user)
        else { return }
        let row = self.inbox.notices[slot]
        let hint = Hint(
            conversation: row.conversation,
            name: row.name,
            head: row.answered,
            standing: standing
        )
        var session = self.owner.people[person].firstSession
        while session != noSlot {
            let there = self.owner.sessions[session]
            if there.isPresent {
                let word = KeyedRandom.mix(standing.user.high ^ standing.user.low)
                let mark = KeyedRandom.mix(word &+ UInt64(there.gateway.rawValue) + 1)
                self.inbox.notices[slot].open ^= mark
                let receipt = HintReceipt(
                    isOwn: row.user != nil,
                    attempt: row.attempt,
                    mark: mark
                )
                let message = InboxMessage.hint(hint, receipt)
                effects.emit(.peer(there.gateway, .inbox(message)))
            }
            session = there.next
        }
    }

    mutating func onAudienceEnd(
        of slot: UInt32,
        _ outcome: StoreOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.release(self.inbox.notices[slot].name, into: &effects)
        self.inbox.notices[slot].name = .none
        switch outcome {
        case .audience(.ends(let next?)):
            self.readAudience(of: slot, after: next, at: now, into: &effects)
        case .audience(.ends(nil)):
            let (next, isBeyond) = self.inbox.notices[slot].window
                .addingReportingOverflow(PartitionWindow.span)
            guard !isBeyond, next < self.configuration.partitionCount,
                self.inbox.notices[slot].user == nil
            else {
                self.endReading(slot, at: now, into: &effects)
                return
            }
            self.inbox.notices[slot].window = next
            self.readAudience(of: slot, after: nil, at: now, into: &effects)
        case .unavailable:
            self.inbox.notices[slot].isNews = true
            self.endReading(slot, at: now, into: &effects)
        case .audience, .appended, .head, .found, .notFound, .page, .ruling, .marked, .listed,
            .account, .denied, .leased, .plans:
            preconditionFailure("a question about members ends with its last part")
        }
    }

    /// When the window is over, what was heard meanwhile is told, and what gateways have not received.
    private mutating func endReading(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.inbox.notices[slot].isReading = false
        guard !self.inbox.notices[slot].waits else { return }
        self.inbox.notices[slot].waits = true
        let due = max(now, self.inbox.notices[slot].askedAt + self.hintWindow)
        let generation = self.inbox.notices.generation(of: slot)
        self.deadlines.schedule(.hints(.notice(slot, generation: generation)), at: due)
    }
}

extension OverloadPolicy {
    /// Hints are gathered for longer above this wait: later than presence, before markers are refused.
    var hints: Interval { (self.leastTold + self.history) / 2 }
}
