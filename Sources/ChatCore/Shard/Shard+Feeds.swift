import BasicContainers
import Kernel

/// Feeds: a gateway shard's interest in conversations, and the way of a delivery to subscribers.
extension Shard {
    /// The feed of a conversation, made and registered if there is none; takes the name over.
    mutating func feed(
        for reference: ConversationReference,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> UInt32 {
        if let slot = self.feedSlot(of: reference.id) {
            self.release(reference.name, into: &effects)
            return slot
        }
        self.feedIncarnations += 1
        let slot = self.feeds.insert(
            Feed(
                id: reference.id,
                namespace: reference.namespace,
                name: reference.name,
                // A restarted gateway must not be outbid by what its predecessor registered.
                incarnation: self.incarnation << 32 | self.feedIncarnations
            )
        )
        self.indexFeed(slot)
        self.listFeed(slot)
        self.feeds[slot].position.reregister(in: self.placement(of: slot).term)
        self.beginRenewing(at: now)
        self.register(slot, at: now, into: &effects)
        return slot
    }

    func placement(of feed: UInt32) -> (term: Term, owner: ShardID?) {
        self.placement[Int(self.partition(of: self.feeds[feed].id).rawValue)]
    }

    mutating func removeFeedIfUnused(
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.feeds[slot].targets.isEmpty, self.feeds[slot].firstJoining == noSlot else {
            return
        }
        let feed = self.feeds[slot]
        if let owner = self.placement(of: slot).owner {
            effects.emit(.peer(owner, .withdraw(feed.id, incarnation: feed.incarnation)))
        }
        self.dropHeld(of: slot, into: &effects)
        self.release(feed.name, into: &effects)
        self.forgetFeed(slot)
        self.unlistFeed(slot)
        self.feeds.remove(slot, leaving: .blank)
    }

    /// Tells the owner, if there is one, that its deliveries are wanted here.
    private mutating func sendInterest(
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let owner = self.placement(of: slot).owner else { return }
        let interest = Interest(
            conversation: self.feeds[slot].id,
            incarnation: self.feeds[slot].incarnation,
            delivered: self.feeds[slot].position.delivered
        )
        effects.emit(.peer(owner, .interest(interest)))
    }

    private mutating func beginRenewing(at now: Instant) {
        guard !self.isRenewing else { return }
        self.isRenewing = true
        self.deadlines.schedule(.renewals, at: now + Self.renewalPause)
    }

    /// Short enough that a shard's renewals are spread evenly over the time that each may take.
    private static var renewalPause: Interval { .milliseconds(100) }

    /// Renews the interest of so many feeds that each has its turn once in the time of a renewal: the
    /// feeds have no timers of their own.
    mutating func renewSome(at now: Instant, into effects: inout EffectBuffer<ShardEffect>) {
        guard self.feeds.count > 0 else {
            self.isRenewing = false
            self.renewalsDue = 0
            return
        }
        let pauses = max(
            1,
            self.configuration.interestRenewal.nanoseconds / Self.renewalPause.nanoseconds
        )
        while self.renewalsDue >= pauses {
            guard effects.freeCapacity > Self.effectReserve / 4 else {
                self.deadlines.schedule(.renewals, at: now)
                return
            }
            self.renewalsDue -= pauses
            if self.renewalStart >= self.feeds.slotCount { self.renewalStart = 0 }
            if self.feeds.isOccupied(self.renewalStart) {
                self.renew(self.renewalStart, into: &effects)
            }
            self.renewalStart += 1
        }
        self.renewalsDue += UInt64(self.feeds.slotCount)
        self.deadlines.schedule(.renewals, at: now + Self.renewalPause)
    }

    /// Renews the interest of one feed, or lets go of it if the last of its subscribers was sent away.
    private mutating func renew(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        guard !self.feeds[slot].targets.isEmpty || self.feeds[slot].firstJoining != noSlot else {
            self.removeFeedIfUnused(slot, into: &effects)
            return
        }
        self.sendInterest(slot, into: &effects)
    }

    /// Registers with the owner, again and again until it answers.
    private mutating func register(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.sendInterest(slot, into: &effects)
        self.scheduleRegistration(of: slot, at: now + self.configuration.interestRetry)
    }

    private mutating func scheduleRegistration(of slot: UInt32, at instant: Instant) {
        guard !self.feeds[slot].isRegistering else { return }
        self.feeds[slot].isRegistering = true
        let generation = self.feeds.generation(of: slot)
        self.deadlines.schedule(.registration(feed: slot, generation: generation), at: instant)
    }

    mutating func registerAgain(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.feeds[slot].isRegistering = false
        switch self.feeds[slot].position.phase {
        case .registering: self.register(slot, at: now, into: &effects)
        case .live, .closingHole, .ending: break
        }
    }

    /// A partition has a new owner or term: what was registered with the old one is void.
    mutating func onLease(
        _ partition: PartitionID,
        _ term: Term,
        _ owner: ShardID?,
        at now: Instant
    ) {
        let known = self.placement[Int(partition.rawValue)]
        guard term > known.term || (term == known.term && owner != known.owner) else { return }
        self.placement[Int(partition.rawValue)] = (term, owner)
        self.reannounce(at: now)
        guard partition.rawValue < self.configuration.partitionCount else {
            self.findUserShards()
            self.onUserLease(partition, term, at: now)
            return
        }
        if owner == self.id { self.takeOverPlans(at: now) }
        self.dropGatherings(at: now)
        self.relinquish(partition, before: owner == self.id ? term : term.next)
        var slot = self.partitionFeeds[Int(partition.rawValue)]
        while slot != noSlot {
            self.feeds[slot].position.reregister(in: term)
            self.scheduleRegistration(of: slot, at: now)
            slot = self.feeds[slot].nextInPartition
        }
    }

    /// Without a sender, relays have passed it on for the owner.
    mutating func onDelivery(
        _ delivery: Delivery,
        from sender: ShardID?,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let slot = self.feedSlot(of: delivery.conversation) else {
            self.release(delivery.body.handle, into: &effects)
            // Nobody here wants it any more: the withdrawal was lost.
            let incarnation = self.incarnation << 32 | self.feedIncarnations
            let partition = self.partition(of: delivery.conversation)
            guard let owner = sender ?? self.placement[Int(partition.rawValue)].owner else {
                return
            }
            effects.emit(.peer(owner, .withdraw(delivery.conversation, incarnation: incarnation)))
            return
        }
        guard self.namespace(self.feeds[slot].namespace).hasLog else {
            self.deliver(delivery, of: slot, into: &effects)
            self.release(delivery.body.handle, into: &effects)
            return
        }
        let verdict = self.feeds[slot].position.judge(
            term: delivery.term,
            epoch: delivery.epoch,
            offset: delivery.offset
        )
        switch verdict {
        case .deliver:
            self.deliver(delivery, of: slot, into: &effects)
            if self.feeds[slot].recovering > 0 {
                self.hold(delivery, for: slot, into: &effects)
            } else {
                self.release(delivery.body.handle, into: &effects)
            }
            self.deliverContiguous(of: slot, into: &effects)
        case .drop:
            self.counters.deliveriesStale += 1
            self.release(delivery.body.handle, into: &effects)
        case .hold:
            self.hold(delivery, for: slot, into: &effects)
            self.closeHole(of: slot, into: &effects)
        case .lost:
            self.release(delivery.body.handle, into: &effects)
            self.restart(slot, at: now, into: &effects)
        }
    }

    private mutating func deliver(
        _ delivery: Delivery,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.feeds[slot].briskCount > 0 else {
            self.noteDeparture(delivery, of: slot, into: &effects)
            return
        }
        let targets = self.appendTargets(of: slot, into: &effects)
        self.counters.deliveries += UInt64(targets.count)
        effects.emit(.deliver(delivery, name: self.feeds[slot].name, targets: targets))
        self.noteDeparture(delivery, of: slot, into: &effects)
    }

    /// Those who get publications as they come.
    mutating func appendTargets(
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> TargetRange {
        let start = effects.targetCount
        let count = self.feeds[slot].briskCount
        for index in 0..<count { effects.appendTarget(self.feeds[slot].targets[index].connection) }
        return TargetRange(start: start, count: UInt32(count))
    }

    /// Hears from the owner where the stream ends.
    ///
    /// An incarnation says which interest is registered; that of a former feed is none of this one's, since
    /// its withdrawal may be on its way.
    mutating func onHead(
        _ conversation: ConversationID,
        _ term: Term,
        _ head: StreamHead,
        confirming incarnation: UInt64?,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let slot = self.feedSlot(of: conversation) else { return }
        let confirms = incarnation == self.feeds[slot].incarnation
        switch self.feeds[slot].position.learn(head, in: term, confirms: confirms) {
        case .stale: break
        case .level:
            // An owner that was still reading the log when it took the interest has not seen what was delivered
            // here: if its log ends before, the store has lost it.
            if confirms, let delivered = self.feeds[slot].position.delivered,
                delivered.offset > head.offset
            {
                self.sendInterest(slot, into: &effects)
            }
        case .began:
            // What has happened to members before is not delivered here.
            self.feeds[slot].departed = head.offset
            self.joinWaiting(of: slot, at: now, into: &effects)
            self.deliverContiguous(of: slot, into: &effects)
        case .behind:
            self.closeHole(of: slot, into: &effects)
        case .lost:
            self.restart(slot, at: now, into: &effects)
        }
    }

    /// The stream is another one: the live are told to start again, and when all have been, the feed
    /// registers as a new one does.
    private mutating func restart(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.dropHeld(of: slot, into: &effects)
        self.feeds[slot].position.forget()
        self.endSome(of: slot, at: now, into: &effects)
    }

    /// Ends the subscriptions of the live, as many as one step may.
    mutating func endSome(
        of slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        while !self.feeds[slot].targets.isEmpty {
            guard effects.freeCapacity > Self.effectReserve / 4 else {
                let generation = self.feeds.generation(of: slot)
                self.deadlines.schedule(.ending(feed: slot, generation: generation), at: now)
                return
            }
            self.endLast(of: slot, into: &effects)
        }
        guard self.feeds[slot].firstJoining != noSlot else {
            self.removeFeedIfUnused(slot, into: &effects)
            return
        }
        self.feeds[slot].position.beginAgain()
        self.register(slot, at: now, into: &effects)
    }

    /// Reads what is missing between the position and what is known to exist.
    mutating func closeHole(of slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        guard self.feeds[slot].position.beginClosing(),
            let position = self.feeds[slot].position.delivered
        else { return }
        self.counters.holes += 1
        let read = ReadRequest(
            conversation: self.feeds[slot].id,
            from: position.offset,
            limit: self.configuration.recoveryLimit,
            isReversed: false
        )
        let generation = self.feeds.generation(of: slot)
        self.ask(
            .read(read),
            for: .holePage(feed: slot, generation: generation),
            into: &effects
        )
    }

    mutating func onHolePage(
        _ slot: UInt32,
        _ page: Page?,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let page, let position = self.feeds[slot].position.delivered else {
            self.retryHole(of: slot, at: now)
            return
        }
        guard !self.feeds[slot].position.isPast(page.head.epoch) else {
            self.retryHole(of: slot, at: now)
            return
        }
        guard page.head.epoch == position.epoch else {
            self.restart(slot, at: now, into: &effects)
            return
        }
        guard page.count > 0, page.last > position.offset else {
            // Known to exist, and not in the log: the owner must hear how far this feed has come.
            if page.head.offset < position.offset { self.sendInterest(slot, into: &effects) }
            self.retryHole(of: slot, at: now)
            return
        }
        guard page.first <= position.offset.next else {
            self.restart(slot, at: now, into: &effects)
            return
        }
        guard !page.hasDepartures else {
            // Whom it concerns is not known here: everybody is checked on the way back.
            self.restart(slot, at: now, into: &effects)
            return
        }
        // Only what the owner has spoken of: it will miss that, should the store lose it, and nothing else.
        let last = min(page.last, self.feeds[slot].position.known)
        if last > position.offset {
            self.deliver(page, after: position.offset, through: last, of: slot, into: &effects)
        }
        self.feeds[slot].position.closed(through: last)
        // Its word for the rest may be under way, or lost.
        if page.head.offset > last { self.sendInterest(slot, into: &effects) }
        self.deliverContiguous(of: slot, into: &effects)
        self.closeHole(of: slot, into: &effects)
    }

    /// Reads again after a pause: at once would be a loop that only the store slows.
    private mutating func retryHole(of slot: UInt32, at now: Instant) {
        self.feeds[slot].position.closed(through: nil)
        let generation = self.feeds.generation(of: slot)
        self.deadlines.schedule(
            .hole(feed: slot, generation: generation),
            at: now + self.configuration.storeRetry
        )
    }

    private mutating func deliver(
        _ page: Page,
        after offset: Offset,
        through last: Offset,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.feeds[slot].briskCount > 0 else { return }
        let stretch = PageDelivery(
            page: page.handle,
            name: self.feeds[slot].name,
            conversation: self.feeds[slot].id,
            after: offset,
            through: last
        )
        let targets = self.appendTargets(of: slot, into: &effects)
        self.counters.deliveries += UInt64(targets.count) * (last - offset)
        effects.emit(.deliverPage(stretch, targets: targets))
    }
}
