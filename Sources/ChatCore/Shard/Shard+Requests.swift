import BasicContainers
import Kernel

/// Requests that a gateway makes for its clients, and the dispatch of what comes back.
extension Shard {
    mutating func publish(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reference: ConversationReference,
        _ message: MessageID?,
        _ operation: ChatAction,
        _ body: Body,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if let code = self.refusal(of: operation, in: reference, for: handle) {
            self.release(reference.name, into: &effects)
            self.release(body.handle, into: &effects)
            self.fail(handle, id, code, into: &effects)
            return
        }
        guard self.mayPublish(self.connections[Int(handle.slot)].user, at: now) else {
            self.counters.limited += 1
            self.release(reference.name, into: &effects)
            self.release(body.handle, into: &effects)
            self.fail(handle, id, .tooManyRequests, into: &effects)
            return
        }
        let partition = self.partition(of: reference.id)
        guard let owner = self.placement[Int(partition.rawValue)].owner else {
            self.release(reference.name, into: &effects)
            self.release(body.handle, into: &effects)
            self.fail(handle, id, .internal, into: &effects)
            return
        }
        let cost = Self.cost(of: body)
        guard self.beginPublish(of: handle, cost: cost) else {
            self.release(reference.name, into: &effects)
            self.release(body.handle, into: &effects)
            self.fail(handle, id, .tooManyRequests, into: &effects)
            return
        }
        let token: RequestToken
        if case .create = operation {
            token = self.token(for: .create(reference, handle, id, cost: cost))
        } else {
            self.release(reference.name, into: &effects)
            token = self.token(for: .publish(handle, id, isSend: message != nil, cost: cost))
        }
        let request = PublishRequest(
            token: token,
            conversation: reference.id,
            namespace: reference.namespace,
            user: self.connections[Int(handle.slot)].user,
            message: message,
            operation: operation,
            body: body
        )
        effects.emit(.peer(owner, .publish(request)))
        self.release(body.handle, into: &effects)
        self.deadlines.schedule(
            .request(token),
            at: now + self.configuration.requestTimeout
        )
    }

    /// What a message takes of the limits on publishes under way: its body, and as much as its rows need.
    static func cost(of body: Body) -> UInt32 { min(body.byteCount, 1 << 30) + 256 }

    /// Whether the connection and the shard may have one more publish under way; counts it if so.
    private mutating func beginPublish(of handle: ConnectionHandle, cost: UInt32) -> Bool {
        let slot = Int(handle.slot)
        let bytes = UInt64(self.connections[slot].openBytes) + UInt64(cost)
        guard bytes <= UInt64(self.configuration.connectionPublishBytes),
            self.openBytes + UInt64(cost) <= self.configuration.shardPublishBytes
        else { return false }
        self.connections[slot].openBytes += cost
        self.openBytes += UInt64(cost)
        return true
    }

    private mutating func endPublish(of handle: ConnectionHandle, cost: UInt32) {
        self.openBytes -= UInt64(cost)
        if self.isOpen(handle) { self.connections[Int(handle.slot)].openBytes -= cost }
    }

    /// Nobody has answered in time.
    ///
    /// A publish is then of unknown fate, and safe to repeat with the same id.
    mutating func expireRequest(
        _ token: RequestToken,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let slot = self.slot(of: token) else { return }
        switch self.requests[slot] {
        case .publish(let handle, let id, _, let cost):
            self.requests.remove(slot, leaving: .vacant)
            self.endPublish(of: handle, cost: cost)
            self.fail(handle, id, .internal, into: &effects)
        case .create(let reference, let handle, let id, let cost):
            self.requests.remove(slot, leaving: .vacant)
            self.endPublish(of: handle, cost: cost)
            self.release(reference.name, into: &effects)
            self.fail(handle, id, .internal, into: &effects)
        case .history(let handle, let id, _), .mark(let handle, let id, _),
            .list(let handle, let id), .account(let handle, let id):
            // Counts as open until the store answers, so that repeats do not pile up there.
            self.requests[slot] = .lateHistory(handle)
            self.fail(handle, id, .internal, into: &effects)
        case .gathering(let question): self.expireQuestion(token, question, into: &effects)
        case .serverPublish(let id, let cost):
            self.requests.remove(slot, leaving: .vacant)
            self.openBytes -= UInt64(cost)
            effects.emit(.respond(id, .refused(.internal)))
        case .serverHistory(let id, _):
            self.requests[slot] = .lateServerHistory
            effects.emit(.respond(id, .refused(.internal)))
        case .vacant, .subscribePage, .holePage, .lateHistory, .lateServerHistory, .load, .append,
            .lookUp, .readBack, .leases, .admission, .standing, .typing, .census, .lagPage,
            .audience, .plans:
            return
        }
    }

