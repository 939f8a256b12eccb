import ChatCore
import ClientModel
import Kernel

/// A client with its clock, for tests: each step gives the effects it emitted.
struct Device: ~Copyable {
    var client: Client
    var now = Instant.zero
    private var effects = EffectBuffer<ClientEffect>(capacity: Client.effectLimit)

    init(_ conversations: [UInt32] = [7], cohort: Cohort = Cohort(), seed: UInt64 = 1) {
        self.client = Client(
            number: ClientNumber(3),
            cohort: cohort,
            random: KeyedRandom(seed: seed),
            conversations: conversations.map { ConversationNumber($0) }
        )
    }

    mutating func take(_ event: ClientEvent) -> [ClientEffect] {
        self.client.handle(event, at: self.now, into: &self.effects)
        return self.drain()
    }

    mutating func socket(_ event: SocketEvent, _ number: UInt32 = 1) -> [ClientEffect] {
        self.take(.socket(SocketNumber(number), event))
    }

    /// Goes to the next deadline, and runs it.
    mutating func wait() -> [ClientEffect] {
        guard let deadline = self.client.nextDeadline else { return [] }
        self.now = deadline
        self.client.handleDeadline(at: self.now, into: &self.effects)
        return self.drain()
    }

    mutating func wake(at instant: Instant) -> [ClientEffect] {
        self.client.handleDeadline(at: instant, into: &self.effects)
        return self.drain()
    }

    /// Connects the `number`-th socket; gives the commands that followed the reply.
    mutating func connect(_ number: UInt32 = 1, command: UInt32 = 1) -> [ClientEffect] {
        if number == 1 { _ = self.take(.start) }
        _ = self.socket(.opened, number)
        return self.socket(
            .reply(CommandID(command), .connected(pingInterval: .seconds(25), expectsPongs: true)),
            number
        )
    }

    /// Connects, and subscribes to the one conversation at its head.
    mutating func subscribe(head: UInt64) {
        _ = self.connect()
        _ = self.socket(.reply(CommandID(2), .subscribed(subscribed(head, .notRequested))))
    }

    private mutating func drain() -> [ClientEffect] {
        let taken = (0..<self.effects.count).map { self.effects[effect: $0] }
        self.effects.removeAll()
        return taken
    }
}

let conversation = ConversationNumber(7)
let epoch = Epoch(9)

func subscribed(
    _ offset: UInt64,
    _ recovery: ReplyOutcome.Subscribed.Recovery,
    epoch: Epoch = epoch
) -> ReplyOutcome.Subscribed {
    ReplyOutcome.Subscribed(
        hasLog: true,
        position: Position(epoch: epoch, offset: Offset(offset)),
        recovery: recovery
    )
}

func incoming(_ offset: UInt64, _ source: IncomingMessage.Source = .live) -> IncomingMessage {
    IncomingMessage(
        conversation: conversation,
        offset: Offset(offset),
        message: nil,
        source: source
    )
}

func outgoing(_ id: UInt64) -> OutgoingMessage {
    OutgoingMessage(
        conversation: conversation,
        id: MessageID(high: 3, low: id),
        byteCount: 128,
        intended: .zero
    )
}

/// The observations among effects.
func observations(_ effects: [ClientEffect]) -> [Observation] {
    effects.compactMap { if case .observe(let observation) = $0 { observation } else { nil } }
}

/// The requests among effects.
func requests(_ effects: [ClientEffect]) -> [ClientRequest] {
    effects.compactMap { if case .command(_, _, let request) = $0 { request } else { nil } }
}
