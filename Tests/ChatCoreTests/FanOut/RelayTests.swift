import ChatCore
import Kernel
import Testing

/// Conversations over so many gateway shards that deliveries take relays, in several hops.
@Suite struct RelayTests {
    private static let layout = Layout.wide(gateways: 11)

    private static func chat(seed: UInt64) -> Chat {
        Chat(Self.layout, seed: seed, clients: 33, messages: 4) { $0.fanOut.relayDegree = 2 }
    }

    private func sum(_ chat: Chat, _ path: KeyPath<ShardStatistics, UInt64>) -> UInt64 {
        (0..<chat.fleet.shardCount).reduce(0) {
            $0 + chat.fleet.statistics(of: $1)[keyPath: path]
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `a delivery by relays is as good as one from the owner, for one append a message`(
        _ seed: UInt64
    ) {
        let chat = Self.chat(seed: seed)
        var widest: [String: Int] = [:]
        chat.fleet.alter = { sender, message in
            if case .relayed(let delivery, _) = message {
                let message = "\(delivery.conversation.low) \(delivery.offset)"
                widest["\(message) from \(sender)", default: 0] += 1
            }
            return message
        }
        let verdict = chat.run(restarts: false)
        #expect(verdict.violations == [])
        #expect(chat.fleet.appended == UInt64(33 * 4))
        #expect(self.sum(chat, \.plansRelayed) > 100)
        #expect(self.sum(chat, \.relayed) > 500)
        #expect(widest.values.allSatisfy { $0 <= 2 }, "nobody sends to more than the degree")
        #expect(self.sum(chat, \.holes) == 0)
        #expect(self.sum(chat, \.deliveriesStale) == 0)
        for client in chat.clients { client.drop() }
        chat.fleet.run(until: .zero + .seconds(600))
        #expect(chat.fleet.outstandingPayloads == 0)
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `the promises hold over relays that die, and a bus that loses, repeats and reorders`(
        _ seed: UInt64
    ) {
        let chat = Self.chat(seed: seed)
        let fleet = chat.fleet
        fleet.bus = .hostile
        fleet.appendFault = { _ in
            switch fleet.draw(below: 20) {
            case 0: .failed
            case 1: .unknownApplied
            case 2: .unknownNotApplied
            default: .none
            }
        }
        let verdict = chat.run(restarts: true)
        #expect(verdict.violations == [])
        #expect(self.sum(chat, \.relayed) > 100)
    }

    /// Faults that the counts of the first law must show.
    enum PlantedFault: CaseIterable {
        case relayKeepsIt
        case busRepeatsIt
    }

    @Test(arguments: PlantedFault.allCases)
    func `a delivery that relays do not pass on, or that comes twice, is caught`(
        _ planted: PlantedFault
    ) {
        let chat = Self.chat(seed: 1)
        switch planted {
        case .relayKeepsIt:
            chat.fleet.alter = { _, message in
                guard case .relayed(let delivery, _) = message else { return message }
                return .relayed(delivery, .none)
            }
        case .busRepeatsIt: chat.fleet.bus.repetition = 300
        }
        let verdict = chat.run(restarts: false)
        #expect(self.sum(chat, planted == .relayKeepsIt ? \.holes : \.deliveriesStale) > 0)
        #expect(verdict.violations == [], "heads and positions heal it all the same")
    }

    @Test func `a shard where nobody looks any more takes its interest back at the owner`() {
        let stepper = ShardStepper()
        let (owner, relay) = (
            ShardID(node: NodeID(1), index: 0), ShardID(node: NodeID(2), index: 0)
        )
        let conversation = ConversationID(high: 5, low: 6)
        for partition in 0..<64 as Range<UInt16> {
            _ = stepper.send(.lease(PartitionID(partition), Term(1), owner: owner))
        }
        let delivery = Delivery(
            conversation: conversation,
            term: Term(1),
            epoch: Epoch(1),
            offset: Offset(1),
            unixMilliseconds: 1,
            body: Body(handle: PayloadHandle(rawValue: 9), byteCount: 1)
        )
        var route = Route(from: relay, indexBits: 0)
        route.insert(ShardID(node: NodeID(3), index: 0))
        let effects = stepper.send(.peer(relay, .relayed(delivery, route)))
        var onward: [ShardID] = []
        var withdrawn: [ShardID] = []
        var releases = 0
        for effect in effects {
            switch effect {
            case .peer(let shard, .relayed(let passed, let rest)):
                #expect(passed == delivery && rest.count == 0)
                onward.append(shard)
            case .peer(let shard, .withdraw): withdrawn.append(shard)
            case .release: releases += 1
            default: Issue.record("\(effect) is no way to treat a delivery")
            }
        }
        #expect(onward == [ShardID(node: NodeID(3), index: 0)])
        #expect(withdrawn == [owner] && releases == 1)
    }
}
