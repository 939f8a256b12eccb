import ChatCore
import Kernel
import Testing

/// One run of the promises: how roles are spread, what the bus does, and the seed.
struct PromiseCase: CustomTestStringConvertible {
    var layout: Layout
    var isHostile: Bool
    var seed: UInt64

    var testDescription: String {
        "\(self.layout), \(self.isHostile ? "hostile" : "calm") bus, seed \(self.seed)"
    }

    static let all: [Self] = Layout.allCases.flatMap { layout in
        [false, true].flatMap { isHostile in
            (1...20).map { Self(layout: layout, isHostile: isHostile, seed: $0) }
        }
    }
}

/// A chat of some clients in some conversations, with drops and a store that fails.
struct Chat {
    let fleet: TestFleet
    let clients: [TestClient]
    private let messages: Int
    private let layout: Layout

    init(
        _ layout: Layout,
        seed: UInt64,
        clients: Int = 12,
        messages: Int = 20,
        configure: (inout ShardConfiguration) -> Void = { _ in }
    ) {
        let fleet = TestFleet(layout, seed: seed, configure: configure)
        self.layout = layout
        self.fleet = fleet
        let gateways = layout.roles.indices.filter { layout.roles[$0].contains(.gateway) }
        self.clients = (0..<clients).map { index in
            let group = UInt64(index % 3)
            let conversation = ConversationID(
                high: KeyedRandom.mix(group + 1),
                low: KeyedRandom.mix(group + 100)
            )
            let client = TestClient(
                fleet,
                user: UInt64(index + 1),
                in: conversation,
                at: gateways[index % gateways.count],
                slot: UInt32(index)
            )
            client.isSubscribedByServer = index % 2 == 1
            return client
        }
        self.messages = messages
    }

    /// Everybody talks for a while, then the world heals and the quiet must bring agreement.
    func run(restarts: Bool) -> Verdict {
        let clients = self.clients
        let fleet = self.fleet
        let roles = self.layout.roles
        let count = UInt64(clients.count)
        self.fleet.onClientTimer = { timer in
            let client = clients[Int(timer % count)]
            switch timer / count % 1000 {
            case 0: client.connect()
            case 1: client.drop()
            case 2: client.repeatUnacknowledged()
            case 3:
                let index = Int(fleet.draw(below: UInt64(roles.count)))
                fleet.restart(index, roles[index])
            default: client.send(MessageID(high: timer, low: client.user.low))
            }
        }
        if restarts {
            for restart in 0..<3 as Range<UInt64> {
                let time = Interval.milliseconds(8_000 + self.fleet.draw(below: 15_000))
                self.at(time, (restart * 1000 + 3) * count)
            }
        }
        for index in 0..<count {
            self.at(.seconds(3), index)
            for message in 0..<UInt64(self.messages) {
                let kind = (message + 4) * count + index
                self.at(.milliseconds(4_000 + self.fleet.draw(below: 20_000)), kind)
            }
            for second in 6..<60 {
                if second < 25, self.fleet.draw(below: 8) == 0 {
                    self.at(.seconds(UInt64(second)), count + index)
                }
                self.at(.milliseconds(UInt64(second) * 1000 + 300), index)
                self.at(.milliseconds(UInt64(second) * 1000 + 700), 2 * count + index)
            }
        }
        self.fleet.run(until: .zero + .seconds(30))
        self.fleet.bus = .calm
        self.fleet.appendFault = { _ in .none }
        self.fleet.run(until: .zero + .seconds(300))
        return Verdict(self.fleet, clients)
    }

    private func at(_ time: Interval, _ timer: UInt64) {
        self.fleet.schedule(0, .client(timer), after: time)
    }
}

@Suite struct PromiseTests {
    @Test(arguments: PromiseCase.all)
    func `all messages arrive once and in order whatever the bus and the store do`(
        _ promise: PromiseCase
    ) {
        let chat = Chat(promise.layout, seed: promise.seed)
        if promise.isHostile {
            chat.fleet.bus = .hostile
            let fleet = chat.fleet
            fleet.appendFault = { _ in
                switch fleet.draw(below: 20) {
                case 0: .failed
                case 1: .unknownApplied
                case 2: .unknownNotApplied
                default: .none
                }
            }
        }
        let verdict = chat.run(restarts: promise.isHostile)
        #expect(verdict.violations == [])
        #expect(verdict.checks > 200)
        for client in chat.clients { client.drop() }
        chat.fleet.run(until: .zero + .seconds(600))
        // A shard that dies takes its references with it.
        if !promise.isHostile {
            #expect(chat.fleet.outstandingPayloads == 0, "every payload is given back")
        }
    }

    @Test(arguments: Layout.allCases, 1...6 as ClosedRange<UInt64>)
    func `every payload is given back whatever the bus and the store do`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let chat = Chat(layout, seed: seed)
        let fleet = chat.fleet
        fleet.bus = .hostile
        fleet.appendFault = { _ in fleet.draw(below: 9) == 0 ? .unknownApplied : .none }
        #expect(chat.run(restarts: false).violations == [])
        for client in chat.clients { client.drop() }
        fleet.run(until: .zero + .seconds(600))
        #expect(fleet.outstandingPayloads == 0)
    }

    @Test(arguments: Layout.allCases)
    func `a conversation that nobody watches any more is forgotten, and found again`(
        _ layout: Layout
    ) {
        let chat = Chat(layout, seed: 1, clients: 1, messages: 3)
        #expect(chat.run(restarts: false).violations == [])
        chat.clients[0].drop()
        chat.fleet.run(until: .zero + .seconds(330))
        let kept = (0..<chat.fleet.shardCount).map {
            chat.fleet.statistics(of: $0).conversations
        }
        #expect(kept.allSatisfy { $0 == 0 })
        chat.clients[0].connect()
        chat.clients[0].send(MessageID(high: 99, low: 1))
        chat.fleet.run(until: .zero + .seconds(340))
        #expect(chat.clients[0].acknowledged.count == 4)
    }

    @Test(arguments: [MemoryStore.PlantedBug.acceptsRepeatedIDs, .forgetsAppends])
    func `a store that breaks its contract is caught`(_ bug: MemoryStore.PlantedBug) {
        var isCaught = false
        for seed in 1...20 as ClosedRange<UInt64> where !isCaught {
            let chat = Chat(.apart, seed: seed)
            chat.fleet.bus = .hostile
            chat.fleet.store.bug = bug
            let fleet = chat.fleet
            fleet.appendFault = { _ in fleet.draw(below: 5) == 0 ? .unknownApplied : .none }
            isCaught = !chat.run(restarts: true).violations.isEmpty
        }
        #expect(isCaught)
    }
}
