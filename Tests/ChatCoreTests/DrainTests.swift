import ChatCore
import Kernel
import Testing

/// A drain answers what is under way before it sends anybody away.
struct DrainTests {
    private let conversation = ConversationID(high: 1, low: 2)
    private let owner = ShardID(node: NodeID(9), index: 0)

    private var reference: ConversationReference {
        ConversationReference(id: self.conversation, namespace: 0, name: .none)
    }

    private func gateway() -> ShardStepper {
        let stepper = ShardStepper()
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.owner))
        return stepper
    }

    /// What a client can be waiting for.
    enum Errand: CaseIterable {
        case publish
        case subscription
        case history
    }

    private func command(_ errand: Errand) -> Command {
        switch errand {
        case .publish: return .publish(self.reference, Body(handle: .none, byteCount: 5))
        case .subscription: return .subscribe(self.reference, since: nil)
        case .history:
            let request = HistoryRequest(since: nil, epoch: nil, limit: 5, isReversed: false)
            return .history(self.reference, request)
        }
    }

    /// The event that answers the request among the effects.
    private func answer(to effects: [ShardEffect]) -> ShardEvent? {
        let head = StreamHead(epoch: Epoch(5), offset: Offset(1))
        for effect in effects {
            switch effect {
            case .peer(_, .publish(let request)):
                let reply = SendReply(
                    epoch: Epoch(5),
                    offset: Offset(1),
                    unixMilliseconds: 0,
                    isDuplicate: false
                )
                return .peer(self.owner, .published(request.token, .accepted(reply)))
            case .peer(_, .interest):
                return .peer(self.owner, .interested(self.conversation, Term(1), head))
            case .store(let token, .read):
                return .stored(token, .head(head))
            case .authenticate, .reply, .deliver, .deliverPage, .subscribe, .unsubscribe, .ping,
                .close, .respond, .peer, .store, .release, .drained, .limitConnections, .presence,
                .dropPublications, .awaitRoom:
                break
            }
        }
        return nil
    }

    @Test(arguments: Errand.allCases)
    func `who waits for an answer gets it before the goodbye`(_ errand: Errand) throws {
        let stepper = self.gateway()
        let busy = stepper.admit(slot: 0)
        let idle = stepper.admit(slot: 1, user: 2)
        let asked = stepper.send(.command(busy, CommandID(2), self.command(errand)))
        let answer = try #require(self.answer(to: asked))
        var effects = stepper.send(.drain(over: .milliseconds(100)))
        #expect(effects == [.close(idle, .shutdown)])
        effects = stepper.send(.command(busy, CommandID(3), self.command(.publish)))
        #expect(effects == [.reply(busy, CommandID(3), .error(.internal))])
        #expect(!stepper.advance(by: .seconds(1)).contains(.close(busy, .shutdown)))
        effects = stepper.send(answer) + stepper.advance(by: .milliseconds(100))
        let reply = try #require(
            effects.firstIndex {
                if case .reply(busy, CommandID(2), _) = $0 { true } else { false }
            }
        )
        let goodbye = try #require(effects.firstIndex(of: .close(busy, .shutdown)))
        #expect(reply < goodbye)
        #expect(stepper.send(.closed(idle)).contains(.drained) == false)
        #expect(stepper.send(.closed(busy)).contains(.drained))
    }

    @Test(arguments: Errand.allCases)
    func `who is not answered is told so, and then sent away`(_ errand: Errand) throws {
        let stepper = self.gateway()
        let busy = stepper.admit(slot: 0)
        _ = stepper.send(.command(busy, CommandID(2), self.command(errand)))
        var effects = stepper.send(.drain(over: .seconds(1)))
        effects += stepper.advance(by: .milliseconds(3_900))
        #expect(!effects.contains(.close(busy, .shutdown)))
        effects += stepper.advance(by: .milliseconds(200))
        let reply = try #require(
            effects.firstIndex(of: .reply(busy, CommandID(2), .error(.internal)))
        )
        let goodbye = try #require(effects.firstIndex(of: .close(busy, .shutdown)))
        #expect(reply < goodbye)
        #expect(stepper.send(.closed(busy)).contains(.drained))
    }

    @Test func `who leaves by itself does not hold up the drain`() {
        let stepper = self.gateway()
        let busy = stepper.admit(slot: 0)
        _ = stepper.send(.command(busy, CommandID(2), self.command(.publish)))
        _ = stepper.send(.drain(over: .seconds(1)))
        #expect(stepper.send(.closed(busy)).contains(.drained))
    }
}
