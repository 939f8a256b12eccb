import ChatCore
import Kernel
import Testing

/// Slow clients: they get everything in order, or are told that they do not, and nobody else pays.
@Suite struct CatchUpTests {
    private static func marks(_ configuration: inout ShardConfiguration) {
        configuration.backlog.high = 700
        configuration.backlog.low = 200
        configuration.backlog.bound = 20_000
        configuration.backlog.page = 400
    }

    /// A chat in which every third client reads more slowly than the others talk.
    private static func chat(
        _ layout: Layout,
        isHostile: Bool,
        seed: UInt64,
        bug: SlowLink.PlantedBug? = nil
    ) -> Chat {
        let chat = Chat(layout, seed: seed, messages: 40, configure: Self.marks)
        let fleet = chat.fleet
        for index in chat.clients.indices where index % 3 < 2 {
            chat.clients[index].bytesPerSecond = 400 + 200 * UInt64(index % 4)
            chat.clients[index].linkBug = bug
        }
        if isHostile {
            fleet.bus = .hostile
            fleet.appendFault = { _ in fleet.draw(below: 15) == 0 ? .unknownApplied : .none }
        }
        return chat
    }

    private static func sum(_ fleet: TestFleet, _ path: KeyPath<ShardStatistics, UInt64>) -> UInt64
    {
        (0..<fleet.shardCount).reduce(0) { $0 + fleet.statistics(of: $1)[keyPath: path] }
    }

