import ChatCore
import EventTrace
import Kernel

/// How roles are spread over shards.
enum Layout: Equatable, CaseIterable, CustomStringConvertible {
    case together
    case apart
    /// So many gateway shards beside two owners.
    case wide(gateways: Int)

    static let allCases = [Self.together, .apart]

    var description: String {
        switch self {
        case .together: "all roles in one shard"
        case .apart: "one role a shard"
        case .wide(let gateways): "\(gateways) gateway shards"
        }
    }

    var roles: [RoleSet] {
        switch self {
        case .together: [.all]
        case .apart: [.gateway, .conversation, .gateway, .conversation, .user, .user]
        case .wide(let gateways):
            [.conversation, .conversation] + Array(repeating: .gateway, count: gateways)
        }
    }
}

/// What the bus does to peer messages between shards, in thousandths.
struct Bus {
    var loss: UInt64 = 0
    var repetition: UInt64 = 0
    var spread = Interval.zero

    static let calm = Self()
    static let hostile = Self(loss: 100, repetition: 100, spread: .milliseconds(40))
}

/// Shards, a bus and a store in virtual time: a host small enough to be read at once.
///
/// Counts references to payloads, so that a test can demand that each was given back.
final class TestFleet {
    final class Box {
        var shard: Shard?
        /// Restored from a snapshot of the shard, and stepped beside it.
        var twin: Shard?
        var clients: [UInt32: TestClient] = [:]
        init(_ shard: consuming Shard) { self.shard = consume shard }
    }

    struct Item: BitwiseCopyable {
        enum Kind: BitwiseCopyable {
            case event(ShardEvent)
            /// A request reaches the store.
            case store(RequestToken, StoreRequest)
            case client(UInt64)
            /// A slow client has read something.
            case read(ConnectionHandle)
        }
        var shard: Int
        var kind: Kind
    }

    private(set) var now = Instant.zero
    let configuration: ShardConfiguration
    let seed: UInt64
    let random: KeyedRandom
    let store: MemoryStore
    var bus = Bus.calm
    var appendFault: (UInt64) -> MemoryStore.Fault = { _ in .none }
    private(set) var boxes: [Box] = []
    private var queue = DeadlineHeap<Item>()
    private var draws: UInt64 = 0
    private var incarnations: UInt64 = 1
    private var references: [UInt64: Int] = [:]
    private var lastStoreTime: [Int: Instant] = [:]
    var told: [[LeaseTable.Row?]] = []
    /// Is shown what each shard tells about presence, with the connections that are told.
    var onPresence: (Int, PresenceEffect, [ConnectionHandle]) -> Void = { _, _, _ in }
    /// What becomes of a message between shards.
    var altered: (PeerMessage) -> PeerMessage = { $0 }
    /// Is shown each hint and a connection that it goes to.
    var onHint: (Int, ConnectionHandle, Hint) -> Void = { _, _, _ in }
    /// Is shown each reply.
    var onReply: (Int, ConnectionHandle, CommandID, Reply) -> Void = { _, _, _, _ in }
    /// What becomes of each message that a shard sends to another.
    var alter: (_ sender: Int, PeerMessage) -> PeerMessage = { $1 }
    /// Is shown each answer to an application server.
    var onResponse: (ServerRequestID, ServerResponse) -> Void = { _, _ in }
    /// Until when the store takes no request.
    var stalledUntil = Instant.zero
    /// Pages that the store has read and that were not given back.
    private(set) var outstandingPages: Set<UInt64> = []
    var onClientTimer: (UInt64) -> Void = { _ in }
    private(set) var appended: UInt64 = 0
    private var accountRequests: UInt64 = 0
    /// How often the store was asked for the members of a conversation.
    private(set) var audiences: UInt64 = 0
    /// Whether the answer about an account stays out, by the number of the question.
    var losesAnswer: (UInt64) -> Bool = { _ in false }
    /// After how many steps each shard gets a twin that is restored from its snapshot; 0 is never.
    var twinEvery: UInt64 = 0
    private var steps: UInt64 = 0
    private(set) var twinChecks = 0
    private(set) var twinDifferences: [String] = []
    private(set) var lastSnapshot: [UInt8] = []

