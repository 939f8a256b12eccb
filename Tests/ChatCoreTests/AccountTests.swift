import ChatCore
import Kernel
import Testing

/// Devices of several users, who block each other and hand keys out.
private struct Accounts {
    let fleet: TestFleet
    let clients: [TestClient]
    static let conversation = ConversationID(high: KeyedRandom.mix(17), low: 8)

    init(_ layout: Layout, seed: UInt64) {
        let fleet = TestFleet(layout, seed: seed) { $0.namespaces[0].isMembersOnly = true }
        self.fleet = fleet
        let gateways = layout.roles.indices.filter { layout.roles[$0].contains(.gateway) }
        self.clients = (0..<5).map { index in
            TestClient(
                fleet,
                user: UInt64(index + 1),
                in: Self.conversation,
                at: gateways[index % gateways.count],
                slot: UInt32(index)
            )
        }
    }

    func run(_ seconds: UInt64) { self.fleet.run(until: self.fleet.now + .seconds(seconds)) }

    /// Client 0 has made a conversation with the next `others`, and everybody looks at it.
    func found(others: Int) {
        for client in self.clients { client.connect() }
        self.run(2)
        self.clients[0].send(MessageID(high: 1, low: 1), .create(isPublic: false))
        self.run(1)
        for index in 1..<(1 + others) {
            let invited = ChatAction.invite(self.clients[index].user)
            self.clients[0].send(MessageID(high: 1, low: UInt64(index + 1)), invited)
        }
        self.run(1)
        for client in self.clients.prefix(1 + others) { client.knock() }
        self.run(2)
    }

    func ask(_ index: Int, _ action: AccountAction, note: PayloadHandle? = nil) {
        self.clients[index].command(
            .account(action, note: note ?? self.fleet.makePayload())
        )
    }

    /// Sends, and repeats until there is an answer for good.
    func send(_ index: Int, _ id: MessageID, _ action: ChatAction = .message) {
        self.clients[index].send(id, action)
        self.run(1)
        for _ in 0..<20 where self.clients[index].outgoing.last?.isOpen == true {
            self.clients[index].repeatUnacknowledged()
            self.run(2)
        }
    }

    /// What came of one's last message.
    func fate(of index: Int) -> ErrorCode? { self.clients[index].outgoing.last?.refusal }

    func finish() {
        for client in self.clients { client.drop() }
        self.run(400)
    }

    /// Entries that ask for the attention of somebody who blocks their author, in a direct conversation.
    func intrusions(after count: Int) -> Int {
        let entries = self.fleet.store.logs[Self.conversation]?.entries ?? []
        return entries.dropFirst(count).count { $0.user == self.clients[1].user }
    }
}

