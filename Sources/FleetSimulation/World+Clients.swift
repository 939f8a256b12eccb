import BasicContainers
import DiscreteEvents
import Histogram
import Oracles
import Workload
import ChatCore
import ClientModel
import Kernel
import Measurement

extension World {
    mutating func step(client number: Int, _ event: ClientEvent) {
        let now = self.now
        self.clients[number].machine.handle(event, at: now, into: &self.clientEffects)
        self.carryOut(of: number)
    }

    mutating func runDeadline(ofClient number: Int) {
        let now = self.now
        self.clients[number].deadlineScheduled = .never
        // Scheduled before the client came to wait for nothing but pings.
        guard !self.clients[number].isGrouped else { return }
        self.clients[number].machine.handleDeadline(at: now, into: &self.clientEffects)
        self.carryOut(of: number)
    }

    /// After each step: a client is grouped as long as it waits for nothing but pings.
    private mutating func lookAfter(_ number: Int) {
        guard self.clients[number].isGrouped else {
            if !self.group(number) { self.scheduleDeadline(ofClient: number) }
            return
        }
        if self.clients[number].machine.lastPing == nil { self.individualise(number) }
    }

    /// Deadlines often move away before they come: only the event that comes due looks again.
    mutating func scheduleDeadline(ofClient number: Int) {
        guard let deadline = self.clients[number].machine.nextDeadline,
            deadline < self.clients[number].deadlineScheduled
        else { return }
        let instant = max(deadline, self.now)
        self.clients[number].deadlineScheduled = instant
        self.schedule(Happening(.clientDeadline, number), at: instant)
    }

