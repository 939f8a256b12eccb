import BasicContainers
import Kernel

/// What an owner does about the end of a log: load it, read it back after trouble, announce it.
extension Shard {
    /// Once no append is in flight, asks the store what became of each parked message, and then where
    /// the log ends; the store answers a conversation's questions in order.
    mutating func readBackIfSettled(
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.conversations[slot].sequencer.beginReadBack() else { return }
        self.counters.recoveriesOfSequence += 1
        self.readBack(slot, into: &effects)
    }

    private mutating func readBack(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        let conversation = self.conversations[slot].id
        self.conversations[slot].readFailed = false
        var message = self.conversations[slot].firstMessage
        while message != noSlot {
            let request = self.messages[message].request
            // What was answered before another answer stayed out is not asked again: with many parked
            // messages and a store that now and then cannot be read, all at once would never succeed.
            if let id = request.message, case .parked = self.messages[message].fate {
                self.conversations[slot].openReads += 1
                self.ask(
                    .lookUp(conversation, request.user, id),
                    for: .lookUp(message: message),
                    into: &effects
                )
            }
            message = self.messages[message].next
        }
        self.conversations[slot].openReads += 1
        self.ask(.head(conversation), for: .readBack(conversation: slot), into: &effects)
    }

    mutating func onLookedUp(_ message: UInt32, _ outcome: StoreOutcome) {
        guard let slot = self.conversationSlot(of: self.messages[message].request.conversation)
        else {
            preconditionFailure("a conversation is kept while its log is being read")
        }
        self.conversations[slot].openReads -= 1
        switch outcome {
        case .found(let offset, let unixMilliseconds):
            self.messages[message].fate = .found(
                offset,
                unixMilliseconds: unixMilliseconds,
                isDuplicate: self.isFoundElsewhere(message, at: offset)
            )
        case .notFound:
            // One that was called durable keeps saying so, for the log's end to be doubted.
            if case .parked(_, .done) = self.messages[message].fate { return }
            self.messages[message].fate = .absent
        case .unavailable:
            self.conversations[slot].readFailed = true
        case .appended, .head, .page, .ruling, .marked, .listed, .account, .denied, .leased,
            .audience, .plans:
            preconditionFailure("a look-up ends as a look-up")
        }
    }

    /// Whether what stands in the log at `offset` cannot be the parked message's own append.
    private func isFoundElsewhere(_ message: UInt32, at offset: Offset) -> Bool {
        switch self.messages[message].fate {
        case .parked(let numbered, let outcome):
            switch outcome {
            case .done, .unknown: return numbered != offset
            case .duplicate, .refused, .fenced, .failed: return true
            }
        case .found(_, _, let isDuplicate): return isDuplicate
        case .waiting, .appending, .absent, .refused: return true
        }
    }

    /// Where the log ends is known, or could not be read.
    mutating func onEnd(
        of slot: UInt32,
        _ outcome: StoreOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.conversations[slot].openReads -= 1
        guard self.conversations[slot].openReads == 0 else {
            preconditionFailure("the log's end is the last thing that is asked")
        }
        guard case .head(let end, let members) = outcome, !self.conversations[slot].readFailed
        else {
            let generation = self.conversations.generation(of: slot)
            self.deadlines.schedule(
                .storeRetry(conversation: slot, generation: generation),
                at: now + self.configuration.storeRetry
            )
            return
        }
        guard !self.hasLost(slot, end) || !self.isOwner(of: slot) else {
            self.askForEpoch(of: slot, into: &effects)
            return
        }
        let wasLoading = self.conversations[slot].sequencer.phase == .loading
        guard wasLoading || !self.hasMisled(slot, end) else {
            self.askAnew(slot, since: end, into: &effects)
            return
        }
        let formerEpoch = self.conversations[slot].sequencer.epoch
        let hasGrown = self.conversations[slot].sequencer.open(at: end)
        self.conversations[slot].memberCount = UInt32(clamping: members)
        if !wasLoading {
            self.settleParked(slot, upTo: end.offset, into: &effects)
            if formerEpoch != end.epoch { self.conversations[slot].planner.unconfirm() }
            if hasGrown { self.announceNow(slot, into: &effects) }
        }
        self.confirmInterests(slot, into: &effects)
        self.payHints(of: slot, into: &effects)
        var message = self.conversations[slot].firstMessage
        while message != noSlot {
            let next = self.messages[message].next
            self.append(message, of: slot, into: &effects)
            message = next
        }
    }

