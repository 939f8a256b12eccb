import BasicContainers
import ChatCore
import ClientModel
import Kernel
import Oracles

/// What the oracle is shown of the time in which commands are answered.
extension World {
    /// Beside the time that a request may take: a round that has begun, and a store that answers last.
    private static var slack: Interval { .seconds(1) }

    /// Shows what a shard is about to be told.
    mutating func witness(_ event: ShardEvent, of index: Int) {
        switch event {
        case .command(_, _, .presence(.watch(_, let remaining))) where remaining > 0,
            .command(_, _, .presence(.unwatch(_, let remaining))) where remaining > 0:
            // The rest of the same command follows, and one answer after the last.
            return
        case .command(let handle, let id, _):
            self.shards[index].open.asked(handle, id.rawValue, now: self.now)
        case .closed(let handle):
            self.witnessWait(since: self.shards[index].open.closed(handle), index)
        case .wallClock, .opened, .grant, .authenticated, .asked, .pongs, .violated, .peer, .stored,
            .lease, .drain, .load, .revoked, .backlog, .dropped:
            return
        }
    }

    mutating func witnessAnswer(
        to handle: ConnectionHandle,
        _ id: CommandID,
        _ reply: Reply,
        _ index: Int
    ) {
        var isConnected = false
        if case .connected = reply { isConnected = true }
        let since = self.shards[index].open.answered(
            handle,
            id.rawValue,
            connects: isConnected
        )
        self.witnessWait(since: since, index)
        guard case .error(let code) = reply, code == .internal, let since,
            let number = self.client(of: handle, on: index),
            let message = self.clients[number].machine.message(ofCommand: id)
        else { return }
        self.oracle.refused(
            World.id(of: message.conversation),
            MessageID(high: 0, low: message.id.low),
            isOwners: self.now < since + self.scenario.server.requestTimeout,
            now: self.now
        )
    }

    mutating func witnessLeave(of handle: ConnectionHandle, isDraining: Bool, _ index: Int) {
        let since = self.shards[index].open.sentAway(handle)
        guard isDraining else { return }
        self.oracle.drained(
            since: since,
            now: self.now,
            within: self.scenario.server.requestTimeout,
            "a client of shard \(index)"
        )
    }

    /// A shard that stood still meanwhile is excused.
    private mutating func witnessWait(since: Instant?, _ index: Int) {
        guard let since, self.shards[index].pausedUntil <= since else { return }
        self.oracle.waited(
            since: since,
            now: self.now,
            within: self.scenario.server.requestTimeout + Self.slack,
            "a client of shard \(index)"
        )
    }
}
