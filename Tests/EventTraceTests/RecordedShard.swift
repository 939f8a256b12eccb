import ChatCore
import EventTrace
import Kernel

/// A shard whose steps are recorded as a host would.
struct RecordedShard: ~Copyable {
    private var shard = Shard(
        id: ShardID(node: NodeID(0), index: 3),
        configuration: ShardConfiguration(),
        seed: 1,
        incarnation: 2
    )
    private var effects = EffectBuffer<ShardEffect>(capacity: Shard.effectReserve * 2)
    private var encoder: SegmentEncoder
    private var now = Instant.zero

    init() { self.encoder = SegmentEncoder(self.shard, effectCapacity: Shard.effectReserve * 2) }

    mutating func step(_ event: ShardEvent, _ targets: [ConnectionHandle] = []) {
        for target in targets { _ = self.shard.stage(target) }
        self.shard.handle(event, at: self.now, into: &self.effects)
        self.encoder.add(event, targets[...], at: self.now, self.effects)
        self.effects.removeAll()
    }

    /// Adds an event to the record that never was the shard's.
    mutating func forge(_ event: ShardEvent, _ targets: [ConnectionHandle] = []) {
        self.encoder.add(event, targets[...], at: self.now, self.effects)
    }

    mutating func advance(by interval: Interval) {
        let end = self.now + interval
        while let deadline = self.shard.nextDeadline, deadline <= end {
            self.now = max(self.now, deadline)
            self.shard.handleDeadline(at: self.now, into: &self.effects)
            self.encoder.addDeadline(at: self.now, self.effects)
            self.effects.removeAll()
        }
        self.now = end
    }

    mutating func takeBlock() -> [UInt8] {
        self.encoder.endBlock()
        return self.encoder.take()
    }

    /// The bytes of a new segment that begins with the present state.
    mutating func beginSegment() {
        self.encoder = SegmentEncoder(self.shard, effectCapacity: Shard.effectReserve * 2)
    }

    /// Lets `count` users in, subscribes them, and lets each send; their pings come due.
    mutating func talk(_ count: UInt32, from first: UInt32 = 0) {
        self.step(.wallClock(unixMilliseconds: 1_700_000_000_000))
        let room = ConversationReference(
            id: ConversationID(high: 1, low: 2),
            namespace: 0,
            name: PayloadHandle(rawValue: 0x7f00_1234_5678)
        )
        for slot in first..<(first + count) {
            let handle = ConnectionHandle(slot: slot, generation: 1)
            self.step(.opened(handle, ConnectionID(UInt64(slot) + 1)))
            self.step(.command(handle, CommandID(1), .connect))
            let user = UserID(high: 0, low: UInt64(slot))
            self.step(.authenticated(handle, .accepted(user, timeToLive: nil)))
            self.step(.command(handle, CommandID(2), .subscribe(room, since: nil)))
            let body = Body(handle: PayloadHandle(rawValue: 0x7f00_9999_0000), byteCount: 40 + slot)
            let message = MessageID(high: 0, low: UInt64(slot))
            self.step(.command(handle, CommandID(3), .send(room, message, body)))
            self.advance(by: .seconds(7))
            self.step(.pongs(TargetRange(start: 0, count: 1)), [handle])
        }
    }
}
