import BasicContainers
import ChatCore
import ClientModel
import DiscreteEvents
import Kernel
import Workload

/// How a world carries pings and pongs, and the deadlines of clients who wait for nothing else.
package enum PingWay: Sendable {
    /// A range is one event. A client who is online and waits for nothing but the next ping has no
    /// event of its own: its socket notes the last ping, and it becomes individual when something
    /// else touches it or a ping is due.
    case grouped
    /// Every client takes each ping, sends its pong and looks after its deadline by itself: what
    /// `grouped` must be equal to.
    case individual
    /// A planted bug: grouped, and nobody notices that pings stay away.
    case overlooked
}

/// Pings, pongs, and the clients who do nothing but answer them.
extension World {
    /// Sends a range of pings: at one instant, to all of it.
    mutating func sendPings(_ range: TargetRange, from index: Int, at instant: Instant) {
        var handles: [ConnectionHandle] = []
        handles.reserveCapacity(Int(range.count))
        for target in range.start..<(range.start + range.count) {
            handles.append(self.round.targets[Int(target)])
        }
        let row = UInt64(self.shards[index].id.rawValue)
        let bits = self.random.draw(.pingLatency, row, instant.nanoseconds)
        let incarnation = UInt32(truncatingIfNeeded: self.shards[index].incarnation)
        let arrival = instant + self.scenario.network.client.draw(bits)
        for list in self.pingWay == .individual ? handles.map({ [$0] }) : [handles] {
            let parcel = self.parcels.add(.pings(list: self.parcels.addList(list)))
            self.schedule(
                Happening(.pings, index, detail: incarnation, parcel: parcel),
                at: arrival
            )
        }
    }

    /// A range of pings reaches its clients, and their pongs leave as one event.
    mutating func ping(_ index: Int, _ incarnation: UInt32, _ parcel: Parcel) {
        guard case .pings(let list) = parcel else { return }
        var handles = self.parcels.takeList(list)
        guard self.shards[index].isUp(as: incarnation) else { return }
        handles.removeAll { handle in
            guard self.shards[index].isCurrent(handle) else { return true }
            return !self.ping(slot: Int(handle.slot), of: index)
        }
        guard !handles.isEmpty else { return }
        self.countPings(handles.count)
        let row = UInt64(self.shards[index].id.rawValue)
        let bits = self.random.draw(.pongLatency, row, self.now.nanoseconds)
        let parcel = self.parcels.add(.pongs(list: self.parcels.addList(handles)))
        self.schedule(
            Happening(.atShard, index, detail: incarnation, parcel: parcel),
            at: self.now + self.scenario.network.client.draw(bits)
        )
    }

    /// Whether the client of a socket answers the ping that reaches it.
    private mutating func ping(slot: Int, of index: Int) -> Bool {
        guard self.shards[index].sockets[slot].pinged == .never else {
            self.shards[index].sockets[slot].pinged = self.now
            return true
        }
        let socket = self.shards[index].sockets[slot]
        let client = Int(socket.client)
        let handle = ConnectionHandle(slot: UInt32(slot), generation: socket.generation)
        // Who has gone out of reach without a word answers no ping of the socket it left.
        guard self.clients[client].shard == index, self.clients[client].handle == handle else {
            return false
        }
        self.step(client: client, .socket(SocketNumber(socket.socket), .ping))
        return self.clients[client].machine.isOnline
    }

    /// Takes a client's deadline off the calendar if it waits for nothing but pings; whether it does.
    mutating func group(_ number: Int) -> Bool {
        guard self.pingWay != .individual, let pinged = self.clients[number].machine.lastPing else {
            return false
        }
        let index = Int(self.clients[number].shard)
        let handle = self.clients[number].handle
        let due = pinged + self.patience
        // A socket that its gateway has ended will be another client's: the news is under way.
        guard handle != SimulatedClient.nowhere, self.shards[index].isCurrent(handle),
            due > self.now
        else { return false }
        self.shards[index].sockets[Int(handle.slot)].pinged = pinged
        self.clients[number].isGrouped = true
        self.scheduleWatch(of: index, at: due)
        return true
    }

    /// Gives a grouped client its own knowledge of the last ping, and its deadline, back.
    mutating func individualise(_ number: Int) {
        let index = Int(self.clients[number].shard)
        let slot = Int(self.clients[number].handle.slot)
        self.clients[number].machine.takePing(at: self.shards[index].sockets[slot].pinged)
        self.shards[index].sockets[slot].pinged = .never
        self.clients[number].isGrouped = false
        self.scheduleDeadline(ofClient: number)
    }

    /// A socket ends, or its gateway does: whoever is at its other end will see to itself.
    mutating func individualise(socket slot: Int, of index: Int) {
        let socket = self.shards[index].sockets[slot]
        guard socket.pinged != .never else { return }
        let client = Int(socket.client)
        let handle = ConnectionHandle(slot: UInt32(slot), generation: socket.generation)
        guard self.clients[client].isGrouped, self.clients[client].shard == index,
            self.clients[client].handle == handle
        else {
            preconditionFailure("only the present socket of a client waits for pings: \(client)")
        }
        self.individualise(client)
    }

    private mutating func scheduleWatch(of index: Int, at instant: Instant) {
        guard instant < self.shards[index].watchScheduled, self.pingWay == .grouped else { return }
        self.shards[index].watchScheduled = instant
        self.schedule(Happening(.watch, index), at: instant)
    }

    /// Looks for clients whose pings stay away: whoever may have waited too long sees to itself.
    ///
    /// A ping follows the last within the interval, so that while all is well this happens once in
    /// the slack that the most impatient client grants.
    mutating func watch(_ index: Int) {
        guard self.shards[index].watchScheduled == self.now else { return }
        self.shards[index].watchScheduled = .never
        var earliest = Instant.never
        for slot in 0..<self.shards[index].sockets.count {
            let pinged = self.shards[index].sockets[slot].pinged
            guard pinged != .never else { continue }
            let due = pinged + self.patience
            if due <= self.now {
                self.individualise(socket: slot, of: index)
            } else {
                earliest = min(earliest, due)
            }
        }
        guard earliest != .never else { return }
        self.scheduleWatch(of: index, at: earliest)
    }
}

extension Scenario {
    /// How long after a ping even the most impatient client still waits for the next.
    var patience: Interval {
        let slacks = self.workload.cohorts.map { UInt64($0.cohort.pingSlackMilliseconds) }
        return self.server.pingInterval + .milliseconds(slacks.min() ?? 0)
    }
}
