import BasicContainers
import ChatCore
import ClientModel
package import Kernel
import Oracles
import Workload

extension World {
    /// How many clients are online now.
    package var onlineCount: Int {
        var count = 0
        for index in 0..<self.clients.count where self.clients[index].machine.isOnline {
            count += 1
        }
        return count
    }

    /// How many deliveries clients are owed: of each conversation all from where a device began on.
    ///
    /// Walks all subscriptions; meaningless once an epoch has changed.
    package var deliveriesOwed: UInt64 {
        var owed: UInt64 = 0
        for client in 0..<self.clients.count {
            for index in 0..<self.clients[client].machine.subscriptionCount {
                let conversation = self.clients[client].machine.position(of: index).conversation
                owed += self.logs.head(of: World.id(of: conversation)).offset.rawValue
            }
        }
        return owed - self.subscribedFrom
    }

    /// What a client has sent on its present socket.
    package struct SentSoFar: Equatable, Sendable {
        package var client: UInt32
        /// How many commands.
        package var count: UInt32
        /// When the last of them reaches, or reached, its gateway.
        package var arrival: Instant
    }

    /// What the clients of one gateway have sent: `shard` is its dense index, in the order of the fleet.
    package func sent(toShard shard: Int) -> [SentSoFar] {
        var sent: [SentSoFar] = []
        for index in 0..<self.clients.count where Int(self.clients[index].shard) == shard {
            sent.append(
                SentSoFar(
                    client: UInt32(index),
                    count: self.clients[index].sent,
                    arrival: self.clients[index].lastArrival
                )
            )
        }
        return sent
    }

    /// What clients and the store have counted so far.
    package var countsSoFar: RunCounts { self.counts }

    /// Judges a run that has come to the scenario's end.
    package mutating func conclude() -> RunResult {
        for number in 0..<self.clients.count where !self.clients[number].machine.hasStopped {
            self.settle(number)
        }
        for index in 0..<self.shards.count { self.witnessQuiet(of: index) }
        self.witnessDeparture()
        self.watching?.oracle.settle(now: self.scenario.end)
        for index in 0..<self.shards.count { self.countPlans(of: index) }
        self.goodput?.settle(now: self.scenario.end)
        return self.result()
    }

    /// Counts which plans messages got at a shard that ends, or whose run does.
    mutating func countPlans(of index: Int) {
        guard let statistics = self.shards[index].shard?.statistics else { return }
        self.plans.add(statistics)
    }

    private mutating func settle(_ number: Int) {
        self.settleHints(of: number)
        for index in 0..<self.clients[number].machine.subscriptionCount {
            let (conversation, position) = self.clients[number].machine.position(of: index)
            self.settleView(number, index)
            guard
                !self.isChatting
                    || self.logs.isMember(
                        World.user(number),
                        of: World.id(of: conversation)
                    )
            else { continue }
            self.oracle.settled(
                UInt64(number),
                World.id(of: conversation),
                at: position?.offset,
                now: self.scenario.end
            )
        }
        self.oracle.settled(
            UInt64(number),
            unacknowledged: self.clients[number].machine.unacknowledgedCount,
            now: self.scenario.end
        )
    }

    /// A conversation's id is a hash that keeps the number, so that the world needs no table.
    static func id(of conversation: ConversationNumber) -> ConversationID {
        let number = UInt64(conversation.rawValue)
        return ConversationID(high: KeyedRandom.mix(number &+ 0x636f_6e76), low: number)
    }

    static func number(of conversation: ConversationID) -> ConversationNumber {
        ConversationNumber(UInt32(truncatingIfNeeded: conversation.low))
    }

    static func user(_ number: Int) -> UserID {
        UserID(high: KeyedRandom.mix(UInt64(number) &+ 0x7573_6572), low: UInt64(number))
    }
}

extension Scenario {
    /// What live traffic must come back to, and when the faults are over.
    var goodputTerms: GoodputOracle.Terms? {
        self.comeback.map { comeback in
            GoodputOracle.Terms(
                triggerBegins: self.faults.map(\.start).min() ?? .zero,
                triggerEnds: self.faults.map { $0.start + $0.lasts }.max() ?? .zero,
                sendingEnds: .zero + self.workload.rampUp + self.workload.duration,
                within: comeback.within,
                patience: comeback.patience,
                goodputMillionths: comeback.goodputMillionths,
                latencyFactor: comeback.latencyFactor
            )
        }
    }
}
