import Kernel
import Oracles
import Testing

/// A store that lost what it had committed: who knew it must be told, and nobody else may be.
struct LossTests {
    private let conversation = ConversationID(high: 1, low: 1)

    private func id(_ number: UInt64) -> MessageID { MessageID(high: 0, low: number) }

    private func position(_ offset: UInt64, epoch: UInt32) -> Position {
        Position(epoch: Epoch(epoch), offset: Offset(offset))
    }

    private func commit(_ oracle: inout PromiseOracle, _ message: UInt64, _ offset: UInt64) {
        oracle.committed(
            self.conversation,
            self.id(message),
            at: Offset(offset),
            partition: PartitionID(0),
            term: Term(1),
            now: .zero
        )
    }

    private func deliver(_ oracle: inout PromiseOracle, _ message: UInt64, _ offset: UInt64) {
        oracle.delivered(0, self.conversation, self.id(message), at: Offset(offset), now: .zero)
    }

    private func settle(_ oracle: inout PromiseOracle, at offset: UInt64) {
        oracle.settled(0, self.conversation, at: Offset(offset), now: .zero)
    }

    /// Of three messages in epoch 1, the store has kept one, and has taken another since.
    private func cutShort(isNoticed: Bool = true) -> PromiseOracle {
        var oracle = PromiseOracle(networkRepeats: false)
        oracle.enrol(0, in: [self.conversation])
        oracle.subscribed(0, self.conversation, after: self.position(0, epoch: 1), now: .zero)
        for number in UInt64(1)...3 {
            self.commit(&oracle, number, number)
            if number < 3 { self.deliver(&oracle, number, number) }
        }
        oracle.lost(self.conversation, of: Epoch(1), after: Offset(1), isNoticed: isNoticed)
        self.commit(&oracle, 4, 2)
        return oracle
    }

    @Test func `a loss that is declared breaks no promise`() {
        var oracle = self.cutShort()
        self.deliver(&oracle, 3, 3)
        oracle.answered(self.conversation, self.id(2), at: self.position(2, epoch: 1), now: .zero)
        oracle.restarted(0, self.conversation, in: Epoch(2), now: .zero)
        oracle.told(self.conversation, head: self.position(2, epoch: 2), now: .zero)
        self.deliver(&oracle, 1, 1)
        self.deliver(&oracle, 4, 2)
        self.settle(&oracle, at: 2)
        #expect(oracle.violations.isEmpty, "\(oracle.violations)")
        #expect(oracle.checkCount(of: .declaration) == 2)
    }

    @Test(arguments: [false, true])
    func `a loss that nobody declares is caught`(isNoticed: Bool) {
        var oracle = self.cutShort(isNoticed: isNoticed)
        self.settle(&oracle, at: 2)
        #expect(oracle.violations.map(\.law) == [.declaration])
    }

    @Test func `who was shown nothing of what is gone may be told or not`() {
        for isTold in [false, true] {
            var oracle = PromiseOracle(networkRepeats: false)
            oracle.enrol(0, in: [self.conversation])
            oracle.subscribed(0, self.conversation, after: self.position(0, epoch: 1), now: .zero)
            self.commit(&oracle, 1, 1)
            self.commit(&oracle, 2, 2)
            self.deliver(&oracle, 1, 1)
            oracle.lost(self.conversation, of: Epoch(1), after: Offset(1), isNoticed: false)
            self.commit(&oracle, 3, 2)
            if isTold {
                oracle.restarted(0, self.conversation, in: Epoch(2), now: .zero)
                self.deliver(&oracle, 1, 1)
            }
            self.deliver(&oracle, 3, 2)
            self.settle(&oracle, at: 2)
            #expect(oracle.violations.isEmpty, "\(oracle.violations)")
        }
    }

    @Test func `who is shown what was lost on its way must be told`() {
        var oracle = PromiseOracle(networkRepeats: false)
        oracle.enrol(0, in: [self.conversation])
        oracle.subscribed(0, self.conversation, after: self.position(0, epoch: 1), now: .zero)
        self.commit(&oracle, 1, 1)
        oracle.lost(self.conversation, of: Epoch(1), after: .start, isNoticed: false)
        self.deliver(&oracle, 1, 1)
        self.commit(&oracle, 2, 1)
        self.settle(&oracle, at: 1)
        #expect(oracle.violations.map(\.law) == [.declaration])
    }

    @Test func `what replaced the lost is not shown to who has not been told`() {
        var oracle = self.cutShort()
        self.deliver(&oracle, 4, 3)
        #expect(oracle.violations.map(\.law) == [.agreement])
    }

    @Test func `a loss that is declared twice is caught`() {
        var oracle = self.cutShort()
        oracle.restarted(0, self.conversation, in: Epoch(2), now: .zero)
        oracle.restarted(0, self.conversation, in: Epoch(3), now: .zero)
        #expect(oracle.violations.map(\.law) == [.declaration])
    }

    @Test func `a word of the former epoch is no declaration`() {
        var oracle = self.cutShort()
        oracle.restarted(0, self.conversation, in: Epoch(1), now: .zero)
        #expect(oracle.violations.map(\.law) == [.declaration])
    }

    @Test func `who was taken back into the former epoch has to be told again`() {
        for isTold in [false, true] {
            var oracle = self.cutShort()
            oracle.restarted(0, self.conversation, in: Epoch(2), now: .zero)
            oracle.restarted(0, self.conversation, in: Epoch(1), now: .zero)
            if isTold { oracle.restarted(0, self.conversation, in: Epoch(2), now: .zero) }
            self.deliver(&oracle, 1, 1)
            self.deliver(&oracle, isTold ? 4 : 2, 2)
            self.settle(&oracle, at: 2)
            #expect(oracle.violations.map(\.law) == (isTold ? [] : [.declaration]))
        }
    }

    @Test func `an acknowledgement of what is lost is caught in the new epoch`() {
        var oracle = self.cutShort()
        oracle.answered(self.conversation, self.id(2), at: self.position(2, epoch: 2), now: .zero)
        #expect(oracle.violations.map(\.law) == [.durability])
    }

    @Test func `what was lost may be sent again, and stands in the log once`() {
        var oracle = self.cutShort()
        self.commit(&oracle, 2, 3)
        oracle.answered(self.conversation, self.id(2), at: self.position(3, epoch: 2), now: .zero)
        #expect(oracle.violations.isEmpty)
        self.commit(&oracle, 2, 4)
        #expect(oracle.violations.map(\.law) == [.uniqueness])
    }
}
