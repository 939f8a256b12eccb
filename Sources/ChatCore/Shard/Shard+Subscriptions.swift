import BasicContainers
import Kernel

/// Subscriptions: how a connection joins a feed, catches up with it, and leaves.
extension Shard {
    mutating func subscribe(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reference: ConversationReference,
        since: RecoveryRequest?,
        _ grant: SubscriptionGrant? = nil,
        as attendee: Attendee = .silent,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard grant != .foreign else {
            self.release(reference.name, into: &effects)
            self.release(attendee.info, into: &effects)
            self.close(handle, .invalidToken, into: &effects)
            return
        }
        if let code = self.refusal(of: handle, reference, grant) {
            self.release(reference.name, into: &effects)
            self.release(attendee.info, into: &effects)
            self.fail(handle, id, code, into: &effects)
            return
        }
        self.enter(
            handle,
            id,
            reference,
            since: since,
            grant,
            as: attendee,
            at: now,
            into: &effects
        )
    }

    /// Makes a subscription that is allowed, and joins its feed.
    mutating func enter(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reference: ConversationReference,
        since: RecoveryRequest?,
        _ grant: SubscriptionGrant? = nil,
        as attendee: Attendee = .silent,
        isServerSide: Bool = false,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let feed = self.feed(for: reference, at: now, into: &effects)
        let join = self.joins.insert(
            Join(command: id, phase: .waiting(since), info: attendee.info)
        )
        let slot = self.subscriptions.insert(
            Subscription(
                connection: handle,
                feed: feed,
                nextInConnection: self.connections[Int(handle.slot)].firstSubscription,
                join: join,
                hearsAttendance: attendee.wantsJoinLeave,
                isServerSide: isServerSide
            )
        )
        self.connections[Int(handle.slot)].firstSubscription = slot
        self.connections[Int(handle.slot)].subscriptionCount += 1
        if case .accepted(let timeToLive) = grant {
            self.joins[join].timeToLive = timeToLive
            self.renew(subscription: slot, for: timeToLive, at: now)
        }
        self.appendJoining(slot, to: feed)
        let generation = self.subscriptions.generation(of: slot)
        if self.namespace(reference.namespace).isMembersOnly {
            self.check(slot, since, into: &effects)
        } else {
            self.join(slot, at: now, into: &effects)
        }
        guard self.subscriptions.holds(slot, generation: generation) else { return }
        switch self.subscriptions[slot].standing {
        case .joining:
            self.deadlines.schedule(
                .subscription(subscription: slot, generation: generation),
                at: now + self.configuration.requestTimeout
            )
        case .live: break
        }
    }

    /// The owner has not said where the stream begins, or the store not read what was missed, in time.
    mutating func expireSubscription(
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch self.subscriptions[slot].standing {
        case .joining(let join) where self.joins[join].isOwedAnswer:
            self.abandon(slot, self.joins[join].command, .internal, into: &effects)
        case .joining, .live: break
        }
    }

    private func refusal(
        of handle: ConnectionHandle,
        _ reference: ConversationReference,
        _ grant: SubscriptionGrant?
    ) -> ErrorCode? {
        switch grant {
        case .accepted: break
        case .expired: return .tokenExpired
        case .invalid, .foreign: return .permissionDenied
        case nil: guard self.maySubscribe(to: reference) else { return .permissionDenied }
        }
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

    /// The row of a subscription that is not live yet.
    func join(of slot: UInt32) -> UInt32 {
        guard case .joining(let join) = self.subscriptions[slot].standing else {
            preconditionFailure("who joins is not live yet")
        }
        return join
    }

    private mutating func appendJoining(_ slot: UInt32, to feed: UInt32) {
        let last = self.feeds[feed].lastJoining
        if last == noSlot {
            self.feeds[feed].firstJoining = slot
        } else {
            self.joins[self.join(of: last)].next = slot
        }
        self.joins[self.join(of: slot)].previous = last
        self.feeds[feed].lastJoining = slot
    }

    /// Takes a subscription out of those who join its feed; its row is free for another, and the caller
    /// has its info.
    mutating func removeJoining(_ slot: UInt32, from feed: UInt32) -> PayloadHandle {
        let join = self.join(of: slot)
        let next = self.joins[join].next
        let previous = self.joins[join].previous
        if previous == noSlot {
            self.feeds[feed].firstJoining = next
        } else {
            self.joins[self.join(of: previous)].next = next
        }
        if next == noSlot {
            self.feeds[feed].lastJoining = previous
        } else {
            self.joins[self.join(of: next)].previous = previous
        }
        if self.joins[join].isReading { self.feeds[feed].recovering -= 1 }
        let info = self.joins[join].info
        self.joins.remove(join, leaving: .blank)
        return info
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
            let join = self.join(of: slot)
            let next = self.joins[join].next
            if case .waiting = self.joins[join].phase {
                let handle = self.subscriptions[slot].connection
                self.join(slot, at: now, into: &effects)
                self.finishConnect(handle, at: now, into: &effects)
            }
            slot = next
        }
    }

