import BasicContainers
import Kernel

/// Whether a shard takes connections.
enum Drain: Equatable {
    case serving
    /// Sends `batch` connections away every 100 ms, each when it has been answered.
    case draining(batch: Int, next: UInt32)
    case drained
}

extension Shard {
    /// Whether the handle names a connection that has not been told to go.
    func isOpen(_ handle: ConnectionHandle) -> Bool {
        guard Int(handle.slot) < self.connections.count else { return false }
        let connection = self.connections[Int(handle.slot)]
        guard connection.generation == handle.generation else { return false }
        switch connection.phase {
        case .vacant, .closing: return false
        case .opened, .authenticating, .joining, .rejected, .connected, .leaving: return true
        }
    }

    mutating func onOpened(
        _ handle: ConnectionHandle,
        _ id: ConnectionID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        while self.connections.count <= Int(handle.slot) { self.connections.append(Connection()) }
        self.connections[Int(handle.slot)].open(id, generation: handle.generation)
        self.connectionCount += 1
        self.counters.connectionsOpened += 1
        guard self.drain == .serving else {
            self.close(handle, .shutdown, into: &effects)
            return
        }
        self.deadlines.schedule(.connect(handle), at: now + self.configuration.connectTimeout)
    }

    mutating func onClosed(
        _ handle: ConnectionHandle,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let slot = Int(handle.slot)
        precondition(
            slot < self.connections.count
                && self.connections[slot].generation == handle.generation
                && self.connections[slot].phase != .vacant,
            "a connection that closes was open"
        )
        self.depart(handle, at: self.now, into: &effects)
        self.dropGated(of: handle.slot, into: &effects)
        self.dropSubscriptions(of: handle.slot, into: &effects)
        self.connections[slot].vacate()
        self.connectionCount -= 1
        self.counters.connectionsClosed += 1
    }

