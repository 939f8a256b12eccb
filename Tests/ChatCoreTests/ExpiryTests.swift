import ChatCore
import Kernel
import Testing

@Suite struct ExpiryTests {
    private static let user = UserID(high: 0, low: 1)
    private static let room = ConversationID(high: 4, low: 9)
    private static let name = ConversationReference(
        id: Self.room,
        namespace: 0,
        name: .none,
        access: .tokenOnly
    )

    /// A connection whose credentials hold for a while.
    private static func connected(for seconds: UInt64) -> (Loopback, ConnectionHandle) {
        let loop = Loopback()
        loop.own(term: 1)
        let handle = ConnectionHandle(slot: 0, generation: 1)
        loop.send(.opened(handle, ConnectionID(1)))
        loop.send(.command(handle, CommandID(1), .connect))
        let outcome = AuthenticationOutcome.accepted(Self.user, timeToLive: .seconds(seconds))
        loop.send(.authenticated(handle, outcome))
        return (loop, handle)
    }

    private static func renew(_ seconds: UInt64?, as user: UserID = Self.user) -> Command {
        .refresh(.accepted(user, timeToLive: seconds.map { Interval.seconds($0) }))
    }

    private static func enter(_ seconds: UInt64?) -> Command {
        let grant = SubscriptionGrant.accepted(
            timeToLive: seconds.map { Interval.seconds($0) }
        )
        return .subscribeByToken(Self.name, since: nil, grant)
    }

    @Test(arguments: [5, 30, 100] as [UInt64])
    func `a connection closes with 3005 when its credentials and the grace are over`(
        _ seconds: UInt64
    ) {
        let (loop, _) = Self.connected(for: seconds)
        loop.run(for: .milliseconds((seconds + 25) * 1_000 - 100))
        #expect(loop.closes == [])
        loop.run(for: .milliseconds(200))
        #expect(loop.closes == [.connectionExpired])
    }