    @Test(arguments: PromiseCase.all.filter { $0.seed <= 8 })
    func `slow readers see an unbroken sequence whatever the bus and the store do`(
        _ promise: PromiseCase
    ) {
        let chat = Self.chat(promise.layout, isHostile: promise.isHostile, seed: promise.seed)
        chat.fleet.twinEvery = 977
        let verdict = chat.run(restarts: promise.isHostile)
        #expect(verdict.violations == [])
        #expect(chat.fleet.twinDifferences == [])
        // A shard that dies takes its counts with it.
        if !promise.isHostile { #expect(Self.sum(chat.fleet, \.fed) > 0) }
        #expect(Self.sum(chat.fleet, \.leftBehind) == 0)
        #expect(Self.sum(chat.fleet, \.lagging) == 0, "everybody has caught up in the quiet")
        for client in chat.clients {
            #expect(!client.closeCodes.contains(.slow))
            #expect(client.link?.peakBytes ?? 0 < 6_000, "what waits is bounded")
            client.drop()
        }
        chat.fleet.run(until: .zero + .seconds(600))
        if !promise.isHostile { #expect(chat.fleet.outstandingPayloads == 0) }
        #expect(chat.fleet.outstandingPages.isEmpty)
    }

    @Test(arguments: SlowLink.PlantedBug.allCases)
    func `a host that breaks its part of catch-up is caught`(_ bug: SlowLink.PlantedBug) {
        var isCaught = false
        for seed in 1...20 as ClosedRange<UInt64> where !isCaught {
            let chat = Self.chat(.together, isHostile: false, seed: seed, bug: bug)
            isCaught = !chat.run(restarts: false).violations.isEmpty
        }
        #expect(isCaught)
    }
}

/// The steps of one connection that falls behind and catches up.
@Suite struct CatchUpStepTests {
    private static let room = ConversationReference(
        id: ConversationID(high: 4, low: 9),
        namespace: 0,
        name: .none
    )
    private static let policy = BacklogPolicy()

    /// A reader (slot 0) and a sender (slot 1) in one conversation.
    private struct Scene {
        let loop: Loopback
        let reader: ConnectionHandle
        let sender: ConnectionHandle
        private var next: UInt32 = 10

        init(
            isServerSide: Bool = false,
            _ configure: (inout ShardConfiguration) -> Void = { _ in }
        ) {
            self.loop = Loopback(configure)
            self.loop.send(.wallClock(unixMilliseconds: 1_700_000_000_000))
            self.loop.own(term: 1)
            self.reader = self.loop.stepper.admit(slot: 0)
            self.sender = self.loop.stepper.admit(slot: 1, user: 2)
            if isServerSide {
                self.loop.send(.grant(self.reader, room, since: nil))
            } else {
                self.loop.send(.command(self.reader, CommandID(2), .subscribe(room, since: nil)))
            }
        }

        mutating func publish(_ count: Int) {
            for _ in 0..<count {
                self.next += 1
                let body = Body(handle: .none, byteCount: 10)
                self.loop.send(
                    .command(self.sender, CommandID(self.next), .publish(room, body))
                )
            }
        }

        func backlog(_ bytes: UInt32) { self.loop.send(.backlog(self.reader, bytes: bytes)) }
    }

    @Test func `nothing is queued above the high mark, and below the low mark all of it comes`() {
        var scene = Scene()
        scene.publish(3)
        #expect(scene.loop.deliveries == 3)
        scene.backlog(Self.policy.high)
        scene.publish(1)
        #expect(scene.loop.deliveries == 4, "at the mark is not above it")
        scene.backlog(Self.policy.high + 1)
        scene.publish(7)
        #expect(scene.loop.deliveries == 4)
        scene.backlog(Self.policy.low + 1)
        #expect(scene.loop.deliveries == 4)
        #expect(scene.loop.stepper.statistics.lagging == 1)
        scene.backlog(Self.policy.low)
        #expect(scene.loop.deliveries == 11)
        scene.publish(1)
        #expect(scene.loop.deliveries == 11, "not before there is room again")
        scene.backlog(0)
        #expect(scene.loop.deliveries == 12)
        scene.backlog(0)
        scene.publish(1)
        #expect(scene.loop.deliveries == 13, "it lives on")
        #expect(scene.loop.stepper.statistics.lagging == 0)
        #expect(scene.loop.closes.isEmpty && scene.loop.unsubscribed.isEmpty)
    }

    @Test func `what the host dropped is given again, and nothing twice`() {
        var scene = Scene()
        scene.publish(5)
        scene.backlog(Self.policy.high + 1)
        scene.loop.send(.dropped(scene.reader, Self.room.id, after: Offset(2)))
        scene.backlog(0)
        #expect(scene.loop.deliveries == 8)
        #expect(scene.loop.stepper.statistics.fed == 3)
    }

    @Test func `each subscription has its turn, and all live on together`() {
        let references = (0..<3 as Range<UInt64>).map {
            ConversationReference(
                id: ConversationID(high: 5, low: $0),
                namespace: 0,
                name: .none
            )
        }
        let loop = Loopback { $0.backlog.page = 10 }
        loop.own(term: 1)
        let reader = loop.stepper.admit(slot: 0)
        let sender = loop.stepper.admit(slot: 1, user: 2)
        var command: UInt32 = 1
        func publish(_ count: Int) {
            for room in references {
                for _ in 0..<count {
                    command += 1
                    let body = Body(handle: .none, byteCount: 10)
                    loop.send(.command(sender, CommandID(command), .publish(room, body)))
                }
            }
        }
        for (index, room) in references.enumerated() {
            let id = CommandID(UInt32(index) + 2)
            loop.send(.command(reader, id, .subscribe(room, since: nil)))
        }
        loop.send(.backlog(reader, bytes: Self.policy.high + 1))
        publish(3)
        for step in 1...9 as ClosedRange<UInt64> {
            loop.send(.backlog(reader, bytes: 0))
            #expect(loop.reads == Int(step))
            #expect(loop.stepper.statistics.lagging == 3)
        }
        #expect(Set(loop.pages[0..<3].map(\.lowerBound)) == [1], "one page of each first")
        loop.send(.backlog(reader, bytes: 0))
        #expect(loop.stepper.statistics.lagging == 0)
        let before = loop.deliveries
        publish(1)
        #expect(loop.deliveries == before + 3)
    }

    @Test func `replies flow while publications are held back`() {
        var scene = Scene()
        scene.backlog(Self.policy.high + 1)
        scene.publish(2)
        let replies = scene.loop.replies.count
        scene.loop.send(.command(scene.reader, CommandID(77), .unsubscribe(Self.room.id)))
        #expect(scene.loop.replies.count == replies + 1)
        #expect(scene.loop.stepper.statistics.lagging == 0)
        scene.backlog(0)
        scene.publish(1)
        #expect(scene.loop.deliveries == 0)
    }

    @Test func `who subscribes again while behind is not given what was dropped of the first time`()
    {
        var scene = Scene()
        scene.publish(5)
        scene.backlog(Self.policy.high + 1)
        scene.loop.send(.command(scene.reader, CommandID(77), .unsubscribe(Self.room.id)))
        scene.loop.send(.command(scene.reader, CommandID(78), .subscribe(Self.room, since: nil)))
        scene.loop.send(.dropped(scene.reader, Self.room.id, after: Offset(2)))
        scene.publish(1)
        scene.backlog(0)
        #expect(scene.loop.deliveries == 6)
    }

    @Test(arguments: [false, true], [0, 1])
    func `beyond the window a subscription ends, the server's with its connection`(
        isServerSide: Bool,
        excess: Int
    ) {
        for configure in [
            { $0.recoveryLimit = 5 }, { $0.namespaces[0].historySize = 5 },
        ] as [(inout ShardConfiguration) -> Void] {
            var scene = Scene(isServerSide: isServerSide, configure)
            scene.backlog(Self.policy.high + 1)
            scene.publish(5 + excess)
            scene.backlog(0)
            let isOver = excess > 0
            let ends = isOver && !isServerSide
            #expect(scene.loop.unsubscribed == (ends ? [.insufficientState] : []))
            #expect(scene.loop.closes == (isOver && isServerSide ? [.insufficientState] : []))
            #expect(scene.loop.deliveries == (isOver ? 0 : 5))
            scene.backlog(0)
            #expect(scene.loop.stepper.statistics.lagging == 0)
        }
    }

    @Test(arguments: [false, true])
    func `beyond the window's age a subscription ends`(isServerSide: Bool) {
        var scene = Scene(isServerSide: isServerSide) {
            $0.namespaces[0].historyAge = .seconds(5)
        }
        scene.backlog(Self.policy.high + 1)
        scene.publish(1)
        scene.loop.run(for: .seconds(8))
        scene.publish(1)
        scene.backlog(0)
        #expect(scene.loop.unsubscribed == (isServerSide ? [] : [.insufficientState]))
        #expect(scene.loop.closes == (isServerSide ? [.insufficientState] : []))
        #expect(scene.loop.deliveries == 0)
    }

    @Test func `without a log what comes meanwhile is lost, and nothing else`() {
        var scene = Scene { $0.namespaces[0].hasLog = false }
        scene.publish(2)
        scene.backlog(Self.policy.high + 1)
        scene.publish(3)
        #expect(scene.loop.deliveries == 2)
        scene.backlog(0)
        #expect(scene.loop.deliveries == 2)
        scene.publish(1)
        #expect(scene.loop.deliveries == 3)
        #expect(scene.loop.closes.isEmpty && scene.loop.unsubscribed.isEmpty)
    }

    @Test func `more replies than the bound close a connection, publications never do`() {
        var scene = Scene()
        scene.publish(1)
        scene.backlog(Self.policy.bound + 1)
        #expect(scene.loop.closes.isEmpty)
        scene.backlog(Self.policy.bound)
        #expect(scene.loop.closes.isEmpty)
        scene.backlog(Self.policy.bound + 1)
        #expect(scene.loop.closes == [.slow])
        scene.publish(1)
        #expect(scene.loop.deliveries == 1)
    }
}
