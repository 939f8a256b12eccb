import ChatCore
import ClientProtocol
import DequeModule
import EventTrace
import Foundation
import Kernel
import Logging
import NIOCore

/// Runs one shard on one event loop; everything here happens on that loop.
///
/// A round takes the events that wait, at most `roundLimit`, with one `now`, and carries out their
/// effects in order. Connections that were sent something are written to in line, once each with all
/// that has gathered; a round writes to a part of a long line and then lets the sockets be read, so that
/// a large fan-out delays nobody by its whole length.
final class ShardHost {
    static let roundLimit = 256
    /// How many events share one reading of the clock as the time when they came.
    static let stampStep = 64
    /// A round writes to as many connections, or to an eighth of those in line if that is more.
    static let writeLimit = 96

    struct Surroundings: Sendable {
        var namespaces: NamespaceTable
        var store: DurableStore
        var verifier: TokenVerifier
        var api: ServerApi
        var mailboxes: [ShardID: Mailbox]
        var writeTimeoutSeconds: Int
        var log: Logger
        var observer: (@Sendable (ShardStep) -> Void)?
        var weather: Weather?
        var onDrained: @Sendable () -> Void
    }

    private struct Slot {
        var generation: UInt32 = 0
        var socket: ClientSocket?
        /// Whether its `connect` has been answered.
        var isSettled = true
    }

    let id: ShardID
    let loop: any EventLoop
    let backlog: BacklogPolicy
    let surroundings: Surroundings
    private let mailbox: Mailbox
    private let origin = NIODeadline.now()
    private var shard: Shard
    private let recorder: ShardRecorder?
    var effects: EffectBuffer<ShardEffect>
    private var waiting: Deque<ShardEvent> = []
    private var gauge: LoadGauge
    var entrance: Entrance
    /// When the events that came last came, read from the clock once for several of them.
    private var stamp = Instant.zero
    private var lateness = Interval.zero
    private var lastBeat: Instant?
    private var pongs: [ConnectionHandle] = []
    private var slots: [Slot] = []
    private var vacant: [UInt32] = []
    var outbound = Outbound()
    var draft = PresenceDraft()
    private var watched: [ClientSocket] = []
    private var outgoing: [ShardID: [ShardEvent]] = [:]
    private var foulBus: FoulBus?
    /// By code, the connections that the shard has sent away.
    private(set) var closes: [UInt16: UInt64] = [:]
    /// Sockets that the loop has passed since the last round.
    private var passed = 0
    private var isRoundScheduled = false
    private var isInRound = false
    private var timer: Scheduled<Void>?
    private var timerInstant = Instant.never
    private var identities = SystemRandomNumberGenerator()
    private let pingFrames = Dialect.all.map(ReplyBytes.ping)

    init(
        shard: consuming Shard,
        loop: any EventLoop,
        mailbox: Mailbox,
        surroundings: Surroundings,
        record: RecordFiles? = nil
    ) {
        self.id = shard.id
        self.gauge = LoadGauge(shard.configuration.overload)
        self.entrance = Entrance(shard.configuration.overload)
        self.backlog = shard.configuration.backlog
        self.shard = shard
        self.loop = loop
        self.mailbox = mailbox
        self.surroundings = surroundings
        self.foulBus = surroundings.weather.map { FoulBus($0) }
        let capacity = Shard.effectReserve * 4
        self.effects = EffectBuffer(capacity: capacity, targetCapacity: 1 << 20)
        self.recorder = record.map { ShardRecorder(files: $0, effectCapacity: capacity) }
    }

    var verifier: TokenVerifier { self.surroundings.verifier }
    var namespaces: NamespaceTable { self.surroundings.namespaces }
    var api: ServerApi { self.surroundings.api }
    var statistics: ShardStatistics { self.shard.statistics }
    /// Commands that a connection may send while its token is being checked.
    var gatedLimit: Int { Int(self.shard.configuration.gatedLimit) }
    var abandonedSegments: UInt64 { self.recorder?.abandoned ?? 0 }
    var queuedBytes: Int { self.watched.reduce(0) { $0 + self.waitingBytes(of: $1) } }
    private var now: Instant {
        Instant(nanoseconds: UInt64((NIODeadline.now() - self.origin).nanoseconds))
    }

    // MARK: What sockets and other threads tell

    func open(_ socket: ClientSocket) -> ConnectionHandle {
        let slot = self.vacant.popLast() ?? UInt32(self.slots.count)
        if Int(slot) == self.slots.count { self.slots.append(Slot()) }
        self.slots[Int(slot)].generation += 1
        self.slots[Int(slot)].socket = socket
        self.slots[Int(slot)].isSettled = false
        let handle = ConnectionHandle(slot: slot, generation: self.slots[Int(slot)].generation)
        self.outbound.open(handle, socket.dialect)
        self.submit(.opened(handle, ConnectionID(self.identities.next())))
        return handle
    }

