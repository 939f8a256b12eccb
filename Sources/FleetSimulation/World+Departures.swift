import DiscreteEvents
import ChatCore
import ClientModel
import Kernel

extension World {
    /// Translates an effect while its pages are still held; `nil` if nothing leaves the shard.
    func departure(_ effect: ShardEffect, _ targets: [ConnectionHandle]) -> Departure? {
        switch effect {
        case .authenticate(let handle): return .authenticate(handle)
        case .reply(let handle, let id, let reply):
            let events = self.events(id, reply)
            return events.isEmpty ? nil : .client(handle, events)
        case .deliver(let delivery, _, _):
            let message = IncomingMessage(
                conversation: World.number(of: delivery.conversation),
                offset: delivery.offset,
                message: MessageID(high: 0, low: delivery.body.handle.rawValue),
                source: .live
            )
            return .deliver(.publication(message), targets)
        case .deliverPage(let stretch, _):
            let events = self.publications(stretch.page, stretch.after, stretch.through, .live)
            return .stretch(events, targets)
        case .unsubscribe(let handle, let name, let code):
            let number = ConversationNumber(UInt32(truncatingIfNeeded: name.rawValue))
            return .client(handle, [.unsubscribed(number, code: code.rawValue)])
        case .ping: return .pings(targets)
        case .close(let handle, let code): return .close(handle, code)
        case .peer(let shard, let message): return .peer(shard, message)
        case .store(let token, let request): return .store(token, request)
        case .release(let handle):
            if handle.rawValue >= 1 << 40 { self.pages[handle.rawValue] = nil }
            return nil
        case .drained: return nil
        }
    }

    private func events(_ id: CommandID, _ reply: Reply) -> [SocketEvent] {
        switch reply {
        case .connected(let connected):
            let interval = connected.pingInterval
            return [.reply(id, .connected(pingInterval: interval, expectsPongs: true))]
        case .subscribed(let subscribed): return self.events(id, subscribed)
        case .sent(let sent):
            let position = Position(epoch: sent.epoch, offset: sent.offset)
            return [.reply(id, .sent(position, isDuplicate: sent.isDuplicate))]
        case .history(let history):
            var events: [SocketEvent] = []
            if let page = self.pages[history.page.rawValue]?.page, page.count > 0 {
                let after = Offset(page.first.rawValue - 1)
                events = self.publications(history.page, after, page.last, .page)
            }
            let head = Position(epoch: history.epoch, offset: history.head)
            events.append(.reply(id, .page(head: head, count: UInt32(events.count))))
            return events
        case .error(let code):
            let isTemporary = code == .internal || code == .tooManyRequests
            return [.reply(id, .error(code: code.rawValue, isTemporary: isTemporary))]
        case .unsubscribed, .published: return []
        }
    }

    private func events(_ id: CommandID, _ reply: SubscribeReply) -> [SocketEvent] {
        var recovery = ReplyOutcome.Subscribed.Recovery.notRequested
        var missed: [SocketEvent] = []
        switch reply.recovery {
        case .notRequested: break
        case .recovered(let page, let through):
            recovery = .recovered
            if reply.offset < through {
                missed = self.publications(page, reply.offset, through, .recovered)
                if self.bug == .recoversWithHole { missed.removeFirst() }
            }
        case .unrecovered: recovery = .unrecovered
        }
        let subscribed = ReplyOutcome.Subscribed(
            hasLog: reply.hasLog,
            position: Position(epoch: reply.epoch, offset: reply.offset),
            recovery: recovery
        )
        return [.reply(id, .subscribed(subscribed))] + missed
    }

    private func publications(
        _ handle: PayloadHandle,
        _ after: Offset,
        _ through: Offset,
        _ source: IncomingMessage.Source
    ) -> [SocketEvent] {
        guard let conversation = self.pages[handle.rawValue]?.conversation, after < through
        else { return [] }
        return (after.rawValue + 1...through.rawValue).map { offset in
            let entry = self.logs.entry(conversation, at: Offset(offset))
            return .publication(
                IncomingMessage(
                    conversation: World.number(of: conversation),
                    offset: Offset(offset),
                    message: entry.map { MessageID(high: 0, low: $0.body.handle.rawValue) },
                    source: source
                )
            )
        }
    }

