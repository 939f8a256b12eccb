import ChatCore
import EventTrace
import Kernel

/// Records what one shard is told, on the shard's loop; the files are written on another thread.
///
/// While the disk is too slow nothing is recorded: the segment is given up where it is, and another
/// begins with the shard's state when the disk has caught up.
final class ShardRecorder {
    /// A block is handed on when it has as many bytes, and once a second.
    static let blockLimit = 1 << 16

    private let files: RecordFiles
    private let effectCapacity: Int
    private var encoder: SegmentEncoder?
    private var startBytes = 0
    private var blockBytes = 0
    private var isFlushDue = false
    /// Segments that were given up because the disk was too slow.
    private(set) var abandoned: UInt64 = 0

    init(files: RecordFiles, effectCapacity: Int) {
        self.files = files
        self.effectCapacity = effectCapacity
    }

    func took(
        _ event: ShardEvent,
        _ targets: ArraySlice<ConnectionHandle>,
        at now: Instant,
        _ effects: borrowing EffectBuffer<ShardEffect>
    ) {
        self.encoder?.add(event, targets, at: now, effects)
    }

    func tookDeadline(at now: Instant, _ effects: borrowing EffectBuffer<ShardEffect>) {
        self.encoder?.addDeadline(at: now, effects)
    }

    /// Has the open block written at the end of the round.
    func flushLater() { self.isFlushDue = true }

    /// Between two rounds: hands on what is enough, and begins a segment where one is due.
    func endRound(_ shard: borrowing Shard) {
        if let bytes = self.encoder?.openBytes, self.isFlushDue || bytes >= Self.blockLimit {
            self.flush()
        }
        self.isFlushDue = false
        // Of a large state at least as many bytes of steps follow, or nothing but states were written.
        let limit = max(self.files.segmentLimit - self.startBytes, self.startBytes)
        if self.blockBytes >= limit { self.encoder = nil }
        if self.encoder == nil, self.files.takesSegment { self.begin(shard) }
    }

    /// Hands on what there is.
    func flush() {
        self.encoder?.endBlock()
        guard let bytes = self.encoder?.take(), !bytes.isEmpty else { return }
        guard self.files.append(bytes) else {
            self.encoder = nil
            self.abandoned += 1
            return
        }
        self.blockBytes += bytes.count
    }

    private func begin(_ shard: borrowing Shard) {
        var encoder = SegmentEncoder(shard, effectCapacity: self.effectCapacity)
        let start = encoder.take()
        self.files.begin(start)
        self.startBytes = start.count
        self.blockBytes = 0
        self.encoder = encoder
    }
}