    /// Whether the log, read back in the same epoch, lacks what was known to be durable: its end, or a
    /// parked message that a gateway may have shown from a page, although it was never fanned out.
    private func hasLost(_ slot: UInt32, _ end: StreamHead) -> Bool {
        if self.conversations[slot].sequencer.isCutShort(by: end) { return true }
        guard end.epoch == self.conversations[slot].sequencer.epoch else { return false }
        var message = self.conversations[slot].firstMessage
        while message != noSlot {
            if case .parked(let offset, .done) = self.messages[message].fate,
                self.messages[message].request.message != nil || offset > end.offset
            {
                return true
            }
            message = self.messages[message].next
        }
        return false
    }

    /// Whether this shard holds the lease, in whichever term; another owner's epochs are its own affair.
    private func isOwner(of slot: UInt32) -> Bool {
        self.lease(of: slot).owner == self.id
    }

    private func lease(of slot: UInt32) -> (term: Term, owner: ShardID?) {
        let partition = self.partition(of: self.conversations[slot].id)
        return self.placement[Int(partition.rawValue)]
    }

    /// Whether the store has lost commits since it was asked what became of the parked messages: what it
    /// said of them may not be so any more.
    private func hasMisled(_ slot: UInt32, _ end: StreamHead) -> Bool {
        let isAnother = end.epoch != self.conversations[slot].sequencer.epoch
        var message = self.conversations[slot].firstMessage
        while message != noSlot {
            if isAnother { return true }
            if case .found(let offset, _, _) = self.messages[message].fate, offset > end.offset {
                return true
            }
            message = self.messages[message].next
        }
        return false
    }

    /// Believes nothing that was said of the parked messages before, and asks again.
    private mutating func askAnew(
        _ slot: UInt32,
        since end: StreamHead,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if self.conversations[slot].sequencer.epoch != end.epoch {
            self.conversations[slot].planner.unconfirm()
        }
        self.conversations[slot].sequencer.epoch = end.epoch
        self.conversations[slot].sequencer.head = end.offset
        var message = self.conversations[slot].firstMessage
        while message != noSlot {
            switch self.messages[message].fate {
            case .found(let offset, _, let isDuplicate):
                self.messages[message].fate = .parked(offset, isDuplicate ? .failed : .unknown)
            case .parked(let offset, .done):
                self.messages[message].fate = .parked(offset, .unknown)
            case .absent:
                self.messages[message].fate = .parked(.start, .failed)
            case .waiting, .appending, .parked, .refused: break
            }
            message = self.messages[message].next
        }
        self.readBack(slot, into: &effects)
    }

    mutating func retryReading(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        switch self.conversations[slot].sequencer.phase {
        case .loading:
            self.conversations[slot].openReads += 1
            let conversation = self.conversations[slot].id
            self.ask(.head(conversation), for: .load(conversation: slot), into: &effects)
        case .readingBack:
            self.readBack(slot, into: &effects)
        case .open, .settling:
            preconditionFailure("only what could not be read is read again")
        }
    }

    /// Answers everything that was parked by what the log says.
    private mutating func settleParked(
        _ slot: UInt32,
        upTo head: Offset,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        while self.conversations[slot].firstMessage != noSlot {
            let message = self.conversations[slot].firstMessage
            if case .parked(let offset, .done) = self.messages[message].fate, offset <= head,
                self.messages[message].request.message == nil
            {
                let unixMilliseconds = self.messages[message].unixMilliseconds
                self.messages[message].fate = .found(
                    offset,
                    unixMilliseconds: unixMilliseconds,
                    isDuplicate: false
                )
            }
            self.answer(message, of: slot, into: &effects)
            self.removeMessage(message, from: slot, into: &effects)
        }
    }

    mutating func onInterest(
        _ interest: Interest,
        from gateway: ShardID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let slot = self.owned(interest.conversation, namespace: 0, into: &effects) else {
            return
        }
        self.conversations[slot].planner.register(
            gateway,
            incarnation: interest.incarnation,
            until: now + self.configuration.interestLease
        )
        guard self.conversations[slot].sequencer.phase == .open else { return }
        if let delivered = interest.delivered, self.hasLost(delivered, of: slot) {
            self.renewEpoch(of: slot, into: &effects)
            return
        }
        self.confirmInterests(slot, into: &effects)
    }

    /// Whether a gateway has delivered beyond the head, which only a store that lost commits explains.
    private func hasLost(_ delivered: Position, of slot: UInt32) -> Bool {
        delivered.epoch == self.conversations[slot].sequencer.epoch
            && delivered.offset > self.conversations[slot].sequencer.head
    }

    private mutating func renewEpoch(
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.conversations[slot].sequencer.doubt() else { return }
        self.askForEpoch(of: slot, into: &effects)
    }

