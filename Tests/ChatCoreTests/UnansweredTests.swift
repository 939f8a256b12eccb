import ChatCore
import Kernel
import Testing

/// Requests that an owner or the store leaves unanswered.
struct UnansweredTests {
    private let conversation = ConversationID(high: 1, low: 2)
    private let owner = ShardID(node: NodeID(9), index: 0)
    private let head = StreamHead(epoch: Epoch(5), offset: Offset(10))

    private var reference: ConversationReference {
        ConversationReference(id: self.conversation, namespace: 0, name: .none)
    }

    /// A gateway with one subscriber, whose feed stands at offset 10.
    private func gateway(
        _ configure: (inout ShardConfiguration) -> Void = { _ in }
    ) -> ShardStepper {
        let stepper = ShardStepper(configure)
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.owner))
        let first = stepper.admit(slot: 0)
        _ = stepper.send(.command(first, CommandID(2), .subscribe(self.reference, since: nil)))
        _ = stepper.send(
            .peer(self.owner, stepper.interested(self.conversation, Term(1), self.head))
        )
        return stepper
    }

    private func storeToken(in effects: [ShardEffect]) -> RequestToken? {
        for case .store(let token, _) in effects { return token }
        return nil
    }

    @Test(arguments: [false, true])
    func `a subscription that its owner does not answer gets error 100 in time`(hasOwner: Bool) {
        let stepper = ShardStepper()
        if hasOwner {
            let partition = PartitionID(of: self.conversation, count: 64)
            _ = stepper.send(.lease(partition, Term(1), owner: self.owner))
        }
        let client = stepper.admit(slot: 0)
        _ = stepper.send(.command(client, CommandID(2), .subscribe(self.reference, since: nil)))
        let early = stepper.advance(by: .milliseconds(3_999))
        #expect(early.allSatisfy { if case .reply = $0 { false } else { true } })
        let effects = stepper.advance(by: .milliseconds(1))
        #expect(effects.contains(.reply(client, CommandID(2), .error(.internal))))
        #expect(stepper.statistics.subscriptions == 0)
        #expect(stepper.statistics.feeds == 0)
        // Free to ask again, and answered when the owner speaks.
        _ = stepper.send(
            .lease(PartitionID(of: self.conversation, count: 64), Term(1), owner: self.owner)
        )
        _ = stepper.send(.command(client, CommandID(3), .subscribe(self.reference, since: nil)))
        let answer = ShardEvent.peer(
            self.owner,
            stepper.interested(self.conversation, Term(1), self.head)
        )
        let answered = stepper.send(answer)
        #expect(answered.count == 1)
        #expect(stepper.advance(by: .seconds(8)).isEmpty, "an answered one has no time-out")
        #expect(stepper.statistics.subscriptions == 1)
    }

    @Test func `a subscription whose page does not come gets error 100, and the page goes`() throws
    {
        let stepper = self.gateway()
        let second = stepper.admit(slot: 1, user: 2)
        let since = RecoveryRequest(epoch: nil, offset: Offset(8), refusesUnrecovered: false)
        let asked = stepper.send(
            .command(second, CommandID(2), .subscribe(self.reference, since: since))
        )
        let token = try #require(self.storeToken(in: asked))
        #expect(stepper.advance(by: .milliseconds(3_999)) == [])
        #expect(
            stepper.advance(by: .milliseconds(1))
                == [.reply(second, CommandID(2), .error(.internal))]
        )
        #expect(stepper.statistics.subscriptions == 1)
        let handle = PayloadHandle(rawValue: 77)
        let page = Page(handle: handle, first: Offset(9), count: 2, byteCount: 2, head: self.head)
        #expect(stepper.send(.stored(token, .page(page))) == [.release(handle)])
        #expect(stepper.statistics.heldDeliveries == 0)
    }

    @Test(arguments: [0, 5] as [UInt32])
    func `a page of history that does not come gets error 100, and counts until it does`(
        limit: UInt32
    ) throws {
        let stepper = self.gateway { $0.historyRequestLimit = 1 }
        let client = stepper.admit(slot: 1, user: 2)
        let request = HistoryRequest(since: nil, epoch: nil, limit: limit, isReversed: false)
        let history = Command.history(self.reference, request)
        let asked = stepper.send(.command(client, CommandID(2), history))
        let token = try #require(self.storeToken(in: asked))
        #expect(stepper.advance(by: .milliseconds(3_999)) == [])
        #expect(
            stepper.advance(by: .milliseconds(1))
                == [.reply(client, CommandID(2), .error(.internal))]
        )
        #expect(
            stepper.send(.command(client, CommandID(3), history))
                == [.reply(client, CommandID(3), .error(.tooManyRequests))]
        )
        let handle = PayloadHandle(rawValue: 77)
        let page = Page(handle: handle, first: Offset(9), count: 2, byteCount: 2, head: self.head)
        let late = stepper.send(.stored(token, limit == 0 ? .head(self.head) : .page(page)))
        #expect(late == (limit == 0 ? [] : [.release(handle)]))
        let again = stepper.send(.command(client, CommandID(4), history))
        #expect(self.storeToken(in: again) != nil)
    }

    @Test func `a late page of a connection that has gone is given back`() throws {
        let stepper = self.gateway()
        let client = stepper.admit(slot: 1, user: 2)
        let request = HistoryRequest(since: nil, epoch: nil, limit: 5, isReversed: false)
        let asked = stepper.send(
            .command(client, CommandID(2), .history(self.reference, request))
        )
        let token = try #require(self.storeToken(in: asked))
        _ = stepper.advance(by: .seconds(5))
        _ = stepper.send(.closed(client))
        let next = ConnectionHandle(slot: client.slot, generation: client.generation + 1)
        _ = stepper.send(.opened(next, ConnectionID(99)))
        let handle = PayloadHandle(rawValue: 77)
        let page = Page(handle: handle, first: Offset(9), count: 2, byteCount: 2, head: self.head)
        #expect(stepper.send(.stored(token, .page(page))) == [.release(handle)])
    }
}

