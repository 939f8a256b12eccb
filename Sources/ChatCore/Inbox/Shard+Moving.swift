import BasicContainers
import Kernel

/// A conversation's owner: which user shards hear that it has moved, and what a former owner left undone.
extension Shard {
    /// The most conversations of one page of what may not have been planned.
    static var planPageLimit: UInt32 { 256 }

    /// Sees to it that members hear of an entry who do not look.
    mutating func hint(
        _ hinting: Plan.Hinting,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.configuration.hintsMembers, self.conversations[slot].memberCount > 0 else {
            return
        }
        switch hinting {
        case .direct: self.tellMoved(slot, into: &effects)
        case .grouped: self.gather(slot)
        case .broadcast: break
        }
    }

    /// The same once more, whatever the plan was: the bus may have lost it.
    mutating func hintAgain(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        guard self.configuration.hintsMembers, self.conversations[slot].memberCount > 0 else {
            return
        }
        let members = self.conversations[slot].memberCount
        switch self.configuration.fanOut.plan(members: members, gateways: 0).hinting {
        case .direct, .grouped: self.tellMoved(slot, into: &effects)
        case .broadcast: break
        }
    }

    private mutating func tellMoved(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        let head = Position(
            epoch: self.conversations[slot].sequencer.epoch,
            offset: self.conversations[slot].sequencer.head
        )
        let message = InboxMessage.moved(self.conversations[slot].id, head)
        for shard in self.inbox.userShards { effects.emit(.peer(shard, .inbox(message))) }
    }

    private mutating func gather(_ slot: UInt32) {
        guard !self.conversations[slot].isGathered else { return }
        self.conversations[slot].isGathered = true
        if self.inbox.gathered.isEmpty {
            self.deadlines.schedule(.hints(.gathered), at: self.now + self.hintWindow)
        }
        let generation = self.conversations.generation(of: slot)
        self.inbox.gathered.append(MovedHead(slot: slot, generation: generation))
    }

    /// As many of those that have gathered as one step may tell.
    mutating func tellGathered(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        while let next = self.inbox.gathered.last {
            guard effects.freeCapacity > Self.effectReserve / 4 else {
                self.deadlines.schedule(.hints(.gathered), at: now)
                return
            }
            self.inbox.gathered.removeLast()
            guard self.conversations.holds(next.slot, generation: next.generation) else { continue }
            self.conversations[next.slot].isGathered = false
            guard self.conversations[next.slot].sequencer.phase == .open else { continue }
            self.tellMoved(next.slot, into: &effects)
        }
    }

    // MARK: Leases

    /// A partition of users has another owner.
    mutating func findUserShards() {
        guard self.configuration.hintsMembers else { return }
        var shards: [ShardID] = []
        for lease in self.placement[Int(self.configuration.partitionCount)...] {
            if let owner = lease.owner, !shards.contains(owner) { shards.append(owner) }
        }
        shards.sort()
        self.inbox.userShards = shards
    }

    /// A partition of conversations is this shard's from now on.
    mutating func takeOverPlans(at now: Instant) {
        guard self.configuration.hintsMembers else { return }
        self.inbox.heard = 0
        self.inbox.planned = 0
        self.inbox.owesPlans = true
        self.readPlansLater(at: now)
    }

    private mutating func readPlansLater(at instant: Instant) {
        guard !self.inbox.isPlanTimed, !self.inbox.isReadingPlans else { return }
        self.inbox.isPlanTimed = true
        self.deadlines.schedule(.hints(.plans), at: instant)
    }

    mutating func readPlans(into effects: inout EffectBuffer<ShardEffect>) {
        self.inbox.isPlanTimed = false
        self.inbox.owesPlans = false
        self.readPlans(after: 0, into: &effects)
    }

    private mutating func readPlans(
        after commit: UInt64,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.inbox.isReadingPlans = true
        let request = PlanRequest.read(after: commit, limit: Self.planPageLimit)
        self.ask(.plans(request), for: .plans, into: &effects)
    }

    /// What a former owner may not have planned is planned again: members hear where it ends.
    mutating func onOwed(_ id: ConversationID, into effects: inout EffectBuffer<ShardEffect>) {
        guard let slot = self.owned(id, namespace: 0, into: &effects) else { return }
        self.conversations[slot].owesHints = true
        self.payHints(of: slot, into: &effects)
    }

    /// Tells what is owed as soon as the log's end is known.
    mutating func payHints(of slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        guard self.conversations[slot].owesHints,
            self.conversations[slot].sequencer.phase == .open
        else { return }
        self.conversations[slot].owesHints = false
        self.announceNow(slot, into: &effects)
    }

    mutating func onPlans(
        _ outcome: StoreOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch outcome {
        case .plans(.commits(let commits)):
            self.inbox.isNoting = false
            self.take(commits)
        case .plans(.ends(let next)):
            self.inbox.isReadingPlans = false
            if self.inbox.owesPlans {
                self.readPlansLater(at: now)
            } else if let next {
                self.readPlans(after: next, into: &effects)
            }
        case .unavailable:
            guard self.inbox.isReadingPlans else {
                self.inbox.isNoting = false
                return
            }
            self.inbox.isReadingPlans = false
            self.inbox.owesPlans = true
            self.readPlansLater(at: now + self.configuration.storeRetry)
        case .plans(.owed), .appended, .head, .found, .notFound, .page, .ruling, .marked, .listed,
            .account, .denied, .leased, .audience:
            preconditionFailure("a question about plans ends with its last part")
        }
    }

    // MARK: Cursor

    /// All outcomes of so many commits have come: what they brought is planned, unless it is in doubt.
    private mutating func take(_ commits: UInt64) {
        guard !self.inbox.owesPlans, !self.inbox.isReadingPlans else { return }
        for slot in 0..<self.messages.slotCount where self.messages.isOccupied(slot) {
            if case .parked = self.messages[slot].fate { return }
        }
        self.inbox.planned = self.inbox.heard
        self.inbox.heard = commits
    }

    /// Tells the store how far this shard has planned.
    ///
    /// What it knew a cycle ago, so that members have been told twice of all of it; not while what former
    /// owners may have left is being read.
    mutating func notePlans(into effects: inout EffectBuffer<ShardEffect>) {
        guard self.configuration.hintsMembers, !self.inbox.isNoting, !self.inbox.owesPlans,
            !self.inbox.isReadingPlans
        else { return }
        self.inbox.isNoting = true
        var fence = LeaseFence()
        for partition in 0..<Int(self.configuration.partitionCount) {
            let lease = self.placement[partition]
            guard lease.owner == self.id else { continue }
            fence.add(partition, lease.term)
        }
        let request = PlanRequest.note(through: self.inbox.planned, fence: fence.value)
        self.ask(.plans(request), for: .plans, into: &effects)
    }
}
