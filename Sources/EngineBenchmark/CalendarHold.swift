import CPrefetch
import DiscreteEvents
import Kernel

/// What an event of the hold model carries.
struct HoldPayload: BitwiseCopyable {
    var target: UInt32
    var kind: UInt32
}

/// An entity of the hold model; 32 bytes, so that none lies on two cache lines.
struct HoldEntity: BitwiseCopyable {
    var random: WyRandom
    var count: UInt64
    var sum: UInt64
    var padding: UInt64
}

/// A PHOLD run over the calendar: each event lets its target schedule one event at a random entity.
///
/// PHOLD (Fujimoto 1990) is the customary workload for event sets: the number of pending events stays
/// what it was, and all work is the queue's but for touching the target's state.
@safe struct CalendarHold: ~Copyable {
    // Invariant of the unsafe code: `entities` holds `entityCount` initialised entities, and every
    // target is below `entityCount`.
    private let entities: UnsafeMutablePointer<HoldEntity>
    private let entityCount: Int
    private let lookahead: UInt64
    private var calendar = Calendar<HoldPayload>(sourceCount: 0)

    /// How many events ahead an entity is asked for; chosen by measurement.
    private static let prefetchDistance = 6

    init(pending: UInt32, seed: UInt64, lookahead: UInt64, draw: borrowing ExponentialDraw) {
        self.entityCount = Int(pending)
        self.lookahead = lookahead
        unsafe self.entities = .allocate(capacity: Int(pending))
        for index in 0..<pending {
            let state = seed &+ 0x9e37_79b9_7f4a_7c15 &* (UInt64(index) &+ 1)
            var entity = HoldEntity(random: WyRandom(state: state), count: 0, sum: 0, padding: 0)
            let time = lookahead &+ draw.next(&entity.random)
            unsafe (self.entities + Int(index)).initialize(to: entity)
            let order = Self.order(of: index, sequence: 0)
            let payload = HoldPayload(target: index, kind: 0)
            self.calendar.schedule(at: Instant(nanoseconds: time), order: order, payload)
        }
    }

    deinit { unsafe self.entities.deallocate() }

    /// The memory of the calendar, in bytes.
    var reservedBytes: Int { self.calendar.reservedBytes }

    @inline(__always)
    private static func order(of source: UInt32, sequence: UInt64) -> OrderKey {
        OrderKey(
            node: NodeID(0),
            class: EventClass(0),
            source: EventSource(source),
            sequence: UInt32(truncatingIfNeeded: sequence)
        )
    }

    /// Lets `events` events happen.
    @inline(never) mutating func run(events: Int, draw: borrowing ExponentialDraw) {
        let count = UInt64(self.entityCount)
        for _ in 0..<events {
            guard let event = self.calendar.next() else { return }
            if let coming = self.calendar.ahead(Self.prefetchDistance) {
                unsafe prefetch_for_write(self.entities + Int(coming.target))
            }
            let entity = unsafe self.entities + Int(event.payload.target)
            unsafe entity.pointee.count &+= 1
            unsafe entity.pointee.sum &+= event.time
            let target = unsafe ((entity.pointee.random.next() &>> 32) &* count) &>> 32
            let increment = unsafe self.lookahead &+ draw.next(&entity.pointee.random)
            self.calendar.schedule(
                at: Instant(nanoseconds: event.time &+ increment),
                order: Self.order(of: event.payload.target, sequence: unsafe entity.pointee.count),
                HoldPayload(
                    target: UInt32(truncatingIfNeeded: target),
                    kind: event.payload.kind
                )
            )
        }
    }

    /// A hash of all entities' histories: see `priority_queue_hold_checksum`.
    var checksum: UInt64 {
        var checksum: UInt64 = 0
        for index in 0..<self.entityCount {
            let entity = unsafe self.entities[index]
            checksum = checksum &* 31 &+ entity.sum
            checksum = checksum &* 31 &+ entity.count
            checksum = checksum &* 31 &+ entity.random.state
        }
        return checksum
    }
}