    private mutating func onPublished(
        _ token: RequestToken,
        _ outcome: PublishOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let purpose = self.take(token)
        if case .serverPublish(let id, let cost) = purpose {
            self.openBytes -= UInt64(cost)
            switch outcome {
            case .accepted(let reply): effects.emit(.respond(id, .published(reply)))
            case .refused(let code): effects.emit(.respond(id, .refused(code)))
            }
            return
        }
        if case .create(let reference, let handle, let id, let cost) = purpose {
            self.endPublish(of: handle, cost: cost)
            self.onCreated(reference, handle, id, outcome, into: &effects)
            return
        }
        guard case .publish(let handle, let id, let isSend, let cost) = purpose else { return }
        self.endPublish(of: handle, cost: cost)
        guard self.isOpen(handle) else { return }
        switch outcome {
        case .accepted(let reply):
            effects.emit(.reply(handle, id, isSend ? .sent(reply) : .published))
        case .refused(let code):
            self.fail(handle, id, code, into: &effects)
        }
    }

    mutating func readHistory(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reference: ConversationReference,
        _ request: HistoryRequest,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.release(reference.name, into: &effects)
        let namespace = self.namespace(reference.namespace)
        guard self.isOpen(reference, to: namespace.historyReaders, for: handle) else {
            self.fail(handle, id, .permissionDenied, into: &effects)
            return
        }
        guard namespace.hasLog else {
            self.fail(handle, id, .notAvailable, into: &effects)
            return
        }
        guard !(request.isReversed && request.since == .start) else {
            self.fail(handle, id, .badRequest, into: &effects)
            return
        }
        let slot = Int(handle.slot)
        guard self.connections[slot].openHistories < self.configuration.historyRequestLimit else {
            self.fail(handle, id, .tooManyRequests, into: &effects)
            return
        }
        self.connections[slot].openHistories += 1
        let reader = namespace.isMembersOnly ? self.connections[slot].user : nil
        let token = self.token(for: .history(handle, id, request))
        self.deadlines.schedule(.request(token), at: now + self.configuration.requestTimeout)
        guard request.limit > 0 || reader != nil else {
            effects.emit(.store(token, .head(reference.id)))
            return
        }
        let read = ReadRequest(
            conversation: reference.id,
            from: request.isReversed ? request.since : request.since ?? .start,
            limit: min(request.limit, self.configuration.historyLimit),
            isReversed: request.isReversed,
            // The chat's own history is the whole log.
            newest: request.isChat ? nil : namespace.historySize,
            notBefore: request.isChat ? nil : self.oldestInReach(of: reference.namespace, at: now),
            reader: reader
        )
        effects.emit(.store(token, .read(read)))
    }

