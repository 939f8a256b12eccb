import BasicContainers
import Kernel

extension UserID {
    /// Whom the log names for what application servers publish; no name of a user has this id.
    static let server = UserID(high: 0, low: 0)
}

/// What application servers ask: the same ways as a client's commands, past the namespaces' policies.
extension Shard {
    mutating func onAsked(
        _ id: ServerRequestID,
        _ request: ServerRequest,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let code = self.refusal(of: request) {
            self.counters.shed += 1
            self.releaseHandles(of: request, into: &effects)
            effects.emit(.respond(id, .refused(code)))
            return
        }
        switch request {
        case .publish(let reference, let message, let body):
            self.publish(id, reference, message, body, at: now, into: &effects)
        case .history(let reference, let request):
            self.readHistory(id, reference, request, at: now, into: &effects)
        case .subscribe(let handle, let reference, let since, let attendee):
            self.onGrant(handle, reference, since: since, as: attendee, at: now, into: &effects)
            effects.emit(.respond(id, .done))
        case .unsubscribe(let handle, let conversation):
            self.endByServer(handle, conversation, into: &effects)
            effects.emit(.respond(id, .done))
        case .disconnect(let handle, let code):
            self.close(handle, code, into: &effects)
            effects.emit(.respond(id, .done))
        case .refresh(let handle, let timeToLive):
            self.refreshByServer(handle, timeToLive, at: now, into: &effects)
            effects.emit(.respond(id, .done))
        case .pass(let reference, let body):
            self.pass(id, reference, body, at: now, into: &effects)
        case .members(let reference), .counts(let reference):
            var wantsMembers = false
            if case .members = request { wantsMembers = true }
            self.release(reference.name, into: &effects)
            self.askOwner(
                for: .server(id),
                reference,
                wantsMembers: wantsMembers,
                at: now,
                into: &effects
            )
        }
    }

    /// Gives back what a request that will not be carried out brought with it.
    private mutating func releaseHandles(
        of request: ServerRequest,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch request {
        case .publish(let reference, _, let body), .pass(let reference, let body):
            self.release(reference.name, into: &effects)
            self.release(body.handle, into: &effects)
        case .subscribe(_, let reference, _, let attendee):
            self.release(reference.name, into: &effects)
            self.release(attendee.info, into: &effects)
        case .history(let reference, _), .members(let reference), .counts(let reference):
            self.release(reference.name, into: &effects)
        case .unsubscribe, .disconnect, .refresh: break
        }
    }

    /// Whether a connection has had the answer to its connect, and is not going.
    private func isConnected(_ handle: ConnectionHandle) -> Bool {
        self.isOpen(handle) && self.connections[Int(handle.slot)].phase == .connected
    }

    private mutating func endByServer(
        _ handle: ConnectionHandle,
        _ conversation: ConversationID,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isConnected(handle),
            let slot = self.subscription(of: handle, to: conversation)
        else { return }
        switch self.subscriptions[slot].standing {
        case .joining(let join) where self.joins[join].isOwedAnswer:
            // No push comes before the answer.
            self.abandon(slot, self.joins[join].command, .permissionDenied, into: &effects)
        case .joining, .live: self.end(slot, .server, into: &effects)
        }
    }

    private mutating func refreshByServer(
        _ handle: ConnectionHandle,
        _ timeToLive: Interval?,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isConnected(handle) else { return }
        self.renew(handle, for: timeToLive, at: now)
        effects.emit(.refresh(handle, timeToLive: timeToLive))
    }

    /// What belongs to members has no other speakers, there or not.
    private mutating func pass(
        _ id: ServerRequestID,
        _ reference: ConversationReference,
        _ body: Body,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.release(reference.name, into: &effects)
        defer { self.release(body.handle, into: &effects) }
        guard !self.namespace(reference.namespace).isMembersOnly else {
            effects.emit(.respond(id, .refused(.notMember)))
            return
        }
        guard let owner = self.placement[Int(self.partition(of: reference.id).rawValue)].owner
        else {
            effects.emit(.respond(id, .refused(.internal)))
            return
        }
        let time = self.wallClockOrigin &+ now.nanoseconds / 1_000_000
        let signal = Delivery(
            conversation: reference.id,
            term: .none,
            epoch: Epoch(0),
            offset: .start,
            unixMilliseconds: time,
            body: body
        )
        effects.emit(.peer(owner, .signal(signal)))
        let reply = SendReply(
            epoch: Epoch(0),
            offset: .start,
            unixMilliseconds: time,
            isDuplicate: false
        )
        effects.emit(.respond(id, .published(reply)))
    }

    private mutating func publish(
        _ id: ServerRequestID,
        _ reference: ConversationReference,
        _ message: MessageID?,
        _ body: Body,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.release(reference.name, into: &effects)
        defer { self.release(body.handle, into: &effects) }
        let cost = Self.cost(of: body)
        guard self.openBytes + UInt64(cost) <= self.configuration.shardPublishBytes else {
            effects.emit(.respond(id, .refused(.tooManyRequests)))
            return
        }
        let partition = self.partition(of: reference.id)
        guard let owner = self.placement[Int(partition.rawValue)].owner else {
            effects.emit(.respond(id, .refused(.internal)))
            return
        }
        self.openBytes += UInt64(cost)
        let token = self.token(for: .serverPublish(id, cost: cost))
        let request = PublishRequest(
            token: token,
            conversation: reference.id,
            namespace: reference.namespace,
            user: .server,
            message: message,
            operation: .message,
            body: body
        )
        effects.emit(.peer(owner, .publish(request)))
        self.deadlines.schedule(.request(token), at: now + self.configuration.requestTimeout)
    }

    private mutating func readHistory(
        _ id: ServerRequestID,
        _ reference: ConversationReference,
        _ request: HistoryRequest,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.release(reference.name, into: &effects)
        guard self.namespace(reference.namespace).hasLog else {
            effects.emit(.respond(id, .refused(.notAvailable)))
            return
        }
        guard !(request.isReversed && request.since == .start) else {
            effects.emit(.respond(id, .refused(.badRequest)))
            return
        }
        let token = self.token(for: .serverHistory(id, request))
        self.deadlines.schedule(.request(token), at: now + self.configuration.requestTimeout)
        guard request.limit > 0 else {
            effects.emit(.store(token, .head(reference.id)))
            return
        }
        let read = ReadRequest(
            conversation: reference.id,
            from: request.isReversed ? request.since : request.since ?? .start,
            limit: min(request.limit, self.configuration.historyLimit),
            isReversed: request.isReversed,
            newest: self.namespace(reference.namespace).historySize,
            notBefore: self.oldestInReach(of: reference.namespace, at: now)
        )
        effects.emit(.store(token, .read(read)))
    }

    func onHistory(
        _ id: ServerRequestID,
        _ request: HistoryRequest,
        _ page: Page?,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let page else {
            effects.emit(.respond(id, .refused(.internal)))
            return
        }
        if let epoch = request.epoch, epoch != page.head.epoch {
            effects.emit(.respond(id, .refused(.unrecoverablePosition)))
            return
        }
        let reply = HistoryReply(
            page: page.handle,
            epoch: page.head.epoch,
            head: page.head.offset
        )
        effects.emit(.respond(id, .history(reply)))
    }
}
