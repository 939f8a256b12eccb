import BasicContainers
import ChatCore
import ClientModel
import Kernel
import Oracles
import Workload

/// Hints in the simulated world: what the store answers for them, and what the oracle sees of it.
extension World {
    var isHinting: Bool { self.isChatting && self.scenario.server.hintsMembers }

    mutating func beginHinting() {
        guard self.isHinting else { return }
        self.hinting = HintOracle(
            window: self.scenario.server.hintWindow,
            mostMembers: Int(self.scenario.server.fanOut.groupedMembers)
        )
    }

    /// The parts in which the store answers who the members of a conversation are.
    mutating func audience(_ request: AudienceRequest) -> [StoreOutcome] {
        let number = World.number(of: request.conversation)
        let name = self.reference(number).name
        return self.logs.audience(request, name: name).map { .audience($0) }
    }

    mutating func witness(_ hint: Hint, _ range: TargetRange, of index: Int) {
        let now = self.now
        let standing = hint.standing
        let told = HintOracle.Told(
            head: hint.head,
            read: standing.read,
            unread: standing.unread,
            mentions: standing.mentions
        )
        for target in range.start..<(range.start + range.count) {
            let connection = self.connection(self.effects[target: target], index)
            self.hinting?.told(
                connection,
                connection >> 32,
                hint.conversation,
                told,
                now: now
            )
        }
    }

    /// At the end: what a device that is online has been told of what it does not look at.
    mutating func settleHints(of number: Int) {
        guard self.isHinting, self.clients[number].machine.isOnline else { return }
        let index = Int(self.clients[number].shard)
        let handle = self.clients[number].handle
        guard handle != SimulatedClient.nowhere, self.shards[index].isCurrent(handle) else {
            return
        }
        let connection = self.connection(handle, index)
        guard connection >> 32 == UInt64(number) else { return }
        let all = self.population.conversations(of: ClientNumber(UInt32(number)))
        for conversation in all[self.clients[number].machine.subscriptionCount...] {
            self.hinting?.settled(
                connection,
                UInt64(number),
                World.id(of: conversation),
                now: self.scenario.end
            )
        }
    }
}

extension StoredLogs {
    /// The parts of the answer to who the members are; the first lends `name`.
    mutating func audience(_ request: AudienceRequest, name: PayloadHandle) -> [AudiencePart] {
        guard let log = self.log(of: request.conversation) else { return [.ends(next: nil)] }
        let head = self.head(of: request.conversation)
        var parts = self.logs[log].roster.audience(request, head: head)
        guard parts.count > 1 else { return parts }
        if self.bug == .miscountsHints {
            parts = parts.map { part in
                guard case .member(var standing) = part else { return part }
                standing.unread += 1
                return .member(standing)
            }
        }
        return [.begins(name: name, Position(epoch: head.epoch, offset: head.offset))] + parts
    }

    /// The parts of the answer about plans, for the shard that asks.
    mutating func plans(_ request: PlanRequest, of shard: ShardID) -> [StoreOutcome] {
        switch request {
        case .note(let through, let fence):
            let part = self.plans.note(
                through: through,
                fence: fence,
                by: shard,
                leases: self.leases
            )
            return [.plans(part)]
        case .read(let after, let limit):
            return self.plans.owed(
                to: shard,
                after: after,
                limit: limit,
                leases: self.leases,
                changes: self.logs.map { ($0.id, $0.changed) }
            ).map { .plans($0) }
        }
    }
}

extension World {
    /// A planted bug: what leaves a shard instead of a hint, or of a message about one.
    mutating func sabotagedHint(_ effect: ShardEffect) -> ShardEffect? {
        switch (self.bug, effect) {
        case (.losesHints, .hint):
            self.sabotageCount += 1
            return self.sabotageCount % 3 == 0 ? nil : effect
        case (.hintsBackwards, .hint(var hint, let targets)):
            self.sabotageCount += 1
            if self.sabotageCount % 3 == 0 { hint.head.offset = Offset(1) }
            return .hint(hint, targets: targets)
        case (.hintsStrangers, .peer(let gateway, .inbox(.hint(var hint, let receipt)))):
            hint.standing.user = World.user(Int(hint.standing.user.low ^ 1))
            return .peer(gateway, .inbox(.hint(hint, receipt)))
        case (_, _):
            return effect
        }
    }

    /// A planted bug in the knobs of hints.
    func plantHints(in configuration: inout ShardConfiguration) {
        switch self.bug {
        case .forgetsHintWindow: configuration.hintWindow = .zero
        case .hintsEverybody: configuration.fanOut.groupedMembers = .max
        case .none, .some: return
        }
    }
}
