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
        switch request {
        case .publish(let reference, let message, let body):
            self.publish(id, reference, message, body, at: now, into: &effects)
        case .history(let reference, let request):
            self.readHistory(id, reference, request, at: now, into: &effects)
        case .subscribe(let user, let reference):
            self.subscribe(id, user, reference, at: now, into: &effects)
        case .unsubscribe(let user, let conversation):
            self.forEachConnection(of: user) { shard, handle in
                guard let slot = shard.subscription(of: handle, to: conversation) else { return }
                shard.end(slot, .server, into: &effects)
            }
            effects.emit(.respond(id, .done))
        case .disconnect(let user, let code):
            self.forEachConnection(of: user) { $0.close($1, code, into: &effects) }
            effects.emit(.respond(id, .done))
        }
    }

    /// O(connections): such requests are rare.
    private mutating func forEachConnection(
        of user: UserID,
        _ body: (inout Self, ConnectionHandle) -> Void
    ) {
        for slot in 0..<self.connections.count where self.connections[slot].user == user {
            switch self.connections[slot].phase {
            case .connected:
                let generation = self.connections[slot].generation
                let slot = UInt32(truncatingIfNeeded: slot)
                body(&self, ConnectionHandle(slot: slot, generation: generation))
            case .vacant, .opened, .authenticating, .joining, .rejected, .leaving, .closing: break
            }
        }
    }

    private mutating func subscribe(
        _ id: ServerRequestID,
        _ user: UserID,
        _ reference: ConversationReference,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        var handles: [ConnectionHandle] = []
        self.forEachConnection(of: user) { handles.append($1) }
        // The name comes once. It makes the feed, in which the others then find it.
        var name = reference.name
        for handle in handles {
            var granted = reference
            granted.name = name
            name = .none
            self.onGrant(handle, granted, since: nil, as: .silent, at: now, into: &effects)
            guard self.feedSlot(of: reference.id) != nil else { break }
        }
        self.release(name, into: &effects)
        effects.emit(.respond(id, .done))
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
        let purpose = PendingRequest.serverHistory(id, request)
        guard request.limit > 0 else {
            self.ask(.head(reference.id), for: purpose, into: &effects)
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
        self.ask(.read(read), for: purpose, into: &effects)
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
