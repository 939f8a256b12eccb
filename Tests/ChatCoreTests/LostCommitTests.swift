import ChatCore
import Kernel
import Testing

/// An owner whose store loses what it had called durable before the owner has passed it on.
struct LostCommitTests {
    private let conversation = ConversationID(high: 1, low: 2)
    private let gateway = ShardID(node: NodeID(9), index: 0)
    private let this = ShardID(node: NodeID(0), index: 0)

    private func head(_ offset: UInt64, epoch: UInt32 = 5) -> StreamHead {
        StreamHead(epoch: Epoch(epoch), offset: Offset(offset))
    }

    private func asked(_ effects: [ShardEffect]) -> [(token: RequestToken, what: StoreRequest)] {
        effects.compactMap {
            if case .store(let token, let request) = $0 { (token, request) } else { nil }
        }
    }

    private func publish(_ stepper: ShardStepper, _ number: UInt64, hasID: Bool) -> [ShardEffect] {
        let request = PublishRequest(
            token: RequestToken(rawValue: number),
            conversation: self.conversation,
            namespace: 0,
            user: UserID(high: 0, low: number),
            message: hasID ? MessageID(high: 0, low: number) : nil,
            body: Body(handle: .none, byteCount: 1)
        )
        return stepper.send(.peer(self.gateway, .publish(request)))
    }

    /// The head is 10; the fate of 11 is unknown, 12 was called durable.
    private func trouble(hasIDs: Bool) throws -> (ShardStepper, [(RequestToken, StoreRequest)]) {
        let stepper = ShardStepper()
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.this))
        let load = self.asked(self.publish(stepper, 1, hasID: hasIDs))
        _ = self.publish(stepper, 2, hasID: hasIDs)
        let appends = self.asked(
            stepper.send(.stored(try #require(load.first).token, .head(self.head(10))))
        )
        try #require(appends.count == 2)
        _ = stepper.send(.stored(appends[0].token, .appended(.unknown)))
        let questions = stepper.send(.stored(appends[1].token, .appended(.done)))
        return (stepper, self.asked(questions).map { ($0.token, $0.what) })
    }

    /// Answers what an owner asks about a log that ends at `end`, and holds none of the parked.
    private func answer(
        _ questions: [(RequestToken, StoreRequest)],
        _ stepper: ShardStepper,
        end: StreamHead
    ) -> [ShardEffect] {
        var effects: [ShardEffect] = []
        for (token, request) in questions {
            switch request {
            case .lookUp: effects += stepper.send(.stored(token, .notFound))
            case .head, .renewEpoch: effects += stepper.send(.stored(token, .head(end)))
            default: Issue.record("\(request)")
            }
        }
        return effects
    }

    @Test(arguments: [false, true])
    func `what was called durable and is not in the log makes another epoch`(
        hasIDs: Bool
    ) throws {
        let (stepper, questions) = try self.trouble(hasIDs: hasIDs)
        let renewal = self.asked(self.answer(questions, stepper, end: self.head(10)))
        guard case .renewEpoch = try #require(renewal.first).what else {
            Issue.record("\(renewal)")
            return
        }
        var next = renewal.map { ($0.token, $0.what) }
        var answers: [PublishOutcome] = []
        while !next.isEmpty {
            let effects = self.answer(next, stepper, end: self.head(10, epoch: 6))
            for case .peer(_, .published(_, let outcome)) in effects { answers.append(outcome) }
            next = self.asked(effects).map { ($0.token, $0.what) }
        }
        #expect(answers == [.refused(.internal), .refused(.internal)], "senders try again")
        #expect(stepper.statistics.epochsRenewed == 1)
    }

    /// What has certainly or perhaps not been written shows no loss.
    @Test func `an append that failed makes no other epoch`() throws {
        let stepper = ShardStepper()
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.this))
        let load = self.asked(self.publish(stepper, 1, hasID: true))
        let append = self.asked(
            stepper.send(.stored(try #require(load.first).token, .head(self.head(10))))
        )
        let questions = self.asked(
            stepper.send(.stored(try #require(append.first).token, .appended(.unknown)))
        )
        _ = self.answer(questions.map { ($0.token, $0.what) }, stepper, end: self.head(10))
        #expect(stepper.statistics.epochsRenewed == 0)
    }
}
