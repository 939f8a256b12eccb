import ChatCore
import Kernel
import Testing

/// What a store in memory says of members and of plans.
@Suite struct PlanCursorTests {
    private static let shard = ShardID(node: NodeID(1), index: 0)

    private static func leases(of owner: ShardID) -> LeaseTable {
        var leases = LeaseTable(partitionCount: 2)
        leases.rows[0].owner = owner
        leases.rows[0].term = Term(3)
        return leases
    }

    /// In the first of two partitions.
    private static func conversation(_ number: UInt64) -> ConversationID {
        ConversationID(high: number, low: number)
    }

    @Test func `what changed after the cursor is owed, page by page and to its owner alone`() {
        var cursors = PlanCursors(partitionCount: 2)
        let leases = Self.leases(of: Self.shard)
        let fence = LeaseFence(of: Self.shard, in: leases).value
        for _ in 0..<6 { _ = cursors.commit() }
        let elsewhere = ConversationID(high: .max, low: 1)
        let changes = [(5, 4), (2, 3), (1, 2), (3, 3), (4, 1)].map {
            (conversation: Self.conversation($0), commit: UInt64($1))
        }
        func owed(_ shard: ShardID, after: UInt64 = 0, limit: UInt32 = 100) -> [PlanPart] {
            cursors.owed(
                to: shard,
                after: after,
                limit: limit,
                leases: leases,
                changes: changes + [(elsewhere, 5)]
            )
        }
        let all = [4, 1, 2, 3, 5].map { PlanPart.owed(Self.conversation($0)) }
        #expect(owed(Self.shard) == all + [.ends(next: nil)])
        #expect(owed(ShardID(node: NodeID(9), index: 0)) == [.ends(next: nil)])
        // A page does not end within a commit.
        #expect(owed(Self.shard, limit: 3) == all[..<4] + [.ends(next: 3)])
        #expect(owed(Self.shard, after: 3, limit: 3) == all[4...] + [.ends(next: nil)])
        let wrong = cursors.note(through: 3, fence: fence &+ 1, by: Self.shard, leases: leases)
        #expect(wrong == .commits(6))
        #expect(
            owed(Self.shard).count == 6,
            "who believes something else of its leases is not heard"
        )
        _ = cursors.note(through: 3, fence: fence, by: Self.shard, leases: leases)
        #expect(owed(Self.shard) == all[4...] + [.ends(next: nil)])
        _ = cursors.note(through: 1, fence: fence, by: Self.shard, leases: leases)
        #expect(owed(Self.shard).count == 2, "a cursor does not go back")
    }

    @Test(arguments: UInt64(1)...5)
    func `an audience is each member once, in pages of any size`(_ seed: UInt64) {
        let random = KeyedRandom(seed: seed)
        var roster = Roster()
        func user(_ number: UInt64) -> UserID {
            UserID(high: random.draw(RandomPurpose(1), 0, number), low: number)
        }
        roster.apply(.create(isPublic: true), by: user(0), people: [], at: .start, count: 0)
        for number in UInt64(1)..<50 {
            roster.apply(.join, by: user(number), people: [], at: .start, count: 0)
        }
        for number in UInt64(10)..<20 {
            roster.apply(.leave, by: user(number), people: [], at: .start, count: 0)
        }
        for number in UInt64(15)..<20 {
            roster.apply(.join, by: user(number), people: [], at: .start, count: 0)
        }
        let head = StreamHead(epoch: Epoch(1), offset: .start)
        var whole = PartitionWindow(first: 0, count: 4, low: 0b1111, high: 0)
        var found: [UserID] = []
        for low in [0b1010, 0b0101] as [UInt64] {
            whole = PartitionWindow(first: 0, count: 4, low: low, high: 0)
            var after: UserID?
            repeat {
                let request = AudienceRequest(
                    conversation: Self.conversation(1),
                    user: nil,
                    partitions: whole,
                    after: after,
                    limit: 7
                )
                after = nil
                for part in roster.audience(request, head: head) {
                    if case .member(let standing) = part { found.append(standing.user) }
                    if case .ends(let next) = part { after = next }
                }
            } while after != nil
        }
        let expected = (Array(UInt64(0)..<10) + Array(15..<50)).map { user($0) }
        #expect(found.sorted() == expected.sorted())
    }
}
