import BasicContainers
import ChatCore
import ClientModel
import ClientProtocol
import Histogram
import Kernel
import Measurement
import NIOCore
import NIOWebSocket
import Workload

/// The clients of one event loop, their sockets and what was measured there.
///
/// Confined to its event loop: created there and touched nowhere else.
final class LoadLoop: ClientHost {
    /// What a loop hands over at its end.
    struct Result: Sendable {
        var ledger: Ledger
        var sendToAck: Histogram<UInt64>
        var sendToDelivery: Histogram<UInt64>
        var series: SeriesRecorder
        /// How late the generator itself was; not the server's doing.
        var lateness: Histogram<UInt64>
        /// By device: online, nothing left to send, and behind in nothing.
        var isSettled: [Bool]
        /// Why sockets did not open, or were closed by the server, and how many.
        var troubles: [String: UInt64] = [:]
    }

    private struct Due: BitwiseCopyable {
        enum Kind: BitwiseCopyable {
            case start
            case deadline
            case absence(UInt32)
            case trespass(UInt32)
        }

        var client: UInt32
        var kind: Kind
    }

    /// A socket whose device has gone out of reach without a word.
    private struct Abandoned {
        var channel: any Channel
        var patience: Instant
    }

    private struct Waiting {
        var client: Int
        var event: ClientEvent
        var intended: Instant?
    }

    private let eventLoop: any EventLoop
    private let endpoint: Endpoint
    private let trust: ServerTrust?
    let wire: Wire
    private let population: Population
    private let whims: Whims
    private let share: (index: UInt32, count: UInt32)
    private let origin: NIODeadline
    private var arrivals: Arrivals
    private var upcoming: (sender: ClientNumber, message: OutgoingMessage)?
    private var clients: UniqueArray<Client>
    private var channels: [(any Channel)?]
    private var openSockets: [UInt32]
    private var abandoned: [Abandoned] = []
    private var deadlines = DeadlineHeap<Due>()
    private var armed: [Instant]
    private var timer: (at: Instant, task: Scheduled<Void>)?
    private var effects = EffectBuffer<ClientEffect>(capacity: Client.effectLimit)
    private var output: [UInt8] = []
    private var waiting: [Waiting] = []
    private var isBusy = false
    private var result: Result
    private var intentions: Intentions

    init(
        _ options: LoadOptions,
        tokens: [String],
        index: Int,
        origin: NIODeadline,
        eventLoop: any EventLoop
    ) {
        let workload = options.workload
        let population = Population(workload, seed: options.seed)
        self.eventLoop = eventLoop
        self.endpoint = options.endpoint
        self.trust = options.trust
        self.population = population
        self.origin = origin
        self.share = (UInt32(index), UInt32(options.loops))
        self.whims = Whims(workload, seed: options.seed)
        self.wire = Wire(run: options.run, token: tokens, bodyBytes: workload.bodyBytes)
        self.arrivals = Arrivals(
            workload,
            population: population,
            seed: options.seed,
            start: .zero + workload.rampUp
        )
        self.intentions = Intentions(arrivals: self.arrivals, users: workload.users)
        let random = KeyedRandom(seed: options.seed)
        self.clients = UniqueArray()
        self.result = Result(
            ledger: Ledger(
                perUser: Int(population.conversationsPerUser),
                networkRepeats: options.networkRepeats
            ),
            sendToAck: Self.histogram(),
            sendToDelivery: Self.histogram(),
            series: SeriesRecorder(
                end: .zero + workload.rampUp + workload.duration + workload.settle,
                devices: (Int(workload.users) + options.loops - 1) / options.loops,
                coresOfNodes: []
            ),
            lateness: Self.histogram(),
            isSettled: []
        )
        var user = self.share.index
        while user < workload.users {
            let number = ClientNumber(user)
            let conversations = population.lookedAt(by: number)
            let client = UInt32(self.clients.count)
            self.clients.append(
                Client(
                    number: number,
                    cohort: population.cohort(of: number),
                    random: random,
                    conversations: conversations
                )
            )
            self.result.ledger.add(conversations)
            self.deadlines.schedule(
                Due(client: client, kind: .start),
                at: population.start(of: number)
            )
            user += self.share.count
        }
        self.channels = Array(repeating: nil, count: self.clients.count)
        self.openSockets = Array(repeating: 0, count: self.clients.count)
        self.armed = Array(repeating: .never, count: self.clients.count)
    }

