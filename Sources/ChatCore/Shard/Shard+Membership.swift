import BasicContainers
import Kernel

/// The owner's side of members' conversations: asking whether an operation is allowed.
extension Shard {
    /// Whether the store must be asked before the operation is numbered.
    ///
    /// A refusal in the append's transaction holds up what was numbered after it, so it is for members
    /// only, who have been members until a moment ago. While a question about a user is open, the next
    /// message of that user asks too, so that it does not overtake the first.
    func mustAsk(_ request: PublishRequest) -> Bool {
        guard self.namespace(request.namespace).isMembersOnly else { return false }
        return request.operation != .message
            || self.members.isAsked(request.conversation, request.user)
            || !self.members.holds(request.conversation, request.user)
    }

    mutating func ask(
        _ request: PublishRequest,
        from gateway: ShardID,
        in slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.asked.insert(AskedOperation(request: request, gateway: gateway))
        self.conversations[slot].askedCount += 1
        self.members.asked(request.conversation, request.user)
        self.keptBytes += UInt64(Self.cost(of: request.body))
        let inquiry = Inquiry(
            conversation: request.conversation,
            user: request.user,
            message: request.message,
            operation: request.operation
        )
        self.ask(.standing(inquiry), for: .standing(inquiry: row), into: &effects)
    }

    mutating func onStanding(
        _ row: UInt32,
        _ outcome: StoreOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let (request, gateway) = (self.asked[row].request, self.asked[row].gateway)
        self.asked.remove(row, leaving: .blank)
        guard let slot = self.conversationSlot(of: request.conversation) else {
            preconditionFailure("a conversation is kept while the store is asked about it")
        }
        self.conversations[slot].askedCount -= 1
        self.members.answered(request.conversation, request.user)
        self.keptBytes -= UInt64(Self.cost(of: request.body))
        switch outcome {
        case .ruling(.allowed, _):
            if request.operation == .message {
                self.members.add(request.conversation, request.user)
            }
            self.sequence(request, from: gateway, isAllowed: true, at: now, into: &effects)
        case .ruling(.refused(let code), _):
            self.refuse(request, gateway, code, into: &effects)
            // What strangers name is mostly nothing.
            self.forgetIfIdle(slot)
        case .ruling(.repeated(let offset, let unixMilliseconds), let head):
            let reply = SendReply(
                epoch: head.epoch,
                offset: offset,
                unixMilliseconds: unixMilliseconds,
                isDuplicate: true
            )
            effects.emit(.peer(gateway, .published(request.token, .accepted(reply))))
            self.release(request.body.handle, into: &effects)
        case .unavailable:
            self.refuse(request, gateway, .internal, into: &effects)
        case .appended, .head, .found, .notFound, .page, .marked, .listed, .account, .denied,
            .leased, .audience, .plans:
            preconditionFailure("an inquiry ends with a ruling, or not at all")
        }
    }

    /// Forgets who is no member any more, or was found not to be one.
    mutating func forgetDeparted(_ message: OwnedMessage) {
        let request = message.request
        switch message.fate {
        case .found:
            guard let user = request.operation.departing(by: request.user) else { return }
            self.members.forget(request.conversation, user)
        case .refused:
            self.members.forget(request.conversation, request.user)
        case .waiting, .appending, .parked, .absent:
            return
        }
    }
}

/// The gateway's side: who may subscribe, and whose subscriptions end.
extension Shard {
    /// Why an operation is refused whoever asks for it.
    func refusal(
        of operation: ChatAction,
        in reference: ConversationReference,
        for handle: ConnectionHandle
    ) -> ErrorCode? {
        let namespace = self.namespace(reference.namespace)
        guard namespace.isMembersOnly || operation == .message else { return .notAvailable }
        guard operation.isContent else { return nil }
        return self.isOpen(reference, to: namespace.publishers, for: handle)
            ? nil : .permissionDenied
    }

    mutating func onCreated(
        _ reference: ConversationReference,
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ outcome: PublishOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if self.isOpen(handle) {
            switch outcome {
            case .accepted(let reply):
                effects.emit(.reply(handle, id, .created(name: reference.name, reply)))
            case .refused(let code): self.fail(handle, id, code, into: &effects)
            }
        }
        self.release(reference.name, into: &effects)
    }

    /// Reads whether a subscriber is a member; it joins afterwards.
    mutating func check(
        _ slot: UInt32,
        _ since: RecoveryRequest?,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.joins[self.join(of: slot)].phase = .checking(since)
        let handle = self.subscriptions[slot].connection
        let read = ReadRequest(
            conversation: self.feeds[self.subscriptions[slot].feed].id,
            from: .start,
            limit: 0,
            isReversed: false,
            reader: self.connections[Int(handle.slot)].user
        )
        let generation = self.subscriptions.generation(of: slot)
        let purpose = PendingRequest.admission(subscription: slot, generation: generation)
        self.ask(.read(read), for: purpose, into: &effects)
    }

    /// Whether nobody has ceased to be a member since the subscriber was seen to be one.
    func isVouched(_ slot: UInt32) -> Bool {
        let feed = self.subscriptions[slot].feed
        return !self.namespace(self.feeds[feed].namespace).isMembersOnly
            || self.subscriptions[slot].vouched >= self.feeds[feed].departed
    }

