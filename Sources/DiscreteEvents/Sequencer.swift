/// Numbers the events of each source, so that no model keeps a sequence of its own.
///
/// Sources are dense numbers from 0; a counter takes 4 bytes.
@frozen @usableFromInline package struct Sequencer: ~Copyable {
    @usableFromInline var sequences: [UInt32]

    /// Makes counters for the sources below `sourceCount`.
    @inlinable package init(sourceCount: Int) {
        self.sequences = Array(repeating: 0, count: sourceCount)
    }

    /// Makes counters for the sources below `sourceCount`, keeping those that exist.
    @inlinable package mutating func grow(sourceCount: Int) {
        let missing = sourceCount - self.sequences.count
        if missing > 0 { self.sequences.append(contentsOf: repeatElement(0, count: missing)) }
    }

    /// The next number of `source`, after 2^32 from 0 again.
    ///
    /// Traps if the source has no counter.
    @inlinable package mutating func next(_ source: EventSource) -> UInt32 {
        let index = Int(source.rawValue)
        let sequence = self.sequences[index]
        self.sequences[index] = sequence &+ 1
        return sequence
    }
}
