import Kernel

/// When credentials end, and when that is looked at next.
///
/// Credentials may be renewed often; a look that comes before the end puts the next one there, so that a
/// renewal costs no deadline of its own unless it brings the end nearer.
struct Expiry: Equatable, Sendable, BitwiseCopyable {
    /// What a look finds.
    enum Finding: Equatable, Sendable {
        case over
        case lookAgain(Instant)
        /// Another look is due, or there is no end.
        case nothing
    }

    /// The grace included; `.never` if there is none.
    var end = Instant.never
    /// The earliest look that waits for its time.
    var look = Instant.never

    /// Sets a new end, and says when to look if no look comes in time.
    mutating func renew(until end: Instant) -> Instant? {
        self.end = end
        guard end < self.look else { return nil }
        self.look = end
        return end
    }

    /// Looks, because a deadline said so.
    mutating func look(at now: Instant) -> Finding {
        guard self.end > now else { return .over }
        guard self.look <= now else { return .nothing }
        self.look = self.end
        return self.end == .never ? .nothing : .lookAgain(self.end)
    }
}

extension Expiry: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.end)
        writer.value(self.look)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(end: try reader.value(), look: try reader.value())
    }
}
