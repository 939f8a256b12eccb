import ChatCore
import Kernel
import Oracles
import Testing

@Suite struct UserPresenceTests {
    /// Client *n* speaks for user *n* + 1; everybody connects, and then watches everybody.
    private func scene(
        _ layout: Layout,
        _ seed: UInt64,
        users: [UInt64] = [1, 2, 3, 4, 5, 6],
        configure: (inout ShardConfiguration) -> Void = { _ in }
    ) -> PresenceScene {
        let scene = PresenceScene(layout, seed: seed, users: users, configure: configure)
        for index in users.indices {
            scene.at(3_000 + UInt64(index) * 50) { scene.connect(index) }
            scene.at(4_000) { scene.watch(index, Array(Set(users)).sorted()) }
        }
        return scene
    }

    private func news(
        _ scene: PresenceScene,
        of user: UInt64,
        after seconds: UInt64
    )
        -> [PresenceState]
    {
        scene.statuses[0, default: []]
            .filter { $0.user == user && $0.at > .zero + .seconds(seconds) }
            .map(\.state)
    }

    @Test(arguments: Layout.allCases, 1...5 as ClosedRange<UInt64>)
    func `a watcher learns who is there, and after the grace who has left`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = self.scene(layout, seed)
        scene.at(10_000) { scene.drop(3) }
        scene.at(30_000) { scene.connect(3) }
        scene.run(until: 40_000)
        scene.settle()
        #expect(self.news(scene, of: 4, after: 0) == [.active, .offline, .active])
        #expect(scene.oracle.violations == [])
    }

    @Test func `who was just answered by a former owner is announced to the next one`() throws {
        let stepper = ShardStepper { $0.presence.followsUsers = true }
        let owners = [7, 8].map { ShardID(node: NodeID($0), index: 0) }
        func announcements(_ effects: [ShardEffect], to owner: ShardID) -> [Announcement] {
            effects.compactMap {
                if case .peer(owner, .presence(.announce(let one))) = $0 { one } else { nil }
            }
        }
        func lease(_ term: Term, _ owner: ShardID) -> [ShardEffect] {
            (64..<128 as Range<UInt16>).flatMap {
                stepper.send(.lease(PartitionID($0), term, owner: owner))
            }
        }
        _ = lease(Term(1), owners[0])
        _ = stepper.admit(slot: 0)
        let said = announcements(stepper.advance(by: .milliseconds(300)), to: owners[0])
        let first = try #require(said.first)
        let answer = PresenceMessage.announced(
            first.subject,
            Term(1),
            ordinal: first.ordinal,
            excess: 0
        )
        _ = stepper.send(.peer(owners[0], .presence(answer)))
        let effects = lease(Term(2), owners[1]) + stepper.advance(by: .seconds(1))
        #expect(announcements(effects, to: owners[1]).contains { $0.subject == first.subject })
    }

    /// Nobody has been told of a user yet, and who watches may be heard before who is there.
    @Test(arguments: Layout.allCases, 1...5 as ClosedRange<UInt64>)
    func `in the first second of a first term nobody is told to be gone who is there`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = PresenceScene(layout, seed: seed, users: [1, 2, 3]) { _ in }
        for index in 0..<3 {
            scene.at(UInt64(index) * 20) { scene.connect(index) }
            scene.at(100 + UInt64(index) * 20) { scene.watch(index, [1, 2, 3]) }
        }
        scene.at(400) { scene.drop(1) }
        scene.at(1_500) { scene.connect(1) }
        scene.run(until: 20_000)
        scene.settle()
        #expect(!self.news(scene, of: 2, after: 0).contains(.offline))
        #expect(scene.oracle.violations == [])
    }

    @Test(arguments: Layout.allCases, 1...5 as ClosedRange<UInt64>)
    func `a drop shorter than the grace is seen by nobody`(_ layout: Layout, _ seed: UInt64) {
        let scene = self.scene(layout, seed)
        for round in 0..<5 as Range<UInt64> {
            scene.at(10_000 + round * 5_500) { scene.drop(3) }
            scene.at(14_900 + round * 5_500) { scene.connect(3) }
        }
        scene.run(until: 60_000)
        #expect(self.news(scene, of: 4, after: 9) == [])
        #expect(scene.oracle.violations == [])
    }

    @Test(arguments: Layout.allCases)
    func `several devices and overlapping sockets of a user count once`(_ layout: Layout) {
        let scene = self.scene(layout, 1, users: [1, 2, 2, 2])
        scene.at(10_000) { scene.drop(1) }
        scene.at(20_000) { scene.drop(2) }
        scene.at(30_000) { scene.connect(1) }
        scene.at(30_100) { scene.drop(3) }
        scene.at(40_000) { scene.drop(1) }
        scene.run(until: 50_000)
        scene.settle()
        #expect(self.news(scene, of: 2, after: 0) == [.active, .offline])
        #expect(scene.oracle.violations == [])
    }

    @Test(arguments: Layout.allCases)
    func `away and do-not-disturb are told, and who is invisible appears to have left`(
        _ layout: Layout
    ) {
        let scene = self.scene(layout, 1)
        for (index, choice) in PresenceChoice.allCases.enumerated() {
            scene.at(10_000 + UInt64(index) * 3_000) { scene.ask(3, .choose(choice)) }
        }
        scene.at(22_000) { scene.drop(3) }
        scene.at(23_000) { scene.connect(3) }
        scene.run(until: 40_000)
        #expect(self.news(scene, of: 4, after: 9) == [.away, .doNotDisturb, .offline])
    }

    @Test(arguments: Layout.allCases)
    func `a user who changes all the time is told at most once in a window, and the last state`(
        _ layout: Layout
    ) {
        let scene = self.scene(layout, 1)
        for step in 0..<100 as Range<UInt64> {
            let choice: PresenceChoice = step % 2 == 0 ? .away : .active
            scene.at(10_000 + step * 90) { scene.ask(3, .choose(choice)) }
        }
        scene.at(19_500) { scene.ask(3, .choose(.doNotDisturb)) }
        scene.run(until: 30_000)
        #expect(scene.oracle.violations == [])
        #expect(self.news(scene, of: 4, after: 9).count <= 12)
        #expect(self.news(scene, of: 4, after: 9).last == .doNotDisturb)
    }

    @Test(arguments: Layout.allCases)
    func `a small budget widens W, and every final state is told`(_ layout: Layout) {
        let scene = self.scene(layout, 1, users: Array(1...30)) { $0.presence.budget = 50 }
        for index in 1..<30 { scene.at(12_000) { scene.drop(index) } }
        for index in 1..<30 { scene.at(30_000) { scene.connect(index) } }
        for index in 1..<30 {
            scene.at(31_000) { scene.watch(index, Array(1...30)) }
        }
        scene.at(40_000) { for index in 1..<10 { scene.drop(index) } }
        scene.run(until: 90_000)
        scene.settle()
        #expect(scene.oracle.violations == [])
        #expect(scene.oracle.widestWindow > .seconds(2))
    }

    @Test func `more users than a connection may watch are refused, and then none is watched`() {
        let scene = self.scene(.together, 1) { $0.presence.watchLimit = 8 }
        scene.at(6_000) { scene.watch(0, Array(10...20)) }
        scene.run(until: 10_000)
        #expect(scene.errors[0] == [.limitExceeded])
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `an owner that dies is followed by one that tells differences only`(_ seed: UInt64) {
        let scene = self.scene(.apart, seed)
        scene.fleet.bus = .hostile
        scene.at(20_000) {
            for shard in scene.layout.roles.indices
            where scene.layout.roles[shard].contains(.user) { scene.restart(shard) }
        }
        scene.at(21_000) { scene.drop(3) }
        scene.run(until: 110_000)
        scene.settle()
        #expect(self.news(scene, of: 4, after: 20) == [.offline])
        for user in [1, 2, 3, 5, 6] as [UInt64] {
            #expect(self.news(scene, of: user, after: 20) == [])
        }
        #expect(scene.oracle.violations == [])
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `those whose gateway died may come back within the longer grace unseen`(_ seed: UInt64) {
        let scene = self.scene(.apart, seed)
        let lost = scene.clients.indices.filter { scene.clients[$0].index == scene.gateways[1] }
        scene.at(20_000) { scene.restart(scene.gateways[1]) }
        for index in lost.dropFirst() {
            scene.at(60_000 + UInt64(index) * 1_000) { scene.connect(index) }
        }
        scene.run(until: 100_000)
        scene.settle()
        let heard = scene.statuses[0, default: []].filter { $0.at > .zero + .seconds(20) }
        #expect(heard.map(\.user) == [scene.clients[lost[0]].user.low])
        #expect(scene.oracle.violations == [])
    }

    @Test(arguments: Layout.allCases, 1...20 as ClosedRange<UInt64>)
    func `the guarantee holds whatever users and the bus do`(_ layout: Layout, _ seed: UInt64) {
        let scene = self.scene(layout, seed, users: [1, 2, 3, 3, 4, 5, 6, 6, 7, 8])
        scene.fleet.bus = .hostile
        let fleet = scene.fleet
        for step in 0..<400 as Range<UInt64> {
            scene.at(8_000 + step * 150) {
                let index = Int(fleet.draw(below: 10))
                switch fleet.draw(below: 4) {
                case 0: scene.drop(index)
                case 1: scene.watch(index, [fleet.draw(below: 8) + 1])
                default: scene.connect(index)
                }
            }
        }
        if layout == .apart {
            scene.at(30_000) { scene.restart(Int(fleet.draw(below: 6))) }
        }
        scene.at(68_000) { fleet.bus = .calm }
        for index in scene.clients.indices {
            scene.at(70_000) { scene.connect(index) }
            scene.at(71_000) { scene.watch(index, Array(1...8)) }
            if index % 3 == 0 { scene.at(75_000) { scene.drop(index) } }
        }
        scene.run(until: 160_000)
        scene.settle()
        #expect(scene.oracle.violations == [])
        #expect(scene.oracle.checkCount(of: .convergence) > 0)
    }
}
