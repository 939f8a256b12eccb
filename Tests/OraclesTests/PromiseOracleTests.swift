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
        oracle.delivered(0, self.conversation, self.id(message), at: Offset(offset), now: .zero)
    }

    private func send(_ oracle: inout PromiseOracle, _ message: UInt64, at seconds: UInt64 = 0) {
        oracle.sent(self.conversation, self.id(message), now: .zero + .seconds(seconds))
    }

    private func acknowledge(
        _ oracle: inout PromiseOracle,
        _ message: UInt64,
        _ offset: UInt64,
        isDuplicate: Bool = false
    ) {
        oracle.acknowledged(
            self.conversation,
            self.id(message),
            at: self.position(offset),
            isDuplicate: isDuplicate,
            now: .zero
        )
    }

    /// An offset of the stream that stands at first.
    private func position(_ offset: UInt64, epoch: UInt32 = 1) -> Position {
        Position(epoch: Epoch(epoch), offset: Offset(offset))
    }

    /// Two messages, sent, kept, acknowledged and delivered as promised.
    private func lawful(networkRepeats: Bool = false) -> PromiseOracle {
        var oracle = PromiseOracle(networkRepeats: networkRepeats)
        oracle.enrol(0, in: [self.conversation])
        oracle.enrol(1, in: [self.conversation])
        oracle.told(self.conversation, head: self.position(0), now: .zero)
        oracle.subscribed(0, self.conversation, after: self.position(0), now: .zero)
        for number in UInt64(1)...2 {
            self.send(&oracle, number)
            self.commit(&oracle, number, number)
            self.acknowledge(&oracle, number, number)
            self.deliver(&oracle, number, number)
        }
        oracle.bounded(1, by: 1, now: .zero, "messages")
        oracle.waited(since: .zero, now: .zero, within: .seconds(1), "a client")
        oracle.settled(0, self.conversation, at: Offset(2), now: .zero)
        oracle.settled(0, unacknowledged: 0, now: .zero)
        return oracle
    }

    @Test func `a lawful run holds, and every law was put to the test`() {
        let oracle = self.lawful()
        #expect(oracle.violations.isEmpty)
        #expect(oracle.verdict == .held)
    }

    @Test func `a run without checks does not hold`() {
        #expect(PromiseOracle(networkRepeats: false).verdict == .unproven)
    }

    @Test func `an acknowledgement before the commit is caught`() {
        var oracle = self.lawful()
        oracle.answered(self.conversation, self.id(3), at: self.position(3), now: .zero)
        self.commit(&oracle, 3, 3)
        #expect(oracle.violations.map(\.law) == [.durability])
    }

    @Test func `an acknowledgement with another offset is caught`() {
        var oracle = self.lawful()
        oracle.answered(self.conversation, self.id(2), at: self.position(1), now: .zero)
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

    @Test func `a message that comes again is caught`() {
        var oracle = self.lawful()
        oracle.repeated(0, self.conversation, at: Offset(2), now: .zero)
        #expect(oracle.violations.map(\.law) == [.deviceOrder])
    }

    @Test func `a message of a conversation that was not asked for is caught`() {
        var oracle = self.lawful()
        let other = ConversationID(high: 9, low: 9)
        oracle.delivered(0, other, self.id(1), at: Offset(1), now: .zero)
        #expect(oracle.violations.map(\.law) == [.deviceOrder])
    }

    @Test func `a message that was sent once and is called a duplicate is caught`() {
        for networkRepeats in [false, true] {
            var oracle = self.lawful(networkRepeats: networkRepeats)
            self.send(&oracle, 3)
            self.commit(&oracle, 3, 3)
            self.acknowledge(&oracle, 3, 3, isDuplicate: true)
            #expect(oracle.violations.map(\.law) == (networkRepeats ? [] : [.truthfulness]))
        }
    }

    @Test func `a repeat of what stood in the log that is called new is caught`() {
        for isDuplicate in [false, true] {
            var oracle = self.lawful()
            self.send(&oracle, 3)
            self.commit(&oracle, 3, 3)
            self.send(&oracle, 3, at: 1)
            self.acknowledge(&oracle, 3, 3, isDuplicate: isDuplicate)
            #expect(oracle.violations.map(\.law) == (isDuplicate ? [] : [.truthfulness]))
        }
    }

    @Test func `a head beyond the log is caught, though the log grows up to it`() {
        var oracle = self.lawful()
        oracle.told(self.conversation, head: self.position(3), now: .zero)
        self.commit(&oracle, 3, 3)
        #expect(oracle.violations.map(\.law) == [.subscription])
    }

    @Test func `a first subscription beyond the log is caught`() {
        var oracle = self.lawful()
        oracle.subscribed(1, self.conversation, after: self.position(3), now: .zero)
        #expect(oracle.violations.map(\.law) == [.subscription])
    }

    @Test(arguments: [UInt64(1), 3])
    func `a recovery that continues elsewhere is caught`(offset: UInt64) {
        var oracle = self.lawful()
        oracle.recovered(0, self.conversation, after: Offset(offset), now: .zero)
        #expect(oracle.violations.map(\.law) == [.subscription])
    }

    @Test func `a second beginning is caught, because it skips what was owed`() {
        var oracle = self.lawful()
        oracle.subscribed(0, self.conversation, after: self.position(2), now: .zero)
        #expect(oracle.violations.map(\.law) == [.subscription])
    }

    @Test func `a declared loss where nothing was lost is caught`() {
        var oracle = self.lawful()
        oracle.restarted(0, self.conversation, in: Epoch(2), now: .zero)
        #expect(oracle.violations.map(\.law) == [.declaration])
    }

    @Test func `an answer that comes late or never is caught`() {
        var oracle = self.lawful()
        var open = OpenCommands()
        let handle = ConnectionHandle(slot: 1, generation: 1)
        let late = Instant.zero + .seconds(2)
        open.asked(handle, 1, now: .zero)
        open.asked(handle, 2, now: .zero)
        for since in [open.answered(handle, 1, connects: true), open.closed(handle)] {
            oracle.waited(since: since ?? late, now: late, within: .seconds(1), "a client")
        }
        #expect(oracle.violations.map(\.law) == [.answers, .answers])
        #expect(open.closed(handle) == nil)
    }

    @Test func `a drain that does not wait for an answer is caught`() {
        let handle = ConnectionHandle(slot: 1, generation: 1)
        for seconds in UInt64(0)...1 {
            var oracle = self.lawful()
            var open = OpenCommands()
            _ = open.answered(handle, 0, connects: true)
            open.asked(handle, 1, now: .zero)
            let since = open.sentAway(handle)
            open.asked(handle, 2, now: .zero)
            #expect(open.closed(handle) == nil, "what comes after the leave is not answered")
            let now = Instant.zero + .seconds(seconds)
            oracle.drained(since: since, now: now, within: .seconds(1), "a client")
            #expect(oracle.violations.map(\.law) == (seconds == 0 ? [.answers] : []))
        }
    }

    @Test func `a message that is refused though the log has it is caught`() {
        for isOwners in [false, true] {
            var oracle = self.lawful()
            self.send(&oracle, 3)
            self.commit(&oracle, 3, 3)
            oracle.refused(self.conversation, self.id(3), isOwners: isOwners, now: .zero)
            #expect(oracle.violations.map(\.law) == (isOwners ? [.truthfulness] : []))
        }
    }

    @Test func `a queue above its limit is caught`() {
        var oracle = self.lawful()
        oracle.bounded(2, by: 1, now: .zero, "messages")
        #expect(oracle.violations.map(\.text) == ["messages: 2, limit 1"])
        #expect(oracle.violations.map(\.law) == [.bounds])
    }

    @Test func `what did not converge is told from what must never happen`() {
        var oracle = self.lawful()
        oracle.settled(0, unacknowledged: 1, now: .zero)
        #expect(oracle.verdict == .unconverged)
        self.deliver(&oracle, 2, 2)
        #expect(oracle.verdict == .violated)
    }

    @Test func `a thousand conversations and their devices are kept apart`() {
        var oracle = PromiseOracle(networkRepeats: false)
        let ids = (0..<1000 as Range<UInt64>).map { ConversationID(high: $0 << 32, low: $0) }
        for device in 0..<1000 {
            oracle.enrol(UInt64(device), in: [ids[device], ids[(device + 1) % 1000]])
        }
        for (index, id) in ids.enumerated() {
            oracle.committed(
                id,
                self.id(UInt64(index)),
                at: Offset(1),
                partition: self.partition,
                term: Term(1),
                now: .zero
            )
        }
        for device in 0..<1000 {
            for index in [device, (device + 1) % 1000] {
                oracle.subscribed(UInt64(device), ids[index], after: self.position(0), now: .zero)
                let message = self.id(UInt64(index))
                oracle.delivered(UInt64(device), ids[index], message, at: Offset(1), now: .zero)
            }
        }
        #expect(oracle.violationCount == 0)
        #expect(oracle.checkCount(of: .deviceOrder) == 2000)
    }

    @Test func `a device that stays behind the head is caught`() {
        var oracle = self.lawful()
        oracle.settled(0, self.conversation, at: Offset(1), now: .zero)
        #expect(oracle.violations.map(\.law) == [.convergence])
    }

    @Test func `a breach of the protocol that is let pass is caught`() {
        var oracle = self.lawful()
        oracle.trespassed(0, isSentAway: true, now: .zero, "a pong")
        #expect(oracle.verdict == self.lawful().verdict)
        oracle.trespassed(0, isSentAway: false, now: .zero, "a pong")
        #expect(oracle.violations.map(\.law) == [.conduct])
    }

    @Test func `a connection that nobody is at is caught`() {
        var oracle = self.lawful()
        oracle.attended(3, online: 3, now: .zero, "shard 0")
        #expect(oracle.violationCount == 0)
        oracle.attended(4, online: 3, now: .zero, "shard 0")
        #expect(oracle.violations.map(\.law) == [.conduct])
    }

    @Test func `a message that is owed an acknowledgement is caught`() {
        var oracle = self.lawful()
        oracle.settled(0, unacknowledged: 1, now: .zero)
        #expect(oracle.violations.map(\.law) == [.convergence])
    }
}
