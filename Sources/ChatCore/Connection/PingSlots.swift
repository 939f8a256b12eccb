import Kernel

/// Which connections are pinged when: a circle of 100 ms slots, one turn an interval.
///
/// A connection stays in its slot for life, so a healthy one costs no deadline of its own. Connections
/// that have gone are noticed when their slot comes round.
struct PingSlots {
    static let width = Interval.milliseconds(100)

    var slots: [[ConnectionHandle]]
    let timeoutSlots: Int
    var isTurning = false

    init(interval: Interval, timeout: Interval) {
        let count = Int(interval.nanoseconds / Self.width.nanoseconds)
        precondition(count >= 2, "the ping interval must be at least two slots")
        self.slots = Array(repeating: [], count: count)
        self.timeoutSlots = max(1, Int(timeout.nanoseconds / Self.width.nanoseconds))
    }

    func index(at now: Instant) -> Int {
        Int(now.nanoseconds / Self.width.nanoseconds % UInt64(self.slots.count))
    }

    /// The slot whose pings must have been answered by now.
    func overdueIndex(at now: Instant) -> Int {
        (self.index(at: now) + self.slots.count - self.timeoutSlots) % self.slots.count
    }

    /// Puts a connection where its first ping comes after at least half an interval and before a
    /// whole one; `draw` is 64 random bits.
    mutating func insert(_ handle: ConnectionHandle, at now: Instant, draw: UInt64) {
        let half = self.slots.count / 2
        let spread = self.slots.count - half - 1
        let delay = half + Int(KeyedRandom.below(UInt64(max(1, spread)), draw))
        self.slots[(self.index(at: now) + delay) % self.slots.count].append(handle)
    }

    /// Takes the connections of a slot out, to be put back as far as they are still there.
    mutating func take(_ index: Int) -> [ConnectionHandle] {
        var taken: [ConnectionHandle] = []
        swap(&taken, &self.slots[index])
        return taken
    }

    mutating func put(back handles: [ConnectionHandle], into index: Int) {
        self.slots[index] = handles
    }
}
