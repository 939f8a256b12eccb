import BasicContainers
import ChatCore
import ClientModel
import ClientProtocol
import Histogram
import Kernel

/// The clients of a storm: SDK machines on the sockets of one thread.
///
/// Each has one conversation, which some `live` clients share with some who will be cut off. The
/// live ones send at a steady rate, whatever happens.
final class StormClients: ClientHost {
    let wire: Wire
    let count: Int
    /// The clients below this number keep their connections.
    let live: Int
    private let conversations: Int
    private let bodyBytes: UInt32
    private let pool: SocketPool
    private let origin: UInt64
    private var clients: UniqueArray<Client>
    private var numbers: [SocketNumber]
    private var deadlines = DeadlineHeap<UInt32>()
    private var armed: [Instant]
    private var effects = EffectBuffer<ClientEffect>(capacity: Client.effectLimit)
    private var output: [UInt8] = []
    /// By message, from id 1 on.
    private var intended: [Instant] = []
    private(set) var ledger = Ledger(perUser: 1, networkRepeats: false)
    /// When the connections were cut; later is later than every instant.
    private(set) var cutAt = Instant.never
    /// By client: when it was online again after the cut, and when it had also got all it had missed.
    private(set) var reconnectedAt: [Instant]
    private(set) var recoveredAt: [Instant]
    private(set) var recoveredCount = 0
    private(set) var tally = StormTally()
    /// From the intended send to a live client, in microseconds.
    private(set) var calm = StormClients.histogram()
    private(set) var stormy = StormClients.histogram()

    /// Clients of a server on a port of this machine, with a token each.
    init(_ size: StormBenchmark.Size, tokens: [String], port: Int) throws(SystemError) {
        self.count = size.connections
        self.live = size.live
        self.conversations = max(1, size.live / 2)
        self.bodyBytes = UInt32(size.bodyBytes)
        self.wire = Wire(run: "storm", token: tokens, bodyBytes: UInt32(size.bodyBytes))
        self.pool = try SocketPool(count: size.connections, port: port)
        self.origin = Swarm.now
        self.clients = UniqueArray(minimumCapacity: size.connections)
        self.numbers = Array(repeating: SocketNumber(0), count: size.connections)
        self.armed = Array(repeating: .never, count: size.connections)
        self.reconnectedAt = self.armed
        self.recoveredAt = self.armed
        let random = KeyedRandom(seed: size.seed)
        for client in 0..<size.connections {
            let conversation = ConversationNumber(UInt32(client % self.conversations))
            let number = ClientNumber(UInt32(client))
            self.clients.append(
                Client(
                    number: number,
                    cohort: Cohort(),
                    random: random,
                    conversations: CollectionOfOne(conversation)
                )
            )
            self.ledger.add([conversation])
        }
    }

    private static func histogram() -> Histogram<UInt64> {
        Histogram(highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: .three)
    }

    var now: Instant { Instant(nanoseconds: Swarm.now - self.origin) }

    /// Whether a client is online and behind in nothing.
    func isSettled(_ client: Int) -> Bool {
        self.clients[client].isOnline && self.clients[client].isCaughtUp
            && self.clients[client].unacknowledgedCount == 0
    }

    /// Whether everybody has all that the acknowledged messages make him expect.
    var isQuiet: Bool {
        self.ledger.counts.received >= self.ledger.counts.owed
            && (0..<self.count).allSatisfy { self.isSettled($0) }
    }

    /// The clients of a conversation, which the numbers of its clients have as their remainder.
    private func members(of conversation: ConversationNumber) -> Int {
        let number = Int(conversation.rawValue)
        return (self.count - number + self.conversations - 1) / self.conversations
    }

    // MARK: What happens to them

    func start(_ client: Int) throws(SystemError) { try self.step(client, .start) }

    /// The live client next in turn sends a message.
    func send(intended: Instant) throws(SystemError) {
        let sender = self.intended.count % self.live
        self.intended.append(intended)
        self.ledger.countSend()
        let message = OutgoingMessage(
            conversation: ConversationNumber(UInt32(sender % self.conversations)),
            id: MessageID(high: UInt64(sender), low: UInt64(self.intended.count)),
            byteCount: self.bodyBytes,
            intended: intended
        )
        try self.step(sender, .send(message))
    }

    /// Cuts off everybody who is not live, at once.
    func cut() throws(SystemError) {
        for client in self.live..<self.count { self.pool.close(client, isReset: true) }
        self.cutAt = self.now
        for client in self.live..<self.count {
            try self.step(client, .socket(self.numbers[client], .closed(code: 1_006)))
        }
    }

    /// Does what is due, and takes what comes until an instant.
    func run(until end: Instant) throws(SystemError) {
        let now = self.now
        while let client = self.deadlines.next(dueAt: now) {
            self.armed[Int(client)] = .never
            self.clients[Int(client)].handleDeadline(at: now, into: &self.effects)
            try self.drain(Int(client), intended: nil, at: now)
        }
        let next = min(end, self.deadlines.earliest ?? .never)
        self.failure = nil
        try self.pool.poll(until: self.origin + next.nanoseconds) {
            (client, news) throws(SystemError) in try self.hear(client, news)
        }
    }

    // MARK: Sockets

    /// A system call that failed while a message was taken; thrown as soon as that is done.
    private var failure: SystemError?

