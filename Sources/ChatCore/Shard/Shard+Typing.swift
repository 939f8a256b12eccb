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
        if let code = self.tell(handle, reference, body, at: now, into: &effects) {
            self.fail(handle, id, code, into: &effects)
        } else {
            effects.emit(.reply(handle, id, .done))
        }
        self.release(body.handle, into: &effects)
    }

    /// Why a device may not; one that says it too often is heard and not passed on.
    private mutating func tell(
        _ handle: ConnectionHandle,
        _ reference: ConversationReference,
        _ body: Body,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> ErrorCode? {
        guard self.namespace(reference.namespace).isMembersOnly else { return .notAvailable }
        guard let slot = self.subscription(of: handle, to: reference.id),
            case .live = self.subscriptions[slot].standing
        else { return .notMember }
        guard self.subscriptions[slot].mayTypeFrom <= now,
            let owner = self.placement(of: self.subscriptions[slot].feed).owner
        else { return nil }
        self.subscriptions[slot].mayTypeFrom = now + self.configuration.typingInterval
        let signal = Delivery(
            conversation: reference.id,
            term: .none,
            epoch: Epoch(0),
            offset: .start,
            unixMilliseconds: 0,
            body: body
        )
        effects.emit(.peer(owner, .signal(signal)))
        return nil
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
        if let slot = self.feedSlot(of: signal.conversation), !self.feeds[slot].targets.isEmpty {
            let targets = self.appendTargets(of: slot, into: &effects)
            self.counters.deliveries += UInt64(targets.count)
            effects.emit(.deliver(signal, name: self.feeds[slot].name, targets: targets))
        }
        self.release(signal.body.handle, into: &effects)
    }
}
