import ChatCore
import Kernel
import Testing

@Suite struct PlanTests {
    private static let policy: FanOutPolicy = {
        var policy = FanOutPolicy()
        policy.directMembers = 8
        policy.groupedMembers = 100
        policy.relayDegree = 4
        return policy
    }()

    @Test(
        arguments: [
            (0, .direct), (1, .direct), (8, .direct), (9, .grouped), (100, .grouped),
            (101, .broadcast), (1_000_000, .broadcast), (UInt32.max, .broadcast),
        ] as [(UInt32, Plan.Hinting)]
    )
    func `the number of members decides who is hinted`(
        _ members: UInt32,
        _ hinting: Plan.Hinting
    ) {
        #expect(Self.policy.plan(members: members, gateways: 1).hinting == hinting)
    }

    @Test(arguments: [(0, false), (1, false), (4, false), (5, true), (1024, true)])
    func `relays are for more gateway shards than the degree`(_ gateways: Int, _ isRelayed: Bool) {
        for members: UInt32 in [0, 50, 1000] {
            let plan = Self.policy.plan(members: members, gateways: gateways)
            #expect(plan.isRelayed == isRelayed)
        }
    }
}

/// Everybody whom a delivery reaches by relays, how often, and what the way was like.
struct Journey {
    private(set) var visits: [ShardID: Int] = [:]
    /// The most messages that one shard sent, the owner counted.
    private(set) var widest = 0
    private(set) var depth = 0
    /// A planted fault: what becomes of each route.
    private let alter: (Route) -> Route

    init(
        to shards: [ShardID],
        degree: Int,
        turn: UInt64,
        alter: @escaping (Route) -> Route = { $0 }
    ) {
        self.alter = alter
        self.send(to: shards, degree: degree, turn: turn, depth: 1)
    }

    private mutating func send(to shards: [ShardID], degree: Int, turn: UInt64, depth: Int) {
        var sent: [(ShardID, Route)] = []
        Route.split(shards[...], degree: degree, turn: turn) { sent.append(($0, $1)) }
        self.widest = max(self.widest, sent.count)
        self.depth = max(self.depth, depth)
        for (relay, route) in sent {
            self.visits[relay, default: 0] += 1
            let onward = self.alter(route).shards
            guard !onward.isEmpty else { continue }
            self.send(to: onward, degree: degree, turn: turn, depth: depth + 1)
        }
    }

    func isExactly(_ shards: [ShardID]) -> Bool {
        self.visits.count == shards.count && shards.allSatisfy { self.visits[$0] == 1 }
    }
}

@Suite struct RouteTests {
    /// A fleet as a seed makes it: some nodes with some shards each.
    static func fleet(_ seed: UInt64, isDense: Bool) -> [ShardID] {
        let random = KeyedRandom(seed: seed)
        func draw(_ bound: UInt64, _ n: UInt64) -> UInt64 {
            KeyedRandom.below(bound, random.draw(RandomPurpose(7), n))
        }
        let (nodes, width) = (1 + draw(isDense ? 500 : 60, 1), 1 + draw(isDense ? 1 : 300, 2))
        var shards: [ShardID] = []
        for node in 0..<nodes {
            for index in 0..<width where isDense || draw(3, 10 + node * width + index) == 0 {
                let number = UInt16(isDense ? node + 3 : node * 1000)
                shards.append(ShardID(node: NodeID(number), index: UInt16(index)))
            }
        }
        return shards
    }

    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func `a tree of relays reaches each shard once, whatever the fleet, the degree and the turn`(
        _ seed: UInt64
    ) {
        let shards = Self.fleet(seed, isDense: seed.isMultiple(of: 2))
        for degree in [2, 3, 16] {
            for turn: UInt64 in [0, 1, seed, .max] {
                let journey = Journey(to: shards, degree: degree, turn: turn)
                #expect(journey.isExactly(shards), "seed \(seed), degree \(degree), \(turn)")
            }
        }
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `no shard sends more than the degree, and the way is as short as that allows`(
        _ seed: UInt64
    ) {
        let shards = Self.fleet(seed, isDense: true)
        for degree in [4, 16] {
            let journey = Journey(to: shards, degree: degree, turn: seed)
            // Each hop serves a part of `degree`, of which the relay is one already.
            var (depth, reach) = (1, degree)
            while reach < shards.count { (depth, reach) = (depth + 1, reach * degree + degree) }
            #expect(journey.widest <= degree)
            #expect(journey.depth <= depth, "\(shards.count) shards, degree \(degree)")
        }
    }

    @Test func `another turn names other relays, and one turn the same`() {
        let shards = Self.fleet(2, isDense: true)
        func relays(_ turn: UInt64) -> [ShardID] {
            var relays: [ShardID] = []
            Route.split(shards[...], degree: 4, turn: turn) { relay, _ in relays.append(relay) }
            return relays
        }
        #expect(relays(5) == relays(5))
        #expect(Set(relays(5)).isDisjoint(with: relays(6)))
    }

    @Test func `the greatest numbers of nodes and shards have routes`() {
        let shards = [0, 1, UInt16.max - 1, UInt16.max].map {
            ShardID(node: NodeID(UInt16.max), index: $0)
        }
        #expect(Journey(to: shards, degree: 2, turn: 1).isExactly(shards))
    }

    @Test func `a planted relay that forgets somebody, or serves somebody else, is caught`() {
        let shards = Self.fleet(4, isDense: true)
        let forgetful = Journey(to: shards, degree: 4, turn: 3) { route in
            Route(
                base: route.base,
                indexBits: route.indexBits,
                low: route.low & (route.low &- 1),
                high: route.high
            ) ?? .none
        }
        #expect(!forgetful.isExactly(shards))
        let astray = Journey(to: shards, degree: 4, turn: 3) { route in
            Route(
                base: route.base + 1,
                indexBits: route.indexBits,
                low: route.low,
                high: route.high
            ) ?? .none
        }
        #expect(!astray.isExactly(shards))
    }

    @Test func `a route that no fleet can have is refused`() {
        #expect(Route(base: 0, indexBits: 17, low: 1, high: 0) == nil)
        #expect(Route(base: 65_535, indexBits: 0, low: 2, high: 0) == nil)
        #expect(Route(base: 65_535, indexBits: 0, low: 1, high: 0) != nil)
        #expect(Route(base: 65_400, indexBits: 0, low: 0, high: 1 << 63) != nil)
        #expect(Route(base: 65_500, indexBits: 0, low: 0, high: 1 << 63) == nil)
    }
}