    /// The store has lost what was acknowledged: another epoch tells everybody.
    private mutating func askForEpoch(
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.counters.epochsRenewed += 1
        let conversation = self.conversations[slot].id
        // A row of a former term, kept until its messages are answered, may lose its lease and gain it anew.
        let term = self.lease(of: slot).term
        self.conversations[slot].openReads += 1
        self.ask(
            .renewEpoch(conversation, self.partition(of: conversation), term),
            for: .readBack(conversation: slot),
            into: &effects
        )
    }

    private mutating func confirmInterests(
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let conversation = self.conversations[slot].id
        let term = self.conversations[slot].term
        let head = self.head(of: slot)
        self.conversations[slot].planner.confirm { shard, incarnation in
            let answer = PeerMessage.interested(conversation, term, head, incarnation: incarnation)
            effects.emit(.peer(shard, answer))
        }
    }

    private func head(of slot: UInt32) -> StreamHead {
        StreamHead(
            epoch: self.conversations[slot].sequencer.epoch,
            offset: self.conversations[slot].sequencer.head,
            count: self.conversations[slot].sequencer.count
        )
    }

    mutating func announceNow(
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let message = PeerMessage.head(
            self.conversations[slot].id,
            self.conversations[slot].term,
            self.head(of: slot)
        )
        for index in 0..<self.conversations[slot].planner.list.count {
            let shard = self.conversations[slot].planner.list[index].shard
            effects.emit(.peer(shard, message))
        }
        self.hintAgain(slot, into: &effects)
        self.announceLater(slot)
    }

    /// Puts a moved head on the list of the next rounds; more than one, because the bus loses messages.
    mutating func announceLater(_ slot: UInt32) {
        if self.conversations[slot].roundsToAnnounce == 0 { self.listAsMoved(slot) }
        self.conversations[slot].roundsToAnnounce = 3
    }

    private mutating func listAsMoved(_ slot: UInt32) {
        let generation = self.conversations.generation(of: slot)
        self.moved.append(MovedHead(slot: slot, generation: generation))
    }

    /// One round; what does not fit into a step is taken up in the next, at the same instant.
    mutating func announceHeads(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        if self.announcing.isEmpty {
            swap(&self.announcing, &self.moved)
            self.announcing.reverse()
        }
        while let next = self.announcing.last {
            guard effects.freeCapacity > Self.effectReserve / 4 else {
                self.deadlines.schedule(.heads, at: now)
                return
            }
            self.announcing.removeLast()
            guard self.conversations.holds(next.slot, generation: next.generation) else { continue }
            self.announceRound(of: next.slot, at: now, into: &effects)
        }
        self.sweepInterest(at: now)
        self.notePlans(into: &effects)
        self.deadlines.schedule(.heads, at: now + self.configuration.headInterval)
    }

    private mutating func announceRound(
        of slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.conversations[slot].planner.expire(at: now)
        if self.conversations[slot].sequencer.phase == .open {
            let rounds = self.conversations[slot].roundsToAnnounce
            self.announceNow(slot, into: &effects)
            self.conversations[slot].roundsToAnnounce = rounds - 1
        }
        if self.conversations[slot].roundsToAnnounce > 0 {
            self.listAsMoved(slot)
        } else {
            self.forgetIfIdle(slot)
        }
    }

    /// Looks at a part of all conversations, so that each is looked at once in the time of a lease:
    /// the interest of a gateway that died ends also where nothing moves.
    private mutating func sweepInterest(at now: Instant) {
        let count = UInt64(self.conversations.slotCount)
        guard count > 0 else { return }
        let rounds =
            self.configuration.interestLease.nanoseconds
            / self.configuration.headInterval.nanoseconds
        for _ in 0..<(count / max(1, rounds) + 1) {
            if self.sweepStart >= self.conversations.slotCount { self.sweepStart = 0 }
            let slot = self.sweepStart
            self.sweepStart += 1
            guard self.conversations.isOccupied(slot) else { continue }
            self.conversations[slot].planner.expire(at: now)
            self.forgetIfIdle(slot)
        }
    }

    /// Lets go of a conversation that nobody watches and nothing waits for; the store has it.
    mutating func forgetIfIdle(_ slot: UInt32) {
        guard self.conversations[slot].planner.list.isEmpty,
            self.conversations[slot].roundsToAnnounce == 0, self.isAtRest(slot)
        else { return }
        self.forget(slot)
    }

    /// Another shard owns the partition now, or this one in a later term: what can go, goes.
    ///
    /// O(conversations of the partition).
    mutating func relinquish(_ partition: PartitionID, before term: Term) {
        var next = self.partitionConversations[Int(partition.rawValue)]
        while next != noSlot {
            let slot = next
            next = self.conversations[slot].nextInPartition
            guard self.conversations[slot].term < term, self.isAtRest(slot) else { continue }
            self.forget(slot)
        }
    }
}