    mutating func onAdmission(
        _ slot: UInt32,
        _ outcome: StoreOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let handle = self.subscriptions[slot].connection
        self.takeAdmission(slot, outcome, at: now, into: &effects)
        self.finishConnect(handle, at: now, into: &effects)
    }

    private mutating func takeAdmission(
        _ slot: UInt32,
        _ outcome: StoreOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let join = self.join(of: slot)
        guard case .checking(let since) = self.joins[join].phase else {
            preconditionFailure("only a subscription that is checked waits for its admission")
        }
        let id = self.joins[join].command
        guard outcome != .denied else {
            self.abandon(slot, id, .notMember, into: &effects)
            return
        }
        guard let page = Self.page(in: outcome) else {
            self.abandon(slot, id, .internal, into: &effects)
            return
        }
        self.subscriptions[slot].vouched = page.head.offset
        self.joins[join].phase = .waiting(since)
        self.join(slot, at: now, into: &effects)
    }

    /// Ends the subscriptions of somebody whose membership ends with a delivery, on all devices here.
    mutating func noteDeparture(
        _ delivery: Delivery,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let user = delivery.departing else { return }
        self.feeds[slot].departed = max(self.feeds[slot].departed, delivery.offset)
        var index = self.feeds[slot].targets.count
        while index > 0 {
            index -= 1
            let target = self.feeds[slot].targets[index]
            let (handle, row) = (target.connection, target.subscription)
            guard self.connections[Int(handle.slot)].user == user,
                self.subscriptions[row].vouched < delivery.offset
            else { continue }
            guard effects.freeCapacity > Self.effectReserve / 8 else {
                // More devices than one step may tell: all start again, and these are refused.
                self.feeds[slot].position.forget()
                let generation = self.feeds.generation(of: slot)
                self.deadlines.schedule(.ending(feed: slot, generation: generation), at: .zero)
                return
            }
            effects.emit(.unsubscribe(handle, name: self.feeds[slot].name, .server))
            self.cease(row, at: self.now, into: &effects)
            self.unlink(row, from: handle.slot)
            self.removeTarget(UInt32(index), from: slot)
            self.forgetSubscription(row)
        }
    }
}

/// Markers, and the list of a user's conversations: the gateway asks the store itself.
extension Shard {
    /// Counts one more read of a connection; false if too many are open.
    mutating func opensRead(_ handle: ConnectionHandle) -> Bool {
        let slot = Int(handle.slot)
        guard self.connections[slot].openHistories < self.configuration.historyRequestLimit else {
            return false
        }
        self.connections[slot].openHistories += 1
        return true
    }

    mutating func mark(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reference: ConversationReference,
        _ markers: Markers,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.release(reference.name, into: &effects)
        guard self.namespace(reference.namespace).isMembersOnly else {
            self.fail(handle, id, .notAvailable, into: &effects)
            return
        }
        guard self.opensRead(handle) else {
            self.fail(handle, id, .tooManyRequests, into: &effects)
            return
        }
        let request = MarkRequest(
            conversation: reference.id,
            user: self.connections[Int(handle.slot)].user,
            markers: markers
        )
        let token = self.token(for: .mark(handle, id, reference.id))
        effects.emit(.store(token, .mark(request)))
        self.deadlines.schedule(.request(token), at: now + self.configuration.requestTimeout)
    }

    mutating func onMarked(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ conversation: ConversationID,
        _ outcome: StoreOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle) else { return }
        self.connections[Int(handle.slot)].openHistories -= 1
        switch outcome {
        case .marked(let reply):
            effects.emit(.reply(handle, id, .marked(reply)))
            self.shareMarkers(of: handle, in: conversation, into: &effects)
        case .denied: self.fail(handle, id, .notMember, into: &effects)
        case .unavailable: self.fail(handle, id, .internal, into: &effects)
        case .appended, .head, .found, .notFound, .page, .ruling, .listed, .account, .leased,
            .audience, .plans:
            preconditionFailure("a mark ends with the markers, or not at all")
        }
    }

    mutating func list(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ known: PayloadHandle,
        after: ConversationID?,
        limit: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if self.opensRead(handle) {
            let request = ListRequest(
                user: self.connections[Int(handle.slot)].user,
                after: after,
                limit: min(max(1, limit), self.configuration.listLimit),
                known: known
            )
            let token = self.token(for: .list(handle, id))
            effects.emit(.store(token, .list(request)))
            self.deadlines.schedule(.request(token), at: now + self.configuration.requestTimeout)
        } else {
            self.fail(handle, id, .tooManyRequests, into: &effects)
        }
        self.release(known, into: &effects)
    }

    mutating func onListed(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ outcome: StoreOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let isOpen = self.isOpen(handle)
        if isOpen { self.connections[Int(handle.slot)].openHistories -= 1 }
        switch outcome {
        case .listed(let page):
            if isOpen { effects.emit(.reply(handle, id, .listed(page))) }
            self.release(page.handle, into: &effects)
        case .unavailable: self.fail(handle, id, .internal, into: &effects)
        case .appended, .head, .found, .notFound, .page, .ruling, .marked, .account, .denied,
            .leased, .audience, .plans:
            preconditionFailure("a list ends with its window, or not at all")
        }
    }
}
