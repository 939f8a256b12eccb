import BasicContainers
import Kernel

/// How much one connection, and one user, may ask for in a time.
extension Shard {
    /// What becomes of a command by the rate of its connection.
    private enum RateRuling {
        case take
        /// Error 111.
        case refuse
        /// Closed with 3013: refusals have not slowed the client down.
        case close
    }

    /// Whether a command is run; if it is too many, or comes too late, it is answered here.
    mutating func takes(
        _ command: Command,
        as id: CommandID,
        of handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Bool {
        let refusal: ErrorCode
        switch self.rule(on: command, of: handle, at: now) {
        case .take:
            if command.needsUser,
                self.connections[Int(handle.slot)].user == self.configuration.anonymous
            {
                refusal = .permissionDenied
                break
            }
            guard let code = self.refusal(of: command) else { return true }
            self.counters.shed += 1
            refusal = code
        case .refuse:
            self.counters.limited += 1
            refusal = .tooManyRequests
        case .close:
            self.counters.limited += 1
            self.releaseHandles(of: command, into: &effects)
            self.close(handle, .tooManyRequests, into: &effects)
            return false
        }
        self.releaseHandles(of: command, into: &effects)
        self.fail(handle, id, refusal, into: &effects)
        return false
    }

    /// Counts a command of a connection.
    ///
    /// The refused are counted in a bucket of their own with the same rate, so that a client is sent away
    /// when it goes on at more than twice what it may.
    private mutating func rule(
        on command: Command,
        of handle: ConnectionHandle,
        at now: Instant
    ) -> RateRuling {
        guard let limit = self.configuration.commandRate else { return .take }
        var canBeRefused = true
        if case .presence(let part) = command {
            // A watch of many users is one command, whose parts are answered together.
            guard part.isLast else { return .take }
            switch part {
            case .watch, .unwatch: canBeRefused = false
            case .members, .counts, .choose: break
            }
        }
        let slot = Int(handle.slot)
        guard !self.connections[slot].commands.take(at: now, limit) else { return .take }
        guard self.connections[slot].refusals.take(at: now, limit) else { return .close }
        return canBeRefused ? .refuse : .take
    }

    /// Counts a message of a user; false if it is too many.
    mutating func mayPublish(_ user: UserID, at now: Instant) -> Bool {
        guard let limit = self.configuration.publishRate, user != self.configuration.anonymous
        else { return true }
        let seed = self.random.seed
        let hash: (UserID) -> UInt32 = {
            UInt32(truncatingIfNeeded: KeyedRandom.mix($0.high ^ seed))
        }
        return self.publishers.take(
            user,
            hash(user),
            at: now,
            limit,
            most: self.configuration.publisherLimit,
            hash: hash
        )
    }

    // MARK: Connections of a user

    /// Closings of which an owner's answer may tell: each may end all subscriptions of a connection.
    static var excessLimit: UInt32 { 8 }

    /// Whether there is a limit on the connections of this user.
    func limitsConnections(of user: UserID) -> Bool {
        self.configuration.userConnectionLimit != nil && user != self.configuration.anonymous
    }

    /// Whether the connections of this user are listed: to be limited, or to be hinted.
    private func listsConnections(of user: UserID) -> Bool {
        let isOfUse =
            self.configuration.userConnectionLimit != nil || self.configuration.hintsMembers
        return isOfUse && user != self.configuration.anonymous
    }

    /// Puts a connection before the others of its user, which came earlier.
    mutating func listConnection(_ handle: ConnectionHandle, of row: UInt32) {
        guard self.listsConnections(of: self.presence.rows[row].user) else { return }
        if self.configuration.hintsMembers { self.presence.ordinals += 1 }
        self.connections[Int(handle.slot)].arrival = self.presence.ordinals
        self.connections[Int(handle.slot)].nextOfUser = self.presence.rows[row].firstConnection
        self.presence.rows[row].firstConnection = handle.slot
    }

    /// O(connections of the user at this shard).
    mutating func unlistConnection(_ handle: ConnectionHandle, of row: UInt32) {
        guard self.listsConnections(of: self.presence.rows[row].user) else { return }
        let next = self.connections[Int(handle.slot)].nextOfUser
        guard self.presence.rows[row].firstConnection != handle.slot else {
            self.presence.rows[row].firstConnection = next
            return
        }
        var previous = self.presence.rows[row].firstConnection
        while previous != noSlot, self.connections[Int(previous)].nextOfUser != handle.slot {
            previous = self.connections[Int(previous)].nextOfUser
        }
        precondition(previous != noSlot, "a connection that speaks for a user is listed")
        self.connections[Int(previous)].nextOfUser = next
    }

    /// The owner counts more connections of a user than may be: the newest here go.
    mutating func endNewest(
        _ excess: UInt32,
        of row: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        for _ in 0..<min(excess, Self.excessLimit) {
            let slot = self.presence.rows[row].firstConnection
            guard slot != noSlot else { return }
            let generation = self.connections[Int(slot)].generation
            let handle = ConnectionHandle(slot: slot, generation: generation)
            self.close(handle, .connectionLimit, into: &effects)
        }
    }

    /// How many of the connections that a gateway has just announced are too many; the owner counts them as
    /// ended, so that it does not ask two gateways for the same.
    mutating func takeExcess(
        of person: UInt32,
        _ announcement: Announcement,
        from gateway: ShardID
    ) -> UInt32 {
        guard let limit = self.configuration.userConnectionLimit,
            announcement.user != self.configuration.anonymous
        else { return 0 }
        var total: UInt64 = 0
        var own = noSlot
        var session = self.owner.people[person].firstSession
        while session != noSlot {
            let row = self.owner.sessions[session]
            if row.isPresent { total += UInt64(row.connections) }
            if row.gateway == gateway, row.ordinal == announcement.ordinal { own = session }
            session = row.next
        }
        guard own != noSlot, self.owner.sessions[own].isPresent, total > UInt64(limit) else {
            return 0
        }
        let over = UInt32(clamping: total - UInt64(limit))
        let excess = min(over, self.owner.sessions[own].connections, Self.excessLimit)
        self.owner.sessions[own].connections -= excess
        return excess
    }

    /// Lists the connections of users as they came, after a snapshot was read.
    mutating func listConnectionsAgain() {
        guard self.configuration.userConnectionLimit != nil || self.configuration.hintsMembers
        else { return }
        var slots = (0..<self.connections.count).filter { slot in
            switch self.connections[slot].phase {
            case .connected, .leaving: true
            case .vacant, .opened, .authenticating, .joining, .rejected, .closing: false
            }
        }
        slots.sort { self.connections[$0].arrival < self.connections[$1].arrival }
        for slot in slots {
            let user = self.connections[slot].user
            guard self.listsConnections(of: user), let row = self.localPresence(of: .user(user))
            else { continue }
            self.connections[slot].nextOfUser = self.presence.rows[row].firstConnection
            self.presence.rows[row].firstConnection = UInt32(truncatingIfNeeded: slot)
        }
    }
}

extension Command {
    /// Whether it is about what one user has, says or is known by: anonymous ones, who are all the same to the
    /// core, would have it in common.
    var needsUser: Bool {
        switch self {
        case .send, .operate, .typing, .mark, .list, .account: true
        case .connect, .subscribe, .subscribeByToken, .unsubscribe, .publish, .history, .presence,
            .refresh, .subRefresh, .refused:
            false
        }
    }
}
