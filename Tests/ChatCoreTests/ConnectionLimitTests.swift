import ChatCore
import Kernel
import Testing

/// How many connections one user has, counted by the owner of the user's partition.
struct ConnectionLimitTests {
    private static let limit: UInt32 = 3

    private static func scene(
        _ layout: Layout,
        _ seed: UInt64,
        limit: UInt32? = Self.limit
    ) -> PresenceScene {
        PresenceScene(layout, seed: seed, users: [1, 1, 1, 1, 1, 1, 2, 2, 3]) {
            $0.userConnectionLimit = limit
            $0.anonymous = UserID(high: 0, low: 3)
        }
    }

    private static func online(_ scene: PresenceScene, _ user: UInt64) -> [Int] {
        scene.clients.indices.filter {
            scene.clients[$0].user.low == user && scene.clients[$0].state == .online
        }
    }

    @Test(arguments: Layout.allCases, 1...4 as ClosedRange<UInt64>)
    func `the newest connection beyond the limit is closed with 3504, wherever the others are`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = Self.scene(layout, seed)
        for index in 0..<9 as Range<Int> {
            scene.at(5_000 + 200 * UInt64(index)) { scene.connect(index) }
        }
        scene.run(until: 9_000)
        #expect(Self.online(scene, 1) == [0, 1, 2])
        for index in 3..<6 { #expect(scene.clients[index].closeCodes == [.connectionLimit]) }
        #expect(Self.online(scene, 2) == [6, 7])
        // Who leaves makes room.
        scene.at(9_100) { scene.drop(1) }
        scene.at(9_500) { scene.connect(4) }
        scene.at(10_000) { scene.connect(5) }
        scene.run(until: 12_000)
        #expect(Self.online(scene, 1) == [0, 2, 4])
        #expect(scene.clients[5].closeCodes == [.connectionLimit, .connectionLimit])
    }

    @Test(arguments: Layout.allCases, 1...10 as ClosedRange<UInt64>)
    func `over a bus that loses and repeats, a crowd at once leaves as many as may be`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = Self.scene(layout, seed)
        scene.fleet.bus = .hostile
        scene.at(5_000) { for index in 0..<9 { scene.connect(index) } }
        scene.run(until: 30_000)
        #expect(Self.online(scene, 1).count == Int(Self.limit))
        #expect(Self.online(scene, 2).count == 2)
        // The owner's successor counts anew, and finds nobody too many.
        guard let owner = layout.roles.firstIndex(of: .user) else { return }
        scene.at(30_100) { scene.restart(owner) }
        scene.run(until: 60_000)
        #expect(Self.online(scene, 1).count == Int(Self.limit))
    }

    @Test(arguments: Layout.allCases)
    func `without a limit, for nobody in particular, and when an owner does not count, all stay`(
        _ layout: Layout
    ) {
        let free = Self.scene(layout, 1, limit: nil)
        let broken = Self.scene(layout, 1)
        broken.fleet.altered = { message in
            guard case .presence(.announced(let subject, let term, let ordinal, _)) = message else {
                return message
            }
            return .presence(.announced(subject, term, ordinal: ordinal))
        }
        for scene in [free, broken] {
            scene.at(5_000) { for index in 0..<9 { scene.connect(index) } }
            scene.run(until: 10_000)
            #expect(Self.online(scene, 1).count == 6, "the law would fail here")
        }
        let anonymous = PresenceScene(layout, seed: 1, users: [3, 3, 3, 3, 3]) {
            $0.userConnectionLimit = 2
            $0.anonymous = UserID(high: 0, low: 3)
        }
        anonymous.at(5_000) { for index in 0..<5 { anonymous.connect(index) } }
        anonymous.run(until: 10_000)
        #expect(Self.online(anonymous, 3).count == 5)
    }

    @Test(arguments: Layout.allCases, 1...3 as ClosedRange<UInt64>)
    func `a shard restored from its snapshot closes the same connections`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let scene = Self.scene(layout, seed)
        scene.fleet.twinEvery = 7
        for round in 0..<6 as Range<UInt64> {
            for index in 0..<9 as Range<Int> {
                scene.at(5_000 + 1_000 * round + 37 * UInt64(index)) {
                    if (UInt64(index) + round).isMultiple(of: 3) {
                        scene.drop(index)
                    } else {
                        scene.connect(index)
                    }
                }
            }
        }
        scene.run(until: 15_000)
        #expect(scene.fleet.twinDifferences == [])
        #expect(scene.fleet.twinChecks > 10)
        #expect(Self.online(scene, 1).count <= Int(Self.limit))
    }
}
