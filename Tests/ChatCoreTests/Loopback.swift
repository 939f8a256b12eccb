import ChatCore
import Kernel

/// One shard with a store that is empty and answers at once; what the shard says to itself arrives.
final class Loopback {
    let stepper: ShardStepper
    let id = ShardID(node: NodeID(0), index: 0)
    var epoch = Epoch(5)
    var answersAppends = true
    private(set) var subscribedCount = 0
    private(set) var unsubscribedCount = 0
    private(set) var reads = 0
    private(set) var errors: [ErrorCode] = []
    private(set) var sent: [SendReply] = []
    private var head = Offset.start
    private let partitions: UInt16

    init(_ configure: (inout ShardConfiguration) -> Void = { _ in }) {
        var configuration = ShardConfiguration()
        configure(&configuration)
        self.partitions = configuration.partitionCount
        self.stepper = ShardStepper(configure)
    }

    func own(term: UInt64) {
        for partition in 0..<2 * self.partitions {
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
            switch effect {
            case .peer(self.id, let message): self.send(.peer(self.id, message))
            case .store(let token, let request): self.serve(token, request)
            case .reply(_, _, .subscribed): self.subscribedCount += 1
            case .reply(_, _, .sent(let reply)): self.sent.append(reply)
            case .reply(_, _, .error(let code)): self.errors.append(code)
            case .unsubscribe: self.unsubscribedCount += 1
            case .authenticate, .reply, .deliver, .deliverPage, .ping, .close, .peer, .release,
                .drained, .limitConnections, .presence:
                break
            }
        }
    }

    private func serve(_ token: RequestToken, _ request: StoreRequest) {
        let end = StreamHead(epoch: self.epoch, offset: self.head)
        switch request {
        case .append(let append):
            guard self.answersAppends else { return }
            self.head = append.offset
            self.send(.stored(token, .appended(.done)))
        case .head, .renewEpoch: self.send(.stored(token, .head(end)))
        case .lookUp: self.send(.stored(token, .notFound))
        case .standing: self.send(.stored(token, .ruling(.allowed, end)))
        case .mark, .list: self.send(.stored(token, .unavailable))
        case .read:
            self.reads += 1
            let page = Page(handle: .none, first: .start, count: 0, byteCount: 0, head: end)
            self.send(.stored(token, .page(page)))
        case .leases: self.send(.stored(token, .leased))
        }
    }
}
