import BasicContainers
import ChatCore
import ClientModel
import DiscreteEvents
import Kernel

extension World {
    /// Lets leave what a round has gathered, in its order.
    mutating func departAll(from index: Int, at instant: Instant) {
        for departure in 0..<self.round.departures.count {
            self.depart(self.round.departures[departure], from: index, at: instant)
        }
    }

    private mutating func depart(_ effect: ShardEffect, from index: Int, at instant: Instant) {
        switch effect {
        case .authenticate(let handle): self.authenticate(handle, from: index, at: instant)
        case .reply(let handle, let id, let reply):
            self.reply(reply, to: id, of: handle, from: index, at: instant)
        case .deliver(let delivery, _, let range):
            let message = IncomingMessage(
                conversation: World.number(of: delivery.conversation),
                offset: delivery.offset,
                message: MessageID(high: 0, low: delivery.body.handle.rawValue),
                source: .live
            )
            let bytes = delivery.body.byteCount
            self.deliver(.publication(message), range, bytes: bytes, from: index, at: instant)
        case .deliverPage(let stretch, let range):
            guard let (conversation, page) = self.pages[stretch.page.rawValue] else { return }
            let epoch = page.head.epoch
            var offset = stretch.after
            while offset < stretch.through {
                offset = offset.next
                let (event, bytes) = self.publication(conversation, offset, epoch, .live)
                self.deliver(event, range, bytes: bytes, from: index, at: instant)
            }
        // No workload has an application server.
        case .subscribe, .respond, .refresh: break
        case .unsubscribe(let handle, let name, let code):
            let number = ConversationNumber(UInt32(truncatingIfNeeded: name.rawValue))
            let event = SocketEvent.unsubscribed(number, code: code.rawValue)
            self.deliver(event, to: handle, bytes: 0, from: index, at: instant)
        case .ping(let range): self.sendPings(range, from: index, at: instant)
        case .close(let handle, let code):
            // The network itself would bring the word behind all that waits; a client that takes too
            // little of that is cut off.
            if self.shards[index].isCurrent(handle) { self.endLine(Int(handle.slot), of: index) }
            let event = SocketEvent.closed(code: code.rawValue)
            self.deliver(event, to: handle, bytes: 0, from: index, at: instant)
            self.send(.closed(handle), to: index, at: instant + .milliseconds(1))
        case .peer(let receiver, let message):
            self.sendPeer(message, from: index, to: receiver, at: instant)
        case .store(let token, let request):
            self.sendToStore(request, token, from: index, at: instant)
        case .release(let handle):
            self.shards[index].lent -= 1
            if handle.rawValue >= 1 << 40 {
                self.pages[handle.rawValue] = nil
                self.windows[handle.rawValue] = nil
            }
        case .dropPublications(let handle):
            self.dropPublications(handle, index, at: instant)
        case .awaitRoom(let handle): self.awaitRoom(handle, index, at: instant)
        case .drained: self.shards[index].hasDrained = true
        // Who hears of whom is judged as it leaves the shard; devices make no use of it.
        case .presence, .hint: break
        }
    }

    private mutating func authenticate(
        _ handle: ConnectionHandle,
        from index: Int,
        at instant: Instant
    ) {
        guard self.shards[index].isCurrent(handle) else { return }
        let user = World.user(Int(self.shards[index].sockets[Int(handle.slot)].client))
        let event = ShardEvent.authenticated(handle, .accepted(user, timeToLive: nil))
        self.send(event, to: index, at: instant + .microseconds(50))
    }

    private mutating func reply(
        _ reply: Reply,
        to id: CommandID,
        of handle: ConnectionHandle,
        from index: Int,
        at instant: Instant
    ) {
        var outcome: ReplyOutcome
        switch reply {
        case .connected(let connected):
            if self.shards[index].isCurrent(handle) { self.shards[index].settle(handle.slot) }
            outcome = .connected(pingInterval: connected.pingInterval, expectsPongs: true)
        case .subscribed(let subscribed):
            outcome = World.outcome(subscribed)
        case .sent(let sent):
            let position = Position(epoch: sent.epoch, offset: sent.offset)
            outcome = .sent(position, isDuplicate: sent.isDuplicate)
        case .history(let history):
            var count: UInt32 = 0
            if let page = self.pages[history.page.rawValue]?.page, page.count > 0 {
                count = page.count
                let after = Offset(page.first.rawValue - 1)
                let missed = Missed(history.page, after, page.last, .page)
                self.deliver(missed, to: handle, from: index, at: instant)
            }
            let head = Position(epoch: history.epoch, offset: history.head)
            outcome = .page(head: head, count: count)
        case .error(let code):
            let isTemporary = code == .internal || code == .tooManyRequests
            outcome = .error(code: code.rawValue, isTemporary: isTemporary)
        case .created(_, let sent):
            let position = Position(epoch: sent.epoch, offset: sent.offset)
            outcome = .sent(position, isDuplicate: sent.isDuplicate)
        case .marked(let reply): outcome = .marked(reply)
        case .listed(let page):
            for listed in self.windows[page.handle.rawValue] ?? [] {
                let event =
                    listed.place.map { SocketEvent.listed(listed.conversation, $0.head, $0.state) }
                    ?? .gone(listed.conversation)
                self.deliver(event, to: handle, bytes: 0, from: index, at: instant)
            }
            outcome = .synced
        case .connectedSubscription, .unsubscribed, .published, .refreshed, .subRefreshed, .done,
            .told, .presence:
            return
        }
        self.deliver(.reply(id, outcome), to: handle, bytes: 0, from: index, at: instant)
        if case .subscribed(let subscribed) = reply,
            case .recovered(let page, let through) = subscribed.recovery
        {
            var after = subscribed.offset
            if self.bug == .recoversWithHole, after < through { after = after.next }
            let missed = Missed(page, after, through, .recovered)
            self.deliver(missed, to: handle, from: index, at: instant)
        }
    }

