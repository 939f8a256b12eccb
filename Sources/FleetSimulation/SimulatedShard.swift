import BasicContainers
import ChatCore
import ClientModel
import DequeModule
import Kernel
import Oracles

/// A client's socket as its gateway shard knows it.
struct SimulatedSocket: BitwiseCopyable {
    var client: UInt32 = 0
    var socket: UInt32 = 0
    var generation: UInt32
    /// How many events have been sent to the client: keys their latencies.
    var sent: UInt32 = 0
    /// A connection's messages keep their order: none arrives before its predecessor.
    var lastArrival = Instant.zero
    /// When its client was last pinged, while that is all the client waits for; else `.never`.
    var pinged = Instant.never
    var isOpen = false
    /// Whether its `connect` has been answered.
    var isSettled = true
    /// The row of what waits for a client that reads slowly.
    var line = SimulatedSocket.noLine

    static let noLine = UInt32.max

    init(generation: UInt32) { self.generation = generation }
}

/// A client whose socket waits at the door of a shard.
struct Guest: BitwiseCopyable {
    var client: UInt32
    var socket: UInt32
    var since: Instant
}

/// One core of a node: a shard behind a queue of what waits for it.
struct SimulatedShard: ~Copyable {
    let id: ShardID
    let node: Int
    let roles: RoleSet
    /// `nil` while the node is down.
    var shard: Shard?
    var incarnation: UInt64 = 0
    var waiting: [ShardEvent] = []
    /// How many of `waiting` have been taken.
    var taken = 0
    /// The connections that the waiting `pongs` event ranges over; empty if none waits.
    var pongs: [ConnectionHandle] = []
    /// How long those wait, and whom the node makes wait or turns away for it.
    var gauge: LoadGauge
    var door: Door
    var guests: Deque<Guest> = []
    let overload: OverloadPolicy?
    /// What turning sockets away has cost since the last round.
    var refusals = Interval.zero
    var isBusy = false
    /// Counts up to the next time that its state goes into the digest.
    var eventsSinceState: UInt32 = 0
    /// Whether it has said that nothing is left to do before its end.
    var hasDrained = false
    /// References to names, bodies and pages that it was given and has not given back.
    var lent = 0
    /// What clients wait for.
    var open = OpenCommands()
    /// Until when its node does nothing.
    var pausedUntil = Instant.zero
    var deadlineScheduled = Instant.never
    /// When clients who wait for nothing but pings are looked at next.
    var watchScheduled = Instant.never
    var sockets = UniqueArray<SimulatedSocket>()
    var vacantSlots: [UInt32] = []
    /// What waits for the clients that read slowly; `nil` is free.
    var slowSockets: [SlowSocket?] = []
    /// What the store has told of each lease.
    var told: [LeaseTable.Row?]
    var busy = Interval.zero
    var lastStoreArrival = Instant.zero
    /// How many requests this incarnation has made to the store: keys their latencies.
    var storeRequests: UInt32 = 0
    /// How many messages went to each other shard: keys what happens to them.
    var linkCounts: [UInt32] = []

    init(id: ShardID, roles: RoleSet, leaseCount: Int, overload: OverloadPolicy?) {
        self.id = id
        self.overload = overload
        self.gauge = LoadGauge(overload)
        self.door = Door(overload)
        self.node = Int(id.node.rawValue)
        self.roles = roles
        self.told = Array(repeating: nil, count: leaseCount)
    }

    var isUp: Bool {
        switch self.shard {
        case .none: false
        case .some: true
        }
    }

    func isUp(as incarnation: UInt32) -> Bool {
        self.isUp && self.incarnation == UInt64(incarnation)
    }

    /// Forgets everything, as a dead process does.
    mutating func clear() {
        self.shard = nil
        self.waiting.removeAll()
        self.taken = 0
        self.pongs.removeAll()
        self.gauge = LoadGauge(self.overload)
        self.door = Door(self.overload)
        self.guests.removeAll()
        self.refusals = .zero
        self.isBusy = false
        self.deadlineScheduled = .never
        self.watchScheduled = .never
        self.storeRequests = 0
        self.hasDrained = false
        self.lent = 0
        self.open = OpenCommands()
        self.vacantSlots.removeAll()
        for slot in 0..<self.sockets.count {
            self.sockets[slot].isOpen = false
            self.sockets[slot].generation &+= 1
            self.vacantSlots.append(UInt32(slot))
        }
        self.told = Array(repeating: nil, count: self.told.count)
    }

    /// Gives a client's socket a slot.
    mutating func admit(_ client: UInt32, _ socket: UInt32, at now: Instant) -> ConnectionHandle {
        let slot: UInt32
        if let vacant = self.vacantSlots.popLast() {
            slot = vacant
            self.sockets[Int(slot)].generation &+= 1
        } else {
            slot = UInt32(self.sockets.count)
            self.sockets.append(SimulatedSocket(generation: 1))
        }
        self.sockets[Int(slot)].client = client
        self.sockets[Int(slot)].socket = socket
        self.sockets[Int(slot)].sent = 0
        self.sockets[Int(slot)].isOpen = true
        self.sockets[Int(slot)].isSettled = false
        self.sockets[Int(slot)].pinged = .never
        self.sockets[Int(slot)].lastArrival = now
        return ConnectionHandle(slot: slot, generation: self.sockets[Int(slot)].generation)
    }

    /// The door need not wait for a socket any longer.
    mutating func settle(_ slot: UInt32) {
        guard !self.sockets[Int(slot)].isSettled else { return }
        self.sockets[Int(slot)].isSettled = true
        self.door.settle()
    }

    func isCurrent(_ handle: ConnectionHandle) -> Bool {
        let slot = Int(handle.slot)
        return slot < self.sockets.count && self.sockets[slot].isOpen
            && self.sockets[slot].generation == handle.generation
    }
}

/// A device, its machine, and the connection that its socket has.
struct SimulatedClient: ~Copyable {
    var machine: Client
    var deadlineScheduled = Instant.never
    /// What it sends keeps its order.
    var lastArrival = Instant.zero
    var shard: UInt32 = 0
    /// How many commands went up the present socket: keys their latencies.
    var sent: UInt32 = 0
    /// Messages that its user has wanted sent.
    var sentCount: UInt32 = 0
    /// Whether its socket keeps its deadline; see `PingWay`.
    var isGrouped = false
    /// Its slot at the gateway; generation 0 while the socket has none.
    var handle = SimulatedClient.nowhere

    static let nowhere = ConnectionHandle(slot: 0, generation: 0)

    /// Until its socket, numbered from 1, is let in.
    static func atTheDoor(_ socket: UInt32) -> ConnectionHandle {
        ConnectionHandle(slot: socket, generation: 0)
    }

    init(_ machine: consuming Client) { self.machine = machine }
}
