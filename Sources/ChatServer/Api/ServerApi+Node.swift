import ChatCore
import ClientProtocol
import Kernel
import NIOCore

/// What one shard has at the moment.
struct ShardCensus: Sendable {
    var clients: UInt64 = 0
    var users: Set<String> = []
    var subscriptions: UInt64 = 0
    var channels: Set<ConversationID> = []
}

/// What application servers ask about the node as a whole; rare, and O(connections).
extension ServerApi {
    private static let channelLimit = 10_000

    func info(on loop: any EventLoop) -> EventLoopFuture<ApiResponse> {
        let parts = self.mailboxes.map { mailbox in mailbox.visit(on: loop) { $0.census() } }
        let (id, started) = (self.nodeID, self.started)
        return EventLoopFuture.whenAllSucceed(parts, on: loop).map { shards -> ApiResponse in
            var users: Set<String> = []
            var channels: Set<ConversationID> = []
            for shard in shards {
                users.formUnion(shard.users)
                channels.formUnion(shard.channels)
            }
            let uptime = (NIODeadline.now() - started).nanoseconds / 1_000_000_000
            return .info(
                ApiResponse.NodeInfo(
                    id: id,
                    name: "parley",
                    version: ReplyBytes.version,
                    clients: shards.reduce(0) { $0 + $1.clients },
                    users: UInt64(users.count),
                    subscriptions: shards.reduce(0) { $0 + $1.subscriptions },
                    channels: UInt64(channels.count),
                    uptimeSeconds: UInt64(max(0, uptime))
                )
            )
        }.recover { _ in .error(.internal) }
    }

    func listChannels(
        _ request: ApiRequest,
        on loop: any EventLoop
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        let pattern = try ChannelPattern(request.pattern)
        let parts = self.mailboxes.map { mailbox in
            mailbox.visit(on: loop) { $0.channels(pattern, limit: Self.channelLimit) }
        }
        return EventLoopFuture.whenAllSucceed(parts, on: loop).map { shards -> ApiResponse in
            var counts: [String: Int] = [:]
            for shard in shards { counts.merge(shard) { $0 + $1 } }
            guard counts.count <= Self.channelLimit else {
                let fault = "more than \(Self.channelLimit) channels: expected a narrower pattern"
                return .error(.limitExceeded, detail: fault)
            }
            let sorted = counts.sorted { $0.key < $1.key }
            return .channels(sorted.map { (name: $0.key, clients: $0.value) })
        }.recover { _ in .error(.internal) }
    }
}