    func closed(_ socket: ClientSocket) {
        let slot = Int(socket.handle.slot)
        precondition(self.slots[slot].socket === socket, "a socket closes once")
        self.slots[slot].socket = nil
        self.settle(slot)
        self.outbound.close(socket.handle)
        self.submit(.closed(socket.handle))
        // Free after `closed` in the queue's order, so that a reuse is told of later.
        self.vacant.append(socket.handle.slot)
    }

    func submit(_ event: ShardEvent) {
        self.enqueue(event)
        self.scheduleRound()
    }

    func enqueue(_ event: ShardEvent) {
        if self.waiting.count.isMultiple(of: Self.stampStep) { self.stamp = self.now }
        self.waiting.append(event)
        self.gauge.add(at: self.stamp)
    }

    /// Whether the socket that asks to be a client's is taken, waits, or is turned away.
    func knock(_ gate: UpgradeGate) -> Door.Answer {
        let now = self.now
        return self.entrance.knock(gate, at: now, lag: self.gauge.age(at: now))
    }

    private func letIn() {
        let now = self.now
        for (gate, isTooLate) in self.entrance.letIn(at: now, lag: self.gauge.age(at: now)) {
            if isTooLate { gate.turnAway() } else if !gate.enter() { self.entrance.settle() }
        }
    }

    private func settle(_ slot: Int) {
        guard !self.slots[slot].isSettled else { return }
        self.slots[slot].isSettled = true
        self.entrance.settle()
    }

    /// Ten times a second: a beat that comes late tells that sockets keep the loop from its queue.
    func beat() {
        let now = self.now
        for gate in self.entrance.overdue(at: .now()) { gate.giveUp() }
        if let last = self.lastBeat, last + LoadGauge.window < now {
            self.lateness = max(self.lateness, now - (last + LoadGauge.window))
        }
        self.lastBeat = now
        if self.lateness >= .milliseconds(20) || self.entrance.waitingCount > 0 {
            self.scheduleRound()
        }
    }

    func violated(_ handle: ConnectionHandle, _ code: CloseCode) {
        self.submit(.violated(handle, code))
    }

    func pong(_ handle: ConnectionHandle) {
        self.pongs.append(handle)
        self.scheduleRound()
    }

    func wake() {
        self.takeMail()
        self.scheduleRound()
    }

    private func takeMail() {
        for event in self.mailbox.take(backlog: self.waiting.count) { self.enqueue(event) }
    }

    /// The loop has read a socket, or closed one.
    ///
    /// It passes all that are ready, thousands in a storm, before it runs what was scheduled: a round is due
    /// after as many as one takes.
    func passSocket() {
        self.passed += 1
        guard self.passed >= Self.roundLimit, !self.isInRound else { return }
        self.takeMail()
        self.round()
    }

    func forEachSocket(_ body: (ClientSocket) -> Void) {
        for slot in self.slots {
            if let socket = slot.socket { body(socket) }
        }
    }

    func forEachFeed(_ body: (ConversationID, PayloadHandle, Int) -> Void) {
        self.shard.forEachFeed(body)
    }

    /// Sends a frame that a connection's own socket has made.
    func send(_ frame: ByteBuffer, to handle: ConnectionHandle) {
        self.outbound.send(frame, to: handle)
        self.scheduleRound()
    }

    /// Writes what is pending and takes no further frames for a connection.
    func finish(_ handle: ConnectionHandle) {
        if let bytes = self.outbound.take(handle.slot) {
            self.slots[Int(handle.slot)].socket?.write(bytes)
        }
        self.outbound.mute(handle)
    }

    func watch(_ socket: ClientSocket) {
        guard !socket.isWatched else { return }
        socket.isWatched = true
        self.watched.append(socket)
    }

    /// Once a second: the wall clock, and the sockets that are stuck.
    func tick(unixMilliseconds: UInt64) {
        self.recorder?.flushLater()
        self.submit(.wallClock(unixMilliseconds: unixMilliseconds))
        let timeout = self.surroundings.writeTimeoutSeconds
        self.watched = self.watched.filter { socket in
            socket.isWatched = socket.inspect(writeTimeoutSeconds: timeout)
            return socket.isWatched
        }
    }

    /// Some tokens hold no more: ends what came in by them.
    func endRevoked() {
        let now = Date()
        for slot in self.slots { slot.socket?.endRevoked { self.verifier.isRevoked($0, at: now) } }
    }

