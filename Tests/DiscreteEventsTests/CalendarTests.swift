import DiscreteEvents
import Kernel
import Testing

/// One event of the tests: who scheduled it, and a number that tells it from the others.
private struct Note: BitwiseCopyable, Equatable {
    var source: UInt32
    var number: UInt32
}

/// An event before it is scheduled.
private struct Plan: Hashable {
    var instant: UInt64
    var node: UInt16
    var eventClass: UInt8
    var source: UInt32
    var number: UInt32
}

struct CalendarTests {
    private func schedule(_ plan: Plan, in calendar: inout Calendar<Note>) {
        calendar.schedule(
            at: Instant(nanoseconds: plan.instant),
            node: NodeID(plan.node),
            class: EventClass(plan.eventClass),
            source: EventSource(plan.source),
            Note(source: plan.source, number: plan.number)
        )
    }

    private func drain(_ calendar: inout Calendar<Note>) -> [Note] {
        var notes: [Note] = []
        while let event = calendar.next() { notes.append(event.payload) }
        return notes
    }

    /// Plans whose ties reach to the last key: 4 sources, few instants, nodes and classes.
    private func plans(seed: UInt64) -> [Plan] {
        var random = WorkloadRandom(seed: seed)
        return (0..<2_000).map { number in
            Plan(
                instant: random.below(5) * 1_000_000,
                node: UInt16(random.below(3)),
                eventClass: UInt8(random.below(3)),
                source: UInt32(random.below(4)),
                number: UInt32(number)
            )
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `events leave by instant, node, class, source and sequence`(seed: UInt64) {
        let plans = self.plans(seed: seed)
        var calendar = Calendar<Note>(sourceCount: 4)
        for plan in plans { self.schedule(plan, in: &calendar) }
        #expect(calendar.pendingCount == plans.count)
        let expected = plans.sorted { lhs, rhs in
            (lhs.instant, lhs.node, lhs.eventClass, lhs.source, lhs.number)
                < (rhs.instant, rhs.node, rhs.eventClass, rhs.source, rhs.number)
        }
        let inOrder = self.drain(&calendar).map(\.number) == expected.map(\.number)
        #expect(inOrder)
        #expect(calendar.eventCount == UInt64(plans.count))
    }

    @Test(arguments: [4, 5, 6] as [UInt64])
    func `how sources take turns in scheduling changes nothing`(seed: UInt64) {
        let plans = self.plans(seed: seed)
        var inTurns = Calendar<Note>(sourceCount: 4)
        for plan in plans { self.schedule(plan, in: &inTurns) }
        var oneByOne = Calendar<Note>(sourceCount: 4)
        for source in (0..<4 as Range<UInt32>).reversed() {
            for plan in plans where plan.source == source { self.schedule(plan, in: &oneByOne) }
        }
        let equal = self.drain(&inTurns) == self.drain(&oneByOne)
        #expect(equal)
    }

    @Test func `now is the instant of the last event`() throws {
        var calendar = Calendar<Note>(sourceCount: 1)
        #expect(calendar.now == .zero && calendar.nextInstant == nil && calendar.next() == nil)
        self.schedule(
            Plan(instant: 500, node: 0, eventClass: 0, source: 0, number: 0),
            in: &calendar
        )
        #expect(calendar.nextInstant == Instant(nanoseconds: 500))
        #expect(calendar.now == .zero)
        let next = calendar.next()
        let event = try #require(next)
        #expect(event.instant == Instant(nanoseconds: 500) && calendar.now == event.instant)
        #expect(calendar.eventCount == 1 && calendar.pendingCount == 0)
    }

    @Test func `what is scheduled for now happens before anything later`() {
        var calendar = Calendar<Note>(sourceCount: 1)
        for (number, instant) in [100, 200].enumerated() {
            self.schedule(
                Plan(
                    instant: UInt64(instant),
                    node: 0,
                    eventClass: 0,
                    source: 0,
                    number: UInt32(number)
                ),
                in: &calendar
            )
        }
        #expect(calendar.next()?.payload.number == 0)
        self.schedule(
            Plan(instant: 100, node: 0, eventClass: 0, source: 0, number: 2),
            in: &calendar
        )
        #expect(calendar.ahead(0) == nil || calendar.ahead(0)?.number == 2)
        #expect(self.drain(&calendar).map(\.number) == [2, 1])
    }

    @Test func `a source admitted later schedules like any other`() {
        var calendar = Calendar<Note>(sourceCount: 1)
        calendar.admitSources(below: 3)
        self.schedule(Plan(instant: 1, node: 0, eventClass: 0, source: 2, number: 7), in: &calendar)
        #expect(calendar.next()?.payload == Note(source: 2, number: 7))
    }

    @Test func `scheduling in the past traps`() async {
        await #expect(processExitsWith: .failure) {
            var calendar = Calendar<UInt64>(sourceCount: 1)
            for instant in [10, 9] as [UInt64] {
                calendar.schedule(
                    at: Instant(nanoseconds: instant),
                    node: NodeID(0),
                    class: EventClass(0),
                    source: EventSource(0),
                    0
                )
                _ = calendar.next()
            }
        }
    }

    @Test func `a source without a counter traps`() async {
        await #expect(processExitsWith: .failure) {
            var calendar = Calendar<UInt64>(sourceCount: 1)
            calendar.schedule(
                at: .zero,
                node: NodeID(0),
                class: EventClass(0),
                source: EventSource(1),
                0
            )
        }
    }
}
