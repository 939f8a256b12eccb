import ChatCore
import Kernel
import Testing

/// An owner that renews a conversation's epoch within its term, on a bus that delays what it says.
struct EpochOrderTests {
    private let conversation = ConversationID(high: 1, low: 2)

    /// What an owner says in one term, in the order in which a gateway hears it.
    private func words(_ seed: UInt64) -> [StreamHead] {
        let random = KeyedRandom(seed: seed)
        var words: [(place: UInt64, head: StreamHead)] = []
        for number in 0..<60 as Range<UInt64> {
            let epoch = Epoch(UInt32.max - 1 &+ UInt32(number / 15))
            let head = StreamHead(epoch: epoch, offset: Offset(number % 15))
            for copy in 0..<2 as Range<UInt64> {
                let delay = KeyedRandom.below(20, random.draw(RandomPurpose(1), number, copy))
                words.append((number + delay, head))
            }
        }
        let order = words.indices.sorted { (words[$0].place, $0) < (words[$1].place, $1) }
        return order.map { words[$0].head }
    }

    /// How often somebody who hears the words goes back to an epoch that has passed.
    private func returns(_ seed: UInt64, _ hear: (StreamHead) -> Epoch?) -> Int {
        var latest: Epoch?
        var count = 0
        for word in self.words(seed) {
            guard let followed = hear(word) else { continue }
            if let latest, latest.follows(followed) { count += 1 }
            latest = followed
        }
        return count
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `a delayed word of an older epoch does not bring that back`(_ seed: UInt64) {
        var position = FeedPosition()
        let random = KeyedRandom(seed: seed)
        var heard: UInt64 = 0
        let returns = self.returns(seed) { head in
            heard += 1
            let confirms = random.draw(RandomPurpose(2), heard) & 1 == 0
            if position.learn(head, in: Term(1), confirms: confirms) == .lost {
                position.forget()
                position.beginAgain()
            }
            return position.delivered?.epoch
        }
        #expect(returns == 0)
        #expect(position.named == Epoch(1), "the last epoch is followed")
    }

    @Test func `who takes any other epoch for a new one is caught`() {
        #expect(self.returns(1) { $0.epoch } > 0)
    }

    @Test func `a new term may have any epoch`() {
        var position = FeedPosition()
        let before = StreamHead(epoch: Epoch(9), offset: .start)
        _ = position.learn(before, in: Term(1), confirms: true)
        let after = StreamHead(epoch: Epoch(3), offset: .start)
        let verdict = position.learn(after, in: Term(2), confirms: false)
        #expect(verdict == .lost)
    }

    private var reference: ConversationReference {
        ConversationReference(id: self.conversation, namespace: 0, name: .none)
    }

    /// A gateway shard with two clients, and the shard that owns the conversation in term 1.
    private struct Gateway {
        let stepper = ShardStepper()
        let conversation: ConversationID
        let owner = ShardID(node: NodeID(9), index: 0)
        let clients: [ConnectionHandle]

        init(_ conversation: ConversationID) {
            self.conversation = conversation
            let partition = PartitionID(of: conversation, count: 64)
            _ = self.stepper.send(.lease(partition, Term(1), owner: self.owner))
            let stepper = self.stepper
            self.clients = (0..<3).map { stepper.admit(slot: $0, user: UInt64($0) + 1) }
        }

        func subscribe(_ client: Int, after offset: UInt64? = nil) -> [ShardEffect] {
            let reference = ConversationReference(id: self.conversation, namespace: 0, name: .none)
            let since = offset.map {
                RecoveryRequest(epoch: nil, offset: Offset($0), refusesUnrecovered: false)
            }
            let command = Command.subscribe(reference, since: since)
            return self.stepper.send(.command(self.clients[client], CommandID(2), command))
        }

        func hear(_ epoch: UInt32, _ offset: UInt64, confirms: Bool) -> [ShardEffect] {
            let head = StreamHead(epoch: Epoch(epoch), offset: Offset(offset))
            let message: PeerMessage =
                confirms
                ? self.stepper.interested(self.conversation, Term(1), head)
                : .head(self.conversation, Term(1), head)
            return self.stepper.send(.peer(self.owner, message))
        }
    }

    @Test func `a delayed announcement of an older epoch ends nobody's subscription`() {
        let gateway = Gateway(self.conversation)
        _ = gateway.subscribe(0)
        _ = gateway.hear(5, 10, confirms: true)
        let ended = gateway.hear(6, 0, confirms: false)
        #expect(ended.contains { if case .unsubscribe = $0 { true } else { false } })
        _ = gateway.subscribe(0)
        #expect(gateway.hear(6, 0, confirms: true).count == 1)
        #expect(gateway.hear(5, 10, confirms: false) == [])
        #expect(gateway.hear(5, 10, confirms: true) == [])
        #expect(gateway.subscribe(1).count == 1, "the feed still stands in its epoch")
    }

    @Test func `a page that was read before the epoch was renewed does not bring that back`()
        throws
    {
        let gateway = Gateway(self.conversation)
        _ = gateway.subscribe(0)
        _ = gateway.hear(5, 10, confirms: true)
        _ = gateway.subscribe(1, after: 8)
        var hole: RequestToken?
        for case .store(let token, .read) in gateway.hear(5, 12, confirms: false) { hole = token }
        _ = gateway.hear(6, 0, confirms: false)
        _ = gateway.hear(6, 0, confirms: true)
        let former = StreamHead(epoch: Epoch(5), offset: Offset(12))
        let page = Page(handle: .none, first: Offset(11), count: 2, byteCount: 2, head: former)
        _ = gateway.stepper.send(.stored(try #require(hole), .page(page)))
        let reply = SubscribeReply(
            name: .none,
            hasLog: true,
            epoch: Epoch(6),
            offset: .start,
            recovery: .notRequested
        )
        let expected = ShardEffect.reply(gateway.clients[2], CommandID(2), .subscribed(reply))
        #expect(gateway.subscribe(2) == [expected])
    }
}