    private func hear(_ client: Int, _ news: SocketPool.News) throws(SystemError) {
        let number = self.numbers[client]
        switch news {
        case .opened: self.socket(client, number, .opened, intended: nil)
        case .failed(let status):
            if status == 503 { self.tally.refused += 1 } else { self.tally.failed += 1 }
            self.socket(client, number, .failed, intended: nil)
        case .closed(let code):
            self.tally.closes[code, default: 0] += 1
            self.socket(client, number, .closed(code: code), intended: nil)
        case .text(let bytes):
            do throws(FrameError) {
                var decoder = ServerFrameDecoder()
                while let message = try decoder.next(in: bytes.span) {
                    try self.receive(message, client, number)
                }
            } catch {
                self.ledger.countGarbage("\(error)")
                self.pool.close(client)
                self.socket(client, number, .closed(code: 1_006), intended: nil)
            }
        }
        if let failure = self.failure { throw failure }
    }

    func conversation(of client: Int, askedBy id: CommandID) -> ConversationNumber? {
        self.clients[client].conversation(ofCommand: id)
    }

    func message(
        _ text: String,
        of sender: ClientNumber
    ) -> (id: MessageID, intended: Instant)? {
        guard let low = UInt64(text), low > 0, low <= UInt64(self.intended.count) else {
            return nil
        }
        let id = MessageID(high: UInt64(sender.rawValue), low: low)
        return (id, self.intended[Int(low) - 1])
    }

    func socket(
        _ client: Int,
        _ number: SocketNumber,
        _ event: SocketEvent,
        intended: Instant?
    ) {
        do throws(SystemError) {
            try self.step(client, .socket(number, event), intended: intended)
        } catch {
            self.failure = self.failure ?? error
        }
    }

    // MARK: Steps

    private func step(
        _ client: Int,
        _ event: ClientEvent,
        intended: Instant? = nil
    ) throws(SystemError) {
        let now = self.now
        self.clients[client].handle(event, at: now, into: &self.effects)
        try self.drain(client, intended: intended, at: now)
    }

    private func drain(_ client: Int, intended: Instant?, at now: Instant) throws(SystemError) {
        for index in 0..<self.effects.count {
            switch self.effects[effect: index] {
            case .openSocket(let number):
                self.numbers[client] = number
                try self.pool.open(client)
            case .command(_, let id, let request): self.write(request, id, of: client, at: now)
            case .pong, .unaskedPong: self.wire.appendPong(into: &self.output)
            case .closeSocket, .abandonSocket: self.pool.close(client)
            case .observe(let observation):
                self.note(observation, of: client, intended: intended, at: now)
            }
        }
        self.effects.removeAll()
        if !self.output.isEmpty {
            try self.pool.send(client, self.output)
            self.output.removeAll(keepingCapacity: true)
        }
        self.noteRecovery(of: client, at: now)
        guard let deadline = self.clients[client].nextDeadline, deadline < self.armed[client]
        else { return }
        self.armed[client] = deadline
        self.deadlines.schedule(UInt32(client), at: deadline)
    }

    private func write(
        _ request: ClientRequest,
        _ id: CommandID,
        of client: Int,
        at now: Instant
    ) {
        var ordinal: UInt64 = 0
        if case .send(let message) = request {
            ordinal = message.id.low
            self.ledger.attempt(message.id.low, at: now)
        }
        self.wire.append(request, id, of: client, ordinal: ordinal, into: &self.output)
    }

    private func note(
        _ observation: Observation,
        of client: Int,
        intended: Instant?,
        at now: Instant
    ) {
        self.ledger.record(observation, device: client, at: now) { self.members(of: $0) }
        switch observation {
        case .connected:
            if self.cutAt != .never { self.reconnectedAt[client] = now }
        case .disconnected(_, let code, _):
            if client < self.live { self.tally.liveLost += 1 }
            if code == 0 { self.tally.patienceEnded += 1 }
            if self.recoveredAt[client] != .never { self.recoveredCount -= 1 }
            self.reconnectedAt[client] = .never
            self.recoveredAt[client] = .never
        case .delivered(let message, _):
            guard client < self.live, message.source == .live, let intended else { return }
            let latency = min((now - min(now, intended)).nanoseconds / 1_000, 60_000_000)
            if intended < self.cutAt {
                self.calm.record(latency)
            } else {
                self.stormy.record(latency)
            }
        case .subscribed, .recovered, .unrecovered, .epochChanged, .caughtUp, .unreadable, .ended,
            .repeated, .acknowledged, .resent, .gaveUp, .refused, .sentAway, .tolerated:
            break
        }
    }

    /// The replies that bring a client back bring what it has missed as well, or it pages for that.
    private func noteRecovery(of client: Int, at now: Instant) {
        guard self.cutAt != .never, self.recoveredAt[client] == .never,
            self.reconnectedAt[client] != .never, self.clients[client].isOnline,
            self.clients[client].isCaughtUp
        else { return }
        self.recoveredAt[client] = now
        self.recoveredCount += 1
    }
}

/// What clients met on their way back.
struct StormTally {
    /// Upgrades that the server refused with 503.
    var refused: UInt64 = 0
    /// Sockets that failed in another way.
    var failed: UInt64 = 0
    /// Sockets that their client gave up: too slow to open or to answer.
    var patienceEnded: UInt64 = 0
    /// Live clients that lost their connection.
    var liveLost: UInt64 = 0
    /// By code, open sockets that the server closed.
    var closes: [UInt16: UInt64] = [:]
}