    private mutating func onHistory(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ request: HistoryRequest,
        _ outcome: StoreOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle) else { return }
        self.connections[Int(handle.slot)].openHistories -= 1
        if outcome == .denied {
            self.fail(handle, id, .notMember, into: &effects)
            return
        }
        guard let page = Self.page(in: outcome) else {
            self.fail(handle, id, .internal, into: &effects)
            return
        }
        if let epoch = request.epoch, epoch != page.head.epoch {
            self.fail(handle, id, .unrecoverablePosition, into: &effects)
            return
        }
        let reply = HistoryReply(
            page: page.handle,
            epoch: page.head.epoch,
            head: page.head.offset,
            isChat: request.isChat
        )
        effects.emit(.reply(handle, id, .history(reply)))
    }

    mutating func onPeer(
        _ message: PeerMessage,
        from sender: ShardID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch message {
        case .publish(let request):
            self.sequence(request, from: sender, at: now, into: &effects)
        case .published(let token, let outcome):
            self.onPublished(token, outcome, into: &effects)
        case .interest(let interest):
            self.onInterest(interest, from: sender, at: now, into: &effects)
        case .interested(let conversation, let term, let head, let incarnation):
            self.onHead(conversation, term, head, confirming: incarnation, at: now, into: &effects)
        case .withdraw(let conversation, let incarnation):
            guard let slot = self.conversationSlot(of: conversation) else { return }
            self.conversations[slot].planner.withdraw(sender, incarnation: incarnation)
            self.forgetIfIdle(slot)
        case .signal(let signal):
            self.onSignal(signal, into: &effects)
        case .signalled(let signal):
            self.onSignalled(signal, into: &effects)
        case .delivery(let delivery):
            self.onDelivery(delivery, from: sender, at: now, into: &effects)
        case .head(let conversation, let term, let head):
            self.onHead(conversation, term, head, confirming: nil, at: now, into: &effects)
        case .presence(let message):
            self.onPresence(message, from: sender, at: now, into: &effects)
        case .relayed(let delivery, let route):
            self.onRelayed(delivery, route, at: now, into: &effects)
        case .inbox(let message):
            self.onInbox(message, from: sender, at: now, into: &effects)
        }
    }

    mutating func onStored(
        _ token: RequestToken,
        _ outcome: StoreOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if self.takesPart(token, outcome, into: &effects) { return }
        guard let purpose = self.take(token) else {
            preconditionFailure("the store answers each request once")
        }
        switch purpose {
        case .vacant, .publish, .create, .serverPublish, .gathering:
            preconditionFailure("the store answers what it was asked")
        case .subscribePage(let slot, let generation):
            guard self.subscriptions.holds(slot, generation: generation) else { break }
            self.onSubscribePage(slot, Self.page(in: outcome), at: now, into: &effects)
        case .holePage(let slot, let generation):
            guard self.feeds.holds(slot, generation: generation) else { break }
            self.onHolePage(slot, Self.page(in: outcome), at: now, into: &effects)
        case .lagPage(let slot, let generation):
            guard self.subscriptions.holds(slot, generation: generation) else { break }
            self.onLagPage(slot, Self.page(in: outcome), at: now, into: &effects)
        case .history(let handle, let id, let request):
            self.onHistory(handle, id, request, outcome, into: &effects)
        case .lateHistory(let handle):
            if self.isOpen(handle) { self.connections[Int(handle.slot)].openHistories -= 1 }
            if case .listed(let page) = outcome { self.release(page.handle, into: &effects) }
            if case .account(.told(let note)) = outcome { self.release(note, into: &effects) }
        case .serverHistory(let id, let request):
            self.onHistory(id, request, Self.page(in: outcome), into: &effects)
        case .load(let conversation), .readBack(let conversation):
            self.onEnd(of: conversation, outcome, at: now, into: &effects)
        case .append(let message):
            self.onAppended(message, outcome, into: &effects)
        case .lookUp(let message):
            self.onLookedUp(message, outcome)
        case .leases, .lateServerHistory:
            break
        case .admission(let slot, let generation):
            guard self.subscriptions.holds(slot, generation: generation) else { break }
            self.onAdmission(slot, outcome, at: now, into: &effects)
        case .standing(let row):
            self.onStanding(row, outcome, at: now, into: &effects)
        case .mark(let handle, let id, let conversation):
            self.onMarked(handle, id, conversation, outcome, into: &effects)
        case .list(let handle, let id):
            self.onListed(handle, id, outcome, into: &effects)
        case .account(let handle, let id):
            self.onAccount(handle, id, outcome, into: &effects)
        case .typing(let handle, let conversation, let body):
            self.onMayType(handle, conversation, body, outcome, into: &effects)
        case .census(let conversation, let generation):
            guard self.conversations.holds(conversation, generation: generation) else { break }
            self.onCensus(of: conversation, outcome, into: &effects)
        case .audience(let notice, let generation):
            guard self.inbox.notices.holds(notice, generation: generation) else { break }
            self.onAudienceEnd(of: notice, outcome, at: now, into: &effects)
        case .plans:
            self.onPlans(outcome, at: now, into: &effects)
        }
        if case .page(let page) = outcome { self.release(page.handle, into: &effects) }
    }

    /// The page in a read's outcome, `nil` if the store could not read; a head is an empty page.
    static func page(in outcome: StoreOutcome) -> Page? {
        switch outcome {
        case .page(let page):
            return page
        case .head(let head, members: _):
            return Page(handle: .none, first: .start, count: 0, byteCount: 0, head: head)
        case .unavailable:
            return nil
        case .appended, .found, .notFound, .leased, .ruling, .marked, .listed, .account, .denied,
            .audience, .plans:
            preconditionFailure("a read ends with a page, a head, or not at all")
        }
    }
}
