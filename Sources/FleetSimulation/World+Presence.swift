import BasicContainers
import ChatCore
import ClientModel
import DiscreteEvents
import Kernel
import Oracles
import Workload

/// Who watches whom in a world, and the oracle that is shown it.
struct Watching {
    let load: Workload.PresenceLoad
    var oracle: PresenceOracle
    /// Connections whose sessions have begun and not ended, by their ids.
    var sessions: Set<UInt64> = []
    /// The list that the next push or answer closes.
    var draft: [(user: UInt64, state: UInt8)] = []

    init(_ load: Workload.PresenceLoad, budget: UInt32) {
        let presence = PresenceConfiguration()
        self.load = load
        self.oracle = PresenceOracle(
            PresenceOracle.Terms(
                grace: presence.grace,
                lostGrace: presence.lostGrace,
                window: presence.window,
                budget: budget,
                allowance: presence.transit * 3
            )
        )
    }
}

extension World {
    mutating func beginWatching() {
        guard let load = self.scenario.workload.presence else { return }
        self.watching = Watching(load, budget: self.scenario.server.presence.budget)
        self.scheduleNext(.presenceDrop, after: 0, load.dropMillionths)
        self.scheduleNext(.presenceLeave, after: 0, load.leaveMillionths)
    }

    /// Evenly over the time in which users send.
    private mutating func scheduleNext(
        _ kind: Happening.Kind,
        after count: UInt32,
        _ millionths: UInt64
    ) {
        guard millionths > 0 else { return }
        let workload = self.scenario.workload
        let nanoseconds = UInt64(count + 1) * 1_000_000_000 * 1_000_000 / millionths
        guard nanoseconds < workload.duration.nanoseconds else { return }
        let start = Instant.zero + workload.rampUp
        let instant = start + Interval(nanoseconds: nanoseconds)
        self.schedule(Happening(kind, detail: count + 1), at: instant)
    }

    private func somebody(_ purpose: RandomPurpose, _ count: UInt32) -> Int {
        let users = UInt64(self.scenario.workload.users)
        return Int(KeyedRandom.below(users, self.random.draw(purpose, 0, UInt64(count))))
    }

    mutating func dropSomebody(_ count: UInt32) {
        guard let load = self.watching?.load else { return }
        self.scheduleNext(.presenceDrop, after: count, load.dropMillionths)
        let number = self.somebody(.presenceDrop, count)
        let index = Int(self.clients[number].shard)
        let handle = self.clients[number].handle
        guard handle != SimulatedClient.nowhere, self.shards[index].isCurrent(handle) else {
            return
        }
        let socket = self.shards[index].sockets[Int(handle.slot)]
        guard socket.client == UInt32(number) else { return }
        self.cut(number, socket.socket, after: socket.lastArrival)
        self.arriveAtShard(index, 0, .event(.closed(handle)))
    }

    mutating func leaveSomebody(_ count: UInt32) {
        guard let load = self.watching?.load else { return }
        self.scheduleNext(.presenceLeave, after: count, load.leaveMillionths)
        self.step(client: self.somebody(.presenceLeave, count), .stop)
    }

    /// Whom a device watches: the same others each time it connects.
    private func watched(by number: Int, _ index: UInt32) -> UInt64 {
        let bits = self.random.draw(.presenceWatch, UInt64(number), UInt64(index))
        let celebrities = self.watching?.load.celebrities ?? 0
        let choice = celebrities > 0 ? celebrities : self.scenario.workload.users
        return KeyedRandom.below(UInt64(choice), bits)
    }

    /// When a user comes: celebrities do when everybody else is there.
    func start(of user: ClientNumber) -> Instant {
        let workload = self.scenario.workload
        guard let presence = workload.presence, user.rawValue < presence.celebrities else {
            return self.population.start(of: user)
        }
        return .zero + workload.rampUp + Interval(nanoseconds: workload.duration.nanoseconds / 2)
    }

    /// A device is online: it watches its users.
    mutating func watchOthers(_ number: Int) {
        let now = self.now
        guard let watches = self.watching?.load.watches else { return }
        let index = Int(self.clients[number].shard)
        let handle = self.clients[number].handle
        guard handle != SimulatedClient.nowhere, self.shards[index].isCurrent(handle) else {
            return
        }
        let socket = self.shards[index].sockets[Int(handle.slot)]
        let connection = UInt64(socket.client) << 32 | UInt64(socket.socket)
        guard self.watching?.sessions.contains(connection) == true else { return }
        for place in 0..<watches {
            let user = self.watched(by: number, place)
            self.watching?.oracle.asked(connection, user, now: now)
            let reference = UserReference(id: World.user(Int(user)), name: .none)
            let command = Command.presence(
                .watch(reference, remaining: UInt16(watches - 1 - place))
            )
            // Beyond what a device's own commands count up to.
            let id = CommandID(1 << 31)
            self.transmit(
                number,
                SocketNumber(socket.socket),
                .event(.command(handle, id, command))
            )
        }
    }

