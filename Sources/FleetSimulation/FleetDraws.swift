import Kernel

/// What a fleet draws at random, each with what keys it.
extension RandomPurpose {
    static let presenceDrop = Self(0x666c_0101)
    static let presenceLeave = Self(0x666c_0102)
    static let presenceWatch = Self(0x666c_0103)
    /// Client, instant: whether a cut ends its socket.
    static let cutShare = Self(0x666c_0104)
    /// Client, socket, ordinal of what the client sent on it.
    static let upLatency = Self(0x666c_0001)
    /// Client, socket: which gateway the load balancer chose.
    static let gatewayChoice = Self(0x666c_0002)
    /// Client, socket, ordinal of what the gateway sent on it.
    static let downLatency = Self(0x666c_0003)
    /// Client, socket: three trips until a socket speaks.
    static let handshake = Self(0x666c_0004)
    /// Client, socket, kind: the network's own word that a socket has opened, failed or ended.
    static let networkWord = Self(0x666c_0005)
    /// Gateway shard, instant: all pings of a range.
    static let pingLatency = Self(0x666c_0006)
    /// Gateway shard, instant: all pongs of a range.
    static let pongLatency = Self(0x666c_0007)
    /// Pair of shards, ordinal of what went between them, copy.
    static let busLatency = Self(0x666c_0008)
    static let busLoss = Self(0x666c_0009)
    static let busRepeat = Self(0x666c_000a)
    /// Shard, incarnation and ordinal of its request to the store.
    static let storeLink = Self(0x666c_000b)
    static let storeRead = Self(0x666c_000c)
    /// Those of the group's first request.
    static let storeCommit = Self(0x666c_000d)
    /// Conversation, message, attempt: an attempt is told by its offset and when it was sequenced.
    static let storeFailed = Self(0x666c_000e)
    static let storeUnknown = Self(0x666c_000f)
    static let storeDropped = Self(0x666c_0010)
    /// Conversation, message: whom it mentions.
    static let mention = Self(0x666c_0012)
    /// Shard, incarnation and ordinal of its request to the store.
    static let storeUnreadable = Self(0x666c_0017)
    /// Those of the latency that a lost packet is added to, and how often it was lost already.
    static let retransmission = Self(0x666c_0011)
}
