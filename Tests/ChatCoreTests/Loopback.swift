import ChatCore
import Kernel

/// One shard with a store that answers at once; what the shard says to itself arrives.
final class Loopback {
    let stepper: ShardStepper
    let id = ShardID(node: NodeID(0), index: 0)
    var epoch = Epoch(5)
    var answersAppends = true
    var answersReads = true
    private(set) var subscribed: [SubscribeReply] = []
    var subscribedCount: Int { self.subscribed.count }
    private(set) var unsubscribed: [UnsubscribeCode] = []
    var unsubscribedCount: Int { self.unsubscribed.count }
    private(set) var responses: [ServerResponse] = []
    private(set) var replies: [Reply] = []
    /// Messages that were delivered, whether live or from a page.
    var deliveries: UInt64 { self.stepper.statistics.deliveries }
    private(set) var pushed: [SubscribeReply] = []
    /// How long credentials hold that the server has renewed.
    private(set) var renewed: [Interval?] = []
    /// Entries of lists of who is there.
    private(set) var listed = 0
    private(set) var closes: [CloseCode] = []
    private(set) var reads = 0
    private(set) var errors: [ErrorCode] = []
    private(set) var sent: [SendReply] = []
    /// The offsets of the pages that were read, the empty ones left out.
    private(set) var pages: [ClosedRange<UInt64>] = []
    private let store: MemoryStore
    private let partitions: UInt16

    init(_ configure: (inout ShardConfiguration) -> Void = { _ in }) {
        var configuration = ShardConfiguration()
        configure(&configuration)
        self.partitions = configuration.partitionCount
        self.store = MemoryStore(partitionCount: configuration.partitionCount)
        self.stepper = ShardStepper(configure)
    }

    func own(term: UInt64) {
        for partition in 0..<2 * self.partitions {
            self.store.leases.rows[Int(partition)].term = Term(term)
            self.send(.lease(PartitionID(partition), Term(term), owner: self.id))
        }
    }

    func send(_ event: ShardEvent) { self.take(self.stepper.send(event)) }

    /// Lets time pass in steps of 100 ms, answering pings.
    func run(for interval: Interval) {
        let end = self.stepper.now + interval
        while self.stepper.now < end {
            let step = min(end, self.stepper.now + .milliseconds(100))
            self.take(self.stepper.advance(to: step))
        }
    }

    private func take(_ effects: [ShardEffect]) {
        for effect in effects {
            if case .reply(_, _, let reply) = effect { self.replies.append(reply) }
            switch effect {
            case .peer(self.id, let message): self.send(.peer(self.id, message))
            case .store(let token, let request): self.serve(token, request)
            case .reply(_, _, .subscribed(let reply)): self.subscribed.append(reply)
            case .reply(_, _, .sent(let reply)): self.sent.append(reply)
            case .reply(_, _, .error(let code)): self.errors.append(code)
            case .respond(_, let response): self.responses.append(response)
            case .subscribe(_, let reply): self.pushed.append(reply)
            case .unsubscribe(_, _, let code): self.unsubscribed.append(code)
            case .close(_, let code): self.closes.append(code)
            case .refresh(_, let timeToLive): self.renewed.append(timeToLive)
            case .presence(.member): self.listed += 1
            case .ping:
                for handle in self.stepper.takePinged() { self.take(self.stepper.pong(handle)) }
            case .authenticate, .reply, .deliver, .deliverPage, .peer, .release, .drained,
                .presence, .dropPublications, .awaitRoom, .hint:
                break
            }
        }
    }

    /// A conversation's end, in the epoch of this store.
    private func head(of conversation: ConversationID) -> StreamHead {
        StreamHead(epoch: self.epoch, offset: self.store.head(of: conversation).offset)
    }

    private func serve(_ token: RequestToken, _ request: StoreRequest) {
        switch request {
        case .append(let append):
            guard self.answersAppends else { return }
            self.send(.stored(token, .appended(self.store.append(append, .none))))
        case .head(let conversation), .renewEpoch(let conversation, _, _):
            self.send(.stored(token, .head(self.head(of: conversation))))
        case .lookUp(let conversation, let user, let message):
            self.send(.stored(token, self.store.lookUp(conversation, user, message)))
        case .standing(let inquiry):
            let head = self.head(of: inquiry.conversation)
            self.send(.stored(token, .ruling(.allowed, head)))
        case .mark, .list, .account, .audience, .plans: self.send(.stored(token, .unavailable))
        case .read(let read):
            self.reads += 1
            guard self.answersReads else { return }
            guard case .page(var page) = self.store.read(read) else {
                self.send(.stored(token, .denied))
                return
            }
            page.head.epoch = self.epoch
            if page.count > 0 {
                self.pages.append(page.first.rawValue...page.last.rawValue)
            }
            self.send(.stored(token, .page(page)))
        case .leases: self.send(.stored(token, .leased))
        }
    }
}
