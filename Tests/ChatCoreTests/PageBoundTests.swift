import ChatCore
import Kernel
import Testing

/// How much one answer holds, and what a shard remembers: the bounds that no other law comes to.
struct PageBoundTests {
    private let conversation = ConversationID(high: 1, low: 2)
    private let owner = ShardID(node: NodeID(9), index: 0)

    private var reference: ConversationReference {
        ConversationReference(id: self.conversation, namespace: 0, name: .none)
    }

    private func subscribe(since offset: UInt64?) -> Command {
        let since = offset.map {
            RecoveryRequest(epoch: Epoch(5), offset: Offset($0), refusesUnrecovered: false)
        }
        return .subscribe(self.reference, since: since)
    }

    private func delivery(_ offset: UInt64) -> ShardEvent {
        let delivery = Delivery(
            conversation: self.conversation,
            term: Term(1),
            epoch: Epoch(5),
            offset: Offset(offset),
            unixMilliseconds: 0,
            body: Body(handle: PayloadHandle(rawValue: offset), byteCount: 1)
        )
        return .peer(self.owner, .delivery(delivery))
    }

    /// A gateway whose feed is live at `head`.
    private func gateway(
        head: UInt64,
        _ configure: (inout ShardConfiguration) -> Void
    ) -> ShardStepper {
        let stepper = ShardStepper(configure)
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: self.owner))
        let client = stepper.admit(slot: 0)
        _ = stepper.send(.command(client, CommandID(2), self.subscribe(since: nil)))
        let stream = StreamHead(epoch: Epoch(5), offset: Offset(head))
        _ = stepper.send(.peer(self.owner, stepper.interested(self.conversation, Term(1), stream)))
        return stepper
    }

    private func read(_ effects: [ShardEffect]) -> ReadRequest? {
        for case .store(_, .read(let read)) in effects { return read }
        return nil
    }

    @Test(arguments: [1, 2, 3, 4, 100] as [UInt32])
    func `a page of history and a window of a list hold no more than they may`(_ limit: UInt32) {
        let stepper = ShardStepper {
            $0.historyLimit = 3
            $0.listLimit = 3
        }
        let handle = stepper.admit(slot: 0)
        let page = HistoryRequest(since: nil, epoch: nil, limit: limit, isReversed: false)
        let history = stepper.send(.command(handle, CommandID(2), .history(self.reference, page)))
        #expect(self.read(history)?.limit == min(limit, 3))
        let list = Command.list(known: .none, after: nil, limit: limit)
        var asked: [UInt32] = []
        for case .store(_, .list(let request)) in stepper.send(.command(handle, CommandID(3), list))
        {
            asked.append(request.limit)
        }
        #expect(asked == [min(limit, 3)])
    }

    @Test(arguments: [6, 7, 8] as [UInt64])
    func `a subscriber recovers as many messages as may be, and is told when there are more`(
        _ offset: UInt64
    ) {
        let stepper = self.gateway(head: 10) { $0.recoveryLimit = 3 }
        let handle = stepper.admit(slot: 1, user: 2)
        let effects = stepper.send(.command(handle, CommandID(2), self.subscribe(since: offset)))
        guard offset >= 7 else {
            var recoveries: [SubscribeReply.Recovery] = []
            for case .reply(handle, _, .subscribed(let reply)) in effects {
                recoveries.append(reply.recovery)
            }
            #expect(recoveries == [.unrecovered])
            return
        }
        #expect(self.read(effects)?.limit == 3)
    }

    @Test
    func `what is kept until a page has been read is bounded, and what is not kept is given back`()
    {
        let stepper = self.gateway(head: 10) { $0.heldLimit = 4 }
        let handle = stepper.admit(slot: 1, user: 2)
        _ = stepper.send(.command(handle, CommandID(2), self.subscribe(since: 8)))
        // After a hole, so that nobody is served meanwhile.
        var released = 0
        for offset in 12..<32 as Range<UInt64> {
            for case .release in stepper.send(self.delivery(offset)) { released += 1 }
            #expect(stepper.statistics.heldDeliveries <= 4)
        }
        #expect(stepper.statistics.heldDeliveries == 4)
        #expect(released == 16)
    }

    @Test(arguments: [0, 1, 2, 100])
    func `a repeat gets the first offset, however few ids are remembered`(_ limit: Int) {
        let loop = Loopback { $0.recentMessageLimit = limit }
        loop.own(term: 1)
        let handle = loop.stepper.admit(slot: 0)
        for id in [1, 2, 3, 4, 1, 2, 3, 4] as [UInt64] {
            let body = Body(handle: PayloadHandle(rawValue: 500), byteCount: 1)
            let send = Command.send(self.reference, MessageID(high: 7, low: id), body)
            loop.send(.command(handle, CommandID(2), send))
        }
        #expect(loop.sent.map(\.offset.rawValue) == [1, 2, 3, 4, 1, 2, 3, 4])
        #expect(
            loop.sent.map(\.isDuplicate) == [false, false, false, false, true, true, true, true]
        )
    }

    @Test(arguments: Layout.allCases)
    func `an answer about presence lists as many sessions as may be, and refuses more`(
        _ layout: Layout
    ) {
        for (users, error) in [(2, nil), (3, ErrorCode.limitExceeded)] as [(UInt64, ErrorCode?)] {
            let scene = PresenceScene(layout, seed: 1, users: Array(1...users)) {
                $0.presence.memberLimit = 2
                $0.namespaces[0].presenceReaders = .clients
            }
            scene.at(5_000) { for index in scene.clients.indices { scene.connect(index) } }
            scene.at(8_000) { scene.ask(0, .members(scene.reference)) }
            scene.run(until: 10_000)
            #expect(scene.errors[0] ?? [] == (error.map { [$0] } ?? []))
            #expect(scene.gatherings[0]?.count == (error == nil ? 2 : nil))
        }
    }

    @Test(arguments: [0, 1, 2, 100])
    func `no more members are remembered than may be, and all may speak`(_ limit: Int) {
        let stepper = ShardStepper {
            $0.memberCacheLimit = limit
            $0.namespaces[0].isMembersOnly = true
        }
        let id = ShardID(node: NodeID(0), index: 0)
        let partition = PartitionID(of: self.conversation, count: 64)
        _ = stepper.send(.lease(partition, Term(1), owner: id))
        let gateway = ShardID(node: NodeID(5), index: 0)
        let stream = StreamHead(epoch: Epoch(5), offset: .start)
        var head: UInt64 = 0
        var asked: [Bool] = []
        // Serves the store's side of one message; whether the store was asked about its sender.
        func publish(_ user: UInt64, token: UInt64) {
            let request = PublishRequest(
                token: RequestToken(rawValue: token),
                conversation: self.conversation,
                namespace: 0,
                user: UserID(high: user, low: user),
                message: nil,
                body: Body(handle: PayloadHandle(rawValue: 1), byteCount: 1)
            )
            var effects = stepper.send(.peer(gateway, .publish(request)))
            var wasAsked = false
            while !effects.isEmpty {
                var next: [ShardEffect] = []
                for effect in effects {
                    guard case .store(let token, let request) = effect else { continue }
                    let outcome: StoreOutcome
                    switch request {
                    case .head: outcome = .head(stream)
                    case .standing:
                        wasAsked = true
                        outcome = .ruling(
                            .allowed,
                            StreamHead(epoch: Epoch(5), offset: Offset(head))
                        )
                    case .append:
                        head += 1
                        outcome = .appended(.done)
                    case .lookUp, .renewEpoch, .leases, .read, .list, .mark, .account, .audience,
                        .plans:
                        continue
                    }
                    next += stepper.send(.stored(token, outcome))
                }
                effects = next
            }
            asked.append(wasAsked)
        }
        for (token, user) in ([1, 2, 1, 2] as [UInt64]).enumerated() {
            publish(user, token: UInt64(token) + 1)
        }
        #expect(head == 4, "all are appended")
        let remembers = limit >= 2
        #expect(asked == [true, true, !remembers, !remembers])
    }
}
