import ChatCore
import Kernel

/// What waits for a client that reads at a bounded speed.
struct SlowSocket {
    struct Item {
        var parcel: UInt32
        var bytes: UInt32
        /// When it was given to the socket.
        var instant: Instant
        /// A publication's conversation, and the offset before it; anything else is never let go.
        var publication: (conversation: ConversationID, after: Offset)?
    }

    /// What the socket takes before the client has read it.
    static var socketBytes: UInt64 { 4096 }

    let handle: ConnectionHandle
    let bytesPerSecond: UInt64
    var gauge = BacklogGauge()
    private(set) var pending: [Item] = []
    private(set) var pendingBytes: UInt64 = 0
    /// When the client will have read all that was handed over.
    var idleFrom = Instant.zero
    /// When more is handed over, if an event waits for that.
    var pumpScheduled = Instant.never

    init(handle: ConnectionHandle, bytesPerSecond: UInt64) {
        self.handle = handle
        self.bytesPerSecond = bytesPerSecond
    }

    func time(of bytes: UInt64) -> Interval {
        Interval(nanoseconds: bytes * 1_000_000_000 / self.bytesPerSecond)
    }

    /// When the socket takes something more.
    var openFrom: Instant {
        let taken = self.time(of: Self.socketBytes)
        return self.idleFrom > .zero + taken
            ? .zero + (self.idleFrom - (.zero + taken)) : .zero
    }

    mutating func append(_ item: Item) {
        self.pending.append(item)
        self.pendingBytes += UInt64(item.bytes)
    }

    /// Takes out what the socket takes at `now`, and says when the client will have read it.
    mutating func handOver(at now: Instant) -> (Item, read: Instant)? {
        guard self.openFrom <= now, !self.pending.isEmpty else { return nil }
        let item = self.pending.removeFirst()
        self.pendingBytes -= UInt64(item.bytes)
        let start = max(self.idleFrom, item.instant, now)
        self.idleFrom = start + self.time(of: UInt64(item.bytes))
        return (item, self.idleFrom)
    }

    /// Takes out the publications that nothing else follows.
    mutating func dropPublications() -> [Item] {
        var dropped: [Item] = []
        while let item = self.pending.last, item.publication != nil {
            self.pending.removeLast()
            self.pendingBytes -= UInt64(item.bytes)
            dropped.append(item)
        }
        return dropped
    }
}
