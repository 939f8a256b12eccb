import ChatCore
import Kernel
import Testing

/// Feeds have no timers of their own for the renewal of their interest.
@Suite struct RenewalTests {
    private static let owner = ShardID(node: NodeID(7), index: 0)

    /// How often a gateway asks for each of so many conversations, in two times of a renewal.
    private static func renewals(_ count: UInt64) -> [UInt64: Int] {
        let stepper = ShardStepper {
            $0.roles = .gateway
            $0.subscriptionLimit = 2_000
        }
        for partition in 0..<64 as Range<UInt16> {
            let lease = ShardEvent.lease(PartitionID(partition), Term(1), owner: Self.owner)
            _ = stepper.send(lease)
        }
        let handle = stepper.admit(slot: 0)
        var asked: [UInt64: Int] = [:]
        for number in 0..<count {
            let id = ConversationID(high: KeyedRandom.mix(number), low: number)
            let reference = ConversationReference(id: id, namespace: 0, name: .none)
            let subscribe = ShardEvent.command(
                handle,
                CommandID(2 + UInt32(number)),
                .subscribe(reference, since: nil)
            )
            Self.answer(stepper.send(subscribe), handle, by: stepper, &asked)
        }
        asked = [:]
        for _ in 0..<120 {
            Self.answer(stepper.advance(by: .seconds(1)), handle, by: stepper, &asked)
        }
        return asked
    }

    private static func answer(
        _ effects: [ShardEffect],
        _ handle: ConnectionHandle,
        by stepper: ShardStepper,
        _ asked: inout [UInt64: Int]
    ) {
        for effect in effects {
            switch effect {
            case .peer(Self.owner, .interest(let interest)):
                asked[interest.conversation.low, default: 0] += 1
                let head = StreamHead(epoch: Epoch(1), offset: .start)
                let answer = stepper.interested(interest.conversation, Term(1), head)
                _ = stepper.send(.peer(Self.owner, answer))
            case .ping: _ = stepper.pong(handle)
            case _: continue
            }
        }
    }

    @Test(arguments: [1, 7, 900] as [UInt64])
    func `the interest of each feed is renewed once in the time of a renewal`(_ count: UInt64) {
        let asked = Self.renewals(count)
        #expect(asked.count == Int(count))
        for (conversation, times) in asked.sorted(by: { $0.key < $1.key }) {
            #expect((1...3).contains(times), "\(times) times for \(conversation)")
        }
        #expect(asked.values.reduce(0, +) <= Int(count) * 2 + 2)
    }

    @Test func `an answer to the interest of a former feed does not register the next`() {
        let stepper = ShardStepper()
        let conversation = ConversationID(high: 1, low: 2)
        let partition = PartitionID(of: conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: Self.owner))
        let client = stepper.admit(slot: 0)
        let reference = ConversationReference(id: conversation, namespace: 0, name: .none)
        let head = StreamHead(epoch: Epoch(1), offset: .start)
        _ = stepper.send(.command(client, CommandID(2), .subscribe(reference, since: nil)))
        let former = stepper.interested(conversation, Term(1), head)
        _ = stepper.send(.command(client, CommandID(3), .unsubscribe(conversation)))
        _ = stepper.advance(by: .seconds(1))
        _ = stepper.send(.command(client, CommandID(4), .subscribe(reference, since: nil)))
        #expect(stepper.send(.peer(Self.owner, former)) == [])
        let repeated = stepper.advance(by: .seconds(3))
        let isAsked = repeated.contains {
            if case .peer(Self.owner, .interest) = $0 { true } else { false }
        }
        #expect(isAsked, "the owner is asked until it answers this one")
        let answered = stepper.send(
            .peer(Self.owner, stepper.interested(conversation, Term(1), head))
        )
        #expect(answered.count == 1)
    }

    @Test func `an owner whose log ends before what was delivered here is told so`() throws {
        let stepper = ShardStepper()
        let conversation = ConversationID(high: 1, low: 2)
        let partition = PartitionID(of: conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: Self.owner))
        let client = stepper.admit(slot: 0)
        let reference = ConversationReference(id: conversation, namespace: 0, name: .none)
        _ = stepper.send(.command(client, CommandID(2), .subscribe(reference, since: nil)))
        let head = StreamHead(epoch: Epoch(1), offset: Offset(11))
        _ = stepper.send(.peer(Self.owner, stepper.interested(conversation, Term(1), head)))
        // The next owner took the interest while it read a log that had lost three messages.
        let next = ShardID(node: NodeID(8), index: 0)
        _ = stepper.send(.lease(partition, Term(2), owner: next))
        let rest = StreamHead(epoch: Epoch(1), offset: Offset(8))
        let told = stepper.send(.peer(next, stepper.interested(conversation, Term(2), rest)))
        let interests = told.compactMap { effect -> Interest? in
            if case .peer(next, .interest(let interest)) = effect { interest } else { nil }
        }
        let again = try #require(interests.first)
        #expect(again.delivered == Position(epoch: Epoch(1), offset: Offset(11)))
        let level = StreamHead(epoch: Epoch(1), offset: Offset(11))
        let calm = stepper.send(.peer(next, stepper.interested(conversation, Term(2), level)))
        #expect(calm == [], "nothing is missing")
    }

    @Test func `a list in a row and beyond it drops no subscriber and no gateway`() {
        var planner = FanOutPlanner()
        let random = KeyedRandom(seed: 3)
        var model: [UInt32] = []
        for step in 0..<2_000 as Range<UInt64> {
            let bits = random.draw(RandomPurpose(903), step)
            let shard = ShardID(rawValue: UInt32(KeyedRandom.below(6, bits)))
            if bits & 1 == 0 {
                planner.register(shard, incarnation: 1, until: .zero + .seconds(9))
                if !model.contains(shard.rawValue) { model.append(shard.rawValue) }
            } else {
                planner.withdraw(shard, incarnation: 1)
                model.removeAll { $0 == shard.rawValue }
            }
            #expect(planner.recipients.map(\.shard.rawValue) == model)
        }
    }
}
