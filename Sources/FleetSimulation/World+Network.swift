import BasicContainers
import ChatCore
import ClientModel
import DiscreteEvents
import Kernel

/// A way between two nodes that nothing passes at present.
struct Severance: Equatable, BitwiseCopyable {
    var from: Int
    var to: Int
}

extension World {
    /// How long one message takes between a client and its gateway.
    ///
    /// `n` is its ordinal on the socket and in its direction. A packet that is lost is sent again
    /// after a while that doubles.
    func clientLatency(
        _ purpose: RandomPurpose,
        _ client: UInt32,
        _ socket: UInt32,
        _ n: UInt32
    ) -> Interval {
        let network = self.scenario.network
        let bits = self.random.draw(purpose, UInt64(client), UInt64(socket), UInt64(n))
        var latency = network.client.draw(bits)
        guard network.clientLossMillionths > 0 else { return latency }
        let message = UInt64(socket) << 32 | UInt64(n)
        var tries: UInt64 = 0
        // A seventh loss would be a broken connection, which is another fault.
        while tries < 6,
            self.happens(
                network.clientLossMillionths,
                .retransmission,
                UInt64(client),
                message,
                purpose.rawValue << 8 | tries
            )
        {
            latency = latency + network.retransmission * (1 << tries)
            tries += 1
        }
        return latency
    }

    /// When a node's network card has sent a message that was given to it at `instant`.
    ///
    /// The card sends one message after the other, in the order in which rounds gave them to it.
    mutating func sentFromCard(of node: Int, bytes: UInt32, at instant: Instant) -> Instant {
        let network = self.scenario.network
        guard network.bandwidth > 0 else { return instant }
        let total = (UInt64(bytes) + UInt64(network.frameBytes)) * 1_000_000_000
        let start = max(self.cardFree[node], instant)
        let end = start + Interval(nanoseconds: total / network.bandwidth)
        self.cardFree[node] = end
        return end
    }

    /// The dense index of a shard of the fleet.
    private func index(of shard: ShardID) -> Int {
        self.firstShards[Int(shard.node.rawValue)] + Int(shard.index)
    }

    /// The bus between nodes: it loses, repeats and delays; inside a node nothing does.
    mutating func sendPeer(
        _ message: PeerMessage,
        from index: Int,
        to receiver: ShardID,
        at instant: Instant
    ) {
        let target = self.index(of: receiver)
        let event = ShardEvent.peer(self.shards[index].id, message)
        let way = Severance(from: self.shards[index].node, to: self.shards[target].node)
        let n = UInt64(self.shards[index].linkCounts[target])
        self.shards[index].linkCounts[target] &+= 1
        guard way.from != way.to else {
            let parcel = self.parcels.add(.event(event))
            let arrival = instant + .microseconds(5)
            return self.schedule(Happening(.atShard, target, parcel: parcel), at: arrival)
        }
        guard !self.severed.contains(way) else { return }
        let network = self.scenario.network
        let link =
            UInt64(self.shards[index].id.rawValue) << 32 | UInt64(receiver.rawValue)
        var copies: UInt64 = 1
        if self.happens(network.busLossMillionths, .busLoss, link, n) { copies -= 1 }
        if self.happens(network.busRepeatMillionths, .busRepeat, link, n) { copies += 1 }
        for copy in 0..<copies {
            let sent = self.sentFromCard(of: way.from, bytes: message.bodyBytes, at: instant)
            let latency = network.bus.draw(self.random.draw(.busLatency, link, n, copy))
            let parcel = self.parcels.add(.event(event))
            self.schedule(Happening(.atShard, target, parcel: parcel), at: sent + latency)
        }
    }

    /// One connection to the store: a shard's requests arrive in the order they were made.
    mutating func sendToStore(
        _ request: StoreRequest,
        _ token: RequestToken,
        from index: Int,
        at instant: Instant
    ) {
        let errand = StoreErrand(
            shard: UInt32(index),
            incarnation: UInt32(truncatingIfNeeded: self.shards[index].incarnation),
            ordinal: self.shards[index].storeRequests,
            token: token,
            request: request
        )
        self.shards[index].storeRequests &+= 1
        let bits = self.random.draw(.storeLink, UInt64(index), errand.occasion)
        let arrival = max(
            instant + self.scenario.network.bus.draw(bits),
            self.shards[index].lastStoreArrival + Interval(nanoseconds: 1)
        )
        self.shards[index].lastStoreArrival = arrival
        let parcel = self.parcels.add(.request(errand))
        self.schedule(Happening(.atStore, parcel: parcel), at: arrival)
    }
}

extension PeerMessage {
    /// The bodies that a message carries.
    fileprivate var bodyBytes: UInt32 {
        switch self {
        case .publish(let request): request.body.byteCount
        case .delivery(let delivery), .signal(let delivery), .signalled(let delivery):
            delivery.body.byteCount
        case .relayed(let delivery, _): delivery.body.byteCount
        case .published, .interest, .interested, .withdraw, .head, .presence, .inbox: 0
        }
    }
}