    init(
        _ layout: Layout,
        seed: UInt64,
        configure: (inout ShardConfiguration) -> Void = { _ in }
    ) {
        var configuration = ShardConfiguration()
        configuration.partitionCount = 4
        configure(&configuration)
        self.configuration = configuration
        self.seed = seed
        self.random = KeyedRandom(seed: seed)
        self.store = MemoryStore(partitionCount: configuration.partitionCount)
        for (index, roles) in layout.roles.enumerated() {
            self.boxes.append(Box(self.makeShard(index, roles, incarnation: 1)))
            self.told.append(Array(repeating: nil, count: 2 * Int(configuration.partitionCount)))
            if !roles.isDisjoint(with: [.conversation, .user]) {
                self.store.leases.enrol(
                    self.id(index),
                    roles: roles,
                    until: .zero + .seconds(6)
                )
            }
            self.schedule(
                index,
                .event(.wallClock(unixMilliseconds: 1_700_000_000_000)),
                after: .zero
            )
        }
    }

    func id(_ index: Int) -> ShardID { ShardID(node: NodeID(UInt16(index)), index: 0) }

    private func makeShard(_ index: Int, _ roles: RoleSet, incarnation: UInt64) -> Shard {
        var configuration = self.configuration
        configuration.roles = roles
        return Shard(
            id: self.id(index),
            configuration: configuration,
            seed: self.seed,
            incarnation: incarnation
        )
    }

    /// Kills a shard and starts its successor; what was under way there is lost.
    func restart(_ index: Int, _ roles: RoleSet) {
        self.incarnations += 1
        for client in self.boxes[index].clients.values { client.dropped() }
        self.boxes[index] = Box(self.makeShard(index, roles, incarnation: self.incarnations))
        self.told[index] = Array(repeating: nil, count: self.told[index].count)
        self.keepOthers(than: index)
        self.schedule(
            index,
            .event(
                .wallClock(unixMilliseconds: 1_700_000_000_000 + self.now.nanoseconds / 1_000_000)
            ),
            after: .zero
        )
    }

    private func keepOthers(than index: Int) {
        var former = DeadlineHeap<Item>()
        swap(&former, &self.queue)
        while let instant = former.earliest, let item = former.next(dueAt: .never) {
            var isKept = item.shard != index
            if case .client = item.kind { isKept = true }
            if isKept {
                self.queue.schedule(item, at: instant)
            } else if case .event(.peer(_, let message)) = item.kind {
                self.letGo(message)
            } else if case .store(_, .append(let append)) = item.kind, self.draw(below: 2) == 0 {
                _ = self.store.append(append, .none)
            }
        }
    }

    func draw(below bound: UInt64) -> UInt64 {
        self.draws += 1
        return KeyedRandom.below(bound, self.random.draw(RandomPurpose(900), 0, self.draws))
    }

    func schedule(_ shard: Int, _ kind: Item.Kind, after delay: Interval) {
        self.queue.schedule(Item(shard: shard, kind: kind), at: self.now + delay)
    }

    func statistics(of index: Int) -> ShardStatistics {
        guard let statistics = self.boxes[index].shard?.statistics else { return ShardStatistics() }
        return statistics
    }

    var shardCount: Int { self.boxes.count }

    /// Payloads of which a reference has not been given back.
    var outstandingPayloads: Int { self.references.values.count { $0 != 0 } }

    func makePayload() -> PayloadHandle {
        let handle = UInt64(self.references.count + 1)
        self.references[handle] = 1
        return PayloadHandle(rawValue: handle)
    }

