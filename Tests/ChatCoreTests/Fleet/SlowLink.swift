import ChatCore
import Kernel

/// The way to a client that reads slowly: what its socket has taken, and what waits behind that.
///
/// Does what the core asks of a host: tells when too much waits and when there is room, and lets
/// publications go that no reply follows.
final class SlowLink {
    enum Kind: Equatable {
        case reply
        /// `nil` without a log.
        case publication(ConversationID, after: Offset?)
    }

    /// What a host could do wrong.
    enum PlantedBug: CaseIterable {
        /// Drops and does not say so.
        case forgetsDropped
        /// Names the last that it dropped, not the first.
        case namesLastDropped
        /// Never tells of room.
        case forgetsRoom
        /// Drops a publication that the socket has half taken.
        case dropsHanded
    }

    private struct Item {
        var bytes: UInt64
        var kind: Kind
        var hand: () -> Void
    }

    /// What the socket takes before the client has read it.
    private static let socketBytes: UInt64 = 300

    let handle: ConnectionHandle
    private unowned let fleet: TestFleet
    private let index: Int
    private let bytesPerSecond: UInt64
    private let bug: PlantedBug?
    private var handed: [Item] = []
    private var pending: [Item] = []
    private var gauge = BacklogGauge()
    private var isReading = false
    private(set) var peakBytes: UInt64 = 0
    private(set) var droppedCount = 0
    /// The client does not read while this holds.
    var isPaused = false { didSet { self.beginReading() } }

    init(
        _ fleet: TestFleet,
        _ index: Int,
        _ handle: ConnectionHandle,
        bytesPerSecond: UInt64,
        bug: PlantedBug? = nil
    ) {
        self.fleet = fleet
        self.index = index
        self.handle = handle
        self.bytesPerSecond = bytesPerSecond
        self.bug = bug
    }

    private var pendingBytes: UInt64 { self.pending.reduce(0) { $0 + $1.bytes } }

    func push(_ bytes: UInt64, _ kind: Kind, _ hand: @escaping () -> Void) {
        self.pending.append(Item(bytes: bytes, kind: kind, hand: hand))
        self.pump()
        self.peakBytes = max(self.peakBytes, self.pendingBytes)
        self.look()
    }

    /// Tells the shard what there is to tell.
    private func look() {
        let policy = self.fleet.configuration.backlog
        let waiting = self.pendingBytes
        if waiting > policy.high { self.gauge.block() }
        if waiting <= policy.low { _ = self.gauge.foundRoom() }
        guard self.bug != .forgetsRoom || waiting > policy.low,
            self.gauge.tells(bytes: Int(waiting), hasRoom: waiting <= policy.low, policy)
        else { return }
        let event = ShardEvent.backlog(self.handle, bytes: UInt32(waiting))
        self.fleet.schedule(self.index, .event(event), after: .zero)
    }

    /// The shard has taken what it was told.
    func taken() {
        self.gauge.taken()
        self.look()
    }

    private func pump() {
        while !self.pending.isEmpty,
            self.handed.reduce(0, { $0 + $1.bytes }) < Self.socketBytes
        {
            self.handed.append(self.pending.removeFirst())
        }
        self.beginReading()
    }

    private func beginReading() {
        guard !self.isReading, !self.isPaused, let first = self.handed.first else { return }
        self.isReading = true
        let time = Interval(nanoseconds: first.bytes * 1_000_000_000 / self.bytesPerSecond)
        self.fleet.schedule(self.index, .read(self.handle), after: time)
    }

    /// The client has read what was at the front.
    func read() {
        self.isReading = false
        guard !self.isPaused, !self.handed.isEmpty else { return }
        self.handed.removeFirst().hand()
        self.pump()
        self.look()
    }

    func awaitRoom() {
        self.gauge.awaitRoom()
        self.look()
    }

    func dropPublications() {
        var dropped: [(ConversationID, Offset)] = []
        if self.bug == .dropsHanded, case .publication = self.handed.last?.kind {
            self.handed.removeLast()
        }
        for index in self.pending.indices.reversed() {
            guard case .publication(let conversation, let after) = self.pending[index].kind else {
                break
            }
            self.pending.remove(at: index)
            self.droppedCount += 1
            guard let after else { continue }
            if let known = dropped.firstIndex(where: { $0.0 == conversation }) {
                if self.bug != .namesLastDropped { dropped[known].1 = after }
            } else {
                dropped.append((conversation, after))
            }
        }
        for (conversation, after) in dropped where self.bug != .forgetsDropped {
            let event = ShardEvent.dropped(self.handle, conversation, after: after)
            self.fleet.schedule(self.index, .event(event), after: .zero)
        }
    }
}