@Suite struct AccountTests {
    @Test(arguments: Layout.allCases, 1...6 as ClosedRange<UInt64>)
    func `who is blocked is heard no more in a direct conversation, and can tell no reason`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let world = Accounts(layout, seed: seed)
        world.fleet.twinEvery = 31
        world.found(others: 1)
        if seed > 1 { world.fleet.bus = .hostile }
        let (one, other) = (world.clients[0], world.clients[1])
        world.send(1, MessageID(high: 2, low: 1))
        #expect(other.outgoing.last?.isAcknowledged == true)
        let before = world.fleet.store.logs[Accounts.conversation]?.entries.count ?? 0
        let signals = one.signals
        // Twice is once.
        world.ask(0, .block(other.user))
        world.ask(0, .block(other.user))
        world.run(1)
        #expect(one.replies.suffix(2).allSatisfy { $0.1 == .done })
        for (number, action) in [
            ChatAction.message, .reply(Offset(3)), .edit(Offset(3)), .react(Offset(3)),
            .invite(world.clients[2].user),
        ].enumerated() {
            world.send(1, MessageID(high: 3, low: UInt64(number)), action)
            #expect(world.fate(of: 1) == .roleTooLow, "\(action)")
        }
        world.fleet.bus = .calm
        world.run(6)
        other.type()
        world.run(4)
        #expect(other.replies.last?.1 == .done, "typing is answered like everybody's")
        #expect(one.signals == signals, "and not shown")
        #expect(world.intrusions(after: before) == 0)
        world.send(0, MessageID(high: 4, low: 1))
        #expect(one.outgoing.last?.isAcknowledged == true, "the one who blocks may still write")
        world.ask(0, .unblock(other.user))
        world.run(1)
        world.send(1, MessageID(high: 5, low: 1))
        other.type()
        world.run(4)
        #expect(other.outgoing.last?.isAcknowledged == true)
        #expect(one.signals == signals + 1)
        #expect(world.fleet.twinDifferences == [])
        world.finish()
        #expect(world.fleet.outstandingPayloads == 0)
        #expect(world.fleet.outstandingPages.isEmpty)
    }

    @Test func `in a group everybody is heard, and nobody is made a member by whom they block`() {
        let world = Accounts(.apart, seed: 1)
        world.found(others: 2)
        world.ask(0, .block(world.clients[1].user))
        world.ask(3, .block(world.clients[0].user))
        world.run(1)
        world.clients[1].send(MessageID(high: 3, low: 1))
        world.clients[0].send(MessageID(high: 3, low: 1), .invite(world.clients[3].user))
        world.run(1)
        #expect(world.clients[1].outgoing.last?.isAcknowledged == true)
        #expect(world.fate(of: 0) == .roleTooLow)
    }

    @Test func `a store that does not look at blocks is noticed`() {
        let world = Accounts(.together, seed: 1)
        world.fleet.store.bug = .ignoresBlocks
        world.found(others: 1)
        world.ask(0, .block(world.clients[1].user))
        world.run(1)
        world.clients[1].send(MessageID(high: 3, low: 1))
        world.run(1)
        #expect(world.intrusions(after: 2) == 1)
    }

    /// What somebody is told who asks for a file: removed, blocked, or a stranger from the beginning.
    private func answers(
        _ layout: Layout,
        seed: UInt64,
        bug: MemoryStore.PlantedBug
    ) -> [ErrorCode?] {
        let world = Accounts(layout, seed: seed)
        world.fleet.store.bug = bug
        world.found(others: 1)
        if seed > 1 { world.fleet.bus = .hostile }
        func answer(_ index: Int, _ action: MediaAction, namespace: UInt8 = 0) -> ErrorCode? {
            world.ask(index, .media(action, Accounts.conversation, namespace: namespace))
            world.run(1)
            guard case .error(let code) = world.clients[index].replies.last?.1 else { return nil }
            return code
        }
        var answers = MediaAction.allCases.map { answer(0, $0) }
        answers += MediaAction.allCases.map { answer(1, $0) }
        answers += MediaAction.allCases.map { answer(4, $0) }
        world.ask(0, .block(world.clients[1].user))
        world.run(1)
        answers += MediaAction.allCases.map { answer(1, $0) }
        world.send(0, MessageID(high: 7, low: 1), .remove(world.clients[1].user))
        answers += MediaAction.allCases.map { answer(1, $0) }
        world.fleet.bus = .calm
        world.finish()
        #expect(world.fleet.outstandingPayloads == 0)
        return answers
    }

    @Test(arguments: Layout.allCases, 1...4 as ClosedRange<UInt64>)
    func `files are for members, tickets for those who may speak, and the last word for admins`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let stranger = [ErrorCode?](repeating: .notMember, count: 3)
        let answers = self.answers(layout, seed: seed, bug: .none)
        #expect(Array(answers[0..<3]) == [nil, nil, nil], "the owner")
        #expect(Array(answers[3..<6]) == [nil, nil, .roleTooLow], "a member")
        #expect(Array(answers[6..<9]) == stranger)
        #expect(Array(answers[9..<12]) == [.roleTooLow, nil, .roleTooLow], "one who is blocked")
        #expect(Array(answers[12..<15]) == stranger, "one who was removed")
        let open = self.answers(layout, seed: seed, bug: .ignoresMembershipOfMedia)
        #expect(Array(open[6..<9]) != stranger, "a store that asks nothing is noticed")
    }

    @Test func `conversations that belong to nobody have no files`() {
        let fleet = TestFleet(.together, seed: 1)
        let client = TestClient(fleet, user: 1, in: Accounts.conversation, at: 0, slot: 0)
        client.connect()
        fleet.run(until: fleet.now + .seconds(1))
        let action = AccountAction.media(.offer, Accounts.conversation, namespace: 0)
        client.command(.account(action, note: fleet.makePayload()))
        fleet.run(until: fleet.now + .seconds(1))
        #expect(client.replies.contains { $0.1 == .error(.notAvailable) })
        client.drop()
        fleet.run(until: fleet.now + .seconds(400))
        #expect(fleet.outstandingPayloads == 0)
    }

    /// The keys that claims were answered with, when all users claim at once and answers get lost.
    private func claimed(_ layout: Layout, seed: UInt64, bug: MemoryStore.PlantedBug) -> [UInt64] {
        let world = Accounts(layout, seed: seed)
        let fleet = world.fleet
        fleet.store.bug = bug
        for client in world.clients { client.connect() }
        world.run(2)
        let owner = world.clients[0]
        for round in 0..<3 as Range<UInt64> {
            // A device that did not hear the answer publishes the same again.
            for _ in 0..<2 {
                let note = fleet.makePayload()
                fleet.store.keyNotes[note.rawValue] = Array(1...(5 * (round + 1)))
                world.ask(0, .publishKeys, note: note)
            }
            fleet.losesAnswer = { _ in fleet.draw(below: 4) == 0 }
            for index in 1..<world.clients.count {
                for _ in 0..<2 { world.ask(index, .claimKeys(owner.user)) }
            }
            if round == 1 { world.clients[2].drop() }
            world.run(1)
        }
        let keys = world.clients.flatMap { client in
            client.replies.flatMap { reply -> [UInt64] in
                guard case .told(let answer) = reply.1 else { return [] }
                return fleet.store.keyNotes[answer.rawValue] ?? []
            }
        }
        world.finish()
        #expect(fleet.outstandingPayloads == 0)
        #expect(fleet.outstandingPages.isEmpty)
        return keys
    }

    @Test(arguments: Layout.allCases, 1...8 as ClosedRange<UInt64>)
    func `a one-time key is handed out at most once, whatever answers get lost`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let keys = self.claimed(layout, seed: seed, bug: .none)
        #expect(keys.count > 5)
        #expect(Set(keys).count == keys.count)
        let twice = self.claimed(layout, seed: seed, bug: .keepsClaimedKeys)
        #expect(Set(twice).count < twice.count, "a directory that keeps claimed keys is noticed")
    }

    @Test func `questions of one connection are bounded`() {
        let world = Accounts(.together, seed: 1)
        world.clients[0].connect()
        world.run(1)
        world.fleet.stalledUntil = world.fleet.now + .seconds(2)
        for _ in 0..<40 { world.ask(0, .countKeys) }
        world.run(4)
        let refused = world.clients[0].replies.count { $0.1 == .error(.tooManyRequests) }
        #expect(refused == 40 - 32)
        world.finish()
        #expect(world.fleet.outstandingPayloads == 0)
    }
}