    func start() {
        for client in 0..<UInt32(self.clients.count) {
            self.scheduleAbsence(0, of: client, self.number(of: client))
            self.scheduleTrespass(0, of: client, self.number(of: client))
        }
        self.advanceArrivals()
        self.arm()
    }

    func stop() {
        let now = self.now
        for client in 0..<self.clients.count {
            self.result.isSettled.append(
                self.clients[client].isOnline && self.clients[client].isCaughtUp
                    && self.clients[client].unacknowledgedCount == 0
            )
        }
        for socket in self.abandoned where socket.patience < now && socket.channel.isActive {
            self.result.ledger.countTolerated("a socket that answered no pings")
        }
        self.timer?.task.cancel()
        self.upcoming = nil
        for client in 0..<self.clients.count { self.step(client, .stop, at: now) }
    }

    func takeResult() -> Result { self.result }

    /// How far this loop is; `isQuiet` when nothing is left to send and nobody is behind.
    var progress: (progress: LoadProgress, owed: UInt64, isQuiet: Bool) {
        var progress = LoadProgress()
        var isQuiet = self.upcoming == nil
        for client in 0..<self.clients.count {
            if self.clients[client].isOnline { progress.online += 1 }
            isQuiet =
                isQuiet && self.clients[client].isCaughtUp
                && self.clients[client].unacknowledgedCount == 0
        }
        let counts = self.result.ledger.counts
        progress.seconds = self.now.nanoseconds / 1_000_000_000
        progress.sent = counts.sent
        progress.acknowledged = counts.acknowledged
        progress.received = counts.received
        return (progress, counts.owed, isQuiet)
    }