    @Test(arguments: [1, 10, 50, 1_000] as [UInt64])
    func `new credentials count from when they were shown, be they longer or shorter`(
        _ seconds: UInt64
    ) {
        let (loop, handle) = Self.connected(for: 20)
        for id in 2...4 as ClosedRange<UInt32> {
            loop.run(for: .seconds(10))
            loop.send(.command(handle, CommandID(id), Self.renew(seconds)))
        }
        #expect(
            loop.replies.suffix(3)
                == Array(
                    repeating: .refreshed(timeToLive: .seconds(seconds)),
                    count: 3
                )
        )
        loop.run(for: .milliseconds((seconds + 25) * 1_000 - 100))
        #expect(loop.closes == [])
        loop.run(for: .milliseconds(200))
        #expect(loop.closes == [.connectionExpired])
    }

    @Test func `credentials without an end end nothing, and leave no deadline behind`() {
        let (loop, handle) = Self.connected(for: 20)
        let before = loop.stepper.statistics.deadlines
        for id in 2...200 as ClosedRange<UInt32> {
            loop.send(.command(handle, CommandID(id), Self.renew(UInt64(id) + 20)))
        }
        #expect(loop.stepper.statistics.deadlines == before)
        loop.send(.command(handle, CommandID(300), Self.renew(nil)))
        loop.run(for: .seconds(600))
        #expect(loop.closes == [])
        #expect(loop.stepper.statistics.deadlines < before)
    }

    @Test(arguments: [
        (AuthenticationOutcome.expired, CloseCode.connectionExpired), (.invalid, .invalidToken),
        (.missing, .badRequest),
        (.accepted(UserID(high: 0, low: 2), timeToLive: nil), .invalidToken),
    ])
    func `credentials that are not the user's own close`(
        _ outcome: AuthenticationOutcome,
        _ code: CloseCode
    ) {
        let (loop, handle) = Self.connected(for: 20)
        loop.send(.command(handle, CommandID(2), .refresh(outcome)))
        #expect(loop.closes == [code])
    }

    @Test(
        arguments: [
            (SubscriptionGrant.accepted(timeToLive: nil), nil, nil),
            (.expired, ErrorCode.tokenExpired, nil), (.invalid, .permissionDenied, nil),
            (.foreign, nil, CloseCode.invalidToken),
        ] as [(SubscriptionGrant, ErrorCode?, CloseCode?)]
    )
    func `a subscription token opens a private name, or is answered as what it is`(
        _ grant: SubscriptionGrant,
        _ error: ErrorCode?,
        _ close: CloseCode?
    ) {
        for renews in [false, true] {
            let (loop, handle) = Self.connected(for: 1_000)
            if renews { loop.send(.command(handle, CommandID(2), Self.enter(nil))) }
            let command =
                renews
                ? Command.subRefresh(Self.room, grant)
                : .subscribeByToken(Self.name, since: nil, grant)
            loop.send(.command(handle, CommandID(3), command))
            #expect(loop.errors == (error.map { [$0] } ?? []))
            #expect(loop.closes == (close.map { [$0] } ?? []))
            #expect(loop.subscribedCount == (renews || grant.isAccepted ? 1 : 0))
        }
    }

    @Test
    func `a subscription ends with 2501 after its credentials and the grace, and can be renewed`() {
        let (loop, handle) = Self.connected(for: 1_000)
        loop.send(.command(handle, CommandID(2), Self.enter(10)))
        #expect(loop.subscribed.map(\.timeToLive) == [.seconds(10)])
        loop.run(for: .seconds(30))
        let renewal = SubscriptionGrant.accepted(timeToLive: .seconds(40))
        loop.send(.command(handle, CommandID(3), .subRefresh(Self.room, renewal)))
        #expect(loop.replies.last == .subRefreshed(timeToLive: .seconds(40)))
        loop.run(for: .seconds(64))
        #expect(loop.unsubscribed == [])
        loop.run(for: .milliseconds(1_200))
        #expect(loop.unsubscribed == [.subscriptionExpired])
        #expect(loop.stepper.statistics.subscriptions == 0)
        loop.send(.command(handle, CommandID(4), .subRefresh(Self.room, renewal)))
        #expect(loop.errors == [.permissionDenied])
        loop.send(.command(handle, CommandID(5), Self.enter(nil)))
        #expect(loop.subscribedCount == 2)
    }

    @Test func `a subscription that was made anew does not end with its predecessor's credentials`()
    {
        let (loop, handle) = Self.connected(for: 1_000)
        loop.send(.command(handle, CommandID(2), Self.enter(10)))
        loop.send(.command(handle, CommandID(3), .unsubscribe(Self.room)))
        loop.send(.command(handle, CommandID(4), Self.enter(nil)))
        loop.run(for: .seconds(120))
        #expect(loop.unsubscribed == [])
    }

    @Test func `a subscription ends when its token is revoked, and no other does`() {
        let (loop, handle) = Self.connected(for: 600)
        let other = ConversationReference(
            id: ConversationID(high: 5, low: 9),
            namespace: 0,
            name: .none
        )
        let granted = ConversationReference(
            id: ConversationID(high: 6, low: 9),
            namespace: 0,
            name: .none
        )
        loop.send(.command(handle, CommandID(2), Self.enter(nil)))
        loop.send(.command(handle, CommandID(3), .subscribe(other, since: nil)))
        loop.send(.grant(handle, granted, since: nil))
        let neighbour = loop.stepper.admit(slot: 1)
        loop.send(.command(neighbour, CommandID(2), Self.enter(nil)))
        #expect(loop.stepper.statistics.subscriptions == 4)
        // What the server has made hangs on no token of a subscription.
        loop.send(.revoked(handle, granted.id))
        loop.send(.revoked(handle, ConversationID(high: 7, low: 9)))
        #expect(loop.unsubscribed == [])
        loop.send(.revoked(handle, Self.room))
        loop.send(.revoked(handle, Self.room))
        #expect(loop.unsubscribed == [.server])
        #expect(loop.stepper.statistics.subscriptions == 3)
        #expect(loop.closes == [])
        loop.send(.closed(handle))
        loop.send(.revoked(handle, other.id))
        #expect(loop.unsubscribed == [.server])
    }

    @Test func `a token that is revoked before its subscription is made opens nothing`() {
        let loop = Loopback()
        let handle = loop.stepper.admit(slot: 0)
        loop.send(.command(handle, CommandID(2), Self.enter(nil)))
        loop.send(.revoked(handle, Self.room))
        loop.own(term: 1)
        loop.run(for: .seconds(5))
        #expect(loop.stepper.statistics.subscriptions == 0)
        #expect(loop.subscribedCount == 0)
    }
}

extension SubscriptionGrant {
    fileprivate var isAccepted: Bool {
        switch self {
        case .accepted: true
        case .expired, .invalid, .foreign: false
        }
    }
}
