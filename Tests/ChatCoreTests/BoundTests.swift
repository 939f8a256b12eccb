import ChatCore
import Kernel
import Testing

/// What one step may emit, and what a shard may keep, however many clients and repeats there are.
@Suite struct BoundTests {
    private let conversation = ConversationID(high: 7, low: 7)

    private var reference: ConversationReference {
        ConversationReference(id: self.conversation, namespace: 0, name: .none)
    }

    /// A shard that owns all partitions, and answers itself.
    private func owner(_ configure: (inout ShardConfiguration) -> Void = { _ in }) -> Loopback {
        let loopback = Loopback(configure)
        loopback.own(term: 1)
        return loopback
    }

    @Test func `more clients than one step can answer join one conversation`() {
        let loopback = Loopback()
        let count = UInt32(Shard.effectReserve * 2 + 500)
        for slot in 0..<count {
            let handle = loopback.stepper.admit(slot: slot)
            loopback.send(.command(handle, CommandID(2), .subscribe(self.reference, since: nil)))
        }
        #expect(loopback.subscribedCount == 0, "nobody owns the conversation yet")
        loopback.own(term: 1)
        loopback.run(for: .seconds(2))
        #expect(loopback.subscribedCount == Int(count))
    }

    @Test func `more clients than one step can tell learn of a new epoch and join it`() {
        let loopback = self.owner()
        let count = UInt32(Shard.effectReserve * 2 + 500)
        for slot in 0..<count {
            let handle = loopback.stepper.admit(slot: slot)
            loopback.send(.command(handle, CommandID(2), .subscribe(self.reference, since: nil)))
        }
        #expect(loopback.subscribedCount == Int(count))
        let head = StreamHead(epoch: Epoch(99), offset: .start)
        loopback.send(.peer(loopback.id, .head(self.conversation, Term(1), head)))
        loopback.run(for: .seconds(1))
        #expect(loopback.unsubscribedCount == Int(count))
        loopback.epoch = Epoch(99)
        let handle = ConnectionHandle(slot: 0, generation: 1)
        loopback.send(.command(handle, CommandID(3), .subscribe(self.reference, since: nil)))
        loopback.run(for: .seconds(2))
        #expect(loopback.subscribedCount == Int(count) + 1)
    }

    @Test func `repeats of a message in flight count against the limit of what waits`() {
        let loopback = self.owner { $0.pendingLimit = 8 }
        loopback.answersAppends = false
        let handle = loopback.stepper.admit(slot: 0)
        let message = MessageID(high: 0, low: 1)
        for number in 0..<20 as Range<UInt32> {
            let body = Body(handle: PayloadHandle(rawValue: 500), byteCount: 1)
            let send = Command.send(self.reference, message, body)
            loopback.send(.command(handle, CommandID(2 + number), send))
        }
        #expect(loopback.stepper.statistics.pendingMessages == 8)
        #expect(loopback.errors == Array(repeating: ErrorCode.internal, count: 12))
    }

    @Test func `a wall clock behind the uptime stamps messages and does not trap`() {
        let loopback = self.owner()
        loopback.run(for: .seconds(5))
        loopback.send(.wallClock(unixMilliseconds: 3))
        let handle = loopback.stepper.admit(slot: 0)
        let body = Body(handle: PayloadHandle(rawValue: 500), byteCount: 1)
        let send = Command.send(self.reference, MessageID(high: 0, low: 1), body)
        loopback.send(.command(handle, CommandID(2), send))
        #expect(loopback.sent.map(\.unixMilliseconds) == [3])
    }

    @Test func `a wall clock that steps back changes the times of messages and nothing else`() {
        func run(stepsBack: UInt64) -> Loopback {
            let loopback = self.owner()
            let origin: UInt64 = 1_700_000_000_000
            loopback.send(.wallClock(unixMilliseconds: origin))
            let handle = loopback.stepper.admit(slot: 0)
            for number in 0..<4 as Range<UInt64> {
                let body = Body(handle: PayloadHandle(rawValue: 500), byteCount: 1)
                let send = Command.send(self.reference, MessageID(high: 0, low: number), body)
                loopback.send(.command(handle, CommandID(UInt32(number) + 2), send))
                loopback.run(for: .seconds(1))
                guard number == 1 else { continue }
                loopback.send(.wallClock(unixMilliseconds: origin + 2_000 - stepsBack))
            }
            return loopback
        }
        let calm = run(stepsBack: 0)
        let stepped = run(stepsBack: 3_600_000)
        #expect(stepped.sent.map(\.offset) == (1...4).map { Offset($0) })
        #expect(stepped.sent.map(\.offset) == calm.sent.map(\.offset))
        let shifts = zip(calm.sent, stepped.sent).map { $0.unixMilliseconds - $1.unixMilliseconds }
        #expect(shifts == [0, 0, 3_600_000, 3_600_000])
        #expect(stepped.stepper.statistics == calm.stepper.statistics)
        #expect(stepped.stepper.nextDeadline == calm.stepper.nextDeadline)
    }

    @Test func `changes of the lease leave one timer to renew a feed's interest`() {
        let loopback = self.owner()
        let handle = loopback.stepper.admit(slot: 0)
        loopback.send(.command(handle, CommandID(2), .subscribe(self.reference, since: nil)))
        loopback.run(for: .seconds(2))
        let before = loopback.stepper.statistics.deadlines
        for term in 2...30 as ClosedRange<UInt64> {
            loopback.own(term: term)
            loopback.run(for: .milliseconds(300))
        }
        loopback.run(for: .seconds(2))
        #expect(loopback.stepper.statistics.deadlines <= before)
    }

    @Test func `the interest of a gateway that died ends where nothing moves`() {
        let loopback = self.owner()
        let dead = ShardID(node: NodeID(9), index: 0)
        let interest = Interest(conversation: self.conversation, incarnation: 1, delivered: nil)
        loopback.send(.peer(dead, .interest(interest)))
        #expect(loopback.stepper.statistics.conversations == 1)
        loopback.run(for: .seconds(320))
        #expect(loopback.stepper.statistics.conversations == 0)
    }

    @Test func `a head that the log does not reach is read again after a pause, not at once`() {
        let loopback = self.owner()
        let handle = loopback.stepper.admit(slot: 0)
        loopback.send(.command(handle, CommandID(2), .subscribe(self.reference, since: nil)))
        let head = StreamHead(epoch: loopback.epoch, offset: Offset(3))
        loopback.send(.peer(loopback.id, .head(self.conversation, Term(1), head)))
        loopback.run(for: .seconds(1))
        #expect((2...6).contains(loopback.reads), "\(loopback.reads) reads in a second")
    }
}
