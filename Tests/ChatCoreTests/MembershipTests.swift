import ChatCore
import Kernel
import Testing

/// One conversation that belongs to its members, whose owner lets them in and out.
private struct MembersChat {
    let fleet: TestFleet
    let clients: [TestClient]
    static let conversation = ConversationID(high: KeyedRandom.mix(7), low: 8)

    init(_ layout: Layout, seed: UInt64) {
        let fleet = TestFleet(layout, seed: seed) { $0.namespaces[0].isMembersOnly = true }
        self.fleet = fleet
        let gateways = layout.roles.indices.filter { layout.roles[$0].contains(.gateway) }
        self.clients = (0..<6).map { index in
            TestClient(
                fleet,
                user: UInt64(index + 1),
                in: Self.conversation,
                at: gateways[index % gateways.count],
                slot: UInt32(index)
            )
        }
    }

    private func user(_ index: UInt64) -> UserID { UserID(high: 0, low: index) }

    /// Client 0 makes the conversation and then invites and removes; all others talk and come back.
    func run() {
        let clients = self.clients
        let fleet = self.fleet
        let count = UInt64(clients.count)
        fleet.onClientTimer = { timer in
            let client = clients[Int(timer % count)]
            let id = MessageID(high: timer, low: client.user.low)
            switch timer / count % 100 {
            case 0: client.connect()
            case 1: client.drop()
            case 2:
                client.repeatUnacknowledged()
                client.knock()
            case 3: clients[0].send(id, .create(isPublic: false))
            case 4: clients[0].send(id, .invite(client.user))
            case 5: clients[0].send(id, .remove(client.user))
            case 6: client.send(id, .leave)
            case 7: client.send(id, .edit(Offset(1 + fleet.draw(below: 8))))
            case 8: client.send(id, .react(Offset(1 + fleet.draw(below: 8))))
            default: client.send(id)
            }
        }
        self.at(.seconds(3), 0, 0)
        self.at(.milliseconds(3_500), 3, 0)
        for index in 0..<count {
            self.at(.seconds(3), 0, index)
            for second in 5..<40 as Range<UInt64> {
                let time = Interval.milliseconds(second * 1000 + fleet.draw(below: 900))
                if second < 30 {
                    let kind = 4 + fleet.draw(below: 12)
                    if index > 0 || kind > 6 { self.at(time, kind + second * 100, index) }
                    if fleet.draw(below: 10) == 0 { self.at(time, 1, index) }
                }
                self.at(time, 0, index)
                self.at(time + .milliseconds(50), 2, index)
            }
        }
        fleet.run(until: .zero + .seconds(32))
        fleet.bus = .calm
        fleet.appendFault = { _ in .none }
        fleet.run(until: .zero + .seconds(120))
        for client in clients { client.knock() }
        fleet.run(until: .zero + .seconds(200))
    }

    private func at(_ time: Interval, _ kind: UInt64, _ index: UInt64) {
        let count = UInt64(self.clients.count)
        self.fleet.schedule(0, .client(kind * count + index), after: time)
    }

    /// What did not hold, and how much was looked at.
    func judged() -> (violations: [String], entries: Int, departures: Int) {
        var violations: [String] = []
        let entries = self.fleet.store.logs[Self.conversation]?.entries ?? []
        var members: Set<UserID> = []
        var departed: [UserID: Int] = [:]
        var departures = 0
        for (index, entry) in entries.enumerated() {
            let isFirst = index == 0
            if !isFirst, !members.contains(entry.user) {
                violations.append("\(entry.operation) at \(index + 1) by a stranger")
            }
            switch entry.operation {
            case .create: members.insert(entry.user)
            case .invite(let user): members.insert(user)
            case .leave, .remove:
                guard let user = entry.operation.departing(by: entry.user) else { continue }
                members.remove(user)
                departed[user] = index + 1
                departures += 1
            case .message, .reply, .join, .role, .edit, .delete, .react: break
            }
        }
        for client in self.clients {
            violations += client.violations.map { "client \(client.user.low): \($0)" }
            let end = Int((client.firstSeen ?? 1) - 1) + client.seen.count
            if members.contains(client.user) {
                if client.isOut || client.position?.offset.rawValue != UInt64(entries.count) {
                    violations.append("client \(client.user.low) is behind at \(end)")
                }
            } else if end > departed[client.user] ?? 0 {
                violations.append("client \(client.user.low) saw \(end) after it had gone")
            }
            if client.outgoing.contains(where: \.isOpen) {
                violations.append("client \(client.user.low) waits")
            }
        }
        return (violations, entries.count, departures)
    }
}