    func attach(_ client: TestClient, to index: Int, slot: UInt32) {
        self.boxes[index].clients[slot] = client
    }

    func detach(_ index: Int, slot: UInt32) { self.boxes[index].clients[slot] = nil }

    /// Runs until `instant`.
    func run(until instant: Instant) {
        while true {
            var next = self.queue.earliest
            var due: Int?
            for index in self.boxes.indices {
                guard let deadline = self.boxes[index].shard?.nextDeadline else { continue }
                if next.map({ deadline < $0 }) ?? true {
                    next = deadline
                    due = index
                }
            }
            guard let next, next <= instant else { break }
            self.now = max(self.now, next)
            if let due {
                self.step(due) { shard, effects in
                    shard.handleDeadline(at: self.now, into: &effects)
                }
            } else if let item = self.queue.next(dueAt: self.now) {
                self.take(item)
            }
        }
        self.now = instant
    }

    private func take(_ item: Item) {
        switch item.kind {
        case .event(let event):
            if case .opened(let handle, _) = event,
                self.boxes[item.shard].clients[handle.slot] == nil
            {
                return
            }
            self.step(item.shard) { shard, effects in
                shard.handle(event, at: self.now, into: &effects)
            }
            if case .backlog(let handle, _) = event {
                self.link(to: handle, of: item.shard)?.taken()
            }
        case .store(let token, let request):
            self.serve(item.shard, token, request)
        case .client(let timer):
            self.onClientTimer(timer)
        case .read(let handle): self.link(to: handle, of: item.shard)?.read()
        }
    }

    func step(
        _ index: Int,
        _ body: (inout Shard, inout EffectBuffer<ShardEffect>) -> Void
    ) {
        var effects = EffectBuffer<ShardEffect>(
            capacity: Shard.effectReserve * 2,
            targetCapacity: Shard.effectReserve * 2
        )
        guard var shard = self.boxes[index].shard.take() else { return }
        self.renewTwin(of: shard, at: index)
        body(&shard, &effects)
        self.boxes[index].shard = consume shard
        self.stepTwin(index, effects, body)
        for position in 0..<effects.count {
            self.carryOut(effects[effect: position], of: index, effects)
        }
    }

    /// Compares the twin that there was with its original, and makes a new one.
    private func renewTwin(of shard: borrowing Shard, at index: Int) {
        self.steps += 1
        guard self.twinEvery > 0, self.steps % self.twinEvery < UInt64(self.boxes.count) else {
            return
        }
        let snapshot = shard.snapshot()
        if let twin = self.boxes[index].twin.take() {
            self.twinChecks += 1
            if twin.snapshot() != snapshot { self.twinDifferences.append("state, \(self.steps)") }
            var states = (Digest128(), Digest128())
            twin.combineState(into: &states.0)
            shard.combineState(into: &states.1)
            if states.0 != states.1 { self.twinDifferences.append("digest, \(self.steps)") }
        }
        self.lastSnapshot = snapshot
        do {
            self.boxes[index].twin = try Shard.restored(from: snapshot)
        } catch {
            self.twinDifferences.append("\(error), \(self.steps)")
        }
    }

    private func stepTwin(
        _ index: Int,
        _ effects: borrowing EffectBuffer<ShardEffect>,
        _ body: (inout Shard, inout EffectBuffer<ShardEffect>) -> Void
    ) {
        guard var twin = self.boxes[index].twin.take() else { return }
        var others = EffectBuffer<ShardEffect>(
            capacity: Shard.effectReserve * 2,
            targetCapacity: Shard.effectReserve * 2
        )
        body(&twin, &others)
        self.boxes[index].twin = consume twin
        var digests = (TraceDigest(shardCount: 1), TraceDigest(shardCount: 1))
        digests.0.combine(effects, shard: 0)
        digests.1.combine(others, shard: 0)
        if digests.0.value != digests.1.value {
            self.twinDifferences.append("effects, \(self.steps)")
        }
    }

