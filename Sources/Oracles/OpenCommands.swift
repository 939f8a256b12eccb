package import Kernel

/// The commands that one shard has taken and not answered.
package struct OpenCommands: Sendable {
    private struct Asked: Sendable {
        var command: UInt32
        var since: Instant
    }

    private struct Connection: Sendable {
        var asked: [Asked] = []
        /// Whether the server has taken its leave: what comes afterwards is not answered.
        var isSentAway = false
        /// Whether its credentials have been accepted.
        var isConnected = false
    }

    private var connections: [ConnectionHandle: Connection] = [:]

    package init() {}

    /// The shard takes a command; 0 is no command that is answered.
    package mutating func asked(_ handle: ConnectionHandle, _ command: UInt32, now: Instant) {
        guard command != 0, !(self.connections[handle]?.isSentAway ?? false) else { return }
        self.connections[handle, default: Connection()].asked
            .append(Asked(command: command, since: now))
    }

    /// A reply leaves; says since when it was waited for.
    package mutating func answered(
        _ handle: ConnectionHandle,
        _ command: UInt32,
        connects: Bool
    ) -> Instant? {
        if connects { self.connections[handle, default: Connection()].isConnected = true }
        guard
            let place = self.connections[handle]?.asked.firstIndex(where: { $0.command == command })
        else { return nil }
        return self.connections[handle]?.asked.remove(at: place).since
    }

    /// The server ends a connection; says since when it owes the oldest answer, if it ever let it in.
    package mutating func sentAway(_ handle: ConnectionHandle) -> Instant? {
        let connection = self.connections[handle] ?? Connection()
        self.connections[handle] = Connection(isSentAway: true)
        return connection.isConnected ? connection.asked.first?.since : nil
    }

    /// The socket is gone; says since when the oldest answer was waited for.
    package mutating func closed(_ handle: ConnectionHandle) -> Instant? {
        self.connections.removeValue(forKey: handle)?.asked.first?.since
    }
}
