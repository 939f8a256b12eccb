import DiscreteEvents
import Kernel
import Testing

struct OrderKeyTests {
    private func key(
        _ node: UInt16,
        _ eventClass: UInt8,
        _ source: UInt32,
        _ sequence: UInt32
    ) -> OrderKey {
        OrderKey(
            node: NodeID(node),
            class: EventClass(eventClass),
            source: EventSource(source),
            sequence: sequence
        )
    }

    @Test func `a key counts more than all keys behind it`() {
        let ascending = [
            self.key(0, 0, 0, 0), self.key(0, 0, 0, 0xff_ffff), self.key(0, 0, 1, 0),
            self.key(0, 0, 0xff_ffff, 0xff_ffff), self.key(0, 1, 0, 0),
            self.key(0, 15, 0xff_ffff, 0xff_ffff), self.key(1, 0, 0, 0),
            self.key(4_095, 15, 0xff_ffff, 0xff_ffff),
        ]
        #expect(ascending.sorted() == ascending)
        #expect(Set(ascending.map(\.rawValue)).count == ascending.count)
        #expect(ascending.last?.node == NodeID(4_095))
    }

    @Test func `a sequence wraps without touching the other keys`() {
        #expect(self.key(3, 2, 6, 1 << 24) == self.key(3, 2, 6, 0))
    }

    @Test func `a node beyond the bound traps`() async {
        await #expect(processExitsWith: .failure) {
            _ = OrderKey(
                node: NodeID(4_096),
                class: EventClass(0),
                source: EventSource(0),
                sequence: 0
            )
        }
    }

    @Test func `a class beyond the bound traps`() async {
        await #expect(processExitsWith: .failure) { _ = EventClass(16) }
    }

    @Test func `a source beyond the bound traps`() async {
        await #expect(processExitsWith: .failure) { _ = EventSource(1 << 24) }
    }
}

struct SequencerTests {
    @Test func `each source counts for itself`() {
        var sequencer = Sequencer(sourceCount: 2)
        #expect(sequencer.next(EventSource(0)) == 0)
        #expect(sequencer.next(EventSource(0)) == 1)
        #expect(sequencer.next(EventSource(1)) == 0)
        sequencer.grow(sourceCount: 3)
        #expect(sequencer.next(EventSource(0)) == 2)
        #expect(sequencer.next(EventSource(2)) == 0)
    }
}
