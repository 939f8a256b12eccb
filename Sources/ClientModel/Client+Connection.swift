import BasicContainers
import ChatCore
package import Kernel

extension Client {
    mutating func onStart(at now: Instant, into effects: inout EffectBuffer<ClientEffect>) {
        guard self.phase == .off, !self.isStopped else { return }
        self.open(at: now, into: &effects)
    }

    mutating func onStop(into effects: inout EffectBuffer<ClientEffect>) {
        switch self.phase {
        case .off, .pausing: break
        case .opening, .connecting, .online, .trespassing:
            effects.emit(.closeSocket(self.socket))
        }
        self.leave(for: .off)
        self.isStopped = true
    }

    mutating func onSocket(
        _ event: SocketEvent,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        switch self.phase {
        case .off, .pausing: return
        case .trespassing(let trespass, _):
            return self.onSocket(event, after: trespass, at: now, into: &effects)
        case .opening, .connecting, .online: break
        }
        switch event {
        case .opened:
            guard case .opening = self.phase else { return }
            let command = self.nextCommand()
            self.connectCommand = command.rawValue
            self.phase = .connecting(until: now + self.commandTimeout)
            effects.emit(.command(self.socket, command, .connect))
            if self.cohort.isEager { self.sendEagerly(at: now, into: &effects) }
        case .failed:
            effects.emit(.observe(.disconnected(self.socket, code: 0, retries: true)))
            self.pause(at: now)
        case .closed(let code): self.onClosed(code, at: now, into: &effects)
        case .reply(let command, let outcome):
            self.onReply(command, outcome, at: now, into: &effects)
        case .publication(let publication): self.onPublication(publication, into: &effects)
        case .unsubscribed(let conversation, let code):
            self.onUnsubscribed(conversation, code: code, at: now, into: &effects)
        case .listed(let conversation, let head, let state):
            self.onListed(conversation, head, state, at: now, into: &effects)
        case .gone(let conversation): self.onGone(conversation, into: &effects)
        case .ping: self.onPing(at: now, into: &effects)
        }
    }

    /// A socket that the server or the network ended; which codes are final: 4.7.
    private mutating func onClosed(
        _ code: UInt16,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        let isFinal = code == 1009 || (3500...3999).contains(code) || (4500...4999).contains(code)
        effects.emit(.observe(.disconnected(self.socket, code: code, retries: !isFinal)))
        guard isFinal else { return self.pause(at: now) }
        self.leave(for: .off)
        self.isStopped = true
    }

    private mutating func onPing(
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard case .online = self.phase else { return }
        self.phase = .online(pingDue: self.pingDue(after: now))
        if self.expectsPongs { effects.emit(.pong(self.socket)) }
    }

    private mutating func onReply(
        _ command: CommandID,
        _ outcome: ReplyOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        switch self.phase {
        case .off, .opening, .pausing, .trespassing: return
        case .connecting:
            guard command.rawValue == self.connectCommand else { return }
            self.onConnectReply(outcome, at: now, into: &effects)
        case .online:
            if self.answerSend(command, outcome, at: now, into: &effects) { return }
            self.answerAwaited(command, outcome, at: now, into: &effects)
        }
    }

    private mutating func onConnectReply(
        _ outcome: ReplyOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        switch outcome {
        case .connected(let pingInterval, let expectsPongs):
            self.attempts = 0
            self.expectsPongs = expectsPongs
            self.pingMilliseconds = UInt32(
                clamping: pingInterval.nanoseconds / Interval.milliseconds(1).nanoseconds
            )
            self.phase = .online(pingDue: self.pingDue(after: now))
            effects.emit(.observe(.connected(self.socket)))
            for index in 0..<self.rows.count {
                self.subscribe(UInt16(index), at: now, into: &effects)
            }
            self.sync(at: now, into: &effects)
            for index in 0..<self.outbox.count where self.outbox[index].command == 0 {
                self.transmit(index, at: now, into: &effects)
            }
        case .error(let code, let isTemporary):
            let retries = isTemporary || code == ErrorCode.tokenExpired.rawValue
            effects.emit(.observe(.disconnected(self.socket, code: code, retries: retries)))
            effects.emit(.closeSocket(self.socket))
            guard !retries else { return self.pause(at: now) }
            self.leave(for: .off)
            self.isStopped = true
        case .subscribed, .sent, .page, .marked, .synced:
            self.giveUpSocket(at: now, into: &effects)
        }
    }

    mutating func runConnectionDeadline(
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        switch self.phase {
        case .off: break
        case .opening(let until), .connecting(let until), .online(let until):
            if until <= now { self.giveUpSocket(at: now, into: &effects) }
        case .pausing(let until):
            if until <= now { self.open(at: now, into: &effects) }
        case .trespassing(let trespass, let until):
            guard until <= now else { return }
            // A server that says nothing at all may have died, but none takes so long to close.
            if trespass == .silence { effects.emit(.observe(.tolerated(trespass))) }
            effects.emit(.closeSocket(self.socket))
            self.pause(at: now)
        }
    }

    /// Ends a socket that stays silent or speaks nonsense, and tries another after a pause.
    mutating func giveUpSocket(
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        effects.emit(.closeSocket(self.socket))
        effects.emit(.observe(.disconnected(self.socket, code: 0, retries: true)))
        self.pause(at: now)
    }

    /// When the last ping came, or the connection stood; `nil` unless the client is online and pings
    /// are all it waits for.
    package var lastPing: Instant? {
        guard case .online(let due) = self.phase, due != .never, self.awaited.isEmpty,
            self.outbox.isEmpty
        else { return nil }
        return Instant(nanoseconds: due.nanoseconds - self.patience.nanoseconds)
    }

    /// Takes note of a ping that came at `instant` and whose pong the host has let go.
    ///
    /// For a host that keeps the last pings of many idle clients, and tells each only when something
    /// else happens to it.
    package mutating func takePing(at instant: Instant) {
        guard case .online = self.phase else { return }
        self.phase = .online(pingDue: self.pingDue(after: instant))
        self.deadline = self.earliestDeadline()
    }

    /// From a ping to the instant at which the server is taken for dead.
    private var patience: Interval {
        .milliseconds(UInt64(self.pingMilliseconds))
            + .milliseconds(UInt64(self.cohort.pingSlackMilliseconds))
    }

    private func pingDue(after now: Instant) -> Instant {
        // An interval of zero says that the server does not ping.
        guard self.pingMilliseconds > 0 else { return .never }
        return now + self.patience
    }

    mutating func open(
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        self.socket.rawValue += 1
        self.phase = .opening(until: now + self.commandTimeout)
        effects.emit(.openSocket(self.socket))
    }

    mutating func pause(at now: Instant) {
        let wait = self.backoff(
            Draw.reconnect,
            attempt: self.attempts,
            maximum: self.cohort.reconnectMaximumMilliseconds,
            UInt64(self.socket.rawValue),
            0
        )
        self.attempts = self.attempts == .max ? .max : self.attempts + 1
        self.leave(for: .pausing(until: now + wait))
    }

    /// Forgets what was awaited from the socket; positions and the outbox outlive it.
    mutating func leave(for phase: Phase) {
        self.phase = phase
        self.awaited = .init()
        for index in 0..<self.rows.count where self.rows[index].phase != .ended {
            self.rows[index].phase = .idle
        }
        for index in 0..<self.outbox.count {
            self.outbox[index].command = 0
            self.outbox[index].deadline = .never
        }
    }
}