/// The same in a fleet, with roles together and apart.
struct SilentFleetTests {
    /// Who does not answer.
    enum Silence: CaseIterable {
        case store
        case bus
    }

    /// Twelve clients that subscribe while somebody is silent, from 2 s on.
    private func fleet(
        _ layout: Layout,
        _ silence: Silence,
        seed: UInt64,
        requestTimeout: Interval = .seconds(4)
    ) -> (TestFleet, [TestClient]) {
        let fleet = TestFleet(layout, seed: seed) { $0.requestTimeout = requestTimeout }
        let gateways = layout.roles.indices.filter { layout.roles[$0].contains(.gateway) }
        let clients = (0..<12).map { index in
            TestClient(
                fleet,
                user: UInt64(index + 1),
                in: ConversationID(high: KeyedRandom.mix(UInt64(index % 3)), low: 5),
                at: gateways[index % gateways.count],
                slot: UInt32(index)
            )
        }
        fleet.run(until: .zero + .seconds(2))
        switch silence {
        case .store: fleet.stalledUntil = .zero + .seconds(20)
        case .bus: fleet.bus.loss = 1000
        }
        for client in clients {
            client.subscribesAgain = false
            client.connect()
        }
        return (fleet, clients)
    }

    private func errors(_ client: TestClient) -> Int {
        client.replies.count { $0.1 == .error(.internal) }
    }

    private static let cases: [(Layout, Silence)] = [
        (.together, .store), (.apart, .store), (.apart, .bus),
    ]

    @Test(arguments: Self.cases, 1...4 as ClosedRange<UInt64>)
    func `who subscribes in vain is told so in time, and nothing stays behind`(
        _ setting: (Layout, Silence),
        _ seed: UInt64
    ) {
        let (fleet, clients) = self.fleet(setting.0, setting.1, seed: seed)
        fleet.run(until: .zero + .milliseconds(5_900))
        #expect(clients.allSatisfy { $0.state == .online && self.errors($0) == 0 })
        for client in clients {
            let request = HistoryRequest(since: nil, epoch: nil, limit: 9, isReversed: false)
            let reference = ConversationReference(
                id: client.conversation,
                namespace: 0,
                name: .none
            )
            if setting.1 == .store { client.command(.history(reference, request)) }
        }
        fleet.run(until: .zero + .milliseconds(6_100))
        #expect(clients.allSatisfy { self.errors($0) == 1 })
        fleet.run(until: .zero + .seconds(18))
        #expect(clients.allSatisfy { self.errors($0) == (setting.1 == .store ? 2 : 1) })
        for client in clients { client.subscribe() }
        fleet.run(until: .zero + .seconds(20))
        fleet.bus = .calm
        fleet.run(until: .zero + .seconds(25))
        #expect(clients.allSatisfy { $0.position != nil && $0.closeCodes == [] })
        for client in clients { client.drop() }
        fleet.run(until: .zero + .seconds(400))
        #expect(fleet.outstandingPages == [])
        for index in 0..<fleet.shardCount {
            let left = fleet.statistics(of: index)
            #expect(left.subscriptions + left.feeds + left.conversations == 0)
            #expect(left.heldDeliveries == 0)
            #expect(left.requests <= 1, "a lease round may be under way")
            #expect(left.deadlines <= 3, "leases, heads and pings")
        }
    }

    @Test func `a time-out as long as the clients' patience is caught`() {
        let (fleet, clients) = self.fleet(.apart, .bus, seed: 1, requestTimeout: .seconds(6))
        fleet.run(until: .zero + .milliseconds(6_100))
        #expect(clients.allSatisfy { self.errors($0) == 0 })
    }
}
