import ChatCore
import Kernel
import Testing

@Suite struct ServerSubscriptionTests {
    private static let user = UserID(high: 0, low: 1)
    private static let handle = ConnectionHandle(slot: 0, generation: 1)
    private static let body = Body(handle: .none, byteCount: 1)

    private static func name(_ number: UInt64) -> ConversationReference {
        ConversationReference(
            id: ConversationID(high: number, low: 7),
            namespace: 0,
            name: .none,
            access: .tokenOnly
        )
    }

    private static func open(_ loop: Loopback, granting numbers: [UInt64]) {
        loop.send(.opened(Self.handle, ConnectionID(1)))
        loop.send(.command(Self.handle, CommandID(1), .connect))
        for number in numbers { loop.send(.grant(Self.handle, Self.name(number), since: nil)) }
    }

    private static func admit(_ loop: Loopback) {
        loop.send(.authenticated(Self.handle, .accepted(Self.user, timeToLive: .seconds(600))))
    }

    @Test(arguments: 0...4 as ClosedRange<UInt64>)
    func `the answer to connect comes after all of its subscriptions, and commands after it`(
        _ count: UInt64
    ) {
        let loop = Loopback()
        Self.open(loop, granting: Array(0..<count))
        let early = Command.unsubscribe(ConversationID(high: 99, low: 1))
        loop.send(.command(Self.handle, CommandID(2), early))
        Self.admit(loop)
        #expect(loop.replies.isEmpty == (count > 0), "nobody owns a partition yet")
        loop.own(term: 1)
        loop.run(for: .seconds(2))
        #expect(loop.replies.count == Int(count) + 2)
        #expect(loop.replies.count(where: \.isPart) == Int(count))
        #expect(loop.replies.firstIndex { !$0.isPart } == Int(count))
        let answer = ConnectReply(pingInterval: .seconds(25), timeToLive: .seconds(600))
        #expect(Array(loop.replies.suffix(2)) == [.connected(answer), .unsubscribed])
        #expect(loop.stepper.statistics.subscriptions == count)
    }

    @Test func `a connect whose subscriptions nobody can make is refused for now`() {
        let loop = Loopback()
        Self.open(loop, granting: [1, 2])
        Self.admit(loop)
        loop.run(for: .milliseconds(4_100))
        #expect(loop.replies == [.error(.internal)])
        #expect(loop.stepper.statistics.subscriptions == 0)
        loop.send(.command(Self.handle, CommandID(2), .refused(.badRequest)))
        #expect(loop.closes == [.badRequest])
    }

    @Test func `a subscription that the server makes later is pushed, once`() {
        let loop = Loopback()
        loop.own(term: 1)
        Self.open(loop, granting: [])
        Self.admit(loop)
        for _ in 0..<2 { loop.send(.grant(Self.handle, Self.name(3), since: nil)) }
        #expect(loop.pushed.count == 1)
        let subscribe = Command.subscribe(Self.name(3), since: nil)
        loop.send(.command(Self.handle, CommandID(2), subscribe))
        #expect(loop.errors == [.permissionDenied])
        loop.send(.command(Self.handle, CommandID(3), .publish(Self.name(3), Self.body)))
        #expect(loop.replies.last == .published, "a subscriber may publish to a private name")
    }

    @Test func `a grant before connect, or after the end, changes nothing`() {
        let loop = Loopback()
        loop.own(term: 1)
        loop.send(.opened(Self.handle, ConnectionID(1)))
        loop.send(.grant(Self.handle, Self.name(1), since: nil))
        #expect(loop.stepper.statistics.subscriptions == 0)
        loop.send(.violated(Self.handle, .badRequest))
        loop.send(.closed(Self.handle))
        loop.send(.grant(Self.handle, Self.name(1), since: nil))
        #expect(loop.stepper.statistics.subscriptions == 0)
    }

    @Test func `more subscriptions than a connection may have close with 3505`() {
        let loop = Loopback { $0.subscriptionLimit = 2 }
        Self.open(loop, granting: [1, 2, 3])
        #expect(loop.closes == [.conversationLimit])
    }

    @Test func `another stream under a subscription of the server closes with 3010`() {
        let loop = Loopback()
        loop.own(term: 1)
        Self.open(loop, granting: [1, 2])
        Self.admit(loop)
        loop.epoch = Epoch(6)
        loop.own(term: 2)
        loop.run(for: .seconds(2))
        #expect(loop.closes == [.insufficientState])
        #expect(loop.unsubscribed == [])
        #expect(loop.stepper.statistics.subscriptions == 0)
    }

    @Test func `what is published while the answer is being made comes after it`() {
        let loop = Loopback()
        loop.own(term: 1)
        let writer = loop.stepper.admit(slot: 1, user: 2)
        Self.open(loop, granting: [1])
        for id in 2...4 as ClosedRange<UInt32> {
            loop.send(.command(writer, CommandID(id), .publish(Self.publicName, Self.body)))
        }
        #expect(loop.deliveries == 0)
        Self.admit(loop)
        #expect(loop.replies.contains { $0.isConnected })
        #expect(loop.deliveries == 3)
    }

    private static var publicName: ConversationReference {
        var name = Self.name(1)
        name.access = .open
        return name
    }
}

extension Reply {
    fileprivate var isPart: Bool {
        if case .connectedSubscription = self { true } else { false }
    }

    fileprivate var isConnected: Bool {
        if case .connected = self { true } else { false }
    }
}
