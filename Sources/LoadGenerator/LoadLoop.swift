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
final class LoadLoop {
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
    }

    private struct Due: BitwiseCopyable {
        var client: UInt32
        var starts: Bool
    }

    private struct Waiting {
        var client: Int
        var event: ClientEvent
        var intended: Instant?
    }

    private let eventLoop: any EventLoop
    private let endpoint: Endpoint
    private let wire: Wire
    private let population: Population
    private let share: (index: UInt32, count: UInt32)
    private let origin: NIODeadline
    private var arrivals: Arrivals
    private var upcoming: (sender: ClientNumber, message: OutgoingMessage)?
    private var clients: UniqueArray<Client>
    private var channels: [(any Channel)?]
    private var openSockets: [UInt32]
    private var deadlines = DeadlineHeap<Due>()
    private var armed: [Instant]
    private var timer: (at: Instant, task: Scheduled<Void>)?
    private var effects = EffectBuffer<ClientEffect>(capacity: Client.effectLimit)
    private var output: [UInt8] = []
    private var waiting: [Waiting] = []
    private var isBusy = false
    private var result: Result

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
        self.population = population
        self.origin = origin
        self.share = (UInt32(index), UInt32(options.loops))
        self.wire = Wire(run: options.run, token: tokens, bodyBytes: workload.bodyBytes)
        self.arrivals = Arrivals(
            workload,
            population: population,
            seed: options.seed,
            start: .zero + workload.rampUp
        )
        let random = KeyedRandom(seed: options.seed)
        self.clients = UniqueArray()
        self.result = Result(
            ledger: Ledger(perUser: Int(population.conversationsPerUser)),
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
            let conversations = population.conversations(of: number)
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
                Due(client: client, starts: true),
                at: population.start(of: number)
            )
            user += self.share.count
        }
        self.channels = Array(repeating: nil, count: self.clients.count)
        self.openSockets = Array(repeating: 0, count: self.clients.count)
        self.armed = Array(repeating: .never, count: self.clients.count)
    }

    func start() {
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
            if due.starts {
                self.step(client, .start, at: now)
                continue
            }
            self.armed[client] = .never
            self.clients[client].handleDeadline(at: now, into: &self.effects)
            self.drain(client, intended: nil, at: now)
            self.runWaiting(at: now)
        }
        self.arm()
    }

    private func watch(_ client: Int) {
        guard let deadline = self.clients[client].nextDeadline, deadline < self.armed[client],
            deadline != .never
        else { return }
        self.armed[client] = deadline
        self.deadlines.schedule(Due(client: UInt32(client), starts: false), at: deadline)
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
                self.wire.append(
                    request,
                    id,
                    of: Int(self.share.index) + client * Int(self.share.count),
                    into: &self.output
                )
                if self.output.count > 32_768 { self.flush(client) }
            case .pong: self.wire.appendPong(into: &self.output)
            case .closeSocket(let number):
                self.flush(client)
                self.close(client, number)
            case .observe(let observation):
                self.measure(observation, of: client, intended: intended, at: now)
                self.result.ledger.record(observation, device: client) {
                    self.population.memberCount(of: $0)
                }
            }
        }
        self.effects.removeAll()
        self.flush(client)
        self.watch(client)
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
            .repeated, .resent, .gaveUp, .refused:
            break
        }
    }

    // MARK: Sockets

    private func open(_ client: Int, _ number: SocketNumber) {
        self.openSockets[client] = number.rawValue
        let loop = self
        openWebSocket(
            to: self.endpoint,
            on: self.eventLoop,
            SocketCallbacks(
                opened: { loop.opened(client, number, $0) },
                failed: { loop.socket(client, number, .failed) },
                text: { loop.read(client, number, $0) },
                closed: { code in
                    if loop.openSockets[client] == number.rawValue { loop.channels[client] = nil }
                    loop.socket(client, number, .closed(code: code))
                }
            )
        )
    }

    private func opened(_ client: Int, _ number: SocketNumber, _ channel: any Channel) {
        guard self.openSockets[client] == number.rawValue else {
            return channel.close(promise: nil)
        }
        self.channels[client] = channel
        self.socket(client, number, .opened)
    }

    private func socket(
        _ client: Int,
        _ number: SocketNumber,
        _ event: SocketEvent,
        intended: Instant? = nil
    ) {
        self.step(client, .socket(number, event), intended: intended, at: self.now)
        self.arm()
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

extension LoadLoop {
    private func receive(
        _ message: ServerMessage,
        _ client: Int,
        _ number: SocketNumber
    ) throws(FrameError) {
        switch message {
        case .ping: self.socket(client, number, .ping)
        case .push(let channel, .publication(let publication)):
            guard let conversation = self.wire.conversation(channel) else { return }
            self.give(publication, conversation, .live, client, number)
        case .push(let channel, .unsubscribe(let push)):
            guard let conversation = self.wire.conversation(channel) else { return }
            self.socket(
                client,
                number,
                .unsubscribed(conversation, code: UInt16(clamping: push.code))
            )
        case .push: break
        case .reply(let id, let reply): try self.receive(reply, to: id, client, number)
        }
    }

    private func receive(
        _ reply: ServerReply,
        to id: CommandID,
        _ client: Int,
        _ number: SocketNumber
    ) throws(FrameError) {
        let outcome: ReplyOutcome
        switch reply {
        case .connected(let result):
            outcome = .connected(
                pingInterval: .seconds(UInt64(result.pingInterval)),
                expectsPongs: result.pong
            )
        case .subscribed(let result):
            // The reply does not name its channel; the client knows which one it asked about.
            let conversation = self.clients[client].conversation(ofCommand: id)
            self.socket(client, number, .reply(id, .subscribed(Self.subscribed(result))))
            guard let conversation else { return }
            for publication in result.publications {
                self.give(publication, conversation, .recovered, client, number)
            }
            return
        case .history(let result):
            if let conversation = self.clients[client].conversation(ofCommand: id) {
                for publication in result.publications {
                    self.give(publication, conversation, .page, client, number)
                }
            }
            outcome = .page(
                head: Self.position(result.offset, result.epoch),
                count: UInt32(result.publications.count)
            )
        case .rpc(let data):
            let result = try SendResult(parsing: data.span)
            outcome = .sent(
                Self.position(result.offset, result.epoch),
                isDuplicate: result.duplicate
            )
        case .error(let error):
            outcome = .error(code: UInt16(clamping: error.code), isTemporary: error.temporary)
        case .unsubscribed, .published, .presence, .presenceStats, .refreshed, .subRefreshed,
            .other:
            return
        }
        self.socket(client, number, .reply(id, outcome))
    }

    private func give(
        _ publication: Publication,
        _ conversation: ConversationNumber,
        _ source: IncomingMessage.Source,
        _ client: Int,
        _ number: SocketNumber
    ) {
        let read = publication.messageID.flatMap { self.wire.message($0) }
        let message = IncomingMessage(
            conversation: conversation,
            offset: publication.offset,
            message: read?.id,
            source: source
        )
        self.socket(client, number, .publication(message), intended: read?.intended)
    }

    private static func subscribed(_ result: SubscribeResult) -> ReplyOutcome.Subscribed {
        let recovery: ReplyOutcome.Subscribed.Recovery =
            result.recovered ? .recovered : result.wasRecovering ? .unrecovered : .notRequested
        return ReplyOutcome.Subscribed(
            hasLog: result.recoverable || result.positioned,
            position: Self.position(result.offset, result.epoch),
            recovery: recovery
        )
    }

    private static func position(_ offset: UInt64, _ epoch: String) -> Position {
        let read: Epoch
        switch EpochText(parsing: epoch) {
        case .known(let epoch): read = epoch
        case .none, .foreign: read = Epoch(0)
        }
        return Position(epoch: read, offset: Offset(offset))
    }
}
