import ChatCore
import Kernel
import NIOCore
import Synchronization

/// What other threads have for a shard: one wake-up of its loop takes all that has gathered.
final class Mailbox: Sendable {
    private struct State {
        var events: [ShardEvent] = []
        var host: NIOLoopBound<ShardHost>?
    }

    private let loop: any EventLoop
    private let state = Mutex(State())

    init(loop: any EventLoop) { self.loop = loop }

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
        let host = self.state.withLock { state -> NIOLoopBound<ShardHost>? in
            let isFirst = state.events.isEmpty
            state.events += events
            return isFirst ? state.host : nil
        }
        guard let host else { return }
        self.loop.execute { host.value.wake() }
    }

    /// Has the shard end what came in by tokens that hold no more; done when it has been told.
    func endRevoked() -> EventLoopFuture<Void> {
        let host = self.state.withLock { $0.host }
        guard let host else { return self.loop.makeSucceededVoidFuture() }
        return self.loop.submit { host.value.endRevoked() }
    }

    func take() -> [ShardEvent] {
        self.state.withLock { state in
            let events = state.events
            state.events = []
            return events
        }
    }
}