@Suite struct MembershipTests {
    @Test(arguments: Layout.allCases, 1...12 as ClosedRange<UInt64>)
    func `members alone write and read, whatever the bus and the store do`(
        _ layout: Layout,
        _ seed: UInt64
    ) {
        let chat = MembersChat(layout, seed: seed)
        let fleet = chat.fleet
        if seed % 3 > 0 {
            fleet.bus = .hostile
            fleet.appendFault = { _ in
                switch fleet.draw(below: 20) {
                case 0: .failed
                case 1: .unknownApplied
                case 2: .unknownNotApplied
                default: .none
                }
            }
        }
        fleet.twinEvery = 97
        chat.run()
        let judged = chat.judged()
        #expect(judged.violations == [])
        #expect(judged.entries > 25 && judged.departures > 0)
        #expect(fleet.twinDifferences == [])
        for client in chat.clients { client.drop() }
        fleet.run(until: .zero + .seconds(500))
        #expect(fleet.outstandingPayloads == 0, "every payload is given back")
    }

    @Test func `a stranger cannot tell a conversation from none`() {
        let chat = MembersChat(.apart, seed: 1)
        let owner = chat.clients[0]
        let stranger = chat.clients[1]
        owner.connect()
        stranger.connect()
        chat.fleet.run(until: .zero + .seconds(2))
        owner.send(MessageID(high: 1, low: 1), .create(isPublic: false))
        chat.fleet.run(until: .zero + .seconds(3))
        let before = stranger.replies.count
        let nowhere = ConversationID(high: 5, low: 5)
        for id in [nowhere, MembersChat.conversation] {
            let there = ConversationReference(id: id, namespace: 0, name: .none)
            let body = Body(handle: .none, byteCount: 1)
            let message = MessageID(high: 9, low: 9)
            let since = HistoryRequest(since: nil, epoch: nil, limit: 0, isReversed: false)
            let asked: [Command] = [
                .subscribe(there, since: nil), .history(there, since), .publish(there, body),
                .send(there, message, body), .operate(there, message, .join, body),
                .operate(there, message, .leave, body),
                .operate(there, message, .edit(.start), body),
                .operate(there, message, .invite(stranger.user), body),
                .mark(there, Markers(read: Offset(1), received: Offset(1))),
            ]
            for command in asked { stranger.command(command) }
        }
        chat.fleet.run(until: .zero + .seconds(5))
        let replies = stranger.replies.dropFirst(before).map(\.1)
        #expect(replies.count == 18)
        #expect(replies.allSatisfy { $0 == .error(.notMember) })
        #expect(chat.fleet.store.logs[MembersChat.conversation]?.entries.count == 1)
    }

    @Test(arguments: Layout.allCases)
    func `typing reaches whoever looks, not too often, and leaves no trace`(_ layout: Layout) {
        let chat = MembersChat(layout, seed: 1)
        let owner = chat.clients[0]
        let other = chat.clients[1]
        owner.connect()
        chat.fleet.run(until: .zero + .seconds(2))
        owner.send(MessageID(high: 1, low: 1), .create(isPublic: false))
        chat.fleet.run(until: .zero + .seconds(3))
        owner.send(MessageID(high: 1, low: 2), .invite(other.user))
        owner.subscribe()
        chat.fleet.run(until: .zero + .seconds(4))
        for client in chat.clients.prefix(3) { client.connect() }
        chat.fleet.run(until: .zero + .seconds(6))
        for client in chat.clients.prefix(3) { client.type() }
        owner.type()
        chat.fleet.run(until: .zero + .seconds(8))
        #expect(chat.clients.prefix(3).map(\.signals) == [2, 2, 0])
        #expect(chat.clients[2].replies.last?.1 == .error(.notMember))
        chat.fleet.run(until: .zero + .seconds(10))
        owner.type()
        chat.fleet.run(until: .zero + .seconds(12))
        #expect(other.signals == 3)
        #expect(chat.fleet.store.logs[MembersChat.conversation]?.entries.count == 2)
        for client in chat.clients { client.drop() }
        chat.fleet.run(until: .zero + .seconds(400))
        #expect(chat.fleet.outstandingPayloads == 0)
    }