    // MARK: What the oracle is shown

    func connection(_ handle: ConnectionHandle, _ index: Int) -> UInt64 {
        let socket = self.shards[index].sockets[Int(handle.slot)]
        return UInt64(socket.client) << 32 | UInt64(socket.socket)
    }

    mutating func witnessPresence(_ effect: ShardEffect, of index: Int) {
        let now = self.now
        switch effect {
        case .reply(let handle, _, .connected):
            let connection = self.connection(handle, index)
            guard self.watching?.sessions.insert(connection).inserted == true else { return }
            self.watching?.oracle.began(connection >> 32, now: now)
        case .reply(let handle, _, .presence(.watching)):
            let connection = self.connection(handle, index)
            for entry in self.watching?.draft ?? [] {
                self.watching?.oracle.answered(
                    connection,
                    entry.user,
                    state: entry.state,
                    now: now
                )
            }
            self.watching?.draft = []
        case .close(let handle, _): self.witnessEnd(of: handle, on: index)
        case .presence(.status(let user, let state)):
            self.watching?.draft.append((user.id.low, state.rawValue))
        case .presence(.statuses(let window, let range)):
            for target in range.start..<(range.start + range.count) {
                self.witness(window, to: self.effects[target: target], on: index)
            }
            self.watching?.draft = []
        case .presence, .reply, .authenticate, .deliver, .deliverPage, .subscribe, .unsubscribe,
            .ping,
            .respond, .peer, .store, .release, .drained, .refresh,
            .dropPublications, .awaitRoom, .hint:
            return
        }
    }

    private mutating func witness(_ window: Interval, to handle: ConnectionHandle, on index: Int) {
        let now = self.now
        let connection = self.connection(handle, index)
        for entry in self.watching?.draft ?? [] {
            self.watching?.oracle.told(
                connection,
                entry.user,
                state: entry.state,
                window: window,
                gateway: index,
                now: now
            )
        }
    }

    /// The server has seen the end of a connection.
    mutating func witnessEnd(of handle: ConnectionHandle, on index: Int) {
        guard self.watching != nil else { return }
        let node = self.shards[index].node
        let isDraining = self.scenario.faults.contains {
            $0.kind == .drain(node: node) && $0.start <= self.now && self.now <= $0.start + $0.lasts
        }
        self.end(self.connection(handle, index), isLost: isDraining)
    }

    /// A shard dies with its connections.
    mutating func witnessLoss(of index: Int) {
        guard self.watching != nil else { return }
        for slot in 0..<self.shards[index].sockets.count
        where self.shards[index].sockets[slot].isOpen {
            let socket = self.shards[index].sockets[slot]
            self.end(UInt64(socket.client) << 32 | UInt64(socket.socket), isLost: true)
        }
    }

    private mutating func end(_ connection: UInt64, isLost: Bool) {
        let now = self.now
        guard self.watching?.sessions.remove(connection) != nil, let load = self.watching?.load
        else { return }
        self.watching?.oracle.ended(connection >> 32, isLost: isLost, now: now)
        for place in 0..<load.watches {
            let user = self.watched(by: Int(connection >> 32), place)
            self.watching?.oracle.gone(connection, user)
        }
    }

    /// Owners of users may change while a node is away, and for as long a new one says of nobody that
    /// they have left.
    mutating func witnessAbsence(of fault: Scenario.Fault) {
        let now = self.now
        guard self.watching != nil else { return }
        switch fault.kind {
        case .crash, .pause, .drain:
            let presence = PresenceConfiguration()
            // Until leases have ended, and another has taken them.
            let takeover = fault.lasts + ShardConfiguration().leaseInterval * 8
            let quiet = presence.beaconInterval + presence.lostGrace + presence.transit
            self.watching?.oracle.unsettled(until: now + takeover + quiet)
        case .partition, .stall, .cut, .restore: return
        }
    }

    // MARK: Bugs

    func plant(in presence: inout PresenceConfiguration) {
        presence.followsUsers =
            self.scenario.workload.presence != nil
            || self.scenario.server.userConnectionLimit != nil
            || self.scenario.server.hintsMembers
        switch self.bug {
        case .forgetsGrace:
            presence.grace = .zero
            presence.transit = .zero
        case .dawdlesOverDepartures: presence.grace = .seconds(15)
        case .forgetsWindow:
            presence.window = .zero
            presence.batchInterval = .milliseconds(10)
        case .dawdlesOverBatches: presence.batchInterval = .seconds(8)
        case .forgetsBudget: presence.budget *= 100
        case .forgetsLostGrace: presence.lostGrace = presence.grace
        case .none, .some: return
        }
    }
}
