import BasicContainers
import ChatCore
import ClientModel
import DiscreteEvents
package import EventTrace
import Histogram
package import Kernel
import Measurement
import Oracles
import Workload

/// A fleet, its store, its network and its users in virtual time.
///
/// Everything that happens is an event of one calendar; shards and clients are the machines that
/// also run live. One seed gives one run, to the digest. Every draw is keyed by who it is about and
/// by what happens to it, so that a fault in one place moves no latency in another.
package struct World: ~Copyable {
    let scenario: Scenario
    let seed: UInt64
    let random: KeyedRandom
    let population: Population
    var calendar: Calendar<Happening>
    var parcels = ParcelStorage()
    var shards = UniqueArray<SimulatedShard>()
    /// Dense indices of the shards that take connections.
    var gateways: [Int] = []
    /// The dense index of each node's first shard.
    var firstShards: [Int] = []
    var clients = UniqueArray<SimulatedClient>()
    var logs: StoredLogs
    var writer = GroupWriter()
    var stalledUntil = Instant.zero
    var severed: [Severance] = []
    /// Copies of the store, and when they were made.
    var copies: [(made: Instant, logs: [StoredLogs.Log])] = []
    /// When each node's network card has sent what it was given.
    var cardFree: [Instant]
    var arrivals: Arrivals
    let whims: Whims
    var nextMessage: (sender: ClientNumber, message: OutgoingMessage)?
    /// When message n was meant to be sent: its id's low word is n + 1.
    var intended: [Instant] = []
    /// How many messages the sender of message n had intended before it.
    var ordinals: [UInt32] = []
    var digest: TraceDigest
    var oracle: PromiseOracle
    var membership = MembershipOracle()
    var watching: Watching?
    /// Judges hints; `nil` where nobody is hinted.
    var hinting: HintOracle?
    /// Judges whether live traffic comes back after the faults; `nil` if nobody asks.
    var goodput: GoodputOracle?
    let bug: PlantedBug?
    let pingWay: PingWay
    /// How long after a ping no client misses the next.
    let patience: Interval
    /// How often the planted bug could have struck.
    var sabotageCount: UInt64 = 0
    var effects = EffectBuffer<ShardEffect>(
        capacity: Shard.effectReserve * 2,
        targetCapacity: Shard.effectReserve * 4
    )
    var clientEffects = EffectBuffer<ClientEffect>(capacity: Client.effectLimit)
    var round = Round()
    /// Is shown each step of each shard.
    package var observer: ((ShardStep) -> Void)?
    var pages: [UInt64: (conversation: ConversationID, page: Page)] = [:]
    /// What devices had when they asked for changes, and what they were answered.
    var known: [UInt64: [KnownConversation]] = [:]
    var windows: [UInt64: [ListedConversation]] = [:]
    var nextPage: UInt64 = 1 << 40
    var counts = RunCounts()
    /// Of shards that have ended.
    var plans = PlanCounts()
    /// Pings that reached a client who answered.
    package private(set) var pingCount: UInt64 = 0
    /// Where subscriptions began, summed over devices and conversations.
    var subscribedFrom: UInt64 = 0
    var series: SeriesRecorder
    var sendToAck = World.histogram()
    var sendToDelivery = World.histogram()

    static func histogram() -> Histogram<UInt64> {
        // Microseconds up to an hour; what is later counts as an hour.
        Histogram(highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
    }

    package init(
        _ scenario: Scenario,
        seed: UInt64,
        bug: PlantedBug? = nil,
        pings: PingWay = .grouped
    ) {
        self.scenario = scenario
        self.pingWay = pings
        self.patience = scenario.patience
        self.bug = bug
        self.oracle = PromiseOracle(networkRepeats: scenario.network.busRepeatMillionths > 0)
        self.seed = seed
        self.random = KeyedRandom(seed: seed)
        self.population = Population(scenario.workload, seed: seed)
        self.logs = StoredLogs(partitionCount: scenario.partitionCount, bug: bug)
        self.arrivals = Arrivals(
            scenario.workload,
            population: self.population,
            seed: seed,
            start: .zero + scenario.workload.rampUp
        )
        self.whims = Whims(scenario.workload, seed: seed)
        let shardCount = scenario.groups.reduce(0) { $0 + Int($1.nodes) * Int($1.shards) }
        self.digest = TraceDigest(shardCount: shardCount)
        self.calendar = Calendar(sourceCount: 1)
        self.series = scenario.seriesRecorder
        self.cardFree = Array(repeating: .zero, count: scenario.nodeCount)
        self.goodput = scenario.goodputTerms.map { GoodputOracle($0) }
        self.makeShards()
        self.beginHinting()
        self.foundConversations()
        self.makeClients()
        self.scheduleArrival()
        self.beginWatching()
        for (index, fault) in scenario.faults.enumerated() {
            self.schedule(Happening(.faultBegins, index), at: fault.start)
            self.schedule(Happening(.faultEnds, index), at: fault.start + fault.lasts)
        }
    }

    private mutating func makeClients() {
        self.clients.reserveCapacity(Int(self.scenario.workload.users))
        for number in 0..<self.scenario.workload.users {
            let user = ClientNumber(number)
            let conversations = self.population.lookedAt(by: user)
            self.oracle.enrol(UInt64(number), in: conversations.lazy.map(World.id))
            let machine = Client(
                number: user,
                cohort: self.population.cohort(of: user),
                random: self.random,
                conversations: conversations,
                isChatting: self.isChatting
            )
            self.clients.append(SimulatedClient(machine))
            self.schedule(
                Happening(.clientStarts, Int(number)),
                at: self.start(of: user)
            )
            self.scheduleAbsence(0, of: Int(number))
            self.scheduleTrespass(0, of: Int(number))
        }
    }

    private mutating func makeShards() {
        var node: UInt16 = 0
        for group in self.scenario.groups {
            for _ in 0..<group.nodes {
                self.firstShards.append(self.shards.count)
                for index in 0..<group.shards {
                    let id = ShardID(node: NodeID(node), index: index)
                    let shard = SimulatedShard(
                        id: id,
                        roles: group.roles,
                        leaseCount: 2 * Int(self.scenario.partitionCount),
                        overload: self.scenario.server.overload
                    )
                    if group.roles.contains(.gateway) { self.gateways.append(self.shards.count) }
                    if !group.roles.isDisjoint(with: [.conversation, .user]) {
                        self.logs.leases.enrol(
                            id,
                            roles: group.roles,
                            until: .zero + .seconds(6)
                        )
                    }
                    self.shards.append(shard)
                }
                node += 1
            }
        }
        for index in 0..<self.shards.count {
            self.shards[index].linkCounts = Array(repeating: 0, count: self.shards.count)
            self.startShard(index)
        }
    }

    /// A shard's incarnations count its own starts: a fault elsewhere renames none of them.
    mutating func startShard(_ index: Int) {
        var configuration = self.scenario.server
        configuration.roles = self.shards[index].roles
        configuration.partitionCount = self.scenario.partitionCount
        configuration.namespaces[0].isMembersOnly = self.isChatting
        self.plantHints(in: &configuration)
        self.plant(in: &configuration.presence)
        self.shards[index].incarnation += 1
        self.shards[index].shard = Shard(
            id: self.shards[index].id,
            configuration: configuration,
            seed: self.seed,
            incarnation: self.shards[index].incarnation
        )
        let milliseconds = 1_700_000_000_000 + self.calendar.now.nanoseconds / 1_000_000
        self.enqueue(.wallClock(unixMilliseconds: milliseconds), at: index)
    }

    var now: Instant { self.calendar.now }

    mutating func schedule(_ happening: Happening, at instant: Instant) {
        self.calendar.schedule(
            at: instant,
            node: NodeID(0),
            class: EventClass(0),
            source: EventSource(0),
            happening
        )
    }

    mutating func countPings(_ count: Int) { self.pingCount += UInt64(count) }

    /// Runs to the scenario's end and judges; says every 65,536 events how far it is.
    package mutating func run(onProgress: (Instant) -> Void = { _ in }) -> RunResult {
        self.run(until: self.scenario.end, onProgress: onProgress)
        return self.conclude()
    }

    /// Lets everything happen up to `instant`, and that instant's events.
    package mutating func run(
        until instant: Instant,
        onProgress: (Instant) -> Void = { _ in }
    ) {
        var eventCount: UInt64 = 0
        while let next = self.calendar.nextInstant, next <= instant,
            let event = self.calendar.next()
        {
            self.take(event.payload)
            eventCount += 1
            if eventCount.isMultiple(of: 65_536) { onProgress(self.now) }
        }
    }

    private mutating func take(_ event: Happening) {
        let target = Int(event.target)
        switch event.kind {
        case .atShard: self.arriveAtShard(target, event.detail, self.parcels.take(event.parcel))
        case .roundEnds: self.endRound(target, incarnation: event.detail)
        case .shardDeadline: self.wake(target, incarnation: event.detail)
        case .accept: self.accept(target, socket: event.detail, shard: Int(event.parcel))
        case .atGateway:
            self.arriveAtGateway(target, event.detail, self.parcels.take(event.parcel))
        case .atClient: self.arriveAtClient(target, event.detail, self.parcels.take(event.parcel))
        case .clientStarts: self.step(client: target, .start)
        case .clientDeadline: self.runDeadline(ofClient: target)
        case .pings: self.ping(target, event.detail, self.parcels.take(event.parcel))
        case .watch: self.watch(target)
        case .atStore: self.arriveAtStore(self.parcels.take(event.parcel))
        case .commit: self.commit()
        case .readDone: self.answerRead(self.parcels.take(event.parcel))
        case .arrival: self.arrive()
        case .absence: self.leave(target, event.detail)
        case .trespass: self.trespass(target, event.detail)
        case .presenceDrop: self.dropSomebody(event.detail)
        case .presenceLeave: self.leaveSomebody(event.detail)
        case .lineMoves:
            self.moveLine(target, slot: Int(event.parcel), generation: event.detail)
        case .faultBegins: self.begin(self.scenario.faults[target])
        case .faultEnds: self.end(self.scenario.faults[target])
        }
    }

    func happens(
        _ millionths: UInt64,
        _ purpose: RandomPurpose,
        _ entity: UInt64,
        _ n: UInt64,
        _ m: UInt64 = 0
    ) -> Bool {
        guard millionths > 0 else { return false }
        let bits = self.random.draw(purpose, entity, n, m)
        return KeyedRandom.below(1_000_000, bits) < millionths
    }
}
