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
    func `a page that the store does not read in time is refused, and what comes late is lost`() {
        let loop = Self.owned()
        loop.answersReads = false
        let page = HistoryRequest(since: nil, epoch: nil, limit: 1, isReversed: false)
        Self.ask(loop, .history(Self.name, page))
        loop.run(for: .milliseconds(4_200))
        #expect(loop.responses == [.refused(.internal)])
        loop.answersReads = true
        Self.ask(loop, .history(Self.name, page))
        #expect(loop.responses.count == 2)
    }

    @Test func `a long queue refuses a server in the order in which it refuses clients`() {
        let loop = Loopback { $0.overload = OverloadPolicy() }
        loop.own(term: 1)
        let handle = loop.stepper.admit(slot: 0, user: 1)
        let page = HistoryRequest(since: nil, epoch: nil, limit: 1, isReversed: false)
        let requests: [ServerRequest] = [
            .history(Self.name, page), .publish(Self.name, nil, Self.body),
            .subscribe(handle, Self.name, since: nil, as: .silent),
            .unsubscribe(handle, Self.room),
        ]
        for (lag, refused) in [(100, 0), (200, 1), (2_000, 2), (5_000, 3)] as [(UInt64, Int)] {
            let before = loop.responses.count
            loop.send(.load(lag: .milliseconds(lag)))
            for request in requests { Self.ask(loop, request) }
            let answers = loop.responses[before...]
            #expect(answers.count(where: { $0 == .refused(.tooManyRequests) }) == refused)
            #expect(answers.count == 4)
        }
    }

    @Test func `each connection that is meant is subscribed, unsubscribed and sent away`() {
        let loop = Self.owned()
        let handles = (0..<4).map { loop.stepper.admit(slot: UInt32($0), user: 1) }
        for handle in handles.dropLast() {
            Self.ask(loop, .subscribe(handle, Self.name, since: nil, as: .silent))
        }
        #expect(loop.pushed.count == 3)
        #expect(loop.stepper.statistics.subscriptions == 3)
        for handle in handles { Self.ask(loop, .unsubscribe(handle, Self.room)) }
        #expect(loop.unsubscribed == [.server, .server, .server])
        #expect(loop.stepper.statistics.subscriptions == 0)
        for handle in handles.dropLast() { Self.ask(loop, .disconnect(handle, .forceDisconnect)) }
        #expect(loop.closes == Array(repeating: .forceDisconnect, count: 3))
        Self.ask(loop, .subscribe(handles[0], Self.name, since: nil, as: .silent))
        #expect(loop.pushed.count == 3)
        #expect(loop.responses == Array(repeating: .done, count: 11))
    }

    @Test func `what a subscriber missed since a position follows the push that subscribes it`() {
        let loop = Self.owned()
        for _ in 0..<5 { Self.ask(loop, .publish(Self.name, nil, Self.body)) }
        let handle = loop.stepper.admit(slot: 0, user: 1)
        let since = RecoveryRequest(epoch: nil, offset: Offset(2), refusesUnrecovered: false)
        Self.ask(loop, .subscribe(handle, Self.name, since: since, as: .silent))
        #expect(loop.pushed.map(\.offset) == [Offset(2)])
        #expect(loop.deliveries == 3)
        Self.ask(loop, .publish(Self.name, nil, Self.body))
        #expect(loop.deliveries == 4)
    }

    @Test func `a subscribe that its client withdraws before the answer is answered all the same`()
    {
        let loop = Loopback()
        let handle = loop.stepper.admit(slot: 0, user: 1)
        var open = Self.name
        open.access = .open
        loop.send(.command(handle, CommandID(2), .subscribe(open, since: nil)))
        loop.send(.command(handle, CommandID(3), .unsubscribe(Self.room)))
        #expect(loop.replies == [.error(.internal), .unsubscribed])
        loop.own(term: 1)
        loop.run(for: .seconds(5))
        #expect(loop.replies.count == 2)
    }

    @Test func `an unsubscribe before the answer refuses the subscription, and pushes nothing`() {
        let loop = Loopback()
        let handle = loop.stepper.admit(slot: 0, user: 1)
        var open = Self.name
        open.access = .open
        loop.send(.command(handle, CommandID(2), .subscribe(open, since: nil)))
        Self.ask(loop, .unsubscribe(handle, Self.room))
        #expect(loop.errors == [.permissionDenied])
        #expect(loop.unsubscribed == [])
        loop.own(term: 1)
        loop.run(for: .seconds(1))
        #expect(loop.subscribedCount == 0)
        #expect(loop.stepper.statistics.subscriptions == 0)
    }

    @Test func `credentials that the server renews hold for that long and no longer`() {
        let loop = Self.owned()
        let handle = loop.stepper.admit(slot: 0, user: 1)
        Self.ask(loop, .refresh(handle, timeToLive: .seconds(100)))
        Self.ask(loop, .refresh(handle, timeToLive: .seconds(3)))
        #expect(loop.renewed == [.seconds(100), .seconds(3)])
        loop.run(for: .seconds(27))
        #expect(loop.closes == [])
        loop.run(for: .seconds(2))
        #expect(loop.closes == [.connectionExpired])
        Self.ask(loop, .refresh(handle, timeToLive: nil))
        #expect(loop.renewed.count == 2, "who has gone is told nothing")
    }

    @Test func `what is passed on reaches who looks, and stands nowhere in the log`() {
        let loop = Self.owned()
        let handle = loop.stepper.admit(slot: 0, user: 1)
        Self.ask(loop, .subscribe(handle, Self.name, since: nil, as: .silent))
        Self.ask(loop, .pass(Self.name, Self.body))
        #expect(loop.deliveries == 1)
        Self.ask(loop, .publish(Self.name, nil, Self.body))
        guard case .published(let reply) = loop.responses.last else {
            Issue.record("the answer to a publish")
            return
        }
        #expect(reply.offset == Offset(1))
        let members = Self.owned { $0.isMembersOnly = true }
        Self.ask(members, .pass(Self.name, Self.body))
        #expect(members.responses == [.refused(.notMember)])
    }

    @Test func `who is there is told to a server that is not, and not where nobody knows`() {
        let loop = Self.owned { $0.presence = true }
        for slot in 0..<3 as Range<UInt32> {
            let handle = loop.stepper.admit(slot: slot, user: slot < 2 ? 1 : 2)
            let attendee = Attendee(info: PayloadHandle(rawValue: 1), wantsJoinLeave: false)
            Self.ask(loop, .subscribe(handle, Self.name, since: nil, as: attendee))
        }
        Self.ask(loop, .members(Self.name))
        Self.ask(loop, .counts(Self.name))
        #expect(loop.listed == 3)
        #expect(loop.responses.suffix(2) == [.members, .counts(clients: 3, users: 2)])
        let blind = Self.owned()
        Self.ask(blind, .members(Self.name))
        #expect(blind.responses == [.refused(.notAvailable)])
        let alone = Loopback { $0.namespaces[0].presence = true }
        Self.ask(alone, .counts(Self.name))
        #expect(alone.responses == [.refused(.internal)])
    }

    @Test func `one id is delivered once where nothing is kept, as long as it is remembered`() {
        let loop = Self.owned { $0.hasLog = false }
        let handle = loop.stepper.admit(slot: 0, user: 1)
        Self.ask(loop, .subscribe(handle, Self.name, since: nil, as: .silent))
        let message = MessageID(high: 1, low: 2)
        for id in [message, message, nil, nil] {
            Self.ask(loop, .publish(Self.name, id, Self.body))
        }
        #expect(loop.deliveries == 3)
    }
}
