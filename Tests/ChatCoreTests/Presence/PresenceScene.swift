import ChatCore
import Kernel
import Oracles

/// Users with devices in one conversation, who watch each other, under the oracle of presence.
final class PresenceScene {
    struct Push: Equatable {
        var at: Instant
        var isJoin: Bool
        /// Whose: the index of a client, and which of its connections.
        var client: Int
        var connection: UInt64
    }

    let fleet: TestFleet
    let layout: Layout
    let clients: [TestClient]
    let gateways: [Int]
    private(set) var oracle: PresenceOracle
    /// By the index of the client that heard.
    private(set) var pushes: [Int: [Push]] = [:]
    private(set) var statuses: [Int: [(at: Instant, user: UInt64, state: PresenceState)]] = [:]
    /// The list that the next reply or push takes.
    private var draft: [(user: UInt64, state: PresenceState)] = []
    private var members: [(client: Int, connection: UInt64)] = []
    private(set) var gatherings: [Int: [(client: Int, connection: UInt64)]] = [:]
    private(set) var counts: [Int: (clients: UInt32, users: UInt32)] = [:]
    private(set) var errors: [Int: [ErrorCode]] = [:]
    private var infos: [UInt64: (client: Int, connection: UInt64)] = [:]
    private var isIn: [Bool]

    static let terms = PresenceOracle.Terms(
        grace: .seconds(5),
        lostGrace: .seconds(60),
        window: .seconds(1),
        budget: 20_000,
        allowance: .milliseconds(1_500)
    )

    /// `users[n]` is the user whom client *n* speaks for.
    init(
        _ layout: Layout,
        seed: UInt64,
        users: [UInt64],
        configure: (inout ShardConfiguration) -> Void = { _ in }
    ) {
        self.layout = layout
        self.fleet = TestFleet(layout, seed: seed) {
            $0.namespaces = [Namespace(presence: true, joinLeave: true, forcePushJoinLeave: true)]
            $0.presence.followsUsers = true
            configure(&$0)
        }
        let gateways = layout.roles.indices.filter { layout.roles[$0].contains(.gateway) }
        self.gateways = gateways
        self.oracle = PresenceOracle(Self.terms)
        self.isIn = Array(repeating: false, count: users.count)
        let fleet = self.fleet
        self.clients = users.enumerated().map { index, user in
            TestClient(
                fleet,
                user: user,
                in: ConversationID(high: KeyedRandom.mix(7), low: 7),
                at: gateways[index % gateways.count],
                slot: UInt32(index)
            )
        }
        for (index, client) in self.clients.enumerated() {
            client.attendee = { [unowned self] client in
                let info = self.fleet.makePayload()
                self.infos[info.rawValue] = (index, client.connection.rawValue)
                return Attendee(info: info, wantsJoinLeave: false)
            }
        }
        self.fleet.onReply = { [unowned self] in self.take($0, $1, $2, $3) }
        self.fleet.onPresence = { [unowned self] in self.take($0, $1, $2) }
    }

    func at(_ milliseconds: UInt64, _ body: @escaping () -> Void) {
        self.script.append((.zero + .milliseconds(milliseconds), body))
    }

    private var script: [(instant: Instant, body: () -> Void)] = []

    /// Runs the script and then on until `milliseconds`.
    func run(until milliseconds: UInt64) {
        for step in self.script.sorted(by: { $0.instant < $1.instant }) {
            self.fleet.run(until: step.instant)
            step.body()
        }
        self.script = []
        self.fleet.run(until: .zero + .milliseconds(milliseconds))
    }

    func connect(_ index: Int) { self.clients[index].connect() }

    func drop(_ index: Int) {
        guard self.clients[index].state != .offline else { return }
        self.clients[index].drop()
        self.left(index, isLost: false)
    }

    private func left(_ index: Int, isLost: Bool) {
        guard self.isIn[index] else { return }
        self.isIn[index] = false
        let client = self.clients[index]
        self.oracle.ended(client.user.low, isLost: isLost, now: self.fleet.now)
        for other in self.clients {
            self.oracle.gone(client.connection.rawValue, other.user.low)
        }
    }

