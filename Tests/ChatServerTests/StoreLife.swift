import ChatCore
import ChatServer
import Foundation
import Kernel
import Logging
import Synchronization

/// What a store answered, by token, and a way to wait for it.
final class Answers: Sendable {
    private let state = Mutex<[ShardEvent]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func add(_ events: [ShardEvent]) {
        self.state.withLock { $0 += events }
        self.arrived.signal()
    }

    /// Blocks until so many appends were answered, or for a minute; how they ended, and how often.
    func tally(_ count: Int) -> [String: Int] {
        let end = Date().addingTimeInterval(60)
        while Date() < end {
            let outcomes = self.state.withLock { events in
                events.compactMap { event -> AppendOutcome? in
                    guard case .stored(_, .appended(let outcome)) = event else { return nil }
                    return outcome
                }
            }
            if outcomes.count >= count {
                return outcomes.reduce(into: [:]) { tally, outcome in
                    tally["\(outcome)", default: 0] += 1
                }
            }
            _ = self.arrived.wait(timeout: .now() + 0.2)
        }
        return [:]
    }

    /// Blocks until an answer fits that is the last of its request's, or for ten seconds; all that fit.
    func all(_ fits: (ShardEvent) -> StoreOutcome?) -> [StoreOutcome] {
        while true {
            let found = self.state.withLock { $0 }.compactMap(fits)
            switch found.last {
            case .audience(.ends), .plans(.ends), .plans(.commits), .unavailable: return found
            default: break
            }
            guard self.arrived.wait(timeout: .now() + 10) == .success else { return found }
        }
    }

    /// Blocks until an answer fits; `nil` after ten seconds.
    func first<Answer>(_ fits: (ShardEvent) -> Answer?) -> Answer? {
        while true {
            let events = self.state.withLock { $0 }
            if let found = events.lazy.compactMap(fits).first { return found }
            guard self.arrived.wait(timeout: .now() + 10) == .success else { return nil }
        }
    }
}

/// One life of a store on a directory.
struct Life {
    static let shard = ShardID(node: NodeID(0), index: 0)
    static let conversation = ConversationID(named: "store")
    static let partition = PartitionID(
        of: Self.conversation,
        count: ShardConfiguration().partitionCount
    )

    let store: DurableStore
    private let answers = Answers()

    init(path: String) throws {
        var log = Logger(label: "store")
        log.logLevel = .critical
        let answers = self.answers
        self.store = try DurableStore(
            directory: DataDirectory(path: path),
            shards: [Self.shard],
            configuration: ShardConfiguration(),
            leaseLength: .seconds(6),
            log: log,
            answer: { answers.add($1) }
        )
    }

    /// The term in which this life owns the conversation.
    func term() -> Term? {
        let token = RequestToken(rawValue: .max)
        self.store.submit(
            .leases(.all),
            token: token,
            message: nil,
            from: Self.shard
        )
        return self.answers.first {
            guard case .lease(Self.partition, let term, _) = $0 else { return nil }
            return term
        }
    }

    /// What the store answers to one request.
    func answer(_ request: StoreRequest, token: UInt64) -> StoreOutcome? {
        let token = RequestToken(rawValue: token)
        self.store.submit(request, token: token, message: nil, from: Self.shard)
        return self.answers.first {
            guard case .stored(token, let outcome) = $0 else { return nil }
            return outcome
        }
    }

    /// The parts in which the store answers a request.
    func parts(_ request: StoreRequest, token: UInt64) -> [StoreOutcome] {
        let token = RequestToken(rawValue: token)
        self.store.submit(request, token: token, message: nil, from: Self.shard)
        let parts = self.answers.all {
            if case .stored(token, let outcome) = $0 { outcome } else { nil }
        }
        if case .audience(.begins(let name, _)) = parts.first { name.release() }
        return parts
    }

    /// What the store answers to the first and the second message of each of so many conversations, submitted
    /// in one go; by how often.
    func appendTwice(to count: Int, term: Term) -> [String: Int] {
        let partitions = ShardConfiguration().partitionCount
        for offset in 1...2 as ClosedRange<UInt64> {
            for number in 0..<count {
                let id = ConversationID(high: UInt64(number) << 40 | 7, low: UInt64(number))
                let message = Message(
                    body: [49],
                    messageID: nil,
                    user: "u",
                    client: "c",
                    conversation: "c\(number)"
                )
                let append = Append(
                    conversation: id,
                    partition: PartitionID(of: id, count: partitions),
                    term: term,
                    offset: Offset(offset),
                    user: UserID(named: "u"),
                    message: nil,
                    unixMilliseconds: 7,
                    body: Body(handle: .none, byteCount: 1)
                )
                self.store.submit(
                    .append(append),
                    token: RequestToken(rawValue: offset << 32 | UInt64(number)),
                    message: message,
                    from: Self.shard
                )
            }
        }
        return self.answers.tally(2 * count)
    }

    /// Makes the conversation a private one, with its first two members.
    func create(term: Term, token: UInt64) -> StoreOutcome? {
        let message = Message(
            body: Array("1".utf8),
            messageID: "made",
            user: "u",
            client: "c",
            conversation: "store",
            note: EntryNote(kind: .create),
            people: ["v"]
        )
        let request = Append(
            conversation: Self.conversation,
            partition: Self.partition,
            term: term,
            offset: Offset(1),
            user: UserID(named: "u"),
            message: MessageID(named: "made"),
            unixMilliseconds: 7,
            operation: .create(isPublic: false),
            isMembersOnly: true,
            body: Body(handle: .none, byteCount: 1)
        )
        let token = RequestToken(rawValue: token)
        self.store.submit(.append(request), token: token, message: message, from: Self.shard)
        return self.answers.first {
            guard case .stored(token, let outcome) = $0 else { return nil }
            return outcome
        }
    }

    /// Appends all at once, so that they may share a transaction; the outcomes in their order.
    func append(
        _ appends: [(id: String?, offset: UInt64)],
        term: Term,
        firstToken: UInt64,
        body: [UInt8] = Array("1".utf8),
        client: String = "c"
    ) -> [AppendOutcome?] {
        for (index, append) in appends.enumerated() {
            let message = Message(
                body: body,
                messageID: append.id,
                user: "u",
                client: client,
                conversation: "store"
            )
            let request = Append(
                conversation: Self.conversation,
                partition: Self.partition,
                term: term,
                offset: Offset(append.offset),
                user: UserID(named: "u"),
                message: append.id.map { MessageID(named: $0) },
                unixMilliseconds: 7,
                body: Body(handle: .none, byteCount: 1)
            )
            self.store.submit(
                .append(request),
                token: RequestToken(rawValue: firstToken + UInt64(index)),
                message: message,
                from: Self.shard
            )
        }
        return appends.indices.map { index in
            self.answers.first {
                guard case .stored(let token, .appended(let outcome)) = $0,
                    token == RequestToken(rawValue: firstToken + UInt64(index))
                else { return nil }
                return outcome
            }
        }
    }
}
