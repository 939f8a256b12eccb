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
        var isOpen = false
    }

    private var places: [Place] = []
    private var frames = PendingFrames()
    private var line: Deque<UInt32> = []
    private var overfull: [UInt32] = []

    package init() {}

    /// Frames that are pending for somebody, each once wherever it is shared.
    package var frameCount: Int { self.frames.count }

    /// Connections in line; some may have closed meanwhile.
    package var lineCount: Int { self.line.count }

    /// A connection has a socket, and may be sent frames.
    package mutating func open(_ handle: ConnectionHandle) {
        let slot = Int(handle.slot)
        if slot == self.places.count { self.places.append(Place()) }
        self.places[slot] = Place(generation: handle.generation, isOpen: true)
    }

    /// Takes no further frames for a connection; what is pending stays.
    package mutating func mute(_ handle: ConnectionHandle) {
        self.places[Int(handle.slot)].isOpen = false
    }

    /// Forgets what is pending for a connection that has no socket any more.
    package mutating func close(_ handle: ConnectionHandle) {
        let slot = Int(handle.slot)
        self.frames.leave(self.places[slot].pending)
        self.places[slot].pending = PendingFrames.none
        self.places[slot].isOpen = false
    }

    /// Sends a frame to one connection; nothing if it is closed, muted or another one by now.
    package mutating func send(_ frame: ByteBuffer, to handle: ConnectionHandle) {
        self.frames.beginFanOut()
        self.append(frame, handle)
    }

    /// Sends one frame to a range of a step's targets.
    package mutating func send<Effect>(
        _ frame: ByteBuffer,
        to targets: TargetRange,
        of effects: borrowing EffectBuffer<Effect>
    ) {
        self.frames.beginFanOut()
        for index in targets.start..<(targets.start + targets.count) {
            self.append(frame, effects[target: index])
        }
    }

    /// The next connection that should not wait in line, for what it has pending is much.
    package mutating func nextOverfull() -> UInt32? { self.overfull.popLast() }

    /// The slot of the next connection in line.
    package mutating func nextInLine() -> UInt32? { self.line.popFirst() }

    /// What is pending for the connection in a slot; from here on nothing is.
    package mutating func take(_ slot: UInt32) -> ByteBuffer? {
        let pending = self.places[Int(slot)].pending
        guard pending != PendingFrames.none else { return nil }
        self.places[Int(slot)].pending = PendingFrames.none
        return self.frames.take(pending)
    }

    private mutating func append(_ frame: ByteBuffer, _ handle: ConnectionHandle) {
        let slot = Int(handle.slot)
        let place = self.places[slot]
        guard place.generation == handle.generation, place.isOpen else { return }
        let next = self.frames.extend(place.pending, by: frame)
        self.places[slot].pending = next
        if place.pending == PendingFrames.none { self.line.append(handle.slot) }
        if self.frames.byteCount(next) > Self.gatherLimit { self.overfull.append(handle.slot) }
    }
}