    mutating func close(
        _ handle: ConnectionHandle,
        _ code: CloseCode,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle) else { return }
        self.depart(handle, at: self.now, into: &effects)
        guard self.connections[Int(handle.slot)].beginClosing() else { return }
        self.dropGated(of: handle.slot, into: &effects)
        self.dropSubscriptions(of: handle.slot, into: &effects)
        effects.emit(.close(handle, code))
    }

    mutating func closeIfNeverConnected(
        _ handle: ConnectionHandle,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle) else { return }
        switch self.connections[Int(handle.slot)].phase {
        case .opened, .authenticating, .joining, .rejected:
            self.close(handle, .stale, into: &effects)
        case .connected, .leaving, .closing, .vacant: break
        }
    }

    mutating func onCommand(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ command: Command,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.counters.commands += 1
        guard self.isOpen(handle) else {
            self.releaseHandles(of: command, into: &effects)
            return
        }
        switch self.connections[Int(handle.slot)].admit(command, as: id) {
        case .authenticate:
            guard !self.refusesConnects else {
                self.counters.shed += 1
                self.close(handle, .tooManyRequests, into: &effects)
                return
            }
            effects.emit(.authenticate(handle))
        case .run:
            self.run(command, as: id, for: handle, at: now, into: &effects)
        case .hold:
            self.gate(command, as: id, for: handle, into: &effects)
        case .ignore:
            self.releaseHandles(of: command, into: &effects)
        case .refuse:
            self.releaseHandles(of: command, into: &effects)
            self.fail(handle, id, .internal, into: &effects)
        case .violation:
            self.releaseHandles(of: command, into: &effects)
            self.close(handle, .badRequest, into: &effects)
        }
    }

    private mutating func gate(
        _ command: Command,
        as id: CommandID,
        for handle: ConnectionHandle,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let slot = Int(handle.slot)
        guard self.connections[slot].gatedCount < self.configuration.gatedLimit else {
            self.releaseHandles(of: command, into: &effects)
            self.close(handle, .tooManyRequests, into: &effects)
            return
        }
        let row = self.gated.insert(GatedCommand(id: id, command: command, next: noSlot))
        self.connections[slot].gatedCount += 1
        guard self.connections[slot].firstGated != noSlot else {
            self.connections[slot].firstGated = row
            return
        }
        var last = self.connections[slot].firstGated
        while self.gated[last].next != noSlot { last = self.gated[last].next }
        self.gated[last].next = row
    }

    /// Takes the first command that waited for the credentials.
    private mutating func nextGated(of slot: UInt32) -> GatedCommand? {
        let first = self.connections[Int(slot)].firstGated
        guard first != noSlot else { return nil }
        let row = self.gated[first]
        self.gated.remove(first, leaving: row)
        self.connections[Int(slot)].firstGated = row.next
        self.connections[Int(slot)].gatedCount -= 1
        return row
    }

    mutating func dropGated(
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        while let row = self.nextGated(of: slot) {
            self.releaseHandles(of: row.command, into: &effects)
        }
    }

    mutating func onAuthenticated(
        _ handle: ConnectionHandle,
        _ outcome: AuthenticationOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle) else { return }
        let slot = Int(handle.slot)
        guard case .authenticating(let command) = self.connections[slot].phase else { return }
        switch outcome {
        case .accepted(let user, let timeToLive):
            let accepted = self.connections[slot].accept(user)
            precondition(accepted == command, "the command that authenticates is the one answered")
            self.connections[slot].timeToLive = timeToLive
            self.renew(handle, for: timeToLive, at: now)
            self.finishConnect(handle, at: now, into: &effects)
        case .expired:
            // The client fetches a new token and connects again; this connection is of no more use.
            self.failConnect(handle, command, .tokenExpired, into: &effects)
        case .invalid:
            self.close(handle, .invalidToken, into: &effects)
        case .missing:
            self.close(handle, .badRequest, into: &effects)
        }
    }

    mutating func answerConnect(
        _ handle: ConnectionHandle,
        _ command: CommandID,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let slot = Int(handle.slot)
        let draw = self.random.draw(.pingSlot, self.connections[slot].id.rawValue)
        self.pingSlots.insert(handle, at: now, draw: draw)
        self.turnPingSlots(at: now)
        let reply = ConnectReply(
            pingInterval: self.configuration.pingInterval,
            timeToLive: self.connections[slot].timeToLive
        )
        effects.emit(.reply(handle, command, .connected(reply)))
        self.arrive(handle, at: now, into: &effects)
    }

    /// Runs what waited for the answer to `connect`.
    mutating func runGated(
        _ handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        while self.isOpen(handle), let row = self.nextGated(of: handle.slot) {
            self.run(row.command, as: row.id, for: handle, at: now, into: &effects)
        }
    }

    private mutating func run(
        _ command: Command,
        as id: CommandID,
        for handle: ConnectionHandle,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.takes(command, as: id, of: handle, at: now, into: &effects) else { return }
        switch command {
        case .connect:
            preconditionFailure("a second connect is a violation")
        case .subscribe(let reference, let since, let attendee):
            self.subscribe(
                handle,
                id,
                reference,
                since: since,
                as: attendee,
                at: now,
                into: &effects
            )
        case .subscribeByToken(let reference, let since, let grant, let attendee):
            self.subscribe(
                handle,
                id,
                reference,
                since: since,
                grant,
                as: attendee,
                at: now,
                into: &effects
            )
        case .unsubscribe(let conversation):
            self.unsubscribe(handle, id, conversation, into: &effects)
        case .publish(let reference, let body):
            self.publish(handle, id, reference, nil, .message, body, at: now, into: &effects)
        case .send(let reference, let message, let body):
            self.publish(handle, id, reference, message, .message, body, at: now, into: &effects)
        case .operate(let reference, let message, let operation, let body):
            self.publish(handle, id, reference, message, operation, body, at: now, into: &effects)
        case .typing(let reference, let body):
            self.type(handle, id, reference, body, at: now, into: &effects)
        case .mark(let reference, let markers):
            self.mark(handle, id, reference, markers, at: now, into: &effects)
        case .list(let known, let after, let limit):
            self.list(handle, id, known, after: after, limit: limit, at: now, into: &effects)
        case .account(let action, let note):
            self.account(handle, id, action, note, at: now, into: &effects)
        case .history(let reference, let request):
            self.readHistory(handle, id, reference, request, at: now, into: &effects)
        case .presence(let command):
            self.run(command, as: id, for: handle, at: now, into: &effects)
        case .refresh(let outcome):
            self.refresh(handle, id, outcome, at: now, into: &effects)
        case .subRefresh(let conversation, let grant):
            self.refreshSubscription(handle, id, conversation, grant, at: now, into: &effects)
        case .refused(let code):
            self.fail(handle, id, code, into: &effects)
        }
    }

    mutating func fail(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ code: ErrorCode,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard self.isOpen(handle) else { return }
        self.counters.errors += 1
        effects.emit(.reply(handle, id, .error(code)))
    }

    /// Gives back what a command that will not run brought with it.
    mutating func releaseHandles(
        of command: Command,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch command {
        case .connect, .unsubscribe, .refresh, .subRefresh, .refused:
            break
        case .presence(.watch(let user, _)): self.release(user.name, into: &effects)
        case .presence(.members(let reference)), .presence(.counts(let reference)):
            self.release(reference.name, into: &effects)
        case .presence(.unwatch), .presence(.choose): break
        case .subscribe(let reference, _, let attendee),
            .subscribeByToken(let reference, _, _, let attendee):
            self.release(reference.name, into: &effects)
            self.release(attendee.info, into: &effects)
        case .history(let reference, _), .mark(let reference, _):
            self.release(reference.name, into: &effects)
        case .list(let known, _, _), .account(_, let known):
            self.release(known, into: &effects)
        case .publish(let reference, let body), .send(let reference, _, let body),
            .operate(let reference, _, _, let body), .typing(let reference, let body):
            self.release(reference.name, into: &effects)
            self.release(body.handle, into: &effects)
        }
    }
}