    private func carryOut(
        _ effect: ShardEffect,
        of index: Int,
        _ effects: borrowing EffectBuffer<ShardEffect>
    ) {
        let clients = self.boxes[index].clients
        switch effect {
        case .authenticate(let handle):
            guard let client = clients[handle.slot] else { return }
            let accepted = ShardEvent.authenticated(handle, .accepted(client.user, timeToLive: nil))
            for event in client.grants(to: handle) + [accepted] {
                self.schedule(index, .event(event), after: .milliseconds(1))
            }
        case .reply(let handle, let id, let reply):
            self.hand(10, .reply, to: handle, of: index) { $0.receive(reply, to: id, self.store) }
            self.onReply(index, handle, id, reply)
        case .deliver(let delivery, _, let targets):
            let after = delivery.offset > .start ? Offset(delivery.offset.rawValue - 1) : nil
            let kind = SlowLink.Kind.publication(delivery.conversation, after: after)
            for target in targets.start..<(targets.start + targets.count) {
                self.hand(delivery.body.byteCount, kind, to: effects[target: target], of: index) {
                    $0.receive(delivery, self.store)
                }
            }
        case .deliverPage(let stretch, let targets):
            guard let page = self.store.pages[stretch.page.rawValue] else { return }
            for target in targets.start..<(targets.start + targets.count) {
                for offset in stretch.after.rawValue..<stretch.through.rawValue {
                    let body = page.bodies[Int(offset + 1 - page.first)]
                    let kind = SlowLink.Kind.publication(
                        stretch.conversation,
                        after: Offset(offset)
                    )
                    self.hand(body.byteCount, kind, to: effects[target: target], of: index) {
                        $0.receive(Offset(offset + 1), body)
                    }
                }
            }
        case .subscribe: break
        case .respond(let id, let response): self.onResponse(id, response)
        case .unsubscribe(let handle, _, let code):
            self.hand(40, .reply, to: handle, of: index) { $0.unsubscribed(code) }
        case .hint(let hint, let targets):
            for target in targets.start..<(targets.start + targets.count) {
                self.onHint(index, effects[target: target], hint)
            }
        case .presence(let effect): self.observePresence(effect, index, effects)
        case .ping(let targets):
            for target in targets.start..<(targets.start + targets.count) {
                self.pong(effects[target: target], to: index)
            }
        case .close(let handle, let code):
            clients[handle.slot]?.closed(code)
            self.schedule(index, .event(.closed(handle)), after: .milliseconds(1))
        case .peer(let shard, let message):
            self.send(self.altered(message), from: index, to: shard)
        case .store(let token, let request):
            self.reachStore(index, token, request)
        case .release(let handle):
            guard handle.rawValue < 1 << 40 else {
                self.outstandingPages.remove(handle.rawValue)
                return
            }
            self.references[handle.rawValue, default: 0] -= 1
        case .dropPublications(let handle): self.link(to: handle, of: index)?.dropPublications()
        case .awaitRoom(let handle): self.link(to: handle, of: index)?.awaitRoom()
        case .drained, .refresh:
            break
        }
    }

    private func pong(_ handle: ConnectionHandle, to index: Int) {
        guard self.boxes[index].clients[handle.slot]?.answersPings == true else { return }
        self.step(index) { shard, effects in
            let start = shard.stage(handle)
            let range = TargetRange(start: start, count: 1)
            shard.handle(.pongs(range), at: self.now, into: &effects)
        }
    }

