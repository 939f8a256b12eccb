import ChatCore
import Kernel
import Testing

/// Members' conversations of one member to a million.
@Suite struct AudienceTests {
    private static let conversation = ConversationID(high: KeyedRandom.mix(11), low: 12)

    private static func user(_ number: UInt64) -> UserID { UserID(high: 0, low: number) }

    /// One conversation with so many members, of whom two are there and one of them speaks.
    private struct Talk {
        let fleet: TestFleet
        let speaker: TestClient
        let listener: TestClient

        init(members: UInt64, layout: Layout = .together) {
            let fleet = TestFleet(layout, seed: 1) { $0.namespaces[0].isMembersOnly = true }
            var log = MemoryStore.Log()
            log.roster.apply(
                .create(isPublic: true),
                by: user(1),
                people: [],
                at: .start,
                count: 0
            )
            // One by one, as they join: a million of them would take days if each cost the members before it.
            for number in 1..<members {
                log.roster.apply(.join, by: user(number + 1), people: [], at: .start, count: 0)
            }
            fleet.store.logs[conversation] = log
            self.fleet = fleet
            self.speaker = TestClient(fleet, user: 1, in: conversation, at: 0, slot: 0)
            self.listener = TestClient(fleet, user: 2, in: conversation, at: 0, slot: 1)
            fleet.run(until: .zero + .seconds(3))
            self.speaker.connect()
            self.listener.connect()
            fleet.run(until: .zero + .seconds(4))
        }

        func say(_ count: UInt64) {
            for number in 0..<count {
                self.speaker.send(MessageID(high: 5, low: number))
                self.fleet.run(until: self.fleet.now + .milliseconds(200))
            }
        }
    }

    @Test(
        arguments: [
            (2, .direct), (10, .direct), (1_000, .grouped), (100_000, .broadcast),
            (1_000_000, .broadcast),
        ] as [(UInt64, Plan.Hinting)]
    )
    func `a message is one append and as much work, whatever the size`(
        _ members: UInt64,
        _ hinting: Plan.Hinting
    ) {
        let talk = Talk(members: members)
        #expect(talk.fleet.store.memberCount(of: Self.conversation) == members)
        let before = talk.fleet.statistics(of: 0)
        talk.say(5)
        let after = talk.fleet.statistics(of: 0)
        #expect(talk.fleet.appended == 5)
        #expect(talk.speaker.acknowledged.count == 5)
        #expect(talk.listener.seen.count == 5)
        // The command, the publish and its outcome, whether it is allowed, the append, the delivery; and
        // the rounds of leases, once a second.
        #expect(after.events - before.events <= 5 * 6 + 4)
        let plans = [
            after.plansDirect - before.plansDirect, after.plansGrouped - before.plansGrouped,
            after.plansBroadcast - before.plansBroadcast,
        ]
        #expect(plans == Plan.Hinting.allCases.map { $0 == hinting ? 5 : 0 })
    }

    @Test func `the owner counts who comes and goes`() {
        let talk = Talk(members: 32)
        func plans() -> [UInt64] {
            let statistics = talk.fleet.statistics(of: 0)
            return [statistics.plansDirect, statistics.plansGrouped]
        }
        func operate(_ action: ChatAction, _ number: UInt64) {
            talk.speaker.send(MessageID(high: 6, low: number), action)
            talk.fleet.run(until: talk.fleet.now + .milliseconds(200))
        }
        let before = plans()
        operate(.message, 1)
        #expect(plans() == [before[0] + 1, before[1]])
        operate(.invite(Self.user(500)), 2)
        operate(.message, 3)
        #expect(plans() == [before[0] + 1, before[1] + 2], "33 members are too many for direct")
        operate(.remove(Self.user(500)), 4)
        operate(.message, 5)
        #expect(plans() == [before[0] + 3, before[1] + 2])
        #expect(talk.speaker.acknowledged.count == 5)
    }

    @Test(arguments: Layout.allCases)
    func `a conversation that is made has as many members as the store says`(_ layout: Layout) {
        let fleet = TestFleet(layout, seed: 2) {
            $0.namespaces[0].isMembersOnly = true
            $0.fanOut.directMembers = 1
        }
        let client = TestClient(fleet, user: 1, in: Self.conversation, at: 0, slot: 0)
        fleet.run(until: .zero + .seconds(3))
        client.connect()
        for (number, action) in [
            ChatAction.create(isPublic: false), .message, .invite(Self.user(2)), .message,
        ].enumerated() {
            client.send(MessageID(high: 7, low: UInt64(number)), action)
            fleet.run(until: fleet.now + .milliseconds(300))
        }
        #expect(client.acknowledged.count == 4)
        let sum = (0..<fleet.shardCount).map { fleet.statistics(of: $0) }
        #expect(sum.reduce(0) { $0 + $1.plansDirect } == 2)
        #expect(sum.reduce(0) { $0 + $1.plansGrouped } == 2)
    }
}
