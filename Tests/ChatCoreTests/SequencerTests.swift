import ChatCore
import Kernel
import Testing

@Suite struct SequencerTests {
    private func opened(at head: UInt64 = 0) -> Sequencer {
        var sequencer = Sequencer()
        _ = sequencer.open(at: StreamHead(epoch: Epoch(1), offset: Offset(head)))
        return sequencer
    }

    @Test func `offsets follow the head without holes`() {
        var sequencer = self.opened(at: 41)
        let numbers = [sequencer.number(), sequencer.number(), sequencer.number()]
        #expect(numbers == [Offset(42), Offset(43), Offset(44)])
        for offset in 42...44 as ClosedRange<UInt64> {
            let firstVerdict = sequencer.complete(Offset(offset), .done)
            #expect(firstVerdict == .acknowledge)
            #expect(sequencer.head == Offset(offset))
        }
    }

    @Test(arguments: [AppendOutcome.failed, .unknown, .fenced])
    func `after an outcome that is not done nothing is acknowledged until the log is read back`(
        _ outcome: AppendOutcome
    ) {
        var sequencer = self.opened()
        for _ in 0..<3 { _ = sequencer.number() }
        let firstVerdict = sequencer.complete(Offset(1), outcome)
        #expect(firstVerdict == .park)
        let thenVerdict = sequencer.complete(Offset(2), .done)
        #expect(thenVerdict == .park)
        let lastVerdict = sequencer.beginReadBack()
        #expect(!lastVerdict, "an append is still in flight")
        let finallyVerdict = sequencer.complete(Offset(3), .done)
        #expect(finallyVerdict == .park)
        #expect(sequencer.head == .start)
        let afterwardsVerdict = sequencer.beginReadBack()
        #expect(afterwardsVerdict)
        let hasGrown = sequencer.open(at: StreamHead(epoch: Epoch(1), offset: Offset(3)))
        #expect(hasGrown)
        let atEndVerdict = sequencer.number()
        #expect(atEndVerdict == Offset(4))
    }

    @Test func `a duplicate alone disturbs nothing`() {
        var sequencer = self.opened(at: 9)
        let offset = sequencer.number()
        let outcome = AppendOutcome.duplicate(Offset(2), unixMilliseconds: 5)
        let firstVerdict = sequencer.complete(offset, outcome)
        #expect(firstVerdict == .duplicate)
        #expect(sequencer.phase == .open)
        let thenVerdict = sequencer.number()
        #expect(thenVerdict == Offset(10), "the offset was not used")
    }

    @Test func `a duplicate with others behind it makes the owner read back`() {
        var sequencer = self.opened()
        let first = sequencer.number()
        let second = sequencer.number()
        let outcome = AppendOutcome.duplicate(Offset(1), unixMilliseconds: 5)
        let firstVerdict = sequencer.complete(first, outcome)
        #expect(firstVerdict == .duplicate)
        let thenVerdict = sequencer.complete(second, .failed)
        #expect(thenVerdict == .park)
        let lastVerdict = sequencer.beginReadBack()
        #expect(lastVerdict)
    }

    @Test func `only an open sequencer numbers`() async {
        await #expect(processExitsWith: .failure) {
            var sequencer = Sequencer()
            _ = sequencer.number()
        }
    }

    @Test func `the store may not end appends out of order`() async {
        await #expect(processExitsWith: .failure) {
            var sequencer = Sequencer()
            _ = sequencer.open(at: StreamHead(epoch: Epoch(1), offset: .start))
            _ = sequencer.number()
            _ = sequencer.number()
            _ = sequencer.complete(Offset(2), .done)
        }
    }
}