    private func send(_ message: PeerMessage, from index: Int, to shard: ShardID) {
        let target = Int(shard.node.rawValue)
        let message = target == index ? message : self.alter(index, message)
        var copies = 1
        if target != index {
            if self.draw(below: 1000) < self.bus.loss { copies -= 1 }
            if self.draw(below: 1000) < self.bus.repetition { copies += 1 }
        }
        for _ in 0..<copies {
            if let handle = Self.payload(of: message) {
                self.references[handle.rawValue, default: 0] += 1
            }
            let spread = self.bus.spread.nanoseconds
            let delay = target == index || spread == 0 ? 0 : self.draw(below: spread)
            self.schedule(
                target,
                .event(.peer(self.id(index), message)),
                after: Interval(nanoseconds: delay)
            )
        }
    }

    private static func payload(of message: PeerMessage) -> PayloadHandle? {
        switch message {
        case .publish(let request): request.body.handle
        case .delivery(let delivery), .signal(let delivery), .signalled(let delivery):
            delivery.body.handle
        case .relayed(let delivery, _): delivery.body.handle
        case .presence(let message): message.payload == .none ? nil : message.payload
        case .inbox(let message): message.payload == .none ? nil : message.payload
        case .published, .interest, .interested, .withdraw, .head: nil
        }
    }

    private func letGo(_ message: PeerMessage) {
        guard let handle = Self.payload(of: message) else { return }
        self.references[handle.rawValue, default: 0] -= 1
    }

    /// Requests of one shard reach the store in order, after a random delay.
    private func reachStore(_ index: Int, _ token: RequestToken, _ request: StoreRequest) {
        let delay = Interval(nanoseconds: 500_000 + self.draw(below: 3_000_000))
        let last = self.lastStoreTime[index] ?? .zero
        let arrival = max(self.now + delay, last, self.stalledUntil)
        self.lastStoreTime[index] = arrival
        self.schedule(index, .store(token, request), after: arrival - self.now)
    }

    /// An answer in parts; what it begins with is a name that the shard gives back.
    private func serveParts(_ index: Int, _ token: RequestToken, _ request: StoreRequest) -> Bool {
        let parts: [StoreOutcome]
        switch request {
        case .audience(let audience):
            self.audiences += 1
            parts = self.store.audience(audience, name: self.makePayload)
        case .plans(let plans): parts = self.store.plans(plans, of: self.id(index))
        case .append, .head, .lookUp, .read, .renewEpoch, .standing, .mark, .account, .list,
            .leases:
            return false
        }
        for part in parts {
            self.step(index) { shard, effects in
                shard.handle(.stored(token, part), at: self.now, into: &effects)
            }
        }
        return true
    }

    private func serve(_ index: Int, _ token: RequestToken, _ request: StoreRequest) {
        if self.serveParts(index, token, request) { return }
        let outcome: StoreOutcome
        switch request {
        case .append(let append):
            self.appended += 1
            outcome = .appended(self.store.append(append, self.appendFault(self.appended)))
        case .head(let conversation):
            outcome = .head(
                self.store.head(of: conversation),
                members: self.store.memberCount(of: conversation)
            )
        case .lookUp(let conversation, let user, let message):
            outcome = self.store.lookUp(conversation, user, message)
        case .read(let read):
            outcome = self.store.read(read)
            if case .page(let page) = outcome { self.outstandingPages.insert(page.handle.rawValue) }
        case .renewEpoch(let conversation, let partition, let term):
            outcome = self.store.renewEpoch(conversation, partition, term)
        case .standing(let inquiry):
            outcome = self.store.ruling(on: inquiry)
        case .mark(let mark):
            outcome = self.store.mark(mark)
        case .account(let request):
            self.accountRequests += 1
            outcome = self.store.account(request, isLost: self.losesAnswer(self.accountRequests))
            if case .account(.told(let note)) = outcome {
                self.outstandingPages.insert(note.rawValue)
            }
        case .list, .audience, .plans:
            outcome = .unavailable
        case .leases(let roles):
            self.leaseRound(index, roles)
            outcome = .leased
        }
        self.step(index) { shard, effects in
            shard.handle(.stored(token, outcome), at: self.now, into: &effects)
        }
    }
}
