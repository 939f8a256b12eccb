import ChatCore
import Kernel
import Testing

/// Members who do not look, from the message to the push.
@Suite struct HintTests {
    @Test(arguments: Layout.allCases, [3, 60] as [UInt64])
    func `who does not look is hinted, who looks is not`(_ layout: Layout, _ members: UInt64) {
        let scene = HintScene(layout, seed: members, members: members)
        let speaker = scene.device(of: 1, looks: true)
        let reader = scene.device(of: 2, looks: true)
        let other = scene.device(of: 3, looks: false, at: layout == .apart ? 2 : 0)
        let stranger = scene.device(of: members + 1, looks: false)
        scene.begin()
        scene.say(speaker)
        scene.run(for: .seconds(4))
        #expect(reader.seen.count == 1)
        #expect(scene.hints(of: other).map(\.offset) == [1])
        #expect(scene.hints(of: other).first?.unread == 1)
        #expect(scene.hints(of: reader) == [] && scene.hints(of: speaker) == [])
        #expect(scene.hints(of: stranger) == [])
        scene.run(for: .seconds(60))
        #expect(scene.seen.count == 1, "what owners repeat is known")
        #expect(scene.fleet.outstandingPayloads == 0)
    }

    @Test func `nobody is hinted of a broadcast`() {
        let scene = HintScene(seed: 1, members: 30) {
            $0.fanOut.directMembers = 2
            $0.fanOut.groupedMembers = 20
        }
        let speaker = scene.device(of: 1, looks: true)
        _ = scene.device(of: 2, looks: false)
        scene.begin()
        scene.say(speaker)
        scene.run(for: .seconds(30))
        #expect(scene.seen == [] && scene.fleet.audiences == 0)
        #expect(scene.statistics.reduce(0) { $0 + $1.plansBroadcast } == 1)
    }

    @Test(arguments: UInt64(1)...12, [false, true])
    func `a device is hinted once in a window, and of the last state in the end`(
        _ seed: UInt64,
        _ isHostile: Bool
    ) {
        let scene = HintScene(seed: seed, members: seed % 2 == 0 ? 3 : 40)
        if isHostile { scene.fleet.bus = Bus(loss: 30, repetition: 100, spread: .milliseconds(40)) }
        scene.fleet.twinEvery = 97
        let speaker = scene.device(of: 1, looks: true)
        let others = [2, 3].map { scene.device(of: $0, looks: false, at: $0 == 2 ? 0 : 2) }
        scene.begin()
        for _ in 0..<40 {
            scene.say(speaker)
            scene.run(for: .milliseconds(100))
        }
        scene.run(for: .seconds(60))
        let entries = scene.fleet.store.logs[HintScene.conversation]?.entries.count ?? 0
        let sent = UInt64(entries)
        #expect(isHostile ? sent > 30 : sent == 40)
        for other in others {
            let hints = scene.hints(of: other)
            #expect(hints.last?.offset == sent && hints.last?.unread == sent)
            #expect(hints.count < 10)
            for (former, next) in zip(hints, hints.dropFirst()) {
                #expect(former.instant + .seconds(1) <= next.instant)
                #expect(former.offset <= next.offset)
            }
        }
        #expect(scene.fleet.twinDifferences == [] && scene.fleet.twinChecks > 0)
        #expect(scene.fleet.outstandingPayloads == 0)
    }

    @Test(arguments: [0, 2]) func `markers moved on one device are told to the others`(_ place: Int)
    {
        let scene = HintScene(seed: 5)
        let speaker = scene.device(of: 1, looks: true)
        let phone = scene.device(of: 2, looks: true)
        let laptop = scene.device(of: 2, looks: false, at: place)
        scene.begin()
        scene.say(speaker)
        scene.run(for: .seconds(2))
        #expect(scene.hints(of: laptop).map(\.unread) == [1])
        let reference = ConversationReference(
            id: HintScene.conversation,
            namespace: 0,
            name: .none
        )
        phone.command(.mark(reference, Markers(read: Offset(1), received: Offset(1))))
        scene.run(for: .seconds(2))
        #expect(scene.hints(of: laptop).map(\.unread) == [1, 0])
    }

    @Test func `what one says oneself is read on the other devices`() {
        let scene = HintScene(seed: 6)
        let phone = scene.device(of: 1, looks: true)
        let laptop = scene.device(of: 1, looks: false, at: 2)
        scene.begin()
        scene.say(phone)
        scene.run(for: .seconds(2))
        #expect(scene.hints(of: laptop).map(\.unread) == [0])
        #expect(scene.hints(of: laptop).map(\.offset) == [1])
    }

