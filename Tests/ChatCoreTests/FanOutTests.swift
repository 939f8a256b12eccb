import ChatCore
import Kernel
import Testing

@Suite struct FanOutPlannerTests {
    private let shard = ShardID(node: NodeID(3), index: 1)
    private let later = Instant.zero + .seconds(10)

    @Test func `a late withdrawal does not end a newer interest`() {
        var planner = FanOutPlanner()
        planner.register(self.shard, incarnation: 2, until: self.later)
        planner.withdraw(self.shard, incarnation: 1)
        #expect(planner.recipients.count == 1)
        planner.withdraw(self.shard, incarnation: 2)
        #expect(planner.recipients.isEmpty)
    }

    @Test func `a late registration does not undo a newer one`() {
        var planner = FanOutPlanner()
        planner.register(self.shard, incarnation: 2, until: self.later)
        planner.confirm { _, _ in }
        planner.register(self.shard, incarnation: 1, until: .zero)
        #expect(planner.recipients.map(\.expiry) == [self.later])
        #expect(planner.recipients.map(\.isConfirmed) == [true])
    }

    @Test func `interest that is not renewed ends with its lease`() {
        var planner = FanOutPlanner()
        planner.register(self.shard, incarnation: 1, until: self.later)
        planner.expire(at: .zero + .seconds(9))
        #expect(planner.recipients.count == 1)
        planner.expire(at: self.later)
        #expect(planner.recipients.isEmpty)
    }

    @Test func `everybody is confirmed once for each registration`() {
        var planner = FanOutPlanner()
        planner.register(self.shard, incarnation: 1, until: self.later)
        var told: [ShardID] = []
        planner.confirm { shard, _ in told.append(shard) }
        planner.confirm { shard, _ in told.append(shard) }
        #expect(told == [self.shard])
        planner.register(self.shard, incarnation: 1, until: self.later)
        planner.confirm { shard, _ in told.append(shard) }
        #expect(told == [self.shard, self.shard])
    }
}

@Suite struct FeedPositionTests {
    private let epoch = Epoch(5)

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `a position advances by one whatever order and repetition deliveries have`(
        _ seed: UInt64
    ) {
        let random = KeyedRandom(seed: seed)
        var position = FeedPosition()
        let start = StreamHead(epoch: self.epoch, offset: Offset(10))
        let firstVerdict = position.learn(start, in: Term(1), confirms: true)
        #expect(firstVerdict == .began)
        var delivered: [UInt64] = []
        for draw in 0..<400 as Range<UInt64> {
            let bits = random.draw(RandomPurpose(1), draw)
            let offset = Offset(8 + KeyedRandom.below(20, bits))
            let verdict = position.judge(term: Term(1), epoch: self.epoch, offset: offset)
            if verdict == .deliver { delivered.append(offset.rawValue) }
        }
        #expect(!delivered.isEmpty)
        #expect(delivered == (0..<UInt64(delivered.count)).map { 11 + $0 })
    }

    @Test func `deliveries of an older term are dropped`() {
        var position = FeedPosition()
        let start = StreamHead(epoch: self.epoch, offset: .start)
        _ = position.learn(start, in: Term(2), confirms: true)
        let verdict = position.judge(term: Term(1), epoch: self.epoch, offset: Offset(1))
        #expect(verdict == .drop)
    }

    @Test func `a head above the position shows a lost last message`() {
        var position = FeedPosition()
        let start = StreamHead(epoch: self.epoch, offset: .start)
        _ = position.learn(start, in: Term(1), confirms: true)
        let head = StreamHead(epoch: self.epoch, offset: Offset(1))
        let firstVerdict = position.learn(head, in: Term(1), confirms: false)
        #expect(firstVerdict == .behind)
        let thenVerdict = position.beginClosing()
        #expect(thenVerdict)
        let lastVerdict = position.beginClosing()
        #expect(!lastVerdict, "one reader closes a hole")
        position.closed(through: Offset(1))
        let finallyVerdict = position.learn(head, in: Term(1), confirms: false)
        #expect(finallyVerdict == .level)
    }

    @Test func `another epoch is a loss that must be declared`() {
        var position = FeedPosition()
        let start = StreamHead(epoch: self.epoch, offset: Offset(4))
        _ = position.learn(start, in: Term(1), confirms: true)
        let other = StreamHead(epoch: Epoch(6), offset: Offset(2))
        let firstVerdict = position.learn(other, in: Term(2), confirms: true)
        #expect(firstVerdict == .lost)
    }
}

@Suite struct LeaseTableTests {
    private func shard(_ node: UInt16) -> ShardID { ShardID(node: NodeID(node), index: 0) }

    private func round(_ table: inout LeaseTable, _ node: UInt16, at seconds: UInt64) {
        table.round(
            shard: self.shard(node),
            incarnation: 1,
            roles: .conversation,
            now: .zero + .seconds(seconds),
            length: .seconds(6)
        )
    }

    private func held(_ table: LeaseTable, by node: UInt16) -> Int {
        table.rows.count { $0.owner == self.shard(node) }
    }

    @Test func `shards that live share evenly`() {
        var table = LeaseTable(partitionCount: 64)
        for second in 0..<4 as Range<UInt64> {
            for node in 0..<3 as Range<UInt16> { self.round(&table, node, at: second) }
        }
        let counts = (0..<3 as Range<UInt16>).map { self.held(table, by: $0) }
        #expect(counts.allSatisfy { $0 <= 22 } && counts.reduce(0, +) == 64)
    }

    @Test func `a dead shard's partitions are taken with a higher term, and not before it expired`()
    {
        var table = LeaseTable(partitionCount: 8)
        for second in 0..<3 as Range<UInt64> {
            for node in 0..<2 as Range<UInt16> { self.round(&table, node, at: second) }
        }
        let before = table
        self.round(&table, 0, at: 7)
        #expect(self.held(table, by: 0) == 4)
        self.round(&table, 0, at: 9)
        #expect(self.held(table, by: 0) == 8)
        for (old, new) in zip(before.rows, table.rows) where old.owner != new.owner {
            #expect(new.term > old.term)
        }
    }

    @Test func `a restarted shard owns at once, in a new term`() {
        var table = LeaseTable(partitionCount: 2)
        self.round(&table, 0, at: 0)
        let terms = table.rows.prefix(2).map(\.term)
        table.round(
            shard: self.shard(0),
            incarnation: 2,
            roles: .conversation,
            now: .zero + .seconds(1),
            length: .seconds(6)
        )
        #expect(table.rows.prefix(2).map(\.term) == terms.map(\.next))
    }

    @Test func `a shard without the role takes nothing`() {
        var table = LeaseTable(partitionCount: 2)
        table.round(
            shard: self.shard(0),
            incarnation: 1,
            roles: .gateway,
            now: .zero,
            length: .seconds(6)
        )
        #expect(table.rows.allSatisfy { $0.owner == nil })
    }
}
