import BasicContainers
import ChatCore
import Kernel

/// What a wake-up costs and sends, as far as it has come; its storage serves all rounds.
struct Round: ~Copyable {
    private(set) var shard = 0
    private var id = ShardID(rawValue: 0)
    var cost = Interval.zero
    /// Messages of the shard to itself, which it takes up in the same round.
    private var own = UniqueArray<PeerMessage>()
    private var ownTaken = 0
    /// What leaves at the end; ranges are of `targets`.
    private(set) var departures = UniqueArray<ShardEffect>()
    private(set) var targets = UniqueArray<ConnectionHandle>()
    /// Connections of whose backlog the shard was told.
    var backlogs: [ConnectionHandle] = []

    init() {}

    mutating func begin(_ shard: Int, _ id: ShardID, cost: Interval) {
        self.shard = shard
        self.id = id
        self.cost = cost
        self.own.removeAll(keepingCapacity: true)
        self.ownTaken = 0
        self.departures.removeAll(keepingCapacity: true)
        self.targets.removeAll(keepingCapacity: true)
        self.backlogs.removeAll(keepingCapacity: true)
    }

    mutating func takeOwn() -> PeerMessage? {
        guard self.ownTaken < self.own.count else { return nil }
        self.ownTaken += 1
        return self.own[self.ownTaken - 1]
    }

    /// Adds an effect of a step whose targets have not been added yet.
    mutating func add(_ effect: ShardEffect) {
        switch effect {
        case .peer(let receiver, let message) where receiver == self.id: self.own.append(message)
        case .deliver(let delivery, let name, let range):
            self.departures.append(.deliver(delivery, name: name, targets: self.rebased(range)))
        case .deliverPage(let page, let range):
            self.departures.append(.deliverPage(page, targets: self.rebased(range)))
        case .presence(.statuses(let window, let range)):
            self.departures.append(
                .presence(.statuses(window: window, targets: self.rebased(range)))
            )
        case .presence(.attendance(let isJoin, let info, let name, let range)):
            self.departures.append(
                .presence(
                    .attendance(
                        isJoin: isJoin,
                        info: info,
                        name: name,
                        targets: self.rebased(range)
                    )
                )
            )
        case .hint(let hint, let range):
            self.departures.append(.hint(hint, targets: self.rebased(range)))
        case .ping(let range): self.departures.append(.ping(targets: self.rebased(range)))
        case .authenticate, .reply, .subscribe, .unsubscribe, .close, .respond, .peer, .store,
            .release, .drained, .refresh, .presence(.member), .presence(.status),
            .dropPublications, .awaitRoom:
            self.departures.append(effect)
        }
    }

    mutating func addTargets(of effects: borrowing EffectBuffer<ShardEffect>) {
        for index in 0..<effects.targetCount { self.targets.append(effects[target: index]) }
    }

    private func rebased(_ range: TargetRange) -> TargetRange {
        TargetRange(start: range.start + UInt32(self.targets.count), count: range.count)
    }
}

extension SimulatedShard {
    mutating func takeWaiting() -> ShardEvent? {
        guard self.taken < self.waiting.count else { return nil }
        self.taken += 1
        self.gauge.take()
        return self.waiting[self.taken - 1]
    }

    /// Stages the connections of the `pongs` event that is being taken; returns how many.
    mutating func stagePongs() -> Int {
        for handle in self.pongs { _ = self.shard?.stage(handle) }
        let count = self.pongs.count
        self.pongs.removeAll(keepingCapacity: true)
        return count
    }

    /// Gives back the room of what has been taken.
    mutating func compactWaiting() {
        if self.taken == self.waiting.count {
            self.waiting.removeAll(keepingCapacity: self.waiting.count < 4096)
            self.taken = 0
        } else if self.taken > 4096 {
            self.waiting.removeFirst(self.taken)
            self.taken = 0
        }
    }
}
