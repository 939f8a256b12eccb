import ChatCore
import Kernel
import Testing

@Suite struct ChannelPresenceTests {
    private func scene(
        _ layout: Layout,
        _ seed: UInt64,
        users: [UInt64] = [1, 2, 3, 4]
    )
        -> PresenceScene
    {
        let scene = PresenceScene(layout, seed: seed, users: users)
        for index in users.indices {
            // Whom the server subscribes is there like everybody.
            scene.clients[index].isSubscribedByServer = (UInt64(index) + seed) % 2 == 1
            scene.at(3_000 + UInt64(index) * 500) { scene.connect(index) }
        }
        return scene
    }

    @Test(arguments: Layout.allCases, 1...5 as ClosedRange<UInt64>)
    func `everybody who is there hears of a join once, the one who joins included`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = self.scene(layout, seed)
        scene.run(until: 8_000)
        for hearer in 0..<4 {
            let heard = scene.pushes[hearer, default: []].map(\.client)
            #expect(heard == Array(hearer..<4))
        }
        #expect(scene.pushes.values.allSatisfy { $0.allSatisfy(\.isJoin) })
    }

    @Test(arguments: Layout.allCases, 1...5 as ClosedRange<UInt64>)
    func `who leaves is told after the grace, under the name of its join`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = self.scene(layout, seed)
        scene.at(10_000) { scene.drop(3) }
        scene.run(until: 20_000)
        for hearer in 0..<3 {
            let leaves = scene.pushes[hearer, default: []].filter { !$0.isJoin }
            #expect(leaves.map(\.client) == [3])
            let at = leaves.first?.at ?? .zero
            #expect((.zero + .seconds(15) ... .zero + .seconds(16)).contains(at))
        }
    }

    @Test(arguments: Layout.allCases, 1...5 as ClosedRange<UInt64>)
    func `a return within the grace is silent for others and keeps the session's name`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = self.scene(layout, seed)
        let first = (3 as UInt64) << 32 | 1
        for round in 0..<4 as Range<UInt64> {
            scene.at(10_000 + round * 6_000) { scene.drop(3) }
            scene.at(14_000 + round * 6_000) { scene.connect(3) }
        }
        scene.at(40_000) { scene.ask(0, .members(scene.reference)) }
        scene.at(40_000) { scene.ask(3, .members(scene.reference)) }
        scene.at(41_000) { scene.drop(3) }
        scene.run(until: 50_000)
        for hearer in 0..<3 {
            let heard = scene.pushes[hearer, default: []].filter { $0.client == 3 }
            #expect(heard.map(\.isJoin) == [true, false], "one join and one leave")
            #expect(heard.allSatisfy { $0.connection == first })
        }
        let own = scene.pushes[3, default: []].filter { $0.client == 3 }
        #expect(own.count == 5 && own.allSatisfy(\.isJoin), "its own join each time")
        #expect(scene.gatherings[0]?.contains { $0.client == 3 && $0.connection == first } == true)
        #expect(
            scene.gatherings[3]?.contains { $0.client == 3 && $0.connection == first + 4 } == true
        )
    }

    @Test(arguments: Layout.allCases)
    func `presence lists sessions and the stats count them and their users`(_ layout: Layout) {
        let scene = self.scene(layout, 1, users: [1, 1, 2, 3])
        scene.at(9_000) { scene.ask(0, .members(scene.reference)) }
        scene.at(9_000) { scene.ask(1, .counts(scene.reference)) }
        scene.run(until: 10_000)
        #expect(scene.gatherings[0]?.map(\.client).sorted() == [0, 1, 2, 3])
        #expect(scene.counts[1]?.clients == 4 && scene.counts[1]?.users == 3)
    }

    @Test func `who is not there may not ask, and where presence is off nobody may`() {
        let scene = PresenceScene(.together, seed: 1, users: [1]) {
            $0.namespaces.append(Namespace())
        }
        scene.at(3_000) { scene.connect(0) }
        scene.at(4_000) {
            scene.ask(0, .members(PresenceScene.reference(ConversationID(high: 1, low: 1))))
            scene.ask(0, .counts(PresenceScene.reference(scene.conversation, namespace: 1)))
        }
        scene.run(until: 5_000)
        #expect(scene.errors[0] == [.permissionDenied, .notAvailable])
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `an owner that dies is followed by one that says nothing of those who stayed`(
        _ seed: UInt64
    ) {
        let scene = self.scene(.apart, seed)
        scene.fleet.bus = .hostile
        scene.at(10_000) {
            for shard in scene.layout.roles.indices
            where scene.layout.roles[shard].contains(.conversation) { scene.restart(shard) }
        }
        scene.at(24_000) { scene.fleet.bus = .calm }
        scene.at(25_000) { scene.ask(0, .members(scene.reference)) }
        scene.at(27_000) { scene.ask(0, .members(scene.reference)) }
        scene.run(until: 32_000)
        for hearer in 0..<4 {
            #expect(scene.pushes[hearer, default: []].allSatisfy { $0.at < .zero + .seconds(10) })
        }
        #expect(scene.gatherings[0]?.map(\.client).sorted() == [0, 1, 2, 3])
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `those whose gateway died may come back within the longer grace unseen`(_ seed: UInt64) {
        let scene = self.scene(.apart, seed)
        let lost = scene.clients.indices.filter { scene.clients[$0].index == scene.gateways[1] }
        scene.at(10_000) { scene.restart(scene.gateways[1]) }
        for index in lost.dropFirst() {
            scene.at(50_000 + UInt64(index) * 1_000) { scene.connect(index) }
        }
        scene.run(until: 90_000)
        let heard = scene.pushes[0, default: []].filter { $0.at > .zero + .seconds(10) }
        #expect(heard.map(\.client) == [lost[0]] && heard.allSatisfy { !$0.isJoin })
        #expect(heard.allSatisfy { $0.at > .zero + .seconds(69) })
    }

    @Test(arguments: Layout.allCases, 1...6 as ClosedRange<UInt64>)
    func `after quiet the gathering is the truth, and every payload is given back`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = self.scene(layout, seed, users: [1, 2, 2, 3, 4, 4, 5, 6])
        scene.fleet.bus = .hostile
        for step in 0..<200 as Range<UInt64> {
            scene.at(8_000 + step * 130) {
                let index = Int(scene.fleet.draw(below: 8))
                if scene.fleet.draw(below: 2) == 0 {
                    scene.drop(index)
                } else {
                    scene.connect(index)
                }
            }
        }
        scene.at(36_000) {
            scene.fleet.bus = .calm
            scene.connect(0)
            scene.drop(7)
        }
        scene.at(50_000) { scene.ask(0, .members(scene.reference)) }
        scene.run(until: 51_000)
        let there = scene.clients.indices.filter { scene.clients[$0].state == .online }
        #expect(
            scene.gatherings[0]?.map { scene.clients[$0.client].user.low }.sorted()
                == there.map { scene.clients[$0].user.low }.sorted()
        )
        for index in scene.clients.indices { scene.drop(index) }
        scene.run(until: 300_000)
        #expect(scene.fleet.outstandingPayloads == 0)
    }
}
