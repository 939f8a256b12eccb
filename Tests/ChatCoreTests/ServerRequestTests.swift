import ChatCore
import Kernel
import Testing

/// What application servers ask.
@Suite struct ServerRequestTests {
    private static let room = ConversationID(high: 4, low: 9)
    private static let name = ConversationReference(
        id: Self.room,
        namespace: 0,
        name: .none,
        access: .tokenOnly
    )
    private static let body = Body(handle: .none, byteCount: 1)

    private static func owned(_ configure: (inout Namespace) -> Void = { _ in }) -> Loopback {
        let loop = Loopback { configure(&$0.namespaces[0]) }
        loop.own(term: 1)
        return loop
    }

    private static func ask(_ loop: Loopback, _ request: ServerRequest) {
        loop.send(.asked(ServerRequestID(UInt64(loop.responses.count + 1)), request))
    }

    @Test func `a server publishes where clients may not, and once for one id`() {
        let loop = Self.owned { $0.publishers = .nobody }
        let message = MessageID(high: 1, low: 2)
        for id in [message, nil, message] { Self.ask(loop, .publish(Self.name, id, Self.body)) }
        let offsets = loop.responses.map { response in
            if case .published(let reply) = response { reply.offset.rawValue } else { UInt64(0) }
        }
        #expect(offsets == [1, 2, 1])
        let page = HistoryRequest(since: nil, epoch: nil, limit: 10, isReversed: false)
        Self.ask(loop, .history(Self.name, page))
        #expect(loop.pages == [1...2])
    }

    @Test func `a request that nobody can carry out is refused in time`() {
        let loop = Loopback()
        Self.ask(loop, .publish(Self.name, nil, Self.body))
        #expect(loop.responses == [.refused(.internal)])
        loop.own(term: 1)
        loop.answersAppends = false
        Self.ask(loop, .publish(Self.name, nil, Self.body))
        loop.run(for: .seconds(5))
        #expect(loop.responses == [.refused(.internal), .refused(.internal)])
    }

    @Test func `history that is not kept, or not there, is refused`() {
        let kept = Self.owned()
        let other = HistoryRequest(since: Offset(1), epoch: Epoch(99), limit: 1, isReversed: false)
        Self.ask(kept, .history(Self.name, other))
        let before = HistoryRequest(since: .start, epoch: nil, limit: 1, isReversed: true)
        Self.ask(kept, .history(Self.name, before))
        #expect(kept.responses == [.refused(.unrecoverablePosition), .refused(.badRequest)])
        let none = Self.owned { $0.hasLog = false }
        Self.ask(none, .history(Self.name, before))
        #expect(none.responses == [.refused(.notAvailable)])
    }

    @Test
    func `all connections of a user are subscribed, unsubscribed and sent away, and no others`() {
        let loop = Self.owned()
        for slot in 0..<3 as Range<UInt32> { _ = loop.stepper.admit(slot: slot, user: 1) }
        _ = loop.stepper.admit(slot: 3, user: 2)
        let user = UserID(high: 0, low: 1)
        Self.ask(loop, .subscribe(user, Self.name))
        #expect(loop.pushed.count == 3)
        #expect(loop.stepper.statistics.subscriptions == 3)
        Self.ask(loop, .unsubscribe(user, Self.room))
        #expect(loop.unsubscribed == [.server, .server, .server])
        #expect(loop.stepper.statistics.subscriptions == 0)
        Self.ask(loop, .disconnect(user, .forceDisconnect))
        #expect(loop.closes == Array(repeating: .forceDisconnect, count: 3))
        Self.ask(loop, .subscribe(user, Self.name))
        #expect(loop.pushed.count == 3)
        #expect(loop.responses == Array(repeating: .done, count: 4))
    }
}