    @Test func `one refusal does not hold up what others send`() {
        let chat = MembersChat(.together, seed: 1)
        let owner = chat.clients[0]
        for client in chat.clients.prefix(3) { client.connect() }
        chat.fleet.run(until: .zero + .seconds(2))
        owner.send(MessageID(high: 1, low: 1), .create(isPublic: false))
        chat.fleet.run(until: .zero + .seconds(3))
        for number in 2..<50 as Range<UInt64> {
            chat.clients[1].send(MessageID(high: 1, low: number))
            owner.send(MessageID(high: 1, low: number))
            chat.clients[2].send(MessageID(high: 1, low: number), .join)
        }
        chat.fleet.run(until: .zero + .seconds(6))
        #expect(owner.outgoing.allSatisfy { $0.isAcknowledged })
        #expect(chat.clients[1].outgoing.allSatisfy { $0.refusal == .notMember })
        #expect(chat.fleet.statistics(of: 0).recoveriesOfSequence == 0)
    }
}

@Suite struct MembershipRulesTests {
    private let performer = UserID(high: 0, low: 1)
    private let other = UserID(high: 0, low: 2)

    private func refusal(
        _ action: ChatAction,
        as role: MemberRole?,
        _ change: (inout Standing) -> Void = { _ in }
    ) -> ErrorCode? {
        var standing = Standing()
        standing.exists = true
        standing.performer = role
        standing.memberCount = 3
        standing.ownerCount = 1
        change(&standing)
        return MembershipRules.refusal(of: action, by: self.performer, standing)
    }

    @Test func `roles allow what is theirs`() {
        #expect(self.refusal(.invite(self.other), as: .member) == .roleTooLow)
        #expect(self.refusal(.invite(self.other), as: .member) { $0.isPublic = true } == nil)
        #expect(self.refusal(.invite(self.other), as: .admin) == nil)
        #expect(
            self.refusal(.invite(self.other), as: .owner) { $0.subject = .member } == .unchanged
        )
        for subject in MemberRole.allCases {
            let removes = self.refusal(.remove(self.other), as: .admin) { $0.subject = subject }
            #expect(removes == (subject < .admin ? nil : .roleTooLow))
            let promotes = self.refusal(.role(self.other, .admin), as: .admin) {
                $0.subject = subject
            }
            #expect(promotes == .roleTooLow)
        }
        #expect(self.refusal(.remove(self.other), as: .owner) == .notFound)
        #expect(
            self.refusal(.remove(self.performer), as: .owner) { $0.subject = .owner } == .roleTooLow
        )
    }

    @Test func `members are never left without an owner`() {
        #expect(self.refusal(.leave, as: .owner) == .lastOwner)
        #expect(self.refusal(.leave, as: .owner) { $0.ownerCount = 2 } == nil)
        #expect(self.refusal(.leave, as: .owner) { $0.memberCount = 1 } == nil)
        let demotion = ChatAction.role(self.performer, .member)
        #expect(self.refusal(demotion, as: .owner) { $0.subject = .owner } == .lastOwner)
        let demoted = self.refusal(demotion, as: .owner) {
            $0.subject = .owner
            $0.ownerCount = 2
        }
        #expect(demoted == nil)
    }

    @Test func `an author edits, an author or admin deletes, and what is deleted is gone`() {
        typealias Entry = Standing.NamedEntry
        let own = Entry(isMessage: true, isDeleted: false, isOwn: true)
        let foreign = Entry(isMessage: true, isDeleted: false, isOwn: false)
        let deleted = Entry(isMessage: true, isDeleted: true, isOwn: true)
        let invitation = Entry(isMessage: false, isDeleted: false, isOwn: true)
        let at = Offset(3)
        #expect(self.refusal(.edit(at), as: .member) { $0.entry = own } == nil)
        #expect(self.refusal(.edit(at), as: .owner) { $0.entry = foreign } == .roleTooLow)
        #expect(self.refusal(.delete(at), as: .member) { $0.entry = foreign } == .roleTooLow)
        #expect(self.refusal(.delete(at), as: .admin) { $0.entry = foreign } == nil)
        #expect(self.refusal(.react(at), as: .member) { $0.entry = foreign } == nil)
        for gone in [deleted, invitation] {
            for action in [ChatAction.edit(at), .delete(at), .react(at), .reply(at)] {
                #expect(self.refusal(action, as: .owner) { $0.entry = gone } == .notFound)
            }
        }
    }

    @Test func `strangers join what is public and do nothing else`() {
        #expect(self.refusal(.join, as: nil) == .notMember)
        #expect(self.refusal(.join, as: nil) { $0.isPublic = true } == nil)
        #expect(self.refusal(.join, as: .member) { $0.isPublic = true } == .unchanged)
        #expect(self.refusal(.create(isPublic: true), as: nil) == .notMember)
        for action in [ChatAction.message, .leave, .invite(self.other), .edit(Offset(1))] {
            #expect(self.refusal(action, as: nil) { $0.isPublic = true } == .notMember)
        }
    }
}
