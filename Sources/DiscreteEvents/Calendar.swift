public import Kernel

/// An event that is to happen: its instant, its place among the events of that instant, what it is.
@frozen @usableFromInline package struct ScheduledEvent<Payload: BitwiseCopyable>: TimedElement {
    @usableFromInline package let time: UInt64
    @usableFromInline package let order: UInt64

    /// What happens; the engine does not look at it.
    @usableFromInline package let payload: Payload

    @inlinable package init(at instant: Instant, order: OrderKey, payload: Payload) {
        self.time = instant.nanoseconds
        self.order = order.rawValue
        self.payload = payload
    }

    /// When the event happens.
    @inlinable package var instant: Instant { Instant(nanoseconds: self.time) }
}

/// The events of a simulated world that are still to come, and its clock.
///
/// Events leave in the total order of (instant, node, class, source, source sequence), whatever the order
/// in which they were scheduled. Time is integral, and a run neither allocates for an event nor rounds. A
/// payload is plain data: keep it to 16 bytes, which makes 32 for an event, and refer to more by index.
///
/// The loop of a run is its owner's: `while let event = calendar.next() { … calendar.schedule(…) }`.
@frozen @usableFromInline package struct Calendar<Payload: BitwiseCopyable>: ~Copyable {
    @usableFromInline var wheel = RadixWheel<ScheduledEvent<Payload>>()

    @usableFromInline var sequencer: Sequencer

    @usableFromInline var clock = Instant.zero

    @usableFromInline var happened: UInt64 = 0

    /// Makes an empty calendar at instant 0 for the sources below `sourceCount`.
    @inlinable package init(sourceCount: Int) {
        self.sequencer = Sequencer(sourceCount: sourceCount)
    }

    /// The instant of the last event that happened.
    @inlinable package var now: Instant { self.clock }

    /// How many events have happened.
    @inlinable package var eventCount: UInt64 { self.happened }

    /// How many events are still to come.
    @inlinable package var pendingCount: Int { self.wheel.count }

    /// When the next event happens, or `nil` if none is to come.
    @inlinable package var nextInstant: Instant? {
        self.wheel.nextTime().map { Instant(nanoseconds: $0) }
    }

    /// The memory that pending events take, in bytes; constant in a steady state.
    @inlinable package var reservedBytes: Int { self.wheel.reservedBytes }

    /// Lets sources below `sourceCount` schedule events, beside those that could before.
    @inlinable package mutating func admitSources(below sourceCount: Int) {
        self.sequencer.grow(sourceCount: sourceCount)
    }

    /// Schedules what `source` lets happen at `node`; traps if `instant` lies before `now`.
    ///
    /// Among its own events of one instant, node and class, a source's first scheduled happens first.
    @inlinable package mutating func schedule(
        at instant: Instant,
        node: NodeID,
        class eventClass: EventClass,
        source: EventSource,
        _ payload: Payload
    ) {
        let order = OrderKey(
            node: node,
            class: eventClass,
            source: source,
            sequence: self.sequencer.next(source)
        )
        self.schedule(at: instant, order: order, payload)
    }

    /// Schedules an event whose source numbers its events itself; traps if `instant` lies before `now`.
    @inlinable package mutating func schedule(
        at instant: Instant,
        order: OrderKey,
        _ payload: Payload
    ) {
        self.wheel.push(ScheduledEvent(at: instant, order: order, payload: payload))
    }

    /// Moves the clock to the next event and returns it, or returns `nil` if none is to come.
    @inlinable package mutating func next() -> ScheduledEvent<Payload>? {
        if self.wheel.isEmpty { return nil }
        let event = self.wheel.pop()
        self.clock = event.instant
        self.happened &+= 1
        return event
    }

    /// What happens after `k` other events, as things stand and if that is known without work.
    ///
    /// For prefetching the state that coming events will touch: later scheduling may put others before.
    @inlinable package func ahead(_ k: Int) -> Payload? { self.wheel.ahead(k)?.payload }
}
