import ChatCore
import Kernel

/// Drives one shard through a script in virtual time and hands back what it emitted.
final class ShardStepper {
    private var shard: Shard
    private(set) var now = Instant.zero
    private var pinged: [ConnectionHandle] = []
    private var incarnations: [ConversationID: UInt64] = [:]
    private var effects = EffectBuffer<ShardEffect>(
        capacity: Shard.effectReserve * 2,
        targetCapacity: Shard.effectReserve
    )

    init(_ configure: (inout ShardConfiguration) -> Void = { _ in }) {
        var configuration = ShardConfiguration()
        configure(&configuration)
        self.shard = Shard(
            id: ShardID(node: NodeID(0), index: 0),
            configuration: configuration,
            seed: 1,
            incarnation: 1
        )
    }

    var stateDigest: Digest128 {
        var digest = Digest128()
        self.shard.combineState(into: &digest)
        return digest
    }

    func send(_ event: ShardEvent) -> [ShardEffect] {
        self.shard.handle(event, at: self.now, into: &self.effects)
        return self.take()
    }

    var statistics: ShardStatistics { self.shard.statistics }
    var nextDeadline: Instant? { self.shard.nextDeadline }

    func pong(_ handle: ConnectionHandle) -> [ShardEffect] {
        let start = self.shard.stage(handle)
        return self.send(.pongs(TargetRange(start: start, count: 1)))
    }

    /// Advances to `instant`, firing each deadline on the way at its own time.
    func advance(to instant: Instant) -> [ShardEffect] {
        var emitted: [ShardEffect] = []
        while let deadline = self.shard.nextDeadline, deadline <= instant {
            self.now = max(self.now, deadline)
            self.shard.handleDeadline(at: self.now, into: &self.effects)
            emitted += self.take()
        }
        self.now = instant
        return emitted.filter { !$0.isLeaseRound }
    }

    func advance(by interval: Interval) -> [ShardEffect] {
        self.advance(to: self.now + interval)
    }

    /// Opens a socket and lets a user in; the first `connect` is command 1.
    func admit(slot: UInt32, user: UInt64 = 1) -> ConnectionHandle {
        let handle = ConnectionHandle(slot: slot, generation: 1)
        _ = self.send(.opened(handle, ConnectionID(UInt64(slot) + 1)))
        _ = self.send(.command(handle, CommandID(1), .connect))
        let user = UserID(high: 0, low: user)
        _ = self.send(.authenticated(handle, .accepted(user, timeToLive: nil)))
        return handle
    }

    /// An owner's answer to the interest that the shard has sent last.
    func interested(_ conversation: ConversationID, _ term: Term, _ head: StreamHead) -> PeerMessage
    {
        .interested(
            conversation,
            term,
            head,
            incarnation: self.incarnations[conversation] ?? 0
        )
    }

    /// Whom the shard has pinged since the last call.
    func takePinged() -> [ConnectionHandle] {
        defer { self.pinged = [] }
        return self.pinged
    }

    private func take() -> [ShardEffect] {
        let taken = (0..<self.effects.count).map { self.effects[effect: $0] }
        for case .peer(_, .interest(let interest)) in taken {
            self.incarnations[interest.conversation] = interest.incarnation
        }
        for case .ping(let range) in taken {
            for index in range.start..<(range.start + range.count) {
                self.pinged.append(self.effects[target: index])
            }
        }
        self.effects.removeAll()
        return taken
    }
}

extension ShardEffect {
    var isLeaseRound: Bool {
        if case .store(_, .leases) = self { true } else { false }
    }
}
