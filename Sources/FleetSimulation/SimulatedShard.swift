import ClientModel
import ChatCore
import Kernel

/// A client's socket as its gateway shard knows it.
struct SimulatedSocket: BitwiseCopyable {
    var client: UInt32 = 0
    var socket: UInt32 = 0
    var generation: UInt32
    var isOpen = false
    /// A connection's messages keep their order: none arrives before its predecessor.
    var lastArrival = Instant.zero

    init(generation: UInt32) { self.generation = generation }
}

/// One core of a node: a shard behind a queue of what waits for it.
final class SimulatedShard {
    let id: ShardID
    let node: Int
    let roles: RoleSet
    /// `nil` while the node is down.
    var shard: Shard?
    var incarnation: UInt64 = 0
    var waiting: [ShardEvent] = []
    /// How many of `waiting` have been taken.
    var taken = 0
    /// The connections that a waiting `pongs` event ranges over, oldest event first.
    var pongs: [[ConnectionHandle]] = []
    var isBusy = false
    /// Until when its node does nothing.
    var pausedUntil = Instant.zero
    var deadlineScheduled = Instant.never
    var sockets: [SimulatedSocket] = []
    var vacantSlots: [UInt32] = []
    var told: [LeaseTable.Row?]
    var busy = Interval.zero
    var lastStoreArrival = Instant.zero

    init(id: ShardID, roles: RoleSet, partitionCount: Int) {
        self.id = id
        self.node = Int(id.node.rawValue)
        self.roles = roles
        self.told = Array(repeating: nil, count: partitionCount)
    }

    /// Forgets everything, as a dead process does.
    func clear() {
        self.shard = nil
        self.waiting.removeAll()
        self.taken = 0
        self.pongs.removeAll()
        self.isBusy = false
        self.deadlineScheduled = .never
        self.vacantSlots.removeAll()
        for slot in self.sockets.indices {
            self.sockets[slot].isOpen = false
            self.sockets[slot].generation &+= 1
            self.vacantSlots.append(UInt32(slot))
        }
        self.told = Array(repeating: nil, count: self.told.count)
    }

    func isCurrent(_ handle: ConnectionHandle) -> Bool {
        let slot = Int(handle.slot)
        return slot < self.sockets.count && self.sockets[slot].isOpen
            && self.sockets[slot].generation == handle.generation
    }
}

/// A device, its machine, and the connection that its socket has.
final class SimulatedClient {
    var machine: Client
    var deadlineScheduled = Instant.never
    var shard = 0
    var handle: ConnectionHandle?
    /// What it sends keeps its order.
    var lastArrival = Instant.zero
    var draws: UInt64 = 0
    /// Messages that its user has wanted sent.
    var sentCount: UInt32 = 0

    init(_ machine: consuming Client) { self.machine = machine }
}