    /// The owner dies with the answer of the store on its way; another one takes its partitions.
    private static func isHintedAfterCrash(_ seed: UInt64, forgetsPlans: Bool) -> Bool {
        let scene = HintScene(seed: seed)
        scene.fleet.store.forgetsPlans = forgetsPlans
        let speaker = scene.device(of: 1, looks: false)
        let other = scene.device(of: 2, looks: false, at: 2)
        scene.begin()
        scene.say(speaker)
        let owner =
            [1, 3].first { index in
                let id = scene.fleet.id(index)
                let partition = PartitionID(
                    of: HintScene.conversation,
                    count: scene.fleet.configuration.partitionCount
                )
                return scene.fleet.store.leases.rows[Int(partition.rawValue)].owner == id
            } ?? 1
        while (scene.fleet.store.logs[HintScene.conversation]?.entries.count ?? 0) == 0 {
            scene.fleet.altered = { message in
                // Nothing that the owner says of the message gets out.
                if case .inbox(.moved) = message {
                    return .withdraw(HintScene.conversation, incarnation: 0)
                }
                return message
            }
            scene.run(for: .milliseconds(1))
        }
        scene.run(for: .milliseconds(20))
        scene.fleet.restart(owner, .conversation)
        scene.fleet.altered = { $0 }
        scene.run(for: .seconds(30))
        return scene.hints(of: other).last?.offset == 1
    }

    @Test(arguments: UInt64(1)...6)
    func `a new owner plans again what the former one may not have planned`(_ seed: UInt64) {
        #expect(Self.isHintedAfterCrash(seed, forgetsPlans: false))
    }

    @Test func `a store that forgets what is owed is caught`() {
        #expect((UInt64(1)...6).contains { !Self.isHintedAfterCrash($0, forgetsPlans: true) })
    }

    @Test func `no more hints are remembered than may be, and what is shed comes with the next`() {
        let scene = HintScene(seed: 7, members: 8) { $0.toldLimit = 2 }
        let speaker = scene.device(of: 1, looks: true)
        let others = (UInt64(2)...5).map { scene.device(of: $0, looks: false) }
        scene.begin()
        scene.say(speaker)
        scene.run(for: .seconds(2))
        // Who looks has a pair as well.
        #expect((1...2).contains(scene.seen.count))
        #expect(scene.statistics[0].hintsShed >= 3)
        for _ in 0..<12 {
            scene.run(for: .seconds(25))
            scene.say(speaker)
        }
        scene.run(for: .seconds(60))
        #expect(others.contains { scene.hints(of: $0).count > 1 })
    }

    @Test func `no more conversations are told of at a time than may be`() {
        let scene = HintScene(.together, seed: 8) { $0.noticeLimit = 0 }
        let speaker = scene.device(of: 1, looks: true)
        _ = scene.device(of: 2, looks: false)
        scene.begin()
        scene.say(speaker)
        scene.run(for: .seconds(30))
        #expect(scene.seen == [])
        #expect(scene.statistics[0].hintsShed >= 1)
    }

    @Test func `while a shard is behind hints are gathered for longer`() {
        let scene = HintScene(.together, seed: 9)
        let speaker = scene.device(of: 1, looks: true)
        let other = scene.device(of: 2, looks: false)
        scene.begin()
        for _ in 0..<60 {
            scene.fleet.step(0) { shard, effects in
                shard.handle(
                    .load(lag: .milliseconds(120)),
                    at: scene.fleet.now,
                    into: &effects
                )
            }
            scene.say(speaker)
            scene.run(for: .milliseconds(100))
        }
        let gaps = zip(scene.hints(of: other), scene.hints(of: other).dropFirst())
        #expect(gaps.allSatisfy { $0.instant + .seconds(4) <= $1.instant })
        scene.fleet.step(0) { shard, effects in
            shard.handle(.load(lag: .zero), at: scene.fleet.now, into: &effects)
        }
        scene.run(for: .seconds(30))
        #expect(scene.hints(of: other).last?.offset == UInt64(speaker.acknowledged.count))
    }

    @Test func `a conversation that belongs to nobody costs nothing more`() {
        func events(hinting: Bool) -> [UInt64] {
            let scene = HintScene(seed: 10) {
                $0.namespaces[0].isMembersOnly = false
                $0.hintsMembers = hinting
            }
            scene.fleet.store.logs = [:]
            let speaker = scene.device(of: 1, looks: true)
            _ = scene.device(of: 2, looks: false)
            scene.begin()
            // Cursors are noted now and then.
            scene.run(for: .milliseconds(600))
            let before = scene.statistics.map(\.events)
            for _ in 0..<20 { scene.say(speaker) }
            scene.run(for: .milliseconds(900))
            return zip(scene.statistics.map(\.events), before).map { $0 - $1 }
        }
        #expect(events(hinting: true) == events(hinting: false))
    }

    @Test func `hints make no message and no event larger`() {
        #expect(MemoryLayout<InboxMessage>.size <= MemoryLayout<(Delivery, Route)>.size)
        #expect(MemoryLayout<AudiencePart>.size <= MemoryLayout<Page>.size + 8)
        #expect(MemoryLayout<AudienceRequest>.size < MemoryLayout<Append>.size)
        #expect(MemoryLayout<Hint>.size <= MemoryLayout<Delivery>.size)
    }
}
