import BasicContainers
import Kernel

/// What the server keeps for a user alone: the gateway asks the store itself.
extension Shard {
    mutating func account(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ action: AccountAction,
        _ note: PayloadHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if !self.isOffered(action) {
            self.fail(handle, id, .notAvailable, into: &effects)
        } else if self.opensRead(handle) {
            let request = AccountRequest(
                user: self.connections[Int(handle.slot)].user,
                action: self.bounded(action),
                note: note
            )
            let token = self.token(for: .account(handle, id))
            effects.emit(.store(token, .account(request)))
            self.deadlines.schedule(.request(token), at: now + self.configuration.requestTimeout)
        } else {
            self.fail(handle, id, .tooManyRequests, into: &effects)
        }
        self.release(note, into: &effects)
    }

    /// Files belong to conversations that belong to their members.
    private func isOffered(_ action: AccountAction) -> Bool {
        guard case .media(_, _, let namespace) = action else { return true }
        return self.namespace(namespace).isMembersOnly
    }

    private func bounded(_ action: AccountAction) -> AccountAction {
        guard case .blocks(let after, let limit) = action else { return action }
        return .blocks(after: after, limit: min(max(1, limit), self.configuration.listLimit))
    }

    mutating func onAccount(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ outcome: StoreOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let isOpen = self.isOpen(handle)
        if isOpen { self.connections[Int(handle.slot)].openHistories -= 1 }
        switch outcome {
        case .account(.done):
            if isOpen { effects.emit(.reply(handle, id, .done)) }
        case .account(.told(let answer)):
            if isOpen { effects.emit(.reply(handle, id, .told(answer))) }
            self.release(answer, into: &effects)
        case .account(.refused(let code)): self.fail(handle, id, code, into: &effects)
        case .unavailable: self.fail(handle, id, .internal, into: &effects)
        case .appended, .head, .found, .notFound, .page, .ruling, .marked, .listed, .denied,
            .leased, .audience, .plans:
            preconditionFailure("a question about an account ends as one")
        }
    }
}
