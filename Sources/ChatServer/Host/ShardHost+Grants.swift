import ChatCore
import ClientProtocol
import Kernel

extension ShardHost {
    /// Subscribes a connection to the channels of its token and to its user's own.
    func grant(
        _ channels: [String],
        to handle: ConnectionHandle,
        of socket: ClientSocket,
        as user: String
    ) {
        var channels = channels
        if let own = self.namespaces.personalChannel(of: user) { channels.append(own) }
        for channel in channels {
            // A token may name channels of another deployment; who signs it knows best.
            guard case .success(let reference) = self.namespaces.reference(to: channel, for: user)
            else { continue }
            let claim = socket.claims.last { $0.channel == channel }
            var since = claim.flatMap { CommandTranslation.since($0) }
            // A position that is lost must not keep the client from connecting.
            since?.refusesUnrecovered = false
            self.submit(.grant(handle, reference, since: since))
        }
    }
}

extension AuthenticationOutcome {
    init(_ verdict: TokenVerdict) {
        switch verdict {
        case .accepted(let user, let timeToLive, _):
            self = .accepted(UserID(named: user), timeToLive: timeToLive)
        case .expired: self = .expired
        case .invalid: self = .invalid
        }
    }
}

extension PeerMessage {
    /// Takes the references that a peer message carries to its receiver.
    func retainHandles() {
        switch self {
        case .publish(let request): request.body.handle.retain()
        case .delivery(let delivery), .signal(let delivery), .signalled(let delivery):
            delivery.body.handle.retain()
        case .relayed(let delivery, _): delivery.body.handle.retain()
        case .presence(let message): message.payload.retain()
        case .published, .interest, .interested, .withdraw, .head: break
        }
    }

    /// Gives them back.
    func releaseHandles() {
        switch self {
        case .publish(let request): request.body.handle.release()
        case .delivery(let delivery), .signal(let delivery), .signalled(let delivery):
            delivery.body.handle.release()
        case .relayed(let delivery, _): delivery.body.handle.release()
        case .presence(let message): message.payload.release()
        case .published, .interest, .interested, .withdraw, .head: break
        }
    }
}
