import BasicContainers
import ChatCore
import ClientModel
import DequeModule
import Kernel

/// How clients' sockets come to their shards.
extension World {
    /// A client's handshake has come to its shard.
    mutating func accept(_ number: Int, socket: UInt32, shard index: Int) {
        let now = self.now
        // A handshake that took long may come when its client has begun another one.
        guard self.clients[number].handle == SimulatedClient.atTheDoor(socket) else { return }
        guard self.shards[index].isUp else {
            return self.tell(number, socket, .failed, word: 0, after: now)
        }
        let lag = self.shards[index].gauge.age(at: now)
        switch self.shards[index].door.knock(at: now, lag: lag) {
        case .enter: self.enter(number, socket, index)
        case .wait:
            self.clients[number].shard = UInt32(index)
            self.shards[index].guests.append(
                Guest(client: UInt32(number), socket: socket, since: now)
            )
            // What the door waits for may never come.
            if !self.shards[index].isBusy {
                self.scheduleWake(of: index, at: now + LoadGauge.window)
            }
        case .turnAway: self.turnAway(number, socket, index)
        }
    }

    private mutating func turnAway(_ number: Int, _ socket: UInt32, _ index: Int) {
        self.counts.turnedAway += 1
        self.clients[number].handle = SimulatedClient.nowhere
        self.shards[index].refusals = self.shards[index].refusals + self.scenario.costs.event
        self.tell(number, socket, .failed, word: 0, after: self.now)
    }

    private mutating func enter(_ number: Int, _ socket: UInt32, _ index: Int) {
        let now = self.now
        let handle = self.shards[index].admit(UInt32(number), socket, at: now)
        self.clients[number].shard = UInt32(index)
        self.clients[number].handle = handle
        self.slow(number, handle, of: index)
        // A client's sockets are numbered by the client: no other client's connects rename them.
        let id = ConnectionID(UInt64(number) << 32 | UInt64(socket))
        self.enqueue(.opened(handle, id), at: index)
        self.tell(number, socket, .opened, word: 1, after: now)
    }

    /// At the end of a busy shard's round.
    mutating func letIn(at index: Int) {
        guard self.shards[index].guests.count > 0 else { return }
        let lag = self.shards[index].gauge.age(at: self.now)
        let count = self.shards[index].door.letIn(at: self.now, lag: lag)
        let guests = self.shards[index].guests.prefix(count)
        self.shards[index].guests.removeFirst(count)
        for guest in guests {
            let client = Int(guest.client)
            guard self.clients[client].handle == SimulatedClient.atTheDoor(guest.socket) else {
                self.shards[index].door.settle()
                continue
            }
            if self.shards[index].door.isTooLate(guest.since, at: self.now) {
                self.turnAway(client, guest.socket, index)
            } else {
                self.enter(client, guest.socket, index)
            }
        }
    }

    /// A node is gone, and with it what waited at its doors.
    mutating func failGuests(of index: Int) {
        for guest in self.shards[index].guests
        where self.clients[Int(guest.client)].handle == SimulatedClient.atTheDoor(guest.socket) {
            self.clients[Int(guest.client)].handle = SimulatedClient.nowhere
            self.tell(Int(guest.client), guest.socket, .failed, word: 0, after: self.now)
        }
    }
}
