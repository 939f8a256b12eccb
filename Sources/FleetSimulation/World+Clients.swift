import DiscreteEvents
import Histogram
import Oracles
import Workload
import ChatCore
import ClientModel
import Kernel
import Measurement

extension World {
    func step(client number: Int, _ event: ClientEvent) {
        self.clients[number].machine.handle(event, at: self.now, into: &self.clientEffects)
        self.carryOut(of: number)
    }

    func runDeadline(ofClient number: Int) {
        let client = self.clients[number]
        client.deadlineScheduled = .never
        client.machine.handleDeadline(at: self.now, into: &self.clientEffects)
        self.carryOut(of: number)
    }

    /// Healthy clients' deadlines move away with each ping: only the event that comes due looks again.
    private func scheduleDeadline(ofClient number: Int) {
        let client = self.clients[number]
        guard let deadline = client.machine.nextDeadline, deadline < client.deadlineScheduled
        else { return }
        client.deadlineScheduled = max(deadline, self.now)
        self.schedule(Happening(.clientDeadline, number), at: client.deadlineScheduled)
    }

    private func carryOut(of number: Int) {
        for index in 0..<self.clientEffects.count {
            switch self.clientEffects[effect: index] {
            case .openSocket(let socket): self.open(number, socket)
            case .command(let socket, let id, let request):
                if case .send(let message) = request {
                    self.oracle.sent(
                        World.id(of: message.conversation),
                        MessageID(high: 0, low: message.id.low),
                        now: self.now
                    )
                }
                self.transmit(number, socket, .command(id, request))
            case .pong: break
            case .closeSocket(let socket): self.transmit(number, socket, .hangUp)
            case .observe(let observation): self.observe(number, observation)
            }
        }
        self.clientEffects.removeAll()
        self.scheduleDeadline(ofClient: number)
    }

    /// The load balancer spreads sockets evenly; it does not know which nodes are down.
    private func open(_ number: Int, _ socket: SocketNumber) {
        let client = self.clients[number]
        let bits = self.random.draw(.gatewayChoice, UInt64(number), UInt64(socket.rawValue))
        let choice = Int(KeyedRandom.below(UInt64(self.gateways.count), bits))
        let handshake = self.clientLatency(number) * 3
        client.handle = nil
        client.lastArrival = self.now + handshake
        self.schedule(
            Happening(
                .accept,
                number,
                detail: socket.rawValue,
                parcel: UInt32(self.gateways[choice])
            ),
            at: client.lastArrival
        )
    }

    func clientLatency(_ number: Int) -> Interval {
        self.latency(self.scenario.network.client, .clientLatency, UInt64(number))
    }

    func accept(_ number: Int, socket: UInt32, shard index: Int) {
        let row = self.shards[index]
        let client = self.clients[number]
        guard row.shard != nil else {
            self.tell(number, socket, .failed)
            return
        }
        let slot: UInt32
        if let vacant = row.vacantSlots.popLast() {
            slot = vacant
            row.sockets[Int(slot)].generation &+= 1
        } else {
            slot = UInt32(row.sockets.count)
            row.sockets.append(SimulatedSocket(generation: 1))
        }
        row.sockets[Int(slot)].client = UInt32(number)
        row.sockets[Int(slot)].socket = socket
        row.sockets[Int(slot)].isOpen = true
        row.sockets[Int(slot)].lastArrival = self.now
        let handle = ConnectionHandle(
            slot: slot,
            generation: row.sockets[Int(slot)].generation
        )
        client.shard = index
        client.handle = handle
        self.connectionCount += 1
        self.enqueue(.opened(handle, ConnectionID(self.connectionCount)), at: index)
        self.tell(number, socket, .opened)
    }

    /// A word of the network itself to a client.
    func tell(_ number: Int, _ socket: UInt32, _ event: SocketEvent) {
        let parcel = self.parcels.add(.client(event))
        self.schedule(
            Happening(.atClient, number, detail: socket, parcel: parcel),
            at: self.now + self.clientLatency(number)
        )
    }

    private func transmit(_ number: Int, _ socket: SocketNumber, _ parcel: Parcel) {
        let client = self.clients[number]
        client.lastArrival = max(
            self.now + self.clientLatency(number),
            client.lastArrival + Interval(nanoseconds: 1)
        )
        self.schedule(
            Happening(
                .atGateway,
                number,
                detail: socket.rawValue,
                parcel: self.parcels.add(parcel)
            ),
            at: client.lastArrival
        )
    }

    func arriveAtGateway(_ number: Int, _ socket: UInt32, _ parcel: Parcel) {
        let client = self.clients[number]
        guard let handle = client.handle else { return }
        let row = self.shards[client.shard]
        guard row.isCurrent(handle), row.sockets[Int(handle.slot)].client == UInt32(number),
            row.sockets[Int(handle.slot)].socket == socket
        else { return }
        switch parcel {
        case .command(let id, let request):
            self.enqueue(.command(handle, id, self.command(request)), at: client.shard)
        case .hangUp:
            self.arriveAtShard(client.shard, 0, .event(.closed(handle)))
        case .none, .event, .client, .request, .pings, .pongs: return
        }
    }

