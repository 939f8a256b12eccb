import BasicContainers
import ChatCore
import ClientModel
import Kernel
import Oracles
import Workload

/// What the oracle is shown beside what clients and the store saw.
extension World {
    /// Shows the oracle what a shard is about to say.
    mutating func witness(_ effect: ShardEffect, of index: Int) {
        if self.isChatting, case .peer(_, .delivery(let delivery)) = effect {
            self.membership.counted(
                delivery.conversation,
                delivery.count,
                at: delivery.offset,
                now: self.now
            )
        }
        if self.watching != nil { self.witnessPresence(effect, of: index) }
        if case .hint(let hint, let range) = effect { self.witness(hint, range, of: index) }
        if self.hinting != nil, case .reply(let handle, _, .connected) = effect {
            let (connection, now) = (self.connection(handle, index), self.now)
            self.hinting?.connected(connection, now: now)
        }
        if case .close(let handle, let code) = effect {
            self.witnessLeave(of: handle, isDraining: code == .shutdown, index)
        }
        guard case .reply(let handle, let id, let reply) = effect else { return }
        self.witnessAnswer(to: handle, id, reply, index)
        switch reply {
        case .sent(let sent):
            guard let number = self.client(of: handle, on: index),
                let message = self.clients[number].machine.message(ofCommand: id)
            else { return }
            self.oracle.answered(
                World.id(of: message.conversation),
                MessageID(high: 0, low: message.id.low),
                at: Position(epoch: sent.epoch, offset: sent.offset),
                now: self.now
            )
        case .subscribed(let subscribed):
            let name = UInt32(truncatingIfNeeded: subscribed.name.rawValue)
            let conversation = World.id(of: ConversationNumber(name))
            self.oracle.told(
                conversation,
                head: Position(epoch: subscribed.epoch, offset: subscribed.offset),
                now: self.now
            )
            guard case .recovered = subscribed.recovery,
                let number = self.client(of: handle, on: index)
            else { return }
            self.oracle.recovered(
                UInt64(number),
                conversation,
                after: subscribed.offset,
                now: self.now
            )
        case .history(let history):
            guard let page = self.pages[history.page.rawValue] else { return }
            self.oracle.told(
                page.conversation,
                head: Position(epoch: history.epoch, offset: history.head),
                now: self.now
            )
        case .connected, .connectedSubscription, .unsubscribed, .published, .refreshed,
            .subRefreshed, .error, .created, .marked, .listed, .done, .told,
            .presence:
            return
        }
    }

    /// Who listens at a connection; `nil` if the client has turned away from it.
    func client(of handle: ConnectionHandle, on index: Int) -> Int? {
        guard self.shards[index].isCurrent(handle) else { return nil }
        let number = Int(self.shards[index].sockets[Int(handle.slot)].client)
        let isThere =
            self.clients[number].shard == index && self.clients[number].handle == handle
        return isThere ? number : nil
    }

    /// Shows the oracle how much a shard keeps.
    mutating func witnessQueues(of index: Int) {
        guard let statistics = self.shards[index].shard?.statistics else { return }
        let limits = self.scenario.server
        self.oracle.bounded(
            statistics.pendingMessages,
            by: UInt64(limits.pendingLimit) * statistics.conversations,
            now: self.now,
            "messages that wait at shard \(index)"
        )
        self.oracle.bounded(
            statistics.heldDeliveries,
            by: UInt64(limits.heldLimit) * statistics.feeds,
            now: self.now,
            "deliveries kept by shard \(index)"
        )
    }

    /// Once it has been quiet for longer than any single timer of a connection or a request runs,
    /// nothing waits, and each connection and each feed has a few timers.
    mutating func witnessQuiet(of index: Int) {
        let limits = self.scenario.server
        guard self.scenario.workload.settle > limits.connectTimeout * 2,
            let statistics = self.shards[index].shard?.statistics
        else { return }
        for (what, count) in [
            ("messages that wait", statistics.pendingMessages),
            ("deliveries kept", statistics.heldDeliveries),
        ] {
            self.oracle.bounded(
                count,
                by: 0,
                now: self.now,
                "\(what) at shard \(index) in the quiet"
            )
        }
        self.oracle.bounded(
            statistics.deadlines,
            by: 12 + statistics.connections + statistics.feeds * 2,
            now: self.now,
            "timers of shard \(index) in the quiet"
        )
        self.witnessAttendance(of: index, statistics.connections)
    }

    /// Whoever answers no pings is gone after two intervals, the second of which is that of the pong.
    private mutating func witnessAttendance(of index: Int, _ connections: UInt64) {
        let limits = self.scenario.server
        let longest = self.scenario.workload.absences?.longest ?? .zero
        guard
            self.scenario.workload.settle
                > limits.pingInterval * 2 + limits.connectTimeout + longest
        else { return }
        var online: UInt64 = 0
        for number in 0..<self.clients.count
        where self.clients[number].machine.isOnline && Int(self.clients[number].shard) == index {
            online += 1
        }
        self.oracle.attended(connections, online: online, now: self.now, "shard \(index)")
    }

    /// Where leases on interest are short, everybody leaves at the end, and nothing may be left behind.
    mutating func witnessDeparture() {
        let limits = self.scenario.server
        let wait = limits.interestLease * 2 + limits.pingInterval * 2 + limits.connectTimeout
        guard self.scenario.workload.settle >= limits.interestLease * 2 else { return }
        for number in 0..<self.clients.count { self.step(client: number, .stop) }
        self.run(until: self.scenario.end + wait)
        for index in 0..<self.shards.count {
            guard let statistics = self.shards[index].shard?.statistics else { continue }
            for (what, count) in [
                ("connections", statistics.connections),
                ("subscriptions", statistics.subscriptions), ("feeds", statistics.feeds),
                ("conversations", statistics.conversations),
                ("messages that wait", statistics.pendingMessages),
                ("deliveries kept", statistics.heldDeliveries),
                ("references not given back", UInt64(max(0, self.shards[index].lent))),
            ] {
                self.oracle.bounded(
                    count,
                    by: 0,
                    now: self.now,
                    "\(what) at shard \(index) when everybody has left"
                )
            }
        }
    }
}
