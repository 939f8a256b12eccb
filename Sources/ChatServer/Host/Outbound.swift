import DequeModule
package import Kernel
package import NIOCore

/// What is on its way to the connections of a shard, up to their sockets.
///
/// Connections that have something pending wait in line to be written; what comes meanwhile goes with
/// the same write.
package struct Outbound {
    /// More pending bytes than this are written without waiting in line.
    package static let gatherLimit = 1 << 18

    private struct Place {
        var generation: UInt32 = 0
        var pending = PendingFrames.none
        var dialect = Dialect()
        var isOpen = false
    }

    private var places: [Place] = []
    private var frames = PendingFrames()
    private var line: Deque<UInt32> = []
    private var overfull: [UInt32] = []
    /// By dialect, the connections that take frames.
    private var openCounts = [Int](repeating: 0, count: Dialect.count)

    package init() {}

    /// Frames that are pending for somebody, each once wherever it is shared.
    package var frameCount: Int { self.frames.count }

    /// Connections in line; some may have closed meanwhile.
    package var lineCount: Int { self.line.count }

    /// A connection has a socket, and may be sent frames of its dialect.
    package mutating func open(_ handle: ConnectionHandle, _ dialect: Dialect) {
        let slot = Int(handle.slot)
        if slot == self.places.count { self.places.append(Place()) }
        self.places[slot] = Place(
            generation: handle.generation,
            dialect: dialect,
            isOpen: true
        )
        self.openCounts[dialect.index] += 1
    }

    /// Takes no further frames for a connection; what is pending stays.
    package mutating func mute(_ handle: ConnectionHandle) {
        let slot = Int(handle.slot)
        guard self.places[slot].isOpen else { return }
        self.places[slot].isOpen = false
        self.openCounts[self.places[slot].dialect.index] -= 1
    }

    /// Forgets what is pending for a connection that has no socket any more.
    package mutating func close(_ handle: ConnectionHandle) {
        let slot = Int(handle.slot)
        self.frames.leave(self.places[slot].pending)
        self.places[slot].pending = PendingFrames.none
        self.mute(handle)
    }

    /// Sends a frame to one connection; nothing if it is closed, muted or another one by now.
    package mutating func send(_ frame: ByteBuffer, to handle: ConnectionHandle) {
        self.frames.beginFanOut()
        self.append(frame, handle, .lasting)
    }

    /// Sends one message to a range of a step's targets; `frame` makes it once in each dialect that
    /// they speak.
    package mutating func send<Effect>(
        to targets: TargetRange,
        of effects: borrowing EffectBuffer<Effect>,
        as kind: FrameKind = .lasting,
        _ frame: (Dialect) -> ByteBuffer
    ) {
        for dialect in Dialect.all where self.openCounts[dialect.index] > 0 {
            var made: ByteBuffer?
            self.frames.beginFanOut()
            for index in targets.start..<(targets.start + targets.count) {
                let handle = effects[target: index]
                guard self.places[Int(handle.slot)].dialect == dialect else { continue }
                let bytes = made ?? frame(dialect)
                made = bytes
                self.append(bytes, handle, kind)
            }
        }
    }

    /// The next connection that should not wait in line, for what it has pending is much.
    package mutating func nextOverfull() -> UInt32? { self.overfull.popLast() }

    /// The slot of the next connection in line.
    package mutating func nextInLine() -> UInt32? { self.line.popFirst() }

    /// Puts a connection in line, also if nothing is pending for it.
    package mutating func putInLine(_ slot: UInt32) { self.line.append(slot) }

    /// Whether a connection takes frames.
    package func isOpen(_ handle: ConnectionHandle) -> Bool {
        let place = self.places[Int(handle.slot)]
        return place.generation == handle.generation && place.isOpen
    }

    /// The bytes that are pending for the connection in a slot.
    package func pendingBytes(_ slot: UInt32) -> Int {
        self.frames.byteCount(self.places[Int(slot)].pending)
    }

    /// Lets go of the publications that are pending behind a connection's last other frame but pings;
    /// returns for each conversation with a log the offset before the first of them.
    package mutating func dropPublications(
        of handle: ConnectionHandle
    ) -> [(conversation: ConversationID, after: Offset)] {
        let slot = Int(handle.slot)
        guard self.places[slot].generation == handle.generation else { return [] }
        var dropped: [(conversation: ConversationID, after: Offset)] = []
        self.places[slot].pending =
            self.frames.dropPublications(self.places[slot].pending, &dropped)
        return dropped
    }

    /// What is pending for the connection in a slot; from here on nothing is.
    package mutating func take(_ slot: UInt32) -> ByteBuffer? {
        let pending = self.places[Int(slot)].pending
        guard pending != PendingFrames.none else { return nil }
        self.places[Int(slot)].pending = PendingFrames.none
        return self.frames.take(pending)
    }

    private mutating func append(
        _ frame: ByteBuffer,
        _ handle: ConnectionHandle,
        _ kind: FrameKind
    ) {
        let slot = Int(handle.slot)
        let place = self.places[slot]
        guard place.generation == handle.generation, place.isOpen else { return }
        let next = self.frames.extend(place.pending, by: frame, kind)
        self.places[slot].pending = next
        if place.pending == PendingFrames.none { self.line.append(handle.slot) }
        if self.frames.byteCount(next) > Self.gatherLimit { self.overfull.append(handle.slot) }
    }
}