    /// Ends every socket that is still there.
    func cutOff() {
        for slot in self.slots { slot.socket?.channel?.close(promise: nil) }
        self.timer?.cancel()
        self.recorder?.flush()
    }

    // MARK: Rounds

    func scheduleRound() {
        guard !self.isRoundScheduled, !self.isInRound else { return }
        self.isRoundScheduled = true
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        self.loop.execute { bound.value.round() }
    }

    private func round() {
        self.isRoundScheduled = false
        self.isInRound = true
        self.passed = 0
        let now = self.now
        if let lag = self.gauge.reading(at: now, lateness: self.lateness) {
            self.lateness = .zero
            self.step(.load(lag: lag), at: now)
        }
        self.passPongs(at: now)
        if let due = self.shard.nextDeadline, due <= now {
            self.shard.handleDeadline(at: now, into: &self.effects)
            self.recorder?.tookDeadline(at: now, self.effects)
            self.carryOut(after: nil)
        }
        var taken = 0
        while taken < Self.roundLimit, let event = self.waiting.popFirst() {
            self.gauge.take()
            self.step(event, at: now)
            self.release(socketOf: event)
            taken += 1
        }
        self.finishRound()
        self.letIn()
        self.recorder?.endRound(self.shard)
        self.isInRound = false
        let isDue = self.shard.nextDeadline.map { $0 <= now } ?? false
        if !self.waiting.isEmpty || isDue || self.outbound.lineCount > 0 {
            self.scheduleRound()
        } else {
            self.armTimer()
        }
    }

    private func step(_ event: ShardEvent, at now: Instant) {
        self.shard.handle(event, at: now, into: &self.effects)
        self.recorder?.took(event, [], at: now, self.effects)
        self.carryOut(after: event)
    }

    /// In ranges that leave room for a violation by each.
    private func passPongs(at now: Instant) {
        var start = 0
        while start < self.pongs.count {
            let part = self.pongs[start...].prefix(Shard.effectReserve)
            for handle in part { _ = self.shard.stage(handle) }
            let range = TargetRange(start: 0, count: UInt32(part.count))
            self.shard.handle(.pongs(range), at: now, into: &self.effects)
            self.recorder?.took(.pongs(range), part, at: now, self.effects)
            self.carryOut(after: .pongs(range))
            start += part.count
        }
        self.pongs.removeAll(keepingCapacity: true)
    }

    private func finishRound() {
        for (shard, events) in self.outgoing { self.surroundings.mailboxes[shard]?.post(events) }
        self.outgoing.removeAll(keepingCapacity: true)
        let share = max(Self.writeLimit, self.outbound.lineCount / 8)
        for _ in 0..<share {
            guard let slot = self.outbound.nextInLine() else { break }
            self.write(slot)
        }
    }

    /// Gives a socket all that is pending for it, in one write.
    ///
    /// What comes for a socket that does not keep pace stays pending, where it can still be let go.
    private func write(_ slot: UInt32) {
        guard let socket = self.slots[Int(slot)].socket else { return }
        if !socket.backlog.isBlocked, let bytes = self.outbound.take(slot) {
            socket.write(bytes)
            let queued = socket.queuedBytes
            if queued > 0 { self.watch(socket) }
            if queued > self.backlog.high { socket.backlog.block() }
        }
        if socket.backlog.isOfInterest { self.tellBacklog(of: socket) }
    }

    private func armTimer() {
        guard let deadline = self.shard.nextDeadline, deadline != self.timerInstant else { return }
        self.timer?.cancel()
        self.timerInstant = deadline
        let bound = NIOLoopBound(self, eventLoop: self.loop)
        let at = self.origin + .nanoseconds(Int64(deadline.nanoseconds))
        self.timer = self.loop.scheduleTask(deadline: at) {
            bound.value.timerInstant = .never
            bound.value.scheduleRound()
        }
    }

    // MARK: Effects

    private func carryOut(after event: ShardEvent?) {
        if let observer = self.surroundings.observer {
            var step = ShardStep(event, of: self.id, targetsIn: self.effects)
            for index in 0..<self.effects.count { step.add(self.effects[effect: index]) }
            observer(step)
        }
        for index in 0..<self.effects.count { self.carryOut(self.effects[effect: index]) }
        self.effects.removeAll()
        while let slot = self.outbound.nextOverfull() { self.write(slot) }
    }