    private static func outcome(_ reply: SubscribeReply) -> ReplyOutcome {
        let recovery: ReplyOutcome.Subscribed.Recovery
        switch reply.recovery {
        case .notRequested: recovery = .notRequested
        case .recovered: recovery = .recovered
        case .unrecovered: recovery = .unrecovered
        }
        return .subscribed(
            ReplyOutcome.Subscribed(
                hasLog: reply.hasLog,
                position: Position(epoch: reply.epoch, offset: reply.offset),
                recovery: recovery
            )
        )
    }

    /// A message of the log as it goes to a device, and the size of its body.
    private func publication(
        _ conversation: ConversationID,
        _ offset: Offset,
        _ epoch: Epoch,
        _ source: IncomingMessage.Source
    ) -> (SocketEvent, bytes: UInt32) {
        let entry = self.logs.entry(conversation, at: offset, in: epoch)
        let message = IncomingMessage(
            conversation: World.number(of: conversation),
            offset: offset,
            message: entry.map { MessageID(high: 0, low: $0.body.handle.rawValue) },
            source: source
        )
        return (.publication(message), entry?.body.byteCount ?? 0)
    }

    private mutating func deliver(
        _ missed: Missed,
        to handle: ConnectionHandle,
        from index: Int,
        at instant: Instant
    ) {
        guard let (conversation, page) = self.pages[missed.page.rawValue] else { return }
        let epoch = page.head.epoch
        var offset = missed.after
        while offset < missed.through {
            offset = offset.next
            let (event, bytes) = self.publication(conversation, offset, epoch, missed.source)
            self.deliver(event, to: handle, bytes: bytes, from: index, at: instant)
        }
    }

    private mutating func deliver(
        _ event: SocketEvent,
        to handle: ConnectionHandle,
        bytes: UInt32,
        from index: Int,
        at instant: Instant
    ) {
        guard self.shards[index].isCurrent(handle) else { return }
        let parcel = self.parcels.add(.client(event))
        self.launch(parcel, to: handle, bytes: bytes, from: index, at: instant)
    }

    /// One parcel, however many it goes to; each target has a latency of its own.
    private mutating func deliver(
        _ event: SocketEvent,
        _ range: TargetRange,
        bytes: UInt32,
        from index: Int,
        at instant: Instant
    ) {
        let parcel = self.parcels.add(.client(event), references: Int(range.count))
        for target in range.start..<(range.start + range.count) {
            let handle = self.round.targets[Int(target)]
            if self.shards[index].isCurrent(handle) {
                self.launch(parcel, to: handle, bytes: bytes, from: index, at: instant)
            } else {
                _ = self.parcels.take(parcel)
            }
        }
    }

    /// Sends a parcel down a connection that stands.
    private mutating func launch(
        _ parcel: UInt32,
        to handle: ConnectionHandle,
        bytes: UInt32,
        from index: Int,
        at instant: Instant
    ) {
        let slot = Int(handle.slot)
        let socket = self.shards[index].sockets[slot]
        let sent = self.sentFromCard(of: self.shards[index].node, bytes: bytes, at: instant)
        guard socket.line == SimulatedSocket.noLine else {
            return self.line(up: parcel, to: handle, bytes: bytes, from: index, at: sent)
        }
        let latency = self.clientLatency(.downLatency, socket.client, socket.socket, socket.sent)
        let arrival = max(sent + latency, socket.lastArrival + Interval(nanoseconds: 1))
        self.shards[index].sockets[slot].lastArrival = arrival
        self.shards[index].sockets[slot].sent = socket.sent &+ 1
        self.schedule(
            Happening(.atClient, Int(socket.client), detail: socket.socket, parcel: parcel),
            at: arrival
        )
    }

    /// Sends an event to the shard's present incarnation only.
    mutating func send(_ event: ShardEvent, to index: Int, at instant: Instant) {
        let incarnation = UInt32(truncatingIfNeeded: self.shards[index].incarnation)
        let parcel = self.parcels.add(.event(event))
        self.schedule(
            Happening(.atShard, index, detail: incarnation, parcel: parcel),
            at: instant
        )
    }
}

/// Messages of a page after one offset up to another, for one device.
private struct Missed {
    var page: PayloadHandle
    var after: Offset
    var through: Offset
    var source: IncomingMessage.Source

    init(
        _ page: PayloadHandle,
        _ after: Offset,
        _ through: Offset,
        _ source: IncomingMessage.Source
    ) {
        self.page = page
        self.after = after
        self.through = through
        self.source = source
    }
}