    private static func histogram() -> Histogram<UInt64> {
        // Microseconds up to an hour; what is later counts as an hour.
        Histogram(highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
    }

    private var now: Instant {
        let now = NIODeadline.now()
        return Instant(nanoseconds: UInt64(max((now - self.origin).nanoseconds, 0)))
    }

    // MARK: Time

    private func advanceArrivals() {
        repeat {
            self.upcoming = self.arrivals.next()
        } while self.upcoming.map {
            $0.sender.rawValue % self.share.count != self.share.index
        } ?? false
    }

    private func arm() {
        var at = self.deadlines.earliest ?? .never
        if let upcoming = self.upcoming { at = min(at, upcoming.message.intended) }
        guard at != .never else { return }
        if let timer = self.timer {
            guard at < timer.at else { return }
            timer.task.cancel()
        }
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let deadline = self.origin + .nanoseconds(Int64(clamping: at.nanoseconds))
        let task = self.eventLoop.scheduleTask(deadline: deadline) { bound.value.tick() }
        self.timer = (at, task)
    }

    private func tick() {
        self.timer = nil
        while let upcoming = self.upcoming, upcoming.message.intended <= self.now {
            let now = self.now
            let lateness = now - upcoming.message.intended
            self.result.lateness.record(lateness.nanoseconds / 1_000)
            self.result.ledger.countSend()
            self.result.series.sent(at: upcoming.message.intended)
            self.advanceArrivals()
            self.step(
                Int(upcoming.sender.rawValue / self.share.count),
                .send(upcoming.message),
                at: now
            )
        }
        let now = self.now
        while let due = self.deadlines.next(dueAt: now) {
            let client = Int(due.client)
            switch due.kind {
            case .start: self.step(client, .start, at: now)
            case .absence(let n): self.leave(client, n, at: now)
            case .trespass(let n): self.trespass(client, n, at: now)
            case .deadline:
                self.armed[client] = .never
                // What a socket tells while the effects are carried out waits until they have been.
                self.isBusy = true
                self.clients[client].handleDeadline(at: now, into: &self.effects)
                self.drain(client, intended: nil, at: now)
                self.isBusy = false
                self.runWaiting(at: now)
            }
        }
        self.arm()
    }

    private func number(of client: UInt32) -> ClientNumber {
        ClientNumber(self.share.index + client * self.share.count)
    }

    private func scheduleAbsence(_ n: UInt32, of client: UInt32, _ number: ClientNumber) {
        guard let absence = self.whims.absence(n, of: number) else { return }
        self.deadlines.schedule(Due(client: client, kind: .absence(n)), at: absence.start)
    }

    private func leave(_ client: Int, _ n: UInt32, at now: Instant) {
        let number = self.number(of: UInt32(client))
        guard let absence = self.whims.absence(n, of: number) else { return }
        self.scheduleAbsence(n + 1, of: UInt32(client), number)
        let event = ClientEvent.leave(until: absence.end, isSilent: absence.isSilent)
        self.step(client, event, at: now)
    }

    private func scheduleTrespass(_ n: UInt32, of client: UInt32, _ number: ClientNumber) {
        guard let breach = self.whims.trespass(n, of: number) else { return }
        self.deadlines.schedule(Due(client: client, kind: .trespass(n)), at: breach.start)
    }

    private func trespass(_ client: Int, _ n: UInt32, at now: Instant) {
        let number = self.number(of: UInt32(client))
        guard let breach = self.whims.trespass(n, of: number) else { return }
        self.scheduleTrespass(n + 1, of: UInt32(client), number)
        self.step(client, .trespass(breach.trespass), at: now)
    }

    private func watch(_ client: Int) {
        guard let deadline = self.clients[client].nextDeadline, deadline < self.armed[client],
            deadline != .never
        else { return }
        self.armed[client] = deadline
        self.deadlines.schedule(Due(client: UInt32(client), kind: .deadline), at: deadline)
    }

    // MARK: Steps

    private func step(
        _ client: Int,
        _ event: ClientEvent,
        intended: Instant? = nil,
        at now: Instant
    ) {
        self.waiting.append(Waiting(client: client, event: event, intended: intended))
        self.runWaiting(at: now)
    }

    /// A write can fail, and so close its socket, in the middle of a step: such events wait.
    private func runWaiting(at now: Instant) {
        guard !self.isBusy else { return }
        self.isBusy = true
        var next = 0
        while next < self.waiting.count {
            let waiting = self.waiting[next]
            next += 1
            self.clients[waiting.client].handle(waiting.event, at: now, into: &self.effects)
            self.drain(waiting.client, intended: waiting.intended, at: now)
        }
        self.waiting.removeAll(keepingCapacity: true)
        self.isBusy = false
    }

    private func drain(_ client: Int, intended: Instant?, at now: Instant) {
        for index in 0..<self.effects.count {
            switch self.effects[effect: index] {
            case .openSocket(let number): self.open(client, number)
            case .command(_, let id, let request):
                self.write(request, id, of: client, at: now)
                if self.output.count > 32_768 { self.flush(client) }
            case .pong, .unaskedPong: self.wire.appendPong(into: &self.output)
            case .abandonSocket(let number): self.abandon(client, number, at: now)
            case .closeSocket(let number):
                self.flush(client)
                self.close(client, number)
            case .observe(let observation):
                self.measure(observation, of: client, intended: intended, at: now)
                self.result.ledger.record(observation, device: client, at: now) {
                    self.population.memberCount(of: $0)
                }
            }
        }
        self.effects.removeAll()
        self.flush(client)
        self.watch(client)
    }

    private func write(
        _ request: ClientRequest,
        _ id: CommandID,
        of client: Int,
        at now: Instant
    ) {
        var ordinal: UInt64 = 0
        if case .send(let message) = request {
            ordinal = self.intentions.ordinal(of: message)
            self.result.ledger.attempt(message.id.low, at: now)
        }
        self.wire.append(
            request,
            id,
            of: Int(self.number(of: UInt32(client)).rawValue),
            ordinal: ordinal,
            into: &self.output
        )
    }

    private func measure(
        _ observation: Observation,
        of client: Int,
        intended: Instant?,
        at now: Instant
    ) {
        switch observation {
        case .acknowledged(let message, _, _):
            let latency = now - message.intended
            self.result.series.acknowledged(message.intended, now: now)
            self.result.sendToAck.record(min(latency.nanoseconds / 1_000, 3_600_000_000))
        case .delivered:
            self.result.series.delivered(intended, now: now)
            guard let intended, intended <= now else { return }
            let latency = now - intended
            self.result.sendToDelivery.record(min(latency.nanoseconds / 1_000, 3_600_000_000))
        case .connected: self.result.series.noted(device: client, isOnline: true, now: now)
        case .disconnected: self.result.series.noted(device: client, isOnline: false, now: now)
        case .subscribed, .recovered, .unrecovered, .epochChanged, .caughtUp, .unreadable, .ended,
            .repeated, .resent, .gaveUp, .refused, .sentAway, .tolerated:
            break
        }
    }

    // MARK: Sockets

    private func open(_ client: Int, _ number: SocketNumber) {
        self.openSockets[client] = number.rawValue
        let loop = self
        openWebSocket(
            to: self.endpoint,
            trusting: self.trust,
            on: self.eventLoop,
            SocketCallbacks(
                opened: { loop.opened(client, number, $0) },
                failed: { reason in
                    loop.result.troubles[reason, default: 0] += 1
                    loop.socket(client, number, .failed)
                },
                text: { loop.read(client, number, $0) },
                closed: { code in
                    if code >= 3_000 {
                        loop.result.troubles["closed with \(code)", default: 0] += 1
                    }
                    if loop.openSockets[client] == number.rawValue { loop.channels[client] = nil }
                    loop.socket(client, number, .closed(code: code))
                }
            )
        )
    }

    func conversation(of client: Int, askedBy id: CommandID) -> ConversationNumber? {
        self.clients[client].conversation(ofCommand: id)
    }

    func message(
        _ text: String,
        of sender: ClientNumber
    ) -> (id: MessageID, intended: Instant)? {
        self.intentions.message(text, of: sender)
    }

    private func opened(_ client: Int, _ number: SocketNumber, _ channel: any Channel) {
        guard self.openSockets[client] == number.rawValue else {
            return channel.close(promise: nil)
        }
        self.channels[client] = channel
        self.socket(client, number, .opened)
    }

    func socket(
        _ client: Int,
        _ number: SocketNumber,
        _ event: SocketEvent,
        intended: Instant? = nil
    ) {
        self.step(client, .socket(number, event), intended: intended, at: self.now)
        self.arm()
    }

    /// The server will find out that nobody answers; what it sends meanwhile is read and ignored.
    private func abandon(_ client: Int, _ number: SocketNumber, at now: Instant) {
        guard self.openSockets[client] == number.rawValue else { return }
        self.openSockets[client] = 0
        guard let channel = self.channels[client] else { return }
        self.channels[client] = nil
        // A ping comes within an interval, and its pong is due before the next one.
        let patience = now + self.clients[client].pingInterval * 2 + .seconds(1)
        self.abandoned.append(Abandoned(channel: channel, patience: patience))
    }

    private func close(_ client: Int, _ number: SocketNumber) {
        guard self.openSockets[client] == number.rawValue else { return }
        self.openSockets[client] = 0
        self.channels[client]?.close(promise: nil)
        self.channels[client] = nil
    }

    private func flush(_ client: Int) {
        guard !self.output.isEmpty else { return }
        if let channel = self.channels[client] {
            let frame = WebSocketFrame(
                fin: true,
                opcode: .text,
                maskKey: .random(),
                data: channel.allocator.buffer(bytes: self.output)
            )
            channel.writeAndFlush(frame, promise: nil)
        }
        self.output.removeAll(keepingCapacity: true)
    }

    private func read(_ client: Int, _ number: SocketNumber, _ buffer: ByteBuffer) {
        let bytes = [UInt8](buffer.readableBytesView)
        var decoder = ServerFrameDecoder()
        do {
            while let message = try decoder.next(in: bytes.span) {
                try self.receive(message, client, number)
            }
        } catch {
            // Words that are no protocol: the client takes the server for broken.
            self.result.ledger.countGarbage("\(error)")
            self.channels[client]?.close(promise: nil)
        }
    }
}
