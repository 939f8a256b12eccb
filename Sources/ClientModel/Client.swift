import BasicContainers
import ChatCore
package import Kernel

/// A device with a Centrifuge SDK and an outbox: connects, subscribes, recovers, sends until acknowledged.
///
/// Its laws: a message keeps its id however often it is sent, and is sent until it is acknowledged or
/// refused for good; a conversation's messages reach the user in the order of their offsets, each
/// once in an epoch, unless the server leaves one out; after `recovered: false` the log is paged up
/// to its head, and live messages meanwhile only move the goal. Source: `client-protocol.md` 4.7, 4.9,
/// 4.15.
///
/// The rows of subscriptions lie in one block that the client owns; the outbox and the awaited
/// replies occupy memory only while they hold something.
package struct Client: ~Copyable, StateMachine {
    /// The most effects that one step can emit.
    package static let effectLimit = 512
    /// The most conversations of one client: a server's usual limit.
    package static let subscriptionLimit = 128

    enum Phase: Equatable, BitwiseCopyable {
        /// Not started, or stopped; never left after a stop.
        case off
        /// Leaves for `connecting` when the socket opens, for `pausing` when it fails or is late.
        case opening(until: Instant)
        /// The reply to `connect` is awaited.
        case connecting(until: Instant)
        /// Leaves for `pausing` when the socket ends or the server is silent too long.
        case online(pingDue: Instant)
        /// Waits before the next socket.
        case pausing(until: Instant)
        /// Has broken the protocol, or is about to when the socket opens; leaves for `pausing`.
        case trespassing(Trespass, until: Instant)
    }

    // Ordered by alignment: a simulated fleet holds a million of these.
    let random: KeyedRandom
    var rows: UniqueArray<Subscription>
    var awaited: UniqueArray<Awaited>
    var outbox: UniqueArray<Unacknowledged>
    /// Of each conversation, in the order of `rows`; empty unless the client chats.
    var views: UniqueArray<ChatView>
    /// `.never` if the client waits for events alone.
    var deadline = Instant.never
    var phase = Phase.off
    var isStopped = false
    var expectsPongs = false
    /// Failures since the last success, for the backoff.
    var attempts: UInt8 = 0
    let number: ClientNumber
    var socket = SocketNumber(0)
    var lastCommand: UInt32 = 0
    var connectCommand: UInt32 = 0
    var pingMilliseconds: UInt32 = 0
    let cohort: Cohort

    package var nextDeadline: Instant? { self.deadline == .never ? nil : self.deadline }

    /// `conversations` are the client's, without repeats, in the order in which it subscribes.
    package init(
        number: ClientNumber,
        cohort: Cohort,
        random: KeyedRandom,
        conversations: some Collection<ConversationNumber>,
        isChatting: Bool = false
    ) {
        precondition(
            conversations.count <= Self.subscriptionLimit,
            "a client has at most \(Self.subscriptionLimit) conversations"
        )
        precondition(cohort.sendLimit <= 128, "an outbox holds at most 128 messages")
        precondition(cohort.pageLimit > 0, "a page holds at least one message")
        self.number = number
        self.cohort = cohort
        self.random = random
        self.rows = UniqueArray(minimumCapacity: conversations.count)
        self.awaited = UniqueArray()
        self.outbox = UniqueArray()
        self.views = UniqueArray(minimumCapacity: isChatting ? conversations.count : 0)
        for conversation in conversations {
            self.rows.append(Subscription(conversation: conversation))
            if isChatting { self.views.append(ChatView()) }
        }
    }

    package mutating func handle(
        _ event: ClientEvent,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        switch event {
        case .start: self.onStart(at: now, into: &effects)
        case .socket(let socket, let event):
            if socket == self.socket { self.onSocket(event, at: now, into: &effects) }
        case .send(let message): self.onSend(message, at: now, into: &effects)
        case .read(let conversation): self.onRead(conversation, at: now, into: &effects)
        case .leave(let until, let isSilent):
            self.onLeave(until: until, isSilent: isSilent, into: &effects)
        case .trespass(let trespass): self.onTrespass(trespass, at: now, into: &effects)
        case .stop: self.onStop(into: &effects)
        }
        self.deadline = self.earliestDeadline()
        self.giveBackRoom()
    }

    package mutating func handleDeadline(
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard self.deadline <= now else { return }
        self.runConnectionDeadline(at: now, into: &effects)
        self.runAwaitedDeadlines(at: now, into: &effects)
        self.runOutboxDeadlines(at: now, into: &effects)
        self.deadline = self.earliestDeadline()
        self.giveBackRoom()
    }

    /// Whether commands can be sent and the server will answer them.
    package var isOnline: Bool {
        if case .online = self.phase { true } else { false }
    }

    /// Whether the device was switched off or sent away for good.
    package var hasStopped: Bool { self.isStopped }

    /// What the server said last; zero is never.
    package var pingInterval: Interval { .milliseconds(UInt64(self.pingMilliseconds)) }

    package var unacknowledgedCount: Int { self.outbox.count }

    package var subscriptionCount: Int { self.rows.count }

    /// Whether every subscription that can stand does, and none is behind what the server told of it.
    package var isCaughtUp: Bool {
        for index in 0..<self.rows.count {
            switch self.rows[index].phase {
            case .live, .liveAfterPaging, .ended: continue
            case .idle, .subscribing, .paging: return false
            }
        }
        return true
    }

    /// Where the device stands in its `index`-th conversation; `nil` before it was told of an epoch.
    package func position(of index: Int) -> (conversation: ConversationNumber, Position?) {
        let row = self.rows[index]
        return (row.conversation, row.hasPosition ? row.position : nil)
    }

    mutating func nextCommand() -> CommandID {
        self.lastCommand &+= 1
        if self.lastCommand == 0 { self.lastCommand = 1 }
        return CommandID(self.lastCommand)
    }

    var commandTimeout: Interval { .milliseconds(UInt64(self.cohort.commandTimeoutMilliseconds)) }

    /// Full jitter: the minimum plus a uniform part of min(`maximum`, minimum · 2^attempt).
    func backoff(
        _ purpose: RandomPurpose,
        attempt: UInt8,
        maximum: UInt32,
        _ n: UInt64,
        _ m: UInt64
    ) -> Interval {
        let minimum = Interval.milliseconds(UInt64(self.cohort.backoffMinimumMilliseconds))
        let ceiling = min(
            Interval.milliseconds(UInt64(maximum)),
            minimum * (UInt64(1) << UInt64(min(attempt, 24)))
        )
        let bits = self.random.draw(purpose, UInt64(self.number.rawValue), n, m)
        return minimum
            + Interval(nanoseconds: KeyedRandom.below(ceiling.nanoseconds + 1, bits))
    }

    /// An idle client holds no storage for what it does now and then.
    private mutating func giveBackRoom() {
        if self.awaited.isEmpty, self.awaited.capacity > 0 { self.awaited = UniqueArray() }
        if self.outbox.isEmpty, self.outbox.capacity > 0 { self.outbox = UniqueArray() }
    }

    func earliestDeadline() -> Instant {
        var earliest = Instant.never
        switch self.phase {
        case .off: return .never
        case .opening(let until), .connecting(let until), .online(let until), .pausing(let until),
            .trespassing(_, let until):
            earliest = until
        }
        for index in 0..<self.awaited.count {
            earliest = min(earliest, self.awaited[index].deadline)
        }
        for index in 0..<self.outbox.count {
            earliest = min(earliest, self.outbox[index].deadline)
        }
        return earliest
    }
}

/// What a client draws at random.
enum Draw {
    static let reconnect = RandomPurpose(0x636c_0001)
    static let repeatSubscribe = RandomPurpose(0x636c_0002)
    static let resend = RandomPurpose(0x636c_0003)
    static let namedEntry = RandomPurpose(0x636c_0005)
    static let repeatHistory = RandomPurpose(0x636c_0004)
}