    private func carryOut(_ effect: ShardEffect) {
        switch effect {
        case .authenticate(let handle):
            self.authenticate(handle)
        case .reply(let handle, let id, .presence(let reply)):
            let answer = self.draft.take(reply)
            guard let socket = self.socket(handle) else { return }
            let frame = ReplyBytes.frame(.reply(id, answer), socket.dialect.format)
            self.outbound.send(frame, to: handle)
        case .reply(let handle, let id, let reply):
            guard let socket = self.socket(handle) else { return }
            if case .connected = reply { self.settle(Int(handle.slot)) }
            if case .connectedSubscription(let part) = reply {
                socket.subscriptions.append(ReplyBytes.subscription(part))
                return
            }
            self.outbound.send(ReplyBytes.frame(reply, to: id, of: socket), to: handle)
        case .deliver(let delivery, let name, let targets):
            let channel = name.conversationName
            // Without a position it is no part of a log, whatever the conversation has.
            let after = delivery.offset > .start ? Offset(delivery.offset.rawValue - 1) : nil
            self.send(to: targets, as: .publications(delivery.conversation, after: after)) {
                ReplyBytes.frame(pushing: delivery, channel: channel, $0.format)
            }
        case .deliverPage(let delivery, let targets):
            let kind = FrameKind.publications(delivery.conversation, after: delivery.after)
            self.send(to: targets, as: kind) { ReplyBytes.frame(pushing: delivery, $0.format) }
        case .subscribe(let handle, let reply):
            guard let socket = self.socket(handle) else { return }
            let frame = ReplyBytes.frame(subscribing: reply, socket.dialect.format)
            self.outbound.send(frame, to: handle)
        case .unsubscribe(let handle, let name, let code):
            guard let socket = self.socket(handle) else { return }
            let channel = name.conversationName
            socket.forgetInfo(of: channel)
            let frame = ReplyBytes.frame(unsubscribing: channel, code, socket.dialect.format)
            self.outbound.send(frame, to: handle)
        case .presence(let effect): self.carryOut(effect)
        case .hint(let hint, let targets): self.carryOut(hint, targets)
        case .ping(let targets):
            let frames = self.pingFrames
            self.send(to: targets, as: .ping) { frames[$0.index] }
        case .close(let handle, let code):
            self.close(handle, code)
        case .respond(let id, .members):
            self.api.take(.presence(self.draft.takeMembers()), to: id)
        case .respond(let id, let response):
            self.api.take(ReplyBytes.answer(response), to: id)
        case .refresh(let handle, let timeToLive):
            guard let socket = self.socket(handle) else { return }
            let frame = ReplyBytes.frame(refreshing: timeToLive, socket.dialect.format)
            self.outbound.send(frame, to: handle)
        case .peer(let shard, let message):
            if self.foulBus == nil {
                self.pass(message, to: shard)
            } else {
                self.foulBus?.carry(message, from: self, to: shard)
            }
        case .store(let token, let request): self.submit(request, token)
        case .release(let handle):
            handle.release()
        case .dropPublications(let handle): self.dropPublications(of: handle)
        case .awaitRoom(let handle): self.awaitRoom(in: handle)
        case .drained:
            self.surroundings.onDrained()
        }
    }

    private func close(_ handle: ConnectionHandle, _ code: CloseCode) {
        guard let socket = self.socket(handle) else { return }
        let farewell = socket.goodbye(code)
        self.closes[farewell.code, default: 0] += 1
        self.surroundings.log.debug(
            "sends away",
            metadata: ["client": "\(socket.client)", "code": "\(farewell.code)"]
        )
        socket.end(code: farewell.code, reason: farewell.reason)
    }

    private func submit(_ request: StoreRequest, _ token: RequestToken) {
        var message: Message?
        if case .append(let append) = request { message = append.body.handle.message }
        var known: KnownConversations?
        if case .list(let list) = request { known = list.known.known }
        var note: AccountNote?
        if case .account(let account) = request { note = account.note.accountNote }
        self.surroundings.store.submit(
            request,
            token: token,
            message: message,
            known: known,
            note: note,
            from: self.id
        )
    }

    /// Puts a message into a shard's line, with the references that it carries.
    func pass(_ message: PeerMessage, to shard: ShardID) {
        message.retainHandles()
        if shard == self.id {
            self.enqueue(.peer(self.id, message))
        } else {
            self.outgoing[shard, default: []].append(.peer(self.id, message))
        }
    }

    /// As `pass`, outside a round.
    func passLate(_ message: PeerMessage, to shard: ShardID) {
        self.pass(message, to: shard)
        self.scheduleRound()
    }

    func socket(_ handle: ConnectionHandle) -> ClientSocket? {
        let slot = self.slots[Int(handle.slot)]
        return slot.generation == handle.generation ? slot.socket : nil
    }

    func send(
        to targets: TargetRange,
        as kind: FrameKind = .lasting,
        _ frame: (Dialect) -> ByteBuffer
    ) {
        self.outbound.send(to: targets, of: self.effects, as: kind, frame)
    }
}
