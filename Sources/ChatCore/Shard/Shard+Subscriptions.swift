import BasicContainers
import Kernel

/// Subscriptions: how a connection joins a feed, catches up with it, and leaves.
extension Shard {
    mutating func subscribe(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reference: ConversationReference,
        since: RecoveryRequest?,
        as attendee: Attendee,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let code = self.refusal(of: handle, reference) {
            self.release(reference.name, into: &effects)
            self.release(attendee.info, into: &effects)
            self.fail(handle, id, code, into: &effects)
            return
        }
        let feed = self.feed(for: reference, at: now, into: &effects)
        let slot = self.subscriptions.insert(
            Subscription(
                connection: handle,
                feed: feed,
                nextInConnection: self.connections[Int(handle.slot)].firstSubscription,
                nextInFeed: noSlot,
                previousInFeed: noSlot,
                phase: .waiting(id, since),
                info: attendee.info,
                hearsAttendance: attendee.wantsJoinLeave
            )
        )
        self.connections[Int(handle.slot)].firstSubscription = slot
        self.connections[Int(handle.slot)].subscriptionCount += 1
        self.appendJoining(slot, to: feed)
        let generation = self.subscriptions.generation(of: slot)
        self.join(slot, into: &effects)
        guard self.subscriptions.holds(slot, generation: generation) else { return }
        switch self.subscriptions[slot].phase {
        case .waiting, .recovering:
            self.deadlines.schedule(
                .subscription(subscription: slot, generation: generation),
                at: now + self.configuration.requestTimeout
            )
        case .live, .vacant:
            break
        }
    }

    /// The owner has not said where the stream begins, or the store not read what was missed, in time.
    mutating func expireSubscription(
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch self.subscriptions[slot].phase {
        case .waiting(let id, _), .recovering(let id, _):
            self.abandon(slot, id, .internal, into: &effects)
        case .live, .vacant:
            break
        }
    }

    private func refusal(
        of handle: ConnectionHandle,
        _ reference: ConversationReference
    ) -> ErrorCode? {
        guard self.namespace(reference.namespace).allowsSubscribe else { return .permissionDenied }
        let connection = self.connections[Int(handle.slot)]
        guard self.subscription(of: handle, to: reference.id) == nil else {
            return .alreadySubscribed
        }
        guard connection.subscriptionCount < self.configuration.subscriptionLimit else {
            return .limitExceeded
        }
        return nil
    }

    func subscription(of handle: ConnectionHandle, to id: ConversationID) -> UInt32? {
        var slot = self.connections[Int(handle.slot)].firstSubscription
        while slot != noSlot {
            if self.feeds[self.subscriptions[slot].feed].id == id { return slot }
            slot = self.subscriptions[slot].nextInConnection
        }
        return nil
    }

    private mutating func appendJoining(_ slot: UInt32, to feed: UInt32) {
        let last = self.feeds[feed].lastJoining
        if last == noSlot {
            self.feeds[feed].firstJoining = slot
        } else {
            self.subscriptions[last].nextInFeed = slot
        }
        self.subscriptions[slot].previousInFeed = last
        self.feeds[feed].lastJoining = slot
    }

    private mutating func removeJoining(_ slot: UInt32, from feed: UInt32) {
        let next = self.subscriptions[slot].nextInFeed
        let previous = self.subscriptions[slot].previousInFeed
        self.subscriptions[slot].nextInFeed = noSlot
        self.subscriptions[slot].previousInFeed = noSlot
        if previous == noSlot {
            self.feeds[feed].firstJoining = next
        } else {
            self.subscriptions[previous].nextInFeed = next
        }
        if next == noSlot {
            self.feeds[feed].lastJoining = previous
        } else {
            self.subscriptions[next].previousInFeed = previous
        }
    }

    /// Serves everybody who waited for the feed to begin, as many as one step may.
    mutating func joinWaiting(
        of feed: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        var slot = self.feeds[feed].firstJoining
        while slot != noSlot {
            guard effects.freeCapacity > Self.effectReserve / 4 else {
                let generation = self.feeds.generation(of: feed)
                self.deadlines.schedule(.joining(feed: feed, generation: generation), at: now)
                return
            }
            let next = self.subscriptions[slot].nextInFeed
            if case .waiting = self.subscriptions[slot].phase { self.join(slot, into: &effects) }
            slot = next
        }
    }

