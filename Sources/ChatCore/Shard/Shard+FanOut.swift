import BasicContainers
import Kernel

/// A message's way from its owner to the gateway shards that look: one delivery to each, straight or by
/// relays.
extension Shard {
    mutating func fanOut(
        _ request: PublishRequest,
        at offset: Offset,
        _ unixMilliseconds: UInt64,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let delivery = Delivery(
            conversation: self.conversations[slot].id,
            term: self.conversations[slot].term,
            epoch: self.conversations[slot].sequencer.epoch,
            offset: offset,
            unixMilliseconds: unixMilliseconds,
            count: self.conversations[slot].sequencer.count,
            departing: request.operation.departing(by: request.user),
            body: request.body
        )
        let count = self.conversations[slot].planner.list.count
        let plan = self.configuration.fanOut.plan(
            members: self.conversations[slot].memberCount,
            gateways: count
        )
        self.counters.count(plan)
        self.hint(plan.hinting, of: slot, into: &effects)
        guard !plan.isRelayed else {
            let shards = self.conversations[slot].planner.recipients.map(\.shard).sorted()
            self.send(delivery, byRelaysTo: shards, into: &effects)
            return
        }
        for index in 0..<count {
            let shard = self.conversations[slot].planner.list[index].shard
            effects.emit(.peer(shard, .delivery(delivery)))
        }
    }

    /// Hands a delivery to one shard of each part of `shards`, which ascend, with the way to the others.
    private func send(
        _ delivery: Delivery,
        byRelaysTo shards: [ShardID],
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        Route.split(
            shards[...],
            degree: Int(self.configuration.fanOut.relayDegree),
            turn: self.turn(of: delivery)
        ) { relay, route in
            effects.emit(.peer(relay, .relayed(delivery, route)))
        }
    }

    /// Which relays a delivery takes: for as long as heads need to show what a dead one has swallowed,
    /// the same, because messages on two ways overtake each other.
    private func turn(of delivery: Delivery) -> UInt64 {
        delivery.unixMilliseconds / (self.configuration.headInterval.nanoseconds / 1_000_000)
    }

    /// Passes a delivery on, and takes it as if it had come from its owner.
    ///
    /// Whose term and epoch it bears is for each receiver to judge.
    mutating func onRelayed(
        _ delivery: Delivery,
        _ route: Route,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if route.count > 0 {
            self.counters.relayed += UInt64(route.count)
            self.send(delivery, byRelaysTo: route.shards, into: &effects)
        }
        self.onDelivery(delivery, from: nil, at: now, into: &effects)
    }

    // MARK: Members

    /// Keeps the number of members when an entry has been written that changes it.
    mutating func countMembers(
        after request: PublishRequest,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch request.operation {
        case .message, .reply, .edit, .delete, .react, .role: return
        case .join, .invite:
            self.conversations[slot].memberCount += 1
        case .leave, .remove:
            self.conversations[slot].memberCount -= min(
                self.conversations[slot].memberCount,
                1
            )
        case .create:
            // Whom it makes members, the host alone has read.
            let generation = self.conversations.generation(of: slot)
            self.ask(
                .head(request.conversation),
                for: .census(conversation: slot, generation: generation),
                into: &effects
            )
        }
    }

    /// The store answers a conversation's questions in order: whoever came since was counted after this.
    mutating func onCensus(
        of slot: UInt32,
        _ outcome: StoreOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard case .head(_, let members) = outcome else { return }
        self.conversations[slot].memberCount = UInt32(clamping: members)
        self.hintAgain(slot, into: &effects)
    }
}

extension ShardStatistics {
    fileprivate mutating func count(_ plan: Plan) {
        switch plan.hinting {
        case .direct: self.plansDirect += 1
        case .grouped: self.plansGrouped += 1
        case .broadcast: self.plansBroadcast += 1
        }
        if plan.isRelayed { self.plansRelayed += 1 }
    }
}
