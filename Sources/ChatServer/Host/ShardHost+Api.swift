import ChatCore
import ClientProtocol
import Kernel

/// What application servers ask of a shard's connections.
extension ShardHost {
    /// Makes a request of the core for each connection that is meant.
    func carryOut(_ order: UserOrder, for id: ServerRequestID) {
        var requests: [ServerRequest] = []
        self.forEachSocket { socket in
            guard order.means(socket), let request = self.request(order.action, of: socket) else {
                return
            }
            requests.append(request)
        }
        self.api.expect(requests.count, to: id)
        for request in requests { self.submit(.asked(id, request)) }
        self.api.take(.done, to: id)
    }

    private func request(_ action: UserOrder.Action, of socket: ClientSocket) -> ServerRequest? {
        switch action {
        case .subscribe(let channel, let since, let granted):
            guard
                case .success(let reference) = self.namespaces.reference(
                    to: channel,
                    for: socket.user
                )
            else { return nil }
            let attendee = socket.attendee(granted)
            return .subscribe(socket.handle, reference, since: since, as: attendee)
        case .unsubscribe(let conversation):
            return .unsubscribe(socket.handle, conversation)
        case .disconnect(let farewell):
            socket.farewell = farewell
            return .disconnect(socket.handle, farewell.meaning)
        case .refresh(let timeToLive):
            return .refresh(socket.handle, timeToLive: timeToLive)
        }
    }

    func census() -> ShardCensus {
        var census = ShardCensus()
        self.forEachSocket { socket in
            guard socket.isIdentified else { return }
            census.clients += 1
            census.users.insert(socket.user)
        }
        census.subscriptions = self.statistics.subscriptions
        self.forEachFeed { id, _, _ in census.channels.insert(id) }
        return census
    }

    /// Channels with subscribers here, of those that fit; one more than the limit tells that there are
    /// too many.
    func channels(_ pattern: ChannelPattern, limit: Int) -> [String: Int] {
        var counts: [String: Int] = [:]
        self.forEachFeed { _, name, count in
            guard counts.count <= limit else { return }
            let name = name.conversationName
            if pattern.matches(name) { counts[name] = count }
        }
        return counts
    }
}