    /// Answers a subscription from the feed's position, or starts reading what it missed.
    private mutating func join(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        guard case .waiting(let id, let since) = self.subscriptions[slot].phase else { return }
        let feed = self.subscriptions[slot].feed
        guard let position = self.feeds[feed].position.delivered else { return }
        guard let since, self.namespace(self.feeds[feed].namespace).hasLog else {
            self.goLive(slot, id, .notRequested, at: position.offset, into: &effects)
            return
        }
        let isKnownEpoch = since.epoch == nil || since.epoch == position.epoch
        guard isKnownEpoch, since.offset <= position.offset,
            position.offset - since.offset <= UInt64(self.configuration.recoveryLimit)
        else {
            self.declareUnrecovered(slot, id, since, into: &effects)
            return
        }
        guard since.offset < position.offset else {
            self.counters.recovered += 1
            let recovery = SubscribeReply.Recovery.recovered(page: .none, through: since.offset)
            self.goLive(slot, id, recovery, at: since.offset, into: &effects)
            return
        }
        self.subscriptions[slot].phase = .recovering(id, since)
        self.feeds[feed].recovering += 1
        self.readMissed(by: slot, since, into: &effects)
    }

    private mutating func readMissed(
        by slot: UInt32,
        _ since: RecoveryRequest,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let read = ReadRequest(
            conversation: self.feeds[self.subscriptions[slot].feed].id,
            from: since.offset,
            limit: self.configuration.recoveryLimit,
            isReversed: false
        )
        let generation = self.subscriptions.generation(of: slot)
        let purpose = PendingRequest.subscribePage(subscription: slot, generation: generation)
        self.ask(.read(read), for: purpose, into: &effects)
    }

    private mutating func declareUnrecovered(
        _ slot: UInt32,
        _ id: CommandID,
        _ since: RecoveryRequest,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.counters.unrecovered += 1
        let feed = self.subscriptions[slot].feed
        guard !since.refusesUnrecovered, let position = self.feeds[feed].position.delivered else {
            self.abandon(slot, id, .unrecoverablePosition, into: &effects)
            return
        }
        self.goLive(slot, id, .unrecovered, at: position.offset, into: &effects)
    }

    /// Refuses a subscription that has not been answered yet.
    private mutating func abandon(
        _ slot: UInt32,
        _ id: CommandID,
        _ code: ErrorCode,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let handle = self.subscriptions[slot].connection
        self.unlink(slot, from: handle.slot)
        self.remove(slot, into: &effects)
        self.fail(handle, id, code, into: &effects)
    }

    /// Replies, and makes the subscription a target of the feed from its position on.
    private mutating func goLive(
        _ slot: UInt32,
        _ id: CommandID,
        _ recovery: SubscribeReply.Recovery,
        at offset: Offset,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let feed = self.subscriptions[slot].feed
        let handle = self.subscriptions[slot].connection
        self.removeJoining(slot, from: feed)
        self.subscriptions[slot].phase = .live(target: UInt32(self.feeds[feed].targets.count))
        self.feeds[feed].targets.append(handle)
        self.feeds[feed].targetSubscriptions.append(slot)
        let hasLog = self.namespace(self.feeds[feed].namespace).hasLog
        let reply = SubscribeReply(
            name: self.feeds[feed].name,
            hasLog: hasLog,
            epoch: self.feeds[feed].position.delivered?.epoch ?? Epoch(0),
            offset: offset,
            recovery: recovery
        )
        effects.emit(.reply(handle, id, .subscribed(reply)))
        self.attend(slot, at: self.now, into: &effects)
    }

