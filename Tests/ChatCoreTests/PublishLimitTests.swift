import ChatCore
import Kernel
import Testing

/// How many bytes of publishes may be under way.
struct PublishLimitTests {
    private let conversation = ConversationID(high: 1, low: 2)
    private let owner = ShardID(node: NodeID(9), index: 0)

    private func publish(_ stepper: ShardStepper, _ client: ConnectionHandle) -> [ShardEffect] {
        let reference = ConversationReference(id: self.conversation, namespace: 0, name: .none)
        let body = Body(handle: PayloadHandle(rawValue: 8), byteCount: 244)
        return stepper.send(.command(client, CommandID(7), .publish(reference, body)))
    }

    private func gateway(
        _ configure: (inout ShardConfiguration) -> Void
    ) -> (ShardStepper, [ConnectionHandle]) {
        let stepper = ShardStepper(configure)
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.owner))
        return (stepper, (0..<3).map { stepper.admit(slot: $0, user: UInt64($0) + 1) })
    }

    private func token(_ effects: [ShardEffect]) -> RequestToken? {
        for case .peer(_, .publish(let request)) in effects { return request.token }
        return nil
    }

    private func refusal(of client: ConnectionHandle) -> [ShardEffect] {
        [
            .release(PayloadHandle(rawValue: 8)),
            .reply(client, CommandID(7), .error(.tooManyRequests)),
        ]
    }

    @Test(arguments: [false, true])
    func `a connection's publishes under way are bounded, and its answers make room`(
        isTimeOut: Bool
    ) throws {
        let (stepper, clients) = self.gateway { $0.connectionPublishBytes = 1000 }
        let first = try #require(self.token(self.publish(stepper, clients[0])))
        #expect(self.token(self.publish(stepper, clients[0])) != nil)
        #expect(self.publish(stepper, clients[0]) == self.refusal(of: clients[0]))
        #expect(self.token(self.publish(stepper, clients[1])) != nil, "each has its own")
        if isTimeOut {
            _ = stepper.advance(by: .seconds(4))
            #expect(self.token(self.publish(stepper, clients[0])) != nil)
        } else {
            _ = stepper.send(.peer(self.owner, .published(first, .refused(.internal))))
        }
        #expect(self.token(self.publish(stepper, clients[0])) != nil)
        #expect(self.publish(stepper, clients[0]) == self.refusal(of: clients[0]))
    }

    @Test func `a shard's publishes under way are bounded, also those of clients that have gone`()
        throws
    {
        let (stepper, clients) = self.gateway { $0.shardPublishBytes = 1000 }
        #expect(self.token(self.publish(stepper, clients[0])) != nil)
        #expect(self.token(self.publish(stepper, clients[1])) != nil)
        _ = stepper.send(.closed(clients[0]))
        #expect(self.publish(stepper, clients[2]) == self.refusal(of: clients[2]))
        _ = stepper.advance(by: .seconds(4))
        #expect(self.token(self.publish(stepper, clients[2])) != nil)
    }

    @Test func `what an owner keeps for a store that does not answer is bounded`() {
        let loopback = Loopback { $0.shardPublishBytes = 1000 }
        loopback.own(term: 1)
        loopback.answersAppends = false
        let client = loopback.stepper.admit(slot: 0)
        let reference = ConversationReference(id: self.conversation, namespace: 0, name: .none)
        for id in 2..<4 as Range<UInt32> {
            let body = Body(handle: PayloadHandle(rawValue: 500), byteCount: 244)
            loopback.send(.command(client, CommandID(id), .publish(reference, body)))
        }
        // The gateway has given these two up, and has room again; their owner has not.
        loopback.run(for: .seconds(4))
        #expect(loopback.errors == [.internal, .internal])
        let body = Body(handle: PayloadHandle(rawValue: 500), byteCount: 1)
        loopback.send(.command(client, CommandID(9), .publish(reference, body)))
        #expect(loopback.errors.last == .tooManyRequests)
        #expect(loopback.stepper.statistics.pendingMessages == 2)
    }
}
