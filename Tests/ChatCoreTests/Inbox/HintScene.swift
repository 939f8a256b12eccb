import ChatCore
import EventTrace
import Kernel

/// A conversation of a few members, some of whose devices do not look.
final class HintScene {
    /// A hint as it left a gateway.
    struct Seen: Equatable {
        var instant: Instant
        var user: UInt64
        var offset: UInt64
        var unread: UInt64
        var mentions: UInt64
    }

    static let conversation = ConversationID(high: KeyedRandom.mix(21), low: 22)

    let fleet: TestFleet
    private(set) var seen: [Seen] = []
    private(set) var clients: [TestClient] = []
    private var messages: UInt64 = 0

    /// Users 1 to `members` are members, the first of them the owner.
    init(
        _ layout: Layout = .apart,
        seed: UInt64,
        members: UInt64 = 3,
        configure: (inout ShardConfiguration) -> Void = { _ in }
    ) {
        self.fleet = TestFleet(layout, seed: seed) {
            $0.namespaces[0].isMembersOnly = true
            $0.presence.followsUsers = true
            $0.hintsMembers = true
            configure(&$0)
        }
        var log = MemoryStore.Log()
        log.roster.apply(
            .create(isPublic: true),
            by: UserID(high: 0, low: 1),
            people: (1...members).map { UserID(high: 0, low: $0) },
            at: .start,
            count: 0
        )
        self.fleet.store.logs[Self.conversation] = log
        self.fleet.onHint = { [unowned self] index, handle, hint in
            let client = self.clients.first { $0.index == index && $0.handle == handle }
            self.seen.append(
                Seen(
                    instant: self.fleet.now,
                    user: client?.user.low ?? 0,
                    offset: hint.head.offset.rawValue,
                    unread: hint.standing.unread,
                    mentions: hint.standing.mentions
                )
            )
        }
    }

    /// A device that is switched on; it looks at the conversation or does not.
    func device(of user: UInt64, looks: Bool, at index: Int = 0) -> TestClient {
        let slot = UInt32(self.clients.count)
        let client = TestClient(
            self.fleet,
            user: user,
            in: Self.conversation,
            at: index,
            slot: slot
        )
        client.looks = looks
        self.clients.append(client)
        return client
    }

    /// Lets leases be taken, connects everybody, and lets owners hear of it.
    func begin() {
        self.fleet.run(until: .zero + .seconds(3))
        for client in self.clients { client.connect() }
        self.run(for: .seconds(2))
    }

    func run(for interval: Interval) { self.fleet.run(until: self.fleet.now + interval) }

    func say(_ client: TestClient, _ action: ChatAction = .message) {
        self.messages += 1
        client.send(MessageID(high: 9, low: self.messages), action)
    }

    func hints(of client: TestClient) -> [Seen] { self.seen.filter { $0.user == client.user.low } }

    var statistics: [ShardStatistics] {
        (0..<self.fleet.shardCount).map { self.fleet.statistics(of: $0) }
    }
}
