import BasicContainers
import Kernel

/// Typing: told at most once to whoever looks at the conversation, and kept nowhere.
extension Shard {
    /// A device may say so while its subscription is live, which only a member's is.
    mutating func type(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reference: ConversationReference,
        _ body: Body,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.release(reference.name, into: &effects)
        if let code = self.refusalToType(handle, reference) {
            self.fail(handle, id, code, into: &effects)
        } else {
            effects.emit(.reply(handle, id, .done))
            if self.isTurnToType(handle, reference, at: now) {
                self.askWhetherHeard(handle, reference.id, body, into: &effects)
                return
            }
        }
        self.release(body.handle, into: &effects)
    }

    private func refusalToType(
        _ handle: ConnectionHandle,
        _ reference: ConversationReference
    ) -> ErrorCode? {
        guard self.namespace(reference.namespace).isMembersOnly else { return .notAvailable }
        return self.liveSubscription(of: handle, to: reference.id) == nil ? .notMember : nil
    }

    private func liveSubscription(of handle: ConnectionHandle, to id: ConversationID) -> UInt32? {
        guard let slot = self.subscription(of: handle, to: id),
            case .live = self.subscriptions[slot].standing
        else { return nil }
        return slot
    }

    /// A device that says it too often is heard and not passed on.
    private mutating func isTurnToType(
        _ handle: ConnectionHandle,
        _ reference: ConversationReference,
        at now: Instant
    ) -> Bool {
        guard let slot = self.liveSubscription(of: handle, to: reference.id),
            self.subscriptions[slot].mayTypeFrom <= now
        else { return false }
        self.subscriptions[slot].mayTypeFrom = now + self.configuration.typingInterval
        return true
    }

    /// Who is blocked is answered like everybody, and not passed on.
    private mutating func askWhetherHeard(
        _ handle: ConnectionHandle,
        _ conversation: ConversationID,
        _ body: Body,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let read = ReadRequest(
            conversation: conversation,
            from: .start,
            limit: 0,
            isReversed: false,
            reader: self.connections[Int(handle.slot)].user,
            isSpeaking: true
        )
        self.ask(.read(read), for: .typing(handle, conversation, body), into: &effects)
    }

    mutating func onMayType(
        _ handle: ConnectionHandle,
        _ conversation: ConversationID,
        _ body: Body,
        _ outcome: StoreOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if self.isOpen(handle), outcome != .denied, Self.page(in: outcome) != nil,
            let slot = self.liveSubscription(of: handle, to: conversation),
            let owner = self.placement(of: self.subscriptions[slot].feed).owner
        {
            let signal = Delivery(
                conversation: conversation,
                term: .none,
                epoch: Epoch(0),
                offset: .start,
                unixMilliseconds: 0,
                body: body
            )
            effects.emit(.peer(owner, .signal(signal)))
        }
        self.release(body.handle, into: &effects)
    }

    /// The owner passes a signal on to each gateway shard that has subscribers.
    mutating func onSignal(
        _ signal: Delivery,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let slot = self.conversationSlot(of: signal.conversation) {
            for index in 0..<self.conversations[slot].planner.list.count {
                let shard = self.conversations[slot].planner.list[index].shard
                effects.emit(.peer(shard, .signalled(signal)))
            }
        }
        self.release(signal.body.handle, into: &effects)
    }

    mutating func onSignalled(
        _ signal: Delivery,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let slot = self.feedSlot(of: signal.conversation), self.feeds[slot].briskCount > 0 {
            let targets = self.appendTargets(of: slot, into: &effects)
            self.counters.deliveries += UInt64(targets.count)
            effects.emit(.deliver(signal, name: self.feeds[slot].name, targets: targets))
        }
        self.release(signal.body.handle, into: &effects)
    }
}
