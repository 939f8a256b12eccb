import ChatCore
import Kernel
import NIOCore
import Synchronization

/// What other threads have for a shard: one wake-up of its loop takes all that has gathered.
///
/// Nobody waits for a shard that is slow. What other shards say to it beyond a limit is lost, as it may be on any
/// bus: positions and the log make up for it. What the store and application servers say is always kept; they
/// were asked, or are bounded themselves.
final class Mailbox: Sendable {
    private struct State {
        var events: [ShardEvent] = []
        var host: NIOLoopBound<ShardHost>?
        /// Events that the shard had taken and not handled when it last came.
        var backlog = 0
        var lost: UInt64 = 0
    }

    /// The most events that wait for a shard before those of other shards are lost.
    static let limit = 1 << 17

    private let loop: any EventLoop
    private let state = Mutex(State())

    private let limit: Int

    init(loop: any EventLoop, limit: Int = Mailbox.limit) {
        self.loop = loop
        self.limit = limit
    }

    /// What other shards have said to this one and was lost.
    var lost: UInt64 { self.state.withLock { $0.lost } }

    /// Names who takes the events; called on the loop, before or after the first post.
    func attach(_ host: ShardHost) {
        let bound = NIOLoopBound(host, eventLoop: self.loop)
        let isWaiting = self.state.withLock { state in
            state.host = bound
            return !state.events.isEmpty
        }
        if isWaiting { host.wake() }
    }

    func post(_ events: [ShardEvent]) {
        var lost: [PeerMessage] = []
        let host = self.state.withLock { state -> NIOLoopBound<ShardHost>? in
            let isFirst = state.events.isEmpty
            if state.backlog + state.events.count + events.count <= self.limit {
                state.events += events
            } else {
                for event in events {
                    if case .peer(_, let message) = event,
                        state.backlog + state.events.count >= self.limit
                    {
                        lost.append(message)
                    } else {
                        state.events.append(event)
                    }
                }
                state.lost += UInt64(lost.count)
            }
            // Also if nothing is left of the events: the shard may have more room than it had.
            return isFirst ? state.host : nil
        }
        for message in lost { message.releaseHandles() }
        guard let host else { return }
        self.loop.execute { host.value.wake() }
    }

    /// Lets the host do something on its loop, or tell what it has; the future is one of `loop`.
    func visit<Result: Sendable>(
        on loop: any EventLoop,
        _ body: @escaping @Sendable (ShardHost) -> Result
    ) -> EventLoopFuture<Result> {
        self.loop.submit {
            guard let host = self.state.withLock({ $0.host }) else {
                preconditionFailure("who listens has all shards at work")
            }
            return body(host.value)
        }.hop(to: loop)
    }

    /// Has the shard end what came in by tokens that hold no more; done when it has been told.
    func endRevoked() -> EventLoopFuture<Void> {
        let host = self.state.withLock { $0.host }
        guard let host else { return self.loop.makeSucceededVoidFuture() }
        return self.loop.submit { host.value.endRevoked() }
    }

    /// `backlog` is how many that were taken before still wait.
    func take(backlog: Int) -> [ShardEvent] {
        self.state.withLock { state in
            state.backlog = backlog + state.events.count
            let events = state.events
            state.events = []
            return events
        }
    }
}