    /// The messages that a returning subscriber missed have been read, or could not be.
    mutating func onSubscribePage(
        _ slot: UInt32,
        _ page: Page?,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard case .recovering(let id, let since) = self.subscriptions[slot].phase else {
            preconditionFailure("only a recovering subscription reads")
        }
        let feed = self.subscriptions[slot].feed
        guard self.feeds[feed].position.delivered != nil else {
            // The stream has ended meanwhile: joins the next one.
            self.feeds[feed].recovering -= 1
            self.subscriptions[slot].phase = .waiting(id, since)
            return
        }
        guard let page else {
            self.abandon(slot, id, .internal, into: &effects)
            return
        }
        guard let position = self.feeds[feed].position.delivered,
            page.head.epoch == position.epoch, page.count > 0,
            page.first == since.offset.next
        else {
            self.feeds[feed].recovering -= 1
            self.declareUnrecovered(slot, id, since, into: &effects)
            return
        }
        let through = min(page.last, position.offset)
        guard self.heldReaches(from: through, in: feed) else {
            // A page that ends before the log's end would end there again: too many messages or bytes.
            guard page.last >= page.head.offset else {
                self.feeds[feed].recovering -= 1
                self.declareUnrecovered(slot, id, since, into: &effects)
                return
            }
            self.readMissed(by: slot, since, into: &effects)
            return
        }
        self.feeds[feed].recovering -= 1
        self.counters.recovered += 1
        let recovery = SubscribeReply.Recovery.recovered(page: page.handle, through: through)
        let handle = self.subscriptions[slot].connection
        self.goLive(slot, id, recovery, at: since.offset, into: &effects)
        self.deliverHeld(of: feed, after: through, only: handle, into: &effects)
        self.trimHeld(of: feed, into: &effects)
    }

    mutating func unsubscribe(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ conversation: ConversationID,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let slot = self.subscription(of: handle, to: conversation) {
            self.unlink(slot, from: handle.slot)
            self.remove(slot, into: &effects)
        }
        effects.emit(.reply(handle, id, .unsubscribed))
    }

    /// Takes a subscription out of its connection's list.
    private mutating func unlink(_ slot: UInt32, from connection: UInt32) {
        let next = self.subscriptions[slot].nextInConnection
        self.connections[Int(connection)].subscriptionCount -= 1
        guard self.connections[Int(connection)].firstSubscription != slot else {
            self.connections[Int(connection)].firstSubscription = next
            return
        }
        var previous = self.connections[Int(connection)].firstSubscription
        while self.subscriptions[previous].nextInConnection != slot {
            previous = self.subscriptions[previous].nextInConnection
        }
        self.subscriptions[previous].nextInConnection = next
    }

    mutating func dropSubscriptions(
        of connection: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        var slot = self.connections[Int(connection)].firstSubscription
        self.connections[Int(connection)].firstSubscription = noSlot
        self.connections[Int(connection)].subscriptionCount = 0
        while slot != noSlot {
            let next = self.subscriptions[slot].nextInConnection
            self.remove(slot, into: &effects)
            slot = next
        }
    }

    /// Takes a subscription out of its feed, and the feed away with its last subscriber.
    private mutating func remove(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        let feed = self.subscriptions[slot].feed
        switch self.subscriptions[slot].phase {
        case .vacant:
            preconditionFailure("a subscription is removed once")
        case .waiting:
            self.removeJoining(slot, from: feed)
        case .recovering:
            self.removeJoining(slot, from: feed)
            self.feeds[feed].recovering -= 1
        case .live(let target):
            self.cease(slot, at: self.now, into: &effects)
            self.removeTarget(target, from: feed)
        }
        self.release(self.subscriptions[slot].info, into: &effects)
        self.subscriptions.remove(slot, leaving: .blank)
        self.trimHeld(of: feed, into: &effects)
        self.removeFeedIfUnused(feed, into: &effects)
    }

    private mutating func removeTarget(_ target: UInt32, from feed: UInt32) {
        let last = self.feeds[feed].targets.count - 1
        let index = Int(target)
        if index != last {
            let movedSubscription = self.feeds[feed].targetSubscriptions[last]
            self.feeds[feed].targets[index] = self.feeds[feed].targets[last]
            self.feeds[feed].targetSubscriptions[index] = movedSubscription
            self.subscriptions[movedSubscription].phase = .live(target: target)
        }
        self.feeds[feed].targets.removeLast()
        self.feeds[feed].targetSubscriptions.removeLast()
    }

    /// Ends the subscription of one who is live: the stream is another one now.
    mutating func endLast(of feed: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        guard let slot = self.feeds[feed].targetSubscriptions.last else { return }
        let handle = self.subscriptions[slot].connection
        effects.emit(.unsubscribe(handle, name: self.feeds[feed].name, .insufficientState))
        self.cease(slot, at: self.now, into: &effects)
        self.unlink(slot, from: handle.slot)
        self.removeTarget(UInt32(self.feeds[feed].targets.count - 1), from: feed)
        self.subscriptions.remove(slot, leaving: .blank)
    }
}