    private mutating func carryOut(of number: Int) {
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
            case .pong, .abandonSocket: break
            case .unaskedPong(let socket): self.transmit(number, socket, .unaskedPong)
            case .closeSocket(let socket): self.transmit(number, socket, .hangUp)
            case .observe(let observation): self.observe(number, observation)
            }
        }
        self.clientEffects.removeAll()
        self.lookAfter(number)
    }

    /// The load balancer spreads sockets evenly; it does not know which nodes are down.
    mutating func open(_ number: Int, _ socket: SocketNumber) {
        // While its former socket is still known: what that one noted is the client's again.
        if self.clients[number].isGrouped { self.individualise(number) }
        let bits = self.random.draw(.gatewayChoice, UInt64(number), UInt64(socket.rawValue))
        let choice = Int(KeyedRandom.below(UInt64(self.gateways.count), bits))
        let trip = self.clientLatency(.handshake, UInt32(number), socket.rawValue, 0)
        let arrival = self.now + trip * 3
        self.clients[number].handle = SimulatedClient.atTheDoor(socket.rawValue)
        self.clients[number].sent = 0
        self.clients[number].lastArrival = arrival
        self.schedule(
            Happening(
                .accept,
                number,
                detail: socket.rawValue,
                parcel: UInt32(self.gateways[choice])
            ),
            at: arrival
        )
    }

    /// A word of the network itself to a client, behind what is on its way already.
    mutating func tell(
        _ number: Int,
        _ socket: UInt32,
        _ event: SocketEvent,
        word: UInt32,
        after last: Instant
    ) {
        let parcel = self.parcels.add(.client(event))
        let latency = self.clientLatency(.networkWord, UInt32(number), socket, word)
        let arrival = max(self.now + latency, last + Interval(nanoseconds: 1))
        self.schedule(
            Happening(.atClient, number, detail: socket, parcel: parcel),
            at: arrival
        )
    }

    mutating func transmit(_ number: Int, _ socket: SocketNumber, _ parcel: Parcel) {
        let n = self.clients[number].sent
        let latency = self.clientLatency(.upLatency, UInt32(number), socket.rawValue, n)
        let arrival = max(
            self.now + latency,
            self.clients[number].lastArrival + Interval(nanoseconds: 1)
        )
        self.clients[number].sent = n &+ 1
        self.clients[number].lastArrival = arrival
        self.schedule(
            Happening(
                .atGateway,
                number,
                detail: socket.rawValue,
                parcel: self.parcels.add(parcel)
            ),
            at: arrival
        )
    }

    mutating func arriveAtGateway(_ number: Int, _ socket: UInt32, _ parcel: Parcel) {
        let index = Int(self.clients[number].shard)
        let handle = self.clients[number].handle
        if case .hangUp = parcel, handle == SimulatedClient.atTheDoor(socket) {
            self.clients[number].handle = SimulatedClient.nowhere
        }
        guard handle.generation > 0, self.shards[index].isCurrent(handle) else { return }
        let row = self.shards[index].sockets[Int(handle.slot)]
        guard row.client == UInt32(number), row.socket == socket else { return }
        switch parcel {
        case .command(let id, let request):
            self.enqueue(.command(handle, id, self.command(request, of: number)), at: index)
        case .hangUp:
            self.arriveAtShard(index, 0, .event(.closed(handle)))
        case .unaskedPong:
            let isFirst = self.shards[index].pongs.isEmpty
            self.shards[index].pongs.append(handle)
            guard isFirst else { return }
            self.enqueue(.pongs(TargetRange(start: 0, count: 0)), at: index)
        case .event(let event): self.enqueue(event, at: index)
        case .none, .client, .request, .pings, .pongs: return
        }
    }

    private mutating func command(_ request: ClientRequest, of number: Int) -> Command {
        switch request {
        case .connect: return .connect
        case .subscribe(let conversation, let since):
            return .subscribe(self.reference(conversation), since: since)
        case .send(let message):
            // A message id is its sender's own: other users of the conversation choose the same.
            let id = MessageID(high: 0, low: UInt64(self.ordinals[Int(message.id.low) - 1]))
            let body = Body(
                handle: PayloadHandle(rawValue: message.id.low),
                byteCount: message.byteCount
            )
            let reference = self.reference(message.conversation)
            guard message.operation != .message else { return .send(reference, id, body) }
            return .operate(reference, id, World.named(message.operation), body)
        case .mark(let conversation, let read):
            return .mark(self.reference(conversation), Markers(read: read, received: read))
        case .sync:
            return .list(known: self.noteKnown(of: number), after: nil, limit: .max)
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

    /// Workloads name users by their numbers.
    private static func named(_ operation: ChatAction) -> ChatAction {
        switch operation {
        case .invite(let user): .invite(World.user(Int(user.low)))
        case .remove(let user): .remove(World.user(Int(user.low)))
        case .role(let user, let role): .role(World.user(Int(user.low)), role)
        case .message, .reply, .create, .join, .leave, .edit, .delete, .react: operation
        }
    }

    /// A body's handle is its message's number, a name's its conversation's: nothing to keep.
    func reference(_ conversation: ConversationNumber) -> ConversationReference {
        let name = UInt64(1) << 32 | UInt64(conversation.rawValue)
        return ConversationReference(
            id: World.id(of: conversation),
            namespace: 0,
            name: PayloadHandle(rawValue: name)
        )
    }

    mutating func arriveAtClient(_ number: Int, _ socket: UInt32, _ parcel: Parcel) {
        guard case .client(let event) = parcel else { return }
        self.step(client: number, .socket(SocketNumber(socket), event))
    }

    mutating func scheduleArrival() {
        self.nextMessage = self.arrivals.next()
        guard let next = self.nextMessage else { return }
        self.schedule(Happening(.arrival), at: max(next.message.intended, self.now))
    }

    mutating func arrive() {
        guard let next = self.nextMessage else { return }
        let now = self.now
        self.intended.append(next.message.intended)
        let sender = Int(next.sender.rawValue)
        self.ordinals.append(self.clients[sender].sentCount)
        self.clients[sender].sentCount += 1
        self.counts.sent += 1
        self.goodput?.intended(by: UInt64(sender), now: now)
        self.series.sent(at: next.message.intended)
        self.step(client: sender, .send(next.message))
        if self.arrivals.reads(after: next.message.id.low) {
            self.step(client: sender, .read(next.message.conversation))
        }
        self.scheduleArrival()
    }

    private mutating func observe(_ number: Int, _ observation: Observation) {
        let device = UInt64(number)
        let now = self.now
        switch observation {
        case .connected:
            self.counts.connects += 1
            self.watchOthers(number)
            self.series.noted(device: number, isOnline: true, now: self.now)
            self.goodput?.noted(device, isConnected: true, now: now)
        case .disconnected:
            self.counts.disconnects += 1
            self.series.noted(device: number, isOnline: false, now: self.now)
            self.goodput?.noted(device, isConnected: false, now: now)
        case .subscribed(let conversation, let from, _):
            self.subscribedFrom += from.offset.rawValue
            self.oracle.subscribed(
                device,
                World.id(of: conversation),
                after: from,
                now: self.now
            )
        case .recovered: self.counts.recovered += 1
        case .unrecovered: self.counts.unrecovered += 1
        case .epochChanged(let conversation, _, let epoch):
            self.counts.epochsChanged += 1
            self.oracle.restarted(device, World.id(of: conversation), in: epoch, now: self.now)
        case .repeated(let message, _, isExcused: false):
            self.oracle.repeated(
                device,
                World.id(of: message.conversation),
                at: message.offset,
                now: self.now
            )
        case .sentAway(let trespass): self.judge(trespass, of: device, isSentAway: true)
        case .tolerated(let trespass): self.judge(trespass, of: device, isSentAway: false)
        case .caughtUp, .unreadable, .ended, .repeated, .resent: break
        case .delivered(let message, _):
            self.counts.deliveries += 1
            self.judge(message, deliveredTo: device)
            var intended: Instant?
            if message.source == .live, let id = message.message {
                let sent = self.intended[Int(id.low) - 1]
                self.sendToDelivery.record((self.now - sent).nanoseconds / 1_000)
                intended = sent
                self.goodput?.delivered(intended: sent, now: now)
            }
            self.series.delivered(intended, now: self.now)
        case .acknowledged(let message, let position, let isDuplicate):
            self.counts.acknowledged += 1
            self.goodput?.acknowledged(Int(message.id.low) - 1, now: now)
            self.series.acknowledged(message.intended, now: self.now)
            self.oracle.acknowledged(
                World.id(of: message.conversation),
                MessageID(high: 0, low: message.id.low),
                at: position,
                isDuplicate: isDuplicate,
                now: self.now
            )
            self.sendToAck.record((self.now - message.intended).nanoseconds / 1_000)
        case .gaveUp(let id, _), .refused(let id):
            self.counts.refused += 1
            self.goodput?.refused(Int(id.low) - 1, now: now)
        }
    }

    private mutating func judge(_ message: IncomingMessage, deliveredTo device: UInt64) {
        let conversation = World.id(of: message.conversation)
        if self.isChatting {
            self.membership.delivered(device, conversation, at: message.offset, now: self.now)
        }
        self.oracle.delivered(
            device,
            conversation,
            message.message,
            at: message.offset,
            now: self.now
        )
    }

    private mutating func judge(_ trespass: Trespass, of device: UInt64, isSentAway: Bool) {
        self.oracle.trespassed(device, isSentAway: isSentAway, now: self.now, "\(trespass)")
    }
}
