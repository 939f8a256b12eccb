import ChatCore
import Kernel
import Testing

/// A subscriber that returns while the conversation goes on.
struct ReturningSubscriberTests {
    private let conversation = ConversationID(high: 1, low: 2)
    private let owner = ShardID(node: NodeID(9), index: 0)
    private let head = StreamHead(epoch: Epoch(5), offset: Offset(10))

    private func subscribe(since offset: UInt64?, orNothing: Bool = false) -> Command {
        let reference = ConversationReference(id: self.conversation, namespace: 0, name: .none)
        let since = offset.map {
            RecoveryRequest(epoch: Epoch(5), offset: Offset($0), refusesUnrecovered: orNothing)
        }
        return .subscribe(reference, since: since)
    }

    private func delivery(_ offset: UInt64) -> ShardEvent {
        let delivery = Delivery(
            conversation: self.conversation,
            term: Term(1),
            epoch: Epoch(5),
            offset: Offset(offset),
            unixMilliseconds: 0,
            body: Body(handle: .none, byteCount: 1)
        )
        return .peer(self.owner, .delivery(delivery))
    }

    /// What a second subscriber gets that asks for what it missed after 8 while `later` messages
    /// beyond the head of 10 arrive before its page has been read.
    private func returning(later: UInt64) throws -> (reply: SubscribeReply, after: [UInt64]) {
        let stepper = ShardStepper()
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.owner))
        let first = stepper.admit(slot: 0)
        _ = stepper.send(.command(first, CommandID(2), self.subscribe(since: nil)))
        _ = stepper.send(
            .peer(self.owner, stepper.interested(self.conversation, Term(1), self.head))
        )
        let second = stepper.admit(slot: 1, user: 2)
        let asked = stepper.send(.command(second, CommandID(2), self.subscribe(since: 8)))
        let tokens = asked.compactMap { effect in
            if case .store(let token, .read) = effect { token } else { nil }
        }
        let token = try #require(tokens.first)
        for offset in 0..<later { _ = stepper.send(self.delivery(11 + offset)) }
        let page = Page(
            handle: .none,
            first: Offset(9),
            count: 2,
            byteCount: 2,
            head: self.head
        )
        let answered = stepper.send(.stored(token, .page(page)))
        var reply: SubscribeReply?
        var after: [UInt64] = []
        for effect in answered {
            if case .reply(second, _, .subscribed(let subscribed)) = effect { reply = subscribed }
            if case .deliver(let delivery, _, _) = effect, reply != nil {
                after.append(delivery.offset.rawValue)
            }
        }
        return (try #require(reply), after)
    }

    @Test(arguments: 0...5 as ClosedRange<UInt64>)
    func `what arrives while its page is read follows its reply`(later: UInt64) throws {
        let (reply, after) = try self.returning(later: later)
        #expect(reply.recovery == .recovered(page: .none, through: Offset(10)))
        #expect(reply.offset == Offset(8))
        #expect(after == (0..<later).map { 11 + $0 })
    }

    @Test(arguments: [Epoch(5), nil])
    func `a stream that begins anew while a page is read recovers nobody of the old one`(
        epoch: Epoch?
    ) throws {
        let stepper = ShardStepper()
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.owner))
        let returning = stepper.admit(slot: 0)
        let since = RecoveryRequest(epoch: epoch, offset: Offset(8), refusesUnrecovered: false)
        let reference = ConversationReference(id: self.conversation, namespace: 0, name: .none)
        _ = stepper.send(.command(returning, CommandID(2), .subscribe(reference, since: since)))
        let asked = stepper.send(
            .peer(self.owner, stepper.interested(self.conversation, Term(1), self.head))
        )
        let tokens = asked.compactMap { effect in
            if case .store(let token, .read) = effect { token } else { nil }
        }
        let renewed = StreamHead(epoch: Epoch(6), offset: Offset(10))
        for _ in 0..<2 {
            _ = stepper.send(
                .peer(self.owner, stepper.interested(self.conversation, Term(1), renewed))
            )
        }
        let page = Page(handle: .none, first: Offset(9), count: 2, byteCount: 2, head: renewed)
        let answered = stepper.send(.stored(try #require(tokens.first), .page(page)))
        let replies = answered.compactMap { effect in
            if case .reply(returning, CommandID(2), .subscribed(let reply)) = effect {
                reply
            } else {
                nil
            }
        }
        let reply = try #require(replies.first)
        #expect(reply.epoch == Epoch(6))
        let recovered = SubscribeReply.Recovery.recovered(page: .none, through: Offset(10))
        #expect(reply.recovery == (epoch == nil ? recovered : .unrecovered))
    }

    /// Two ways in which a page cannot close the gap: it lacks the first message, or ends too early.
    private static let insufficient: [(first: UInt64, count: UInt32)] = [(10, 1), (9, 1)]

    @Test(arguments: Self.insufficient, [false, true])
    func `who cannot have all is told so, and nothing is kept for it any more`(
        page: (first: UInt64, count: UInt32),
        isStrict: Bool
    ) throws {
        let stepper = ShardStepper()
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.owner))
        let other = stepper.admit(slot: 0)
        _ = stepper.send(.command(other, CommandID(2), self.subscribe(since: nil)))
        _ = stepper.send(
            .peer(self.owner, stepper.interested(self.conversation, Term(1), self.head))
        )
        let returning = stepper.admit(slot: 1, user: 2)
        let subscribe = self.subscribe(since: 8, orNothing: isStrict)
        let asked = stepper.send(.command(returning, CommandID(2), subscribe))
        let tokens = asked.compactMap { effect in
            if case .store(let token, .read) = effect { token } else { nil }
        }
        _ = stepper.send(self.delivery(11))
        #expect(stepper.statistics.heldDeliveries == 1)
        let read = Page(
            handle: .none,
            first: Offset(page.first),
            count: page.count,
            byteCount: 1,
            head: self.head
        )
        let answered = stepper.send(.stored(try #require(tokens.first), .page(read)))
        let replies = answered.compactMap { effect in
            if case .reply(returning, CommandID(2), let reply) = effect { reply } else { nil }
        }
        switch try #require(replies.first) {
        case .error(let code): #expect(isStrict && code == .unrecoverablePosition)
        case .subscribed(let reply):
            #expect(!isStrict && reply.recovery == .unrecovered && reply.offset == Offset(11))
        default: Issue.record("\(replies)")
        }
        #expect(stepper.statistics.heldDeliveries == 0)
        let delivered = stepper.send(self.delivery(12))
        #expect(
            delivered.contains {
                if case .deliver(_, _, let to) = $0 {
                    to.count == (isStrict ? 1 : 2)
                } else {
                    false
                }
            }
        )
        #expect(stepper.statistics.heldDeliveries == 0)
    }
}
