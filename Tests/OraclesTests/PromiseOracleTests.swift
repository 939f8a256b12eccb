import Kernel
import Oracles
import Testing

/// Each law is given a trace that keeps it and one with the bug that it must catch.
struct PromiseOracleTests {
    private let conversation = ConversationID(high: 1, low: 1)
    private let partition = PartitionID(0)

    private func id(_ number: UInt64) -> MessageID { MessageID(high: 0, low: number) }

    private func commit(
        _ oracle: inout PromiseOracle,
        _ message: UInt64,
        _ offset: UInt64,
        term: UInt64 = 1
    ) {
        oracle.committed(
            self.conversation,
            self.id(message),
            at: Offset(offset),
            partition: self.partition,
            term: Term(term),
            now: .zero
        )
    }

    private func deliver(_ oracle: inout PromiseOracle, _ message: UInt64, _ offset: UInt64) {
        oracle.delivered(7, self.conversation, self.id(message), at: Offset(offset), now: .zero)
    }

    /// Two messages, sent, kept, acknowledged and delivered as promised.
    private func lawful() -> PromiseOracle {
        var oracle = PromiseOracle()
        oracle.subscribed(7, self.conversation, after: .start)
        for number in UInt64(1)...2 {
            self.commit(&oracle, number, number)
            oracle.acknowledged(
                self.conversation,
                self.id(number),
                at: Offset(number),
                now: .zero
            )
            self.deliver(&oracle, number, number)
        }
        oracle.settled(7, self.conversation, at: Offset(2), now: .zero)
        oracle.settled(7, unacknowledged: 0, now: .zero)
        return oracle
    }

    @Test func `a lawful run holds, and every law was put to the test`() {
        let oracle = self.lawful()
        #expect(oracle.violations.isEmpty)
        #expect(oracle.holds)
    }

    @Test func `a run without checks does not hold`() {
        #expect(!PromiseOracle().holds)
    }

    @Test func `an acknowledgement before the commit is caught`() {
        var oracle = self.lawful()
        oracle.acknowledged(self.conversation, self.id(3), at: Offset(3), now: .zero)
        #expect(oracle.violations.map(\.law) == [.durability])
    }

    @Test func `an acknowledgement with another offset is caught`() {
        var oracle = self.lawful()
        oracle.acknowledged(self.conversation, self.id(2), at: Offset(1), now: .zero)
        #expect(oracle.violations.map(\.law) == [.durability])
    }

    @Test(arguments: [UInt64(2), 4])
    func `an offset used again or left out is caught`(offset: UInt64) {
        var oracle = self.lawful()
        self.commit(&oracle, 3, offset)
        #expect(oracle.violations.map(\.law) == [.agreement])
    }

    @Test func `a message id that stands twice in the log is caught`() {
        var oracle = self.lawful()
        self.commit(&oracle, 1, 3)
        #expect(oracle.violations.map(\.law) == [.uniqueness])
    }

    @Test func `a write of an older term is caught`() {
        var oracle = self.lawful()
        self.commit(&oracle, 3, 3, term: 2)
        self.commit(&oracle, 4, 4, term: 1)
        #expect(oracle.violations.map(\.law) == [.singleWriter])
    }

    @Test func `a delivery over a hole is caught`() {
        var oracle = self.lawful()
        self.commit(&oracle, 3, 3)
        self.commit(&oracle, 4, 4)
        self.deliver(&oracle, 4, 4)
        #expect(oracle.violations.map(\.law) == [.deviceOrder])
    }

    @Test func `a delivery made twice is caught`() {
        var oracle = self.lawful()
        self.deliver(&oracle, 2, 2)
        #expect(oracle.violations.map(\.law) == [.deviceOrder])
    }

    @Test func `another message at an offset is caught`() {
        var oracle = self.lawful()
        self.commit(&oracle, 3, 3)
        self.deliver(&oracle, 9, 3)
        #expect(oracle.violations.map(\.law) == [.agreement])
    }

    @Test func `a device that stays behind the head is caught`() {
        var oracle = self.lawful()
        oracle.settled(7, self.conversation, at: Offset(1), now: .zero)
        #expect(oracle.violations.map(\.law) == [.convergence])
    }

    @Test func `a message that is owed an acknowledgement is caught`() {
        var oracle = self.lawful()
        oracle.settled(7, unacknowledged: 1, now: .zero)
        #expect(oracle.violations.map(\.law) == [.convergence])
    }
}
