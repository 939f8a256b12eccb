import BasicContainers
import Kernel

/// Subscriptions that the server makes.
///
/// Those of `connect` are part of its reply, which waits for all of them. A part that is known early is
/// told at once; what comes until the reply is complete is then read from the log, so that nothing
/// is pushed before the reply and nothing is lost.
extension Shard {
    /// The server subscribes a connection: before its credentials have been accepted, as a part of the
    /// answer to `connect`, and from then on by a push.
    mutating func onGrant(
        _ handle: ConnectionHandle,
        _ reference: ConversationReference,
        since: RecoveryRequest?,
        as attendee: Attendee,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle), self.subscription(of: handle, to: reference.id) == nil else {
            self.release(reference.name, into: &effects)
            self.release(attendee.info, into: &effects)
            return
        }
        let slot = Int(handle.slot)
        let id: CommandID
        switch self.connections[slot].phase {
        case .authenticating(let command), .joining(let command):
            id = command
            self.connections[slot].pendingSubscriptions += 1
        case .connected:
            id = CommandID(0)
        case .opened, .rejected, .leaving, .closing, .vacant:
            self.release(reference.name, into: &effects)
            self.release(attendee.info, into: &effects)
            return
        }
        guard self.connections[slot].subscriptionCount < self.configuration.subscriptionLimit else {
            self.release(reference.name, into: &effects)
            self.release(attendee.info, into: &effects)
            self.close(handle, .conversationLimit, into: &effects)
            return
        }
        self.enter(
            handle,
            id,
            reference,
            since: since,
            as: attendee,
            isServerSide: true,
            at: now,
            into: &effects
        )
        self.finishConnect(handle, at: now, into: &effects)
    }

    /// Tells a part of the answer to `connect`, or pushes the subscription.
    mutating func tell(
        _ slot: UInt32,
        _ id: CommandID,
        _ reply: SubscribeReply,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let handle = self.subscriptions[slot].connection
        switch self.connections[Int(handle.slot)].phase {
        case .authenticating, .joining:
            var through = reply.offset
            if case .recovered(_, let last) = reply.recovery { through = last }
            let position = Position(epoch: reply.epoch, offset: through)
            self.joins[self.join(of: slot)].phase = .covered(position)
            self.connections[Int(handle.slot)].pendingSubscriptions -= 1
            effects.emit(.reply(handle, id, .connectedSubscription(reply)))
        case .connected, .leaving:
            // What the effect lends may go when the subscription is live.
            effects.emit(.subscribe(handle, reply))
            self.becomeTarget(slot, into: &effects)
            self.pushMissed(reply, of: slot, into: &effects)
        case .opened, .rejected, .closing, .vacant:
            preconditionFailure("only an open connection has subscriptions")
        }
    }

    /// A push that tells of a subscription has no room for what was missed: it follows.
    private mutating func pushMissed(
        _ reply: SubscribeReply,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard case .recovered(let page, let through) = reply.recovery, page != .none else { return }
        let start = effects.targetCount
        effects.appendTarget(self.subscriptions[slot].connection)
        self.counters.deliveries += through - reply.offset
        let feed = self.subscriptions[slot].feed
        let stretch = PageDelivery(
            page: page,
            name: reply.name,
            conversation: self.feeds[feed].id,
            after: reply.offset,
            through: through
        )
        effects.emit(.deliverPage(stretch, targets: TargetRange(start: start, count: 1)))
    }

    /// Answers `connect`, if all its subscriptions are known, and lets them go on from there.
    mutating func finishConnect(
        _ handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle),
            let command = self.connections[Int(handle.slot)].welcome()
        else { return }
        self.answerConnect(handle, command, at: now, into: &effects)
        var slot = self.connections[Int(handle.slot)].firstSubscription
        while slot != noSlot, self.isOpen(handle) {
            let next = self.subscriptions[slot].nextInConnection
            self.goOn(slot, at: now, into: &effects)
            slot = next
        }
        self.runGated(handle, at: now, into: &effects)
    }

    /// A subscription that is part of an answer goes live from where the answer left it.
    private mutating func goOn(
        _ slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard case .joining(let join) = self.subscriptions[slot].standing,
            case .covered(let position) = self.joins[join].phase
        else { return }
        let feed = self.subscriptions[slot].feed
        guard let current = self.feeds[feed].position.delivered,
            current.epoch == position.epoch, self.isVouched(slot)
        else {
            let handle = self.subscriptions[slot].connection
            self.close(handle, .insufficientState, into: &effects)
            return
        }
        guard current.offset > position.offset else {
            self.becomeTarget(slot, into: &effects)
            return
        }
        self.joins[join].phase = .catchingUp(position)
        self.feeds[feed].recovering += 1
        self.readMissed(by: slot, after: position.offset, at: now, into: &effects)
    }

    /// What came before the answer to `connect` was complete has been read, or could not be.
    mutating func onCatchUpPage(
        _ slot: UInt32,
        _ page: Page?,
        from start: Position,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let feed = self.subscriptions[slot].feed
        let handle = self.subscriptions[slot].connection
        guard let page, let position = self.feeds[feed].position.delivered,
            position.epoch == start.epoch, page.head.epoch == start.epoch, page.count > 0,
            page.first == start.offset.next, self.isVouched(slot)
        else {
            self.close(handle, .insufficientState, into: &effects)
            return
        }
        let through = min(page.last, position.offset)
        guard self.heldReaches(from: through, in: feed) else {
            guard page.last >= page.head.offset else {
                self.close(handle, .insufficientState, into: &effects)
                return
            }
            self.readMissed(by: slot, after: start.offset, at: now, into: &effects)
            return
        }
        let first = effects.targetCount
        effects.appendTarget(handle)
        self.counters.deliveries += through - start.offset
        let stretch = PageDelivery(
            page: page.handle,
            name: self.feeds[feed].name,
            conversation: self.feeds[feed].id,
            after: start.offset,
            through: through
        )
        effects.emit(.deliverPage(stretch, targets: TargetRange(start: first, count: 1)))
        self.becomeTarget(slot, into: &effects)
        self.deliverHeld(of: feed, after: through, only: handle, into: &effects)
        self.trimHeld(of: feed, into: &effects)
    }

    /// A subscription of `connect` cannot be made: neither can the connection.
    mutating func failConnect(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ code: ErrorCode,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.connections[Int(handle.slot)].reject()
        self.dropGated(of: handle.slot, into: &effects)
        self.dropSubscriptions(of: handle.slot, into: &effects)
        self.fail(handle, id, code, into: &effects)
    }
}
