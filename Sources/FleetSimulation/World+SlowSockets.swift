import BasicContainers
import ChatCore
import ClientModel
import Kernel
import Oracles
import Workload

/// Clients that read more slowly than a network brings: the host's part in letting them catch up.
///
/// Pings pass what waits, as they are sent to ranges; everything else keeps its order.
extension World {
    /// Puts a line before the socket of a client that reads slowly.
    mutating func slow(_ number: Int, _ handle: ConnectionHandle, of index: Int) {
        guard let speed = self.population.bytesPerSecond(of: ClientNumber(UInt32(number))) else {
            return
        }
        let socket = SlowSocket(handle: handle, bytesPerSecond: speed)
        let row = self.shards[index].slowSockets.firstIndex { $0 == nil }
        self.shards[index].sockets[Int(handle.slot)].line = UInt32(
            row ?? self.shards[index].slowSockets.count
        )
        if let row {
            self.shards[index].slowSockets[row] = socket
        } else {
            self.shards[index].slowSockets.append(socket)
        }
    }

    /// Lets everything go that waits for a socket which ends.
    mutating func endLine(_ slot: Int, of index: Int) {
        let line = self.shards[index].sockets[slot].line
        guard line != SimulatedSocket.noLine else { return }
        self.shards[index].sockets[slot].line = SimulatedSocket.noLine
        for item in self.shards[index].slowSockets[Int(line)]?.pending ?? [] {
            _ = self.parcels.take(item.parcel)
        }
        self.shards[index].slowSockets[Int(line)] = nil
    }

    /// Puts a parcel into the line before a socket.
    mutating func line(
        up parcel: UInt32,
        to handle: ConnectionHandle,
        bytes: UInt32,
        from index: Int,
        at instant: Instant
    ) {
        var publication: (conversation: ConversationID, after: Offset)?
        if case .client(.publication(let message)) = self.parcels.peek(parcel),
            message.source == .live
        {
            let conversation = World.id(of: message.conversation)
            publication = (conversation, Offset(message.offset.rawValue - 1))
        }
        let line = Int(self.shards[index].sockets[Int(handle.slot)].line)
        self.shards[index].slowSockets[line]?.append(
            SlowSocket.Item(
                parcel: parcel,
                bytes: bytes + self.scenario.network.frameBytes,
                instant: instant,
                publication: publication
            )
        )
        self.pump(line, of: index, at: instant)
        self.witnessLine(line, of: index)
    }

    /// Hands over what the socket takes, and tells the shard what there is to tell.
    private mutating func pump(_ line: Int, of index: Int, at instant: Instant) {
        guard let handle = self.shards[index].slowSockets[line]?.handle else { return }
        let slot = Int(handle.slot)
        let socket = self.shards[index].sockets[slot]
        while let (item, read) = self.shards[index].slowSockets[line]?.handOver(at: instant) {
            let latency = self.clientLatency(
                .downLatency,
                socket.client,
                socket.socket,
                self.shards[index].sockets[slot].sent
            )
            let last = self.shards[index].sockets[slot].lastArrival
            let arrival = max(read + latency, last + Interval(nanoseconds: 1))
            self.shards[index].sockets[slot].lastArrival = arrival
            self.shards[index].sockets[slot].sent &+= 1
            self.schedule(
                Happening(
                    .atClient,
                    Int(socket.client),
                    detail: socket.socket,
                    parcel: item.parcel
                ),
                at: arrival
            )
        }
        self.tellBacklog(line, of: index, at: instant)
        guard let waiting = self.shards[index].slowSockets[line], !waiting.pending.isEmpty,
            waiting.openFrom < waiting.pumpScheduled
        else { return }
        self.shards[index].slowSockets[line]?.pumpScheduled = waiting.openFrom
        self.schedule(
            Happening(.lineMoves, index, detail: handle.generation, parcel: handle.slot),
            at: max(waiting.openFrom, instant)
        )
    }

    /// A socket (`slot`) takes more of what waits for it.
    mutating func moveLine(_ index: Int, slot: Int, generation: UInt32) {
        let handle = ConnectionHandle(slot: UInt32(slot), generation: generation)
        guard self.shards[index].isCurrent(handle) else { return }
        let line = self.shards[index].sockets[slot].line
        guard line != SimulatedSocket.noLine else { return }
        self.shards[index].slowSockets[Int(line)]?.pumpScheduled = .never
        self.pump(Int(line), of: index, at: self.now)
    }

    private mutating func tellBacklog(_ line: Int, of index: Int, at instant: Instant) {
        guard var socket = self.shards[index].slowSockets[line] else { return }
        let policy = self.scenario.server.backlog
        let bytes = Int(socket.pendingBytes)
        let hasRoom = bytes <= policy.low
        if bytes > policy.high { socket.gauge.block() }
        if hasRoom { _ = socket.gauge.foundRoom() }
        let tells = socket.gauge.tells(bytes: bytes, hasRoom: hasRoom, policy)
        self.shards[index].slowSockets[line] = socket
        guard tells, self.bug != .overlooksBacklogs, self.bug != .forgetsRoom || !hasRoom else {
            return
        }
        let event = ShardEvent.backlog(socket.handle, bytes: UInt32(clamping: bytes))
        self.send(event, to: index, at: instant)
    }

    private func line(of handle: ConnectionHandle, at index: Int) -> Int? {
        guard self.shards[index].isCurrent(handle) else { return nil }
        let line = self.shards[index].sockets[Int(handle.slot)].line
        return line == SimulatedSocket.noLine ? nil : Int(line)
    }

    /// The shard has taken what it was told of backlogs, and what it does about them has been done.
    mutating func backlogsTaken(from index: Int, at instant: Instant) {
        for handle in self.round.backlogs {
            guard let line = self.line(of: handle, at: index) else { continue }
            self.shards[index].slowSockets[line]?.gauge.taken()
            self.tellBacklog(line, of: index, at: instant)
        }
    }

    mutating func awaitRoom(_ handle: ConnectionHandle, _ index: Int, at instant: Instant) {
        guard let line = self.line(of: handle, at: index) else { return }
        self.shards[index].slowSockets[line]?.gauge.awaitRoom()
        self.tellBacklog(line, of: index, at: instant)
    }

    mutating func dropPublications(_ handle: ConnectionHandle, _ index: Int, at instant: Instant) {
        self.counts.fellBehind += 1
        guard let line = self.line(of: handle, at: index) else { return }
        var first: [(conversation: ConversationID, after: Offset)] = []
        for item in self.shards[index].slowSockets[line]?.dropPublications() ?? [] {
            _ = self.parcels.take(item.parcel)
            guard let publication = item.publication else { continue }
            first.removeAll { $0.conversation == publication.conversation }
            first.append(publication)
        }
        guard self.bug != .forgetsDropped else { return }
        for drop in first {
            self.send(
                .dropped(handle, drop.conversation, after: drop.after),
                to: index,
                at: instant
            )
        }
    }

    /// Beyond the high mark comes what two wake-ups send until the shard has heard of it, and what the
    /// client itself asks for, up to the bound.
    private mutating func witnessLine(_ line: Int, of index: Int) {
        guard let socket = self.shards[index].slowSockets[line] else { return }
        let frame = UInt64(self.scenario.workload.bodyBytes + self.scenario.network.frameBytes)
        let wakeUp = frame * UInt64(self.scenario.costs.eventsPerWakeUp) * 2
        let policy = self.scenario.server.backlog
        self.oracle.bounded(
            socket.pendingBytes,
            by: UInt64(policy.bound) + wakeUp,
            now: self.now,
            "bytes that wait for a client of shard \(index)"
        )
    }
}
