import BasicContainers
import Kernel

/// Credentials that end: of connections and of subscriptions, and how clients renew them.
extension Shard {
    /// The last instant at which credentials that hold for so long are tolerated.
    private func end(after timeToLive: Interval?, at now: Instant) -> Instant {
        timeToLive.map { now + $0 + self.configuration.expiryGrace } ?? .never
    }

    /// A connection's credentials hold for so long from now.
    mutating func renew(_ handle: ConnectionHandle, for timeToLive: Interval?, at now: Instant) {
        let end = self.end(after: timeToLive, at: now)
        guard let look = self.connections[Int(handle.slot)].expiry.renew(until: end) else { return }
        self.deadlines.schedule(.expire(handle), at: look)
    }

    mutating func lookAtExpiry(
        of handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle) else { return }
        switch self.connections[Int(handle.slot)].expiry.look(at: now) {
        case .over: self.close(handle, .connectionExpired, into: &effects)
        case .lookAgain(let instant): self.deadlines.schedule(.expire(handle), at: instant)
        case .nothing: break
        }
    }

    /// A client has shown new credentials for its connection.
    mutating func refresh(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ outcome: AuthenticationOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch outcome {
        case .accepted(let user, let timeToLive):
            guard user == self.connections[Int(handle.slot)].user else {
                self.close(handle, .invalidToken, into: &effects)
                return
            }
            self.renew(handle, for: timeToLive, at: now)
            effects.emit(.reply(handle, id, .refreshed(timeToLive: timeToLive)))
        case .expired: self.close(handle, .connectionExpired, into: &effects)
        case .invalid: self.close(handle, .invalidToken, into: &effects)
        case .missing: self.close(handle, .badRequest, into: &effects)
        }
    }

    /// A subscription's credentials hold for so long from now.
    mutating func renew(subscription slot: UInt32, for timeToLive: Interval?, at now: Instant) {
        let end = self.end(after: timeToLive, at: now)
        var row = self.subscriptions[slot].expiry
        if row == noSlot {
            guard end != .never else { return }
            row = self.expiries.insert(Expiry())
            self.subscriptions[slot].expiry = row
        }
        guard let look = self.expiries[row].renew(until: end) else { return }
        self.scheduleExpiry(ofSubscription: slot, at: look)
    }

    /// Frees the rows of a subscription that is in no list any more.
    mutating func forgetSubscription(_ slot: UInt32) {
        self.forgetLag(of: slot)
        let expiry = self.subscriptions[slot].expiry
        if expiry != noSlot { self.expiries.remove(expiry, leaving: Expiry()) }
        self.subscriptions.remove(slot, leaving: .blank)
    }

    private mutating func scheduleExpiry(ofSubscription slot: UInt32, at instant: Instant) {
        let generation = self.subscriptions.generation(of: slot)
        self.deadlines.schedule(
            .subscriptionExpiry(subscription: slot, generation: generation),
            at: instant
        )
    }

    mutating func lookAtExpiry(
        ofSubscription slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.subscriptions[slot].expiry
        guard row != noSlot else { return }
        switch self.expiries[row].look(at: now) {
        case .over: self.end(slot, .subscriptionExpired, into: &effects)
        case .lookAgain(let instant): self.scheduleExpiry(ofSubscription: slot, at: instant)
        case .nothing: break
        }
    }

    /// A client has shown new credentials for a subscription.
    mutating func refreshSubscription(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ conversation: ConversationID,
        _ grant: SubscriptionGrant,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard grant != .foreign else {
            self.close(handle, .invalidToken, into: &effects)
            return
        }
        guard let slot = self.subscription(of: handle, to: conversation) else {
            self.fail(handle, id, .permissionDenied, into: &effects)
            return
        }
        guard case .accepted(let timeToLive) = grant else {
            let code: ErrorCode = grant == .expired ? .tokenExpired : .permissionDenied
            self.fail(handle, id, code, into: &effects)
            return
        }
        self.renew(subscription: slot, for: timeToLive, at: now)
        effects.emit(.reply(handle, id, .subRefreshed(timeToLive: timeToLive)))
    }

    /// The token that a subscription was made with holds no more; its client need not try again.
    mutating func onRevoked(
        _ handle: ConnectionHandle,
        _ conversation: ConversationID,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle), let slot = self.subscription(of: handle, to: conversation),
            !self.subscriptions[slot].isServerSide
        else { return }
        self.end(slot, .server, into: &effects)
    }
}