    func depart(_ departure: Departure, from index: Int, at instant: Instant) {
        let row = self.shards[index]
        switch departure {
        case .authenticate(let handle):
            guard row.isCurrent(handle) else { return }
            let user = World.user(Int(row.sockets[Int(handle.slot)].client))
            let event = ShardEvent.authenticated(handle, .accepted(user, timeToLive: nil))
            self.send(event, to: index, at: instant + .microseconds(50))
        case .client(let handle, let events):
            for event in events { self.deliver(event, [handle], from: row, at: instant) }
        case .deliver(let event, let handles):
            self.deliver(event, handles, from: row, at: instant)
        case .stretch(let events, let handles):
            for event in events { self.deliver(event, handles, from: row, at: instant) }
        case .pings(let handles):
            let latency = self.latency(self.scenario.network.client, .clientLatency, .max)
            self.schedule(
                Happening(
                    .pings,
                    index,
                    detail: UInt32(row.incarnation),
                    parcel: self.parcels.add(.pings(handles))
                ),
                at: instant + latency
            )
        case .close(let handle, let code):
            self.deliver(.closed(code: code.rawValue), [handle], from: row, at: instant)
            self.send(.closed(handle), to: index, at: instant + .milliseconds(1))
        case .peer(let receiver, let message):
            self.sendPeer(message, from: index, to: receiver, at: instant)
        case .store(let token, let request):
            let latency = self.latency(self.scenario.network.bus, .storeLatency, UInt64(index))
            let parcel = Parcel.request(
                shard: index,
                incarnation: row.incarnation,
                token,
                request
            )
            // One connection to the store: a shard's requests arrive in the order they were made.
            row.lastStoreArrival = max(
                instant + latency,
                row.lastStoreArrival + Interval(nanoseconds: 1)
            )
            self.schedule(
                Happening(.atStore, parcel: self.parcels.add(parcel)),
                at: row.lastStoreArrival
            )
        }
    }

    /// Sends an event to the shard's present incarnation only.
    func send(_ event: ShardEvent, to index: Int, at instant: Instant) {
        let incarnation = UInt32(self.shards[index].incarnation)
        let parcel = self.parcels.add(.event(event))
        self.schedule(
            Happening(.atShard, index, detail: incarnation, parcel: parcel),
            at: instant
        )
    }

    private func deliver(
        _ event: SocketEvent,
        _ handles: [ConnectionHandle],
        from row: SimulatedShard,
        at instant: Instant
    ) {
        let current = handles.filter { row.isCurrent($0) }
        guard !current.isEmpty else { return }
        let parcel = self.parcels.add(.client(event), references: current.count)
        for handle in current {
            let slot = Int(handle.slot)
            let socket = row.sockets[slot]
            let latency = self.latency(
                self.scenario.network.client,
                .clientLatency,
                UInt64(socket.client)
            )
            let arrival = max(
                instant + latency,
                socket.lastArrival + Interval(nanoseconds: 1)
            )
            row.sockets[slot].lastArrival = arrival
            self.schedule(
                Happening(.atClient, Int(socket.client), detail: socket.socket, parcel: parcel),
                at: arrival
            )
        }
    }

    private func sendPeer(
        _ message: PeerMessage,
        from index: Int,
        to receiver: ShardID,
        at instant: Instant
    ) {
        guard let target = self.shards.firstIndex(where: { $0.id == receiver }) else { return }
        let nodes = (self.shards[index].node, self.shards[target].node)
        var copies = 1
        if nodes.0 != nodes.1 {
            let isSevered = self.severed.contains { $0 == nodes || $0 == (nodes.1, nodes.0) }
            if isSevered { return }
            let network = self.scenario.network
            let entity = UInt64(index) << 32 | UInt64(target)
            if self.happens(network.busLossMillionths, .bus, entity) { copies -= 1 }
            if self.happens(network.busRepeatMillionths, .bus, entity) { copies += 1 }
        }
        for _ in 0..<copies {
            let latency =
                nodes.0 == nodes.1
                ? Interval.microseconds(5)
                : self.latency(self.scenario.network.bus, .bus, UInt64(index))
            let parcel = self.parcels.add(.event(.peer(self.shards[index].id, message)))
            self.schedule(Happening(.atShard, target, parcel: parcel), at: instant + latency)
        }
    }
}