    /// Answers a subscription from the feed's position, or starts reading what it missed.
    mutating func join(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let join = self.join(of: slot)
        guard case .waiting(let since) = self.joins[join].phase else { return }
        let id = self.joins[join].command
        let feed = self.subscriptions[slot].feed
        guard let position = self.feeds[feed].position.delivered else { return }
        guard self.isVouched(slot) else {
            self.check(slot, since, into: &effects)
            return
        }
        guard let since, self.namespace(self.feeds[feed].namespace).hasLog else {
            self.goLive(slot, id, .notRequested, at: position.offset, into: &effects)
            return
        }
        let reach = self.reach(of: self.feeds[feed].namespace)
        guard since.isIn(position.epoch), since.offset <= position.offset,
            position.offset - since.offset <= UInt64(reach)
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
        self.joins[join].phase = .recovering(since)
        self.feeds[feed].recovering += 1
        self.readMissed(by: slot, after: since.offset, at: now, into: &effects)
    }

    /// How many messages behind the position a client may be, and be given what it missed.
    func reach(of namespace: UInt8) -> UInt32 {
        min(self.configuration.recoveryLimit, self.namespace(namespace).historySize ?? .max)
    }

    mutating func readMissed(
        by slot: UInt32,
        after offset: Offset,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let feed = self.subscriptions[slot].feed
        let read = ReadRequest(
            conversation: self.feeds[feed].id,
            from: offset,
            limit: self.configuration.recoveryLimit,
            isReversed: false,
            notBefore: self.oldestInReach(of: self.feeds[feed].namespace, at: now)
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
        self.trimHeld(of: feed, into: &effects)
    }

    /// Refuses a subscription that has not been answered yet.
    mutating func abandon(
        _ slot: UInt32,
        _ id: CommandID,
        _ code: ErrorCode,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let handle = self.subscriptions[slot].connection
        let isServerSide = self.subscriptions[slot].isServerSide
        self.unlink(slot, from: handle.slot)
        self.remove(slot, into: &effects)
        guard isServerSide else {
            self.fail(handle, id, code, into: &effects)
            return
        }
        switch self.connections[Int(handle.slot)].phase {
        case .authenticating, .joining:
            // Who has ceased to be a member may connect all the same.
            guard code != .notMember else {
                self.connections[Int(handle.slot)].pendingSubscriptions -= 1
                return
            }
            self.failConnect(handle, id, code, into: &effects)
        case .opened, .rejected, .connected, .leaving, .closing, .vacant: break
        }
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
        let hasLog = self.namespace(self.feeds[feed].namespace).hasLog
        let reply = SubscribeReply(
            name: self.feeds[feed].name,
            hasLog: hasLog,
            epoch: self.feeds[feed].position.delivered?.epoch ?? Epoch(0),
            offset: offset,
            recovery: recovery,
            timeToLive: self.joins[self.join(of: slot)].timeToLive,
            attendee: self.joins[self.join(of: slot)].info
        )
        guard !self.subscriptions[slot].isServerSide else {
            self.tell(slot, id, reply, into: &effects)
            return
        }
        effects.emit(.reply(handle, id, .subscribed(reply)))
        self.becomeTarget(slot, into: &effects)
    }

    /// The messages that a returning subscriber missed have been read, or could not be.
    mutating func onSubscribePage(
        _ slot: UInt32,
        _ page: Page?,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if case .catchingUp(let start) = self.joins[self.join(of: slot)].phase {
            self.onCatchUpPage(slot, page, from: start, at: now, into: &effects)
            return
        }
        let handle = self.subscriptions[slot].connection
        self.takeMissed(slot, page, at: now, into: &effects)
        self.finishConnect(handle, at: now, into: &effects)
    }

    private mutating func takeMissed(
        _ slot: UInt32,
        _ page: Page?,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let join = self.join(of: slot)
        guard case .recovering(let since) = self.joins[join].phase else {
            preconditionFailure("only a recovering subscription reads")
        }
        let id = self.joins[join].command
        let feed = self.subscriptions[slot].feed
        guard self.feeds[feed].position.delivered != nil else {
            // The stream has ended meanwhile: joins the next one.
            self.feeds[feed].recovering -= 1
            self.joins[join].phase = .waiting(since)
            return
        }
        guard self.isVouched(slot) else {
            self.feeds[feed].recovering -= 1
            self.trimHeld(of: feed, into: &effects)
            self.check(slot, since, into: &effects)
            return
        }
        guard let page else {
            self.abandon(slot, id, .internal, into: &effects)
            return
        }
        // The stream may have ended and begun anew while the page was read.
        guard let position = self.feeds[feed].position.delivered, since.isIn(position.epoch),
            page.head.epoch == position.epoch, page.count > 0,
            page.first == since.offset.next
        else {
            self.declareUnrecovered(slot, id, since, into: &effects)
            return
        }
        let through = min(page.last, position.offset)
        guard self.heldReaches(from: through, in: feed) else {
            // A page that ends before the log's end would end there again: too many messages or bytes.
            guard page.last >= page.head.offset else {
                self.declareUnrecovered(slot, id, since, into: &effects)
                return
            }
            self.readMissed(by: slot, after: since.offset, at: now, into: &effects)
            return
        }
        self.counters.recovered += 1
        let recovery = SubscribeReply.Recovery.recovered(page: page.handle, through: through)
        let handle = self.subscriptions[slot].connection
        self.goLive(slot, id, recovery, at: since.offset, into: &effects)
        if case .live = self.subscriptions[slot].standing {
            self.deliverHeld(of: feed, after: through, only: handle, into: &effects)
        }
        self.trimHeld(of: feed, into: &effects)
    }

    mutating func unsubscribe(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ conversation: ConversationID,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let slot = self.subscription(of: handle, to: conversation) {
            if case .joining(let join) = self.subscriptions[slot].standing,
                self.joins[join].isOwedAnswer, !self.subscriptions[slot].isServerSide
            {
                // Every command is answered; a client that wants it again after all may try again.
                self.abandon(slot, self.joins[join].command, .internal, into: &effects)
            } else {
                self.unlink(slot, from: handle.slot)
                self.remove(slot, into: &effects)
            }
        }
        effects.emit(.reply(handle, id, .unsubscribed))
    }

    /// Ends a subscription that the client has not ended, and tells it.
    mutating func end(
        _ slot: UInt32,
        _ code: UnsubscribeCode,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let handle = self.subscriptions[slot].connection
        let feed = self.subscriptions[slot].feed
        effects.emit(.unsubscribe(handle, name: self.feeds[feed].name, code))
        self.unlink(slot, from: handle.slot)
        self.remove(slot, into: &effects)
    }

    /// Takes a subscription out of its connection's list.
    mutating func unlink(_ slot: UInt32, from connection: UInt32) {
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
    mutating func remove(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        let feed = self.subscriptions[slot].feed
        switch self.subscriptions[slot].standing {
        case .joining: self.release(self.removeJoining(slot, from: feed), into: &effects)
        case .live(let target):
            self.cease(slot, at: self.now, into: &effects)
            self.removeTarget(target, from: feed)
        }
        self.forgetSubscription(slot)
        self.trimHeld(of: feed, into: &effects)
        self.removeFeedIfUnused(feed, into: &effects)
    }
}
