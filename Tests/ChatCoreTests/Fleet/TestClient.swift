import ChatCore
import Kernel

/// A client that repeats what was not acknowledged, recovers after a drop, and writes down what it saw.
final class TestClient {
    enum State: Equatable {
        case offline
        case connecting
        case online
    }

    struct Outgoing {
        var id: MessageID
        var action = ChatAction.message
        var isAcknowledged = false
        /// For good.
        var refusal: ErrorCode?

        var isOpen: Bool { !self.isAcknowledged && self.refusal == nil }
    }

    let user: UserID
    let conversation: ConversationID
    let index: Int
    private unowned let fleet: TestFleet
    private var slot: UInt32
    private var generation: UInt32 = 0
    private var nextCommand: UInt32 = 0
    private var subscribeCommand: UInt32?
    private var sends: [UInt32: Int] = [:]
    /// Told that it is no member.
    private(set) var isOut = false
    /// Words of typing that came.
    private(set) var signals = 0
    private(set) var state = State.offline
    private(set) var position: Position?
    private(set) var outgoing: [Outgoing] = []
    /// Bodies in the order in which the app saw them, from `firstSeen` on.
    private(set) var seen: [Body] = []
    private(set) var firstSeen: UInt64?
    private(set) var acknowledged: [MessageID: Offset] = [:]
    private(set) var violations: [String] = []
    private(set) var replies: [(CommandID, Reply)] = []
    private(set) var closeCodes: [CloseCode] = []
    private(set) var declaredLosses = 0
    var answersPings = true
    /// How fast it reads, if not at once; from its next connection on.
    var bytesPerSecond: UInt64?
    var linkBug: SlowLink.PlantedBug?
    private(set) var link: SlowLink?
    /// Who the client says it is in its conversation.
    var attendee: (TestClient) -> Attendee = { _ in .silent }
    /// Whether the server subscribes it, instead of its own asking.
    var isSubscribedByServer = false
    /// Whether it subscribes again when nobody could answer in time: the next time finds another owner.
    var subscribesAgain = true
    /// Whether it subscribes at all.
    var looks = true

    init(
        _ fleet: TestFleet,
        user: UInt64,
        in conversation: ConversationID,
        at index: Int,
        slot: UInt32
    ) {
        self.fleet = fleet
        self.user = UserID(high: 0, low: user)
        self.conversation = conversation
        self.index = index
        self.slot = slot
    }

    var handle: ConnectionHandle {
        ConnectionHandle(slot: self.slot, generation: self.generation)
    }

    var connection: ConnectionID {
        ConnectionID(UInt64(self.slot) << 32 | UInt64(self.generation))
    }

    func connect() {
        guard self.state == .offline else { return }
        self.generation += 1
        self.state = .connecting
        self.sends = [:]
        self.link = self.bytesPerSecond.map {
            SlowLink(self.fleet, self.index, self.handle, bytesPerSecond: $0, bug: self.linkBug)
        }
        self.fleet.attach(self, to: self.index, slot: self.slot)
        self.post(.opened(self.handle, self.connection))
        self.command(.connect)
        if !self.isSubscribedByServer, self.looks { self.subscribe() }
        for index in self.outgoing.indices where self.outgoing[index].isOpen {
            self.transmit(index)
        }
    }

    /// Asks again whether it is a member.
    func knock() {
        if self.isOut, self.state == .online { self.subscribe() }
    }

    func subscribe() {
        self.subscribeCommand = self.command(
            .subscribe(self.reference, since: self.since, as: self.attendee(self))
        )
    }

    private var since: RecoveryRequest? {
        self.position.map {
            RecoveryRequest(epoch: $0.epoch, offset: $0.offset, refusesUnrecovered: false)
        }
    }

    /// What the server grants it at `connect`: its conversation, and one where nobody speaks.
    func grants(to handle: ConnectionHandle) -> [ShardEvent] {
        guard self.isSubscribedByServer else { return [] }
        let quiet = ConversationReference(
            id: ConversationID(high: self.user.low, low: 77),
            namespace: 0,
            name: self.fleet.makePayload()
        )
        return [
            .grant(handle, self.reference, since: self.since, as: self.attendee(self)),
            .grant(handle, quiet, since: nil),
        ]
    }

    private var reference: ConversationReference {
        ConversationReference(id: self.conversation, namespace: 0, name: .none)
    }

    @discardableResult
    func command(_ command: Command) -> UInt32 {
        self.nextCommand += 1
        self.post(.command(self.handle, CommandID(self.nextCommand), command))
        return self.nextCommand
    }

    private func post(_ event: ShardEvent) {
        self.fleet.schedule(self.index, .event(event), after: .milliseconds(1))
    }

    func send(_ id: MessageID, _ action: ChatAction = .message) {
        self.outgoing.append(Outgoing(id: id, action: action))
        guard self.state != .offline else { return }
        self.transmit(self.outgoing.count - 1)
    }