    func restart(_ shard: Int) {
        for index in self.clients.indices where self.clients[index].index == shard {
            self.left(index, isLost: true)
        }
        self.fleet.restart(shard, self.layout.roles[shard])
        if self.layout.roles[shard].contains(.user) {
            self.oracle.unsettled(until: self.fleet.now + .seconds(70))
        }
    }

    func watch(_ index: Int, _ users: [UInt64]) {
        guard self.isIn[index] else { return }
        let client = self.clients[index]
        for (position, user) in users.enumerated() {
            let name = self.fleet.makePayload()
            let reference = UserReference(id: UserID(high: 0, low: user), name: name)
            let remaining = UInt16(users.count - 1 - position)
            self.fleet.schedule(
                client.index,
                .event(
                    .command(
                        client.handle,
                        CommandID(1_000),
                        .presence(.watch(reference, remaining: remaining))
                    )
                ),
                after: .milliseconds(1)
            )
            self.oracle.asked(client.connection.rawValue, user, now: self.fleet.now)
        }
    }

    func ask(_ index: Int, _ command: PresenceCommand) {
        self.clients[index].command(.presence(command))
    }

    var conversation: ConversationID { self.clients[0].conversation }

    var reference: ConversationReference { Self.reference(self.conversation) }

    static func reference(
        _ conversation: ConversationID,
        namespace: UInt8 = 0
    ) -> ConversationReference {
        ConversationReference(id: conversation, namespace: namespace, name: .none)
    }

    func settle() { self.oracle.settle(now: self.fleet.now) }

    private func client(_ shard: Int, _ handle: ConnectionHandle) -> Int? {
        let index = Int(handle.slot)
        let client = self.clients[index]
        return client.index == shard && client.handle == handle ? index : nil
    }

    private func take(
        _ shard: Int,
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reply: Reply
    ) {
        let draft = self.draft
        let members = self.members
        if case .presence(.watching) = reply { self.draft = [] }
        if case .presence(.members) = reply { self.members = [] }
        guard let index = self.client(shard, handle) else { return }
        let client = self.clients[index]
        switch reply {
        case .connected:
            self.isIn[index] = true
            self.oracle.began(client.user.low, now: self.fleet.now)
        case .presence(.watching):
            for entry in draft {
                self.oracle.answered(
                    client.connection.rawValue,
                    entry.user,
                    state: entry.state.rawValue,
                    now: self.fleet.now
                )
                self.statuses[index, default: []].append(
                    (self.fleet.now, entry.user, entry.state)
                )
            }
        case .presence(.members): self.gatherings[index] = members
        case .presence(.counts(let clients, let users)): self.counts[index] = (clients, users)
        case .error(let code): self.errors[index, default: []].append(code)
        case .subscribed, .connectedSubscription, .unsubscribed, .published, .sent, .created,
            .history, .marked, .done, .listed, .told, .refreshed, .subRefreshed, .presence(.done):
            break
        }
    }

    private func take(_ shard: Int, _ effect: PresenceEffect, _ targets: [ConnectionHandle]) {
        switch effect {
        case .member(let info):
            if let member = self.infos[info.rawValue] { self.members.append(member) }
        case .status(let user, let state): self.draft.append((user.id.low, state))
        case .statuses(let window, _):
            for target in targets {
                guard let index = self.client(shard, target) else { continue }
                for entry in self.draft {
                    self.oracle.told(
                        self.clients[index].connection.rawValue,
                        entry.user,
                        state: entry.state.rawValue,
                        window: window,
                        gateway: shard,
                        now: self.fleet.now
                    )
                    self.statuses[index, default: []].append(
                        (self.fleet.now, entry.user, entry.state)
                    )
                }
            }
            self.draft = []
        case .attendance(let isJoin, let info, _, _):
            guard let whose = self.infos[info.rawValue] else { return }
            for target in targets {
                guard let index = self.client(shard, target) else { continue }
                self.pushes[index, default: []].append(
                    Push(
                        at: self.fleet.now,
                        isJoin: isJoin,
                        client: whose.client,
                        connection: whose.connection
                    )
                )
            }
        }
    }
}
