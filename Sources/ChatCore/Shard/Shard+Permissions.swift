import BasicContainers
import Kernel

/// Who may do what: what a name says of access, and the policy of its namespace.
extension Shard {
    /// Whether a client may subscribe without a token.
    func maySubscribe(to reference: ConversationReference) -> Bool {
        switch reference.access {
        case .open: self.namespace(reference.namespace).allowsSubscribe
        case .listed: true
        case .tokenOnly, .unlisted: false
        }
    }

    /// Whether an operation that its namespace opens to `audience` is open to a connection.
    ///
    /// A name that restricts who may enter restricts what the outside may do to it as well.
    func isOpen(
        _ reference: ConversationReference,
        to audience: Audience,
        for handle: ConnectionHandle
    ) -> Bool {
        switch (audience, reference.access) {
        case (.nobody, _): false
        case (.clients, .open), (.clients, .listed), (.subscribers, .listed): true
        case (.clients, .tokenOnly), (.clients, .unlisted), (.subscribers, .open),
            (.subscribers, .tokenOnly), (.subscribers, .unlisted):
            self.subscription(of: handle, to: reference.id) != nil
        }
    }

    /// The oldest instant that history and recovery reach, in milliseconds since 1970.
    func oldestInReach(of namespace: UInt8, at now: Instant) -> UInt64? {
        guard let age = self.namespace(namespace).historyAge else { return nil }
        let time = self.wallClockOrigin &+ now.nanoseconds / 1_000_000
        return time - min(time, age.nanoseconds / 1_000_000)
    }
}