    private func transmit(_ index: Int) {
        let body = Body(handle: self.fleet.makePayload(), byteCount: 128)
        let outgoing = self.outgoing[index]
        let id = self.command(
            outgoing.action == .message
                ? .send(self.reference, outgoing.id, body)
                : .operate(self.reference, outgoing.id, outgoing.action, body)
        )
        self.sends[id] = index
    }

    func type() {
        let body = Body(handle: self.fleet.makePayload(), byteCount: 1)
        self.command(.typing(self.reference, body))
    }

    /// Repeats what is still unacknowledged, as an app does after a time-out.
    func repeatUnacknowledged() {
        guard self.state == .online else { return }
        for index in self.outgoing.indices where self.outgoing[index].isOpen {
            self.transmit(index)
        }
    }

    func drop() {
        guard self.state != .offline else { return }
        self.post(.closed(self.handle))
        self.dropped()
    }

    /// The server has died, or the socket is cut.
    func dropped() {
        self.state = .offline
        self.link = nil
        self.fleet.detach(self.index, slot: self.slot)
    }

    func closed(_ code: CloseCode) {
        self.closeCodes.append(code)
        self.state = .offline
        self.link = nil
    }

    func unsubscribed(_ code: UnsubscribeCode) {
        guard code == .insufficientState else {
            self.isOut = true
            return
        }
        self.declaredLosses += 1
        self.subscribe()
    }

    func receive(_ reply: Reply, to id: CommandID, _ store: MemoryStore) {
        self.replies.append((id, reply))
        switch reply {
        case .connected:
            self.state = .online
        case .subscribed(let subscribed):
            self.isOut = false
            self.begin(subscribed, store)
        case .connectedSubscription(let subscribed):
            if self.state != .connecting {
                self.violations.append("a part of the connect reply came after it")
            }
            if subscribed.name == .none { self.begin(subscribed, store) }
        case .sent(let sent), .created(_, let sent):
            guard let index = self.sends[id.rawValue] else { return }
            let message = self.outgoing[index].id
            self.outgoing[index].isAcknowledged = true
            if let first = self.acknowledged[message], first != sent.offset {
                self.violations.append("one id was acknowledged at two offsets")
            }
            self.acknowledged[message] = sent.offset
        case .error(let code):
            if self.state == .connecting {
                // A subscription of the server's could not be made in time.
                self.drop()
                return
            }
            if id.rawValue == self.subscribeCommand {
                self.isOut = code == .notMember
                if code == .internal, self.subscribesAgain { self.subscribe() }
            }
            if let index = self.sends[id.rawValue], code != .internal {
                self.outgoing[index].refusal = code
            }
        case .unsubscribed, .published, .history, .marked, .listed, .done, .refreshed,
            .subRefreshed, .told, .presence:
            break
        }
    }

    private func begin(_ reply: SubscribeReply, _ store: MemoryStore) {
        switch reply.recovery {
        case .notRequested, .unrecovered:
            if case .unrecovered = reply.recovery { self.declaredLosses += 1 }
            self.seen = []
            self.firstSeen = reply.offset.rawValue + 1
            self.position = Position(epoch: reply.epoch, offset: reply.offset)
        case .recovered(let handle, let through):
            guard let position = self.position, position.offset == reply.offset else {
                self.violations.append("a recovered reply echoes the offset that was asked for")
                return
            }
            guard handle != .none, let page = store.pages[handle.rawValue] else { return }
            for offset in (position.offset.rawValue + 1)..<(through.rawValue + 1) {
                self.receive(Offset(offset), page.bodies[Int(offset - page.first)])
            }
        }
    }

    func receive(_ delivery: Delivery, _ store: MemoryStore) {
        if self.state == .connecting {
            self.violations.append("a delivery came before the connect reply")
        }
        guard delivery.offset > .start else {
            self.signals += 1
            return
        }
        let index = Int(delivery.offset.rawValue) - 1
        let entries = store.logs[delivery.conversation]?.entries ?? []
        if entries.indices.contains(index),
            entries[index].unixMilliseconds != delivery.unixMilliseconds
        {
            self.violations.append("a delivery and the log differ about the time")
        }
        self.receive(delivery.offset, delivery.body)
    }

    func receive(_ offset: Offset, _ body: Body) {
        guard self.state != .offline else { return }
        if self.isOut { self.violations.append("a delivery came after the membership") }
        guard let position = self.position else {
            self.violations.append("a delivery came before the subscribe reply")
            return
        }
        if offset != position.offset.next {
            self.violations.append("\(offset.rawValue) came after \(position.offset.rawValue)")
        }
        self.position = Position(epoch: position.epoch, offset: offset)
        self.seen.append(body)
    }
}
