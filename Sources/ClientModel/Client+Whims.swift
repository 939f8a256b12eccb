import BasicContainers
import ChatCore
import Kernel

/// What devices do beside their duty: they go out of reach, talk before they are let in, and break
/// the protocol.
extension Client {
    /// How many waiting messages a hasty device sends behind its `connect`.
    private static let eagerLimit = 16
    /// Longer than any server waits for `connect`.
    private static let silence = Interval.seconds(25)

    mutating func onLeave(
        until: Instant,
        isSilent: Bool,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        switch self.phase {
        case .off, .trespassing: return
        case .pausing(let end): self.phase = .pausing(until: max(end, until))
        case .opening, .connecting, .online:
            effects.emit(isSilent ? .abandonSocket(self.socket) : .closeSocket(self.socket))
            effects.emit(.observe(.disconnected(self.socket, code: 0, retries: true)))
            self.leave(for: .pausing(until: until))
        }
    }

    /// Does not wait for the reply to `connect`, as the protocol allows.
    mutating func sendEagerly(at now: Instant, into effects: inout EffectBuffer<ClientEffect>) {
        for index in 0..<self.rows.count {
            self.subscribe(UInt16(index), at: now, into: &effects)
        }
        for index in 0..<min(self.outbox.count, Self.eagerLimit) {
            self.transmit(index, at: now, into: &effects)
        }
    }

    /// Breaks the protocol, and asks something behind it: an answer says that the breach was let pass.
    mutating func onTrespass(
        _ trespass: Trespass,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard case .online = self.phase else { return }
        var until = now + self.commandTimeout
        switch trespass {
        case .unaskedPong:
            // A ping may be on its way: one of two pongs is certainly one too many.
            effects.emit(.unaskedPong(self.socket))
            effects.emit(.unaskedPong(self.socket))
        case .secondConnect:
            effects.emit(.command(self.socket, self.nextCommand(), .connect))
        case .commandBeforeConnect, .silence:
            effects.emit(.closeSocket(self.socket))
        }
        if trespass == .silence { until = now + Self.silence }
        effects.emit(.observe(.disconnected(self.socket, code: 0, retries: true)))
        self.leave(for: .trespassing(trespass, until: until))
        switch trespass {
        case .unaskedPong, .secondConnect: self.probe(into: &effects)
        case .commandBeforeConnect, .silence:
            self.socket.rawValue += 1
            effects.emit(.openSocket(self.socket))
        }
    }

    private mutating func probe(into effects: inout EffectBuffer<ClientEffect>) {
        let row = self.rows[0]
        let command = self.nextCommand()
        self.connectCommand = command.rawValue
        effects.emit(
            .command(
                self.socket,
                command,
                .history(row.conversation, since: row.position, limit: 1)
            )
        )
    }

    /// What a socket brings to a device that waits to be sent away.
    mutating func onSocket(
        _ event: SocketEvent,
        after trespass: Trespass,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        switch event {
        case .opened: if trespass != .silence { self.probe(into: &effects) }
        case .failed: self.pause(at: now)
        case .closed(let code):
            if code == trespass.code.rawValue {
                effects.emit(.observe(.sentAway(trespass)))
            }
            self.pause(at: now)
        case .reply(let command, _):
            guard command.rawValue == self.connectCommand else { return }
            effects.emit(.observe(.tolerated(trespass)))
            effects.emit(.closeSocket(self.socket))
            self.pause(at: now)
        case .publication, .unsubscribed, .listed, .gone, .ping: break
        }
    }
}