    private func command(_ request: ClientRequest) -> Command {
        switch request {
        case .connect: return .connect
        case .subscribe(let conversation, let since):
            return .subscribe(self.reference(conversation), since: since)
        case .send(let message):
            return .send(
                self.reference(message.conversation),
                // A message id is its sender's own: other users of the conversation choose the same.
                MessageID(high: 0, low: UInt64(self.ordinals[Int(message.id.low) - 1])),
                Body(
                    handle: PayloadHandle(rawValue: message.id.low),
                    byteCount: message.byteCount
                )
            )
        case .history(let conversation, let since, let limit):
            return .history(
                self.reference(conversation),
                HistoryRequest(
                    since: since.offset,
                    epoch: since.epoch,
                    limit: limit,
                    isReversed: false
                )
            )
        }
    }

    /// A body's handle is its message's number, a name's its conversation's: nothing to keep.
    private func reference(_ conversation: ConversationNumber) -> ConversationReference {
        let name = UInt64(1) << 32 | UInt64(conversation.rawValue)
        return ConversationReference(
            id: World.id(of: conversation),
            namespace: 0,
            name: PayloadHandle(rawValue: name)
        )
    }

    func arriveAtClient(_ number: Int, _ socket: UInt32, _ parcel: Parcel) {
        guard case .client(let event) = parcel else { return }
        self.step(client: number, .socket(SocketNumber(socket), event))
    }

    /// A range of pings reaches its clients, and their pongs leave as one event: whatever their
    /// number, two events of the calendar.
    func ping(_ index: Int, _ incarnation: UInt32, _ parcel: Parcel) {
        guard case .pings(let handles) = parcel else { return }
        let row = self.shards[index]
        guard row.incarnation == UInt64(incarnation), row.shard != nil else { return }
        var answering: [ConnectionHandle] = []
        for handle in handles where row.isCurrent(handle) {
            let socket = row.sockets[Int(handle.slot)]
            self.step(client: Int(socket.client), .socket(SocketNumber(socket.socket), .ping))
            if self.clients[Int(socket.client)].machine.isOnline { answering.append(handle) }
        }
        guard !answering.isEmpty else { return }
        self.pingCount += UInt64(answering.count)
        let latency = self.latency(self.scenario.network.client, .clientLatency, .max)
        let parcel = self.parcels.add(.pongs(answering))
        self.schedule(
            Happening(.atShard, index, detail: incarnation, parcel: parcel),
            at: self.now + latency
        )
    }

    func scheduleArrival() {
        self.nextMessage = self.arrivals.next()
        guard let next = self.nextMessage else { return }
        self.schedule(Happening(.arrival), at: max(next.message.intended, self.now))
    }

    func arrive() {
        guard let next = self.nextMessage else { return }
        self.intended.append(next.message.intended)
        let sender = Int(next.sender.rawValue)
        self.ordinals.append(self.clients[sender].sentCount)
        self.clients[sender].sentCount += 1
        self.counts.sent += 1
        self.series.sent(at: next.message.intended)
        self.step(client: sender, .send(next.message))
        self.scheduleArrival()
    }

    private func observe(_ number: Int, _ observation: Observation) {
        let device = UInt64(number)
        switch observation {
        case .connected:
            self.counts.connects += 1
            self.series.noted(device: number, isOnline: true, now: self.now)
        case .disconnected:
            self.counts.disconnects += 1
            self.series.noted(device: number, isOnline: false, now: self.now)
        case .subscribed(let conversation, let from, _):
            self.subscribedFrom += from.offset.rawValue
            self.oracle.subscribed(
                device,
                World.id(of: conversation),
                after: from.offset,
                now: self.now
            )
        case .recovered: self.counts.recovered += 1
        case .unrecovered: self.counts.unrecovered += 1
        case .epochChanged(let conversation, _, _):
            self.counts.epochsChanged += 1
            self.oracle.restarted(device, World.id(of: conversation), now: self.now)
        case .repeated(let message, _, isExcused: false):
            self.oracle.repeated(
                device,
                World.id(of: message.conversation),
                at: message.offset,
                now: self.now
            )
        case .caughtUp, .unreadable, .ended, .repeated, .resent: break
        case .delivered(let message, _):
            self.counts.deliveries += 1
            self.oracle.delivered(
                device,
                World.id(of: message.conversation),
                message.message,
                at: message.offset,
                now: self.now
            )
            var intended: Instant?
            if message.source == .live, let id = message.message {
                let sent = self.intended[Int(id.low) - 1]
                self.sendToDelivery.record((self.now - sent).nanoseconds / 1_000)
                intended = sent
            }
            self.series.delivered(intended, now: self.now)
        case .acknowledged(let message, let position, let isDuplicate):
            self.counts.acknowledged += 1
            self.series.acknowledged(message.intended, now: self.now)
            self.oracle.acknowledged(
                World.id(of: message.conversation),
                MessageID(high: 0, low: message.id.low),
                at: position.offset,
                isDuplicate: isDuplicate,
                now: self.now
            )
            let latency = self.now - message.intended
            self.sendToAck.record(latency.nanoseconds / 1_000)
        case .gaveUp, .refused: self.counts.refused += 1
        }
    }
}
