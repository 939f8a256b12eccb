import ChatCore
import ClientProtocol
import Foundation
import Kernel
import Logging

extension ShardHost {
    /// Checks the token of a connection, and tells the shard.
    func authenticate(_ handle: ConnectionHandle) {
        guard let socket = self.socket(handle) else { return }
        guard let token = socket.token, !token.isEmpty else {
            self.enqueue(.authenticated(handle, .missing))
            socket.authenticated()
            return
        }
        let checked = self.verifier.check(connectionToken: token, at: Date())
        let verdict = checked.verdict
        self.surroundings.log.trace(
            "token",
            metadata: [
                "client": "\(socket.client)", "is": "\(AuthenticationOutcome(verdict))",
            ]
        )
        var mark: TokenMark?
        if case .accepted(let user, _, let grants) = verdict {
            mark = checked.mark
            socket.identify(as: user, info: grants.info)
            self.grant(grants.subscriptions, to: socket)
        }
        self.submit(.authenticated(handle, AuthenticationOutcome(verdict)))
        socket.authenticated(by: mark)
    }

    /// Subscribes a connection to the channels of its token and to its user's own.
    func grant(_ channels: [Granted], to socket: ClientSocket) {
        var channels = channels
        if let own = self.namespaces.personalChannel(of: socket.user),
            !channels.contains(where: { $0.channel == own })
        {
            channels.append(Granted(channel: own))
        }
        for granted in channels {
            // A token may name channels of another deployment; who signs it knows best.
            guard
                case .success(let reference) = self.namespaces.reference(
                    to: granted.channel,
                    for: socket.user
                )
            else { continue }
            let claim = socket.claims.last { $0.channel == granted.channel }
            var since = claim.flatMap { CommandTranslation.since($0) }
            // A position that is lost must not keep the client from connecting.
            since?.refusesUnrecovered = false
            let attendee = socket.attendee(granted)
            self.submit(.grant(socket.handle, reference, since: since, as: attendee))
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
        case .inbox(let message): message.payload.retain()
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
        case .inbox(let message): message.payload.release()
        case .published, .interest, .interested, .withdraw, .head: break
        }
    }
}
