import Kernel

/// A term in four bytes, for rows that there are many of; the first 2^32 terms outlast any partition.
struct PackedTerm: Equatable, BitwiseCopyable {
    private var rawValue: UInt32

    init(_ term: Term) {
        precondition(term.rawValue <= UInt64(UInt32.max), "a term is below 2^32")
        self.rawValue = UInt32(truncatingIfNeeded: term.rawValue)
    }

    var term: Term { Term(UInt64(self.rawValue)) }
}
