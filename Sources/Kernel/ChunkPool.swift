/// Fixed-size blocks of elements that all buckets of a wheel share.
///
/// One pool for all buckets, not an array in each: a bucket's largest content differs from one turn of
/// the wheel to the next, so arrays would grow until every bucket had room for the largest burst that
/// ever passed through it. Here memory follows the most elements that were pending *together*. The pool
/// gives nothing back before it is destroyed, so that a steady state allocates nothing.
@safe @frozen @usableFromInline
struct ChunkPool<Element: BitwiseCopyable>: ~Copyable {
    // Invariant of the unsafe code here: a chunk is on the free list, or belongs to exactly one bucket,
    // or is being emptied by the wheel. Memory comes from slabs, which live as long as the pool.
    @usableFromInline var freeChunks: Chunk<Element>?
    @usableFromInline var slabs: UnsafeMutableRawPointer?
    @usableFromInline var nextSlabChunks = 4

    /// The memory taken from the system so far.
    @usableFromInline var reservedBytes = 0

    /// Beyond this a slab is large enough that its cost is lost among the chunks it brings.
    @inlinable static var slabChunksMax: Int { 1_024 }

    @inlinable init() {
        unsafe self.freeChunks = nil
        unsafe self.slabs = nil
    }

    @inlinable deinit {
        var next = unsafe self.slabs
        while let slab = unsafe next {
            unsafe next = slab.load(as: UnsafeMutableRawPointer?.self)
            unsafe slab.deallocate()
        }
    }

    /// Hands out a chunk that continues `previous`.
    @inlinable mutating func take(before previous: Chunk<Element>?) -> Chunk<Element> {
        guard let chunk = unsafe self.freeChunks else {
            let chunk = unsafe self.takeFromNewSlab()
            unsafe chunk.next = previous
            return unsafe chunk
        }
        unsafe self.freeChunks = chunk.next
        unsafe chunk.next = previous
        return unsafe chunk
    }

    @inlinable mutating func giveBack(_ chunk: Chunk<Element>) {
        unsafe chunk.next = self.freeChunks
        unsafe self.freeChunks = chunk
    }

    @inlinable @inline(never) mutating func takeFromNewSlab() -> Chunk<Element> {
        let chunks = self.nextSlabChunks
        // The first line of a slab links to the slab before it.
        let byteCount = ChunkLayout<Element>.alignment + chunks * ChunkLayout<Element>.byteCount
        let slab = UnsafeMutableRawPointer.allocate(
            byteCount: byteCount,
            alignment: ChunkLayout<Element>.alignment
        )
        unsafe slab.storeBytes(of: self.slabs, as: UnsafeMutableRawPointer?.self)
        unsafe self.slabs = slab
        self.reservedBytes += byteCount
        self.nextSlabChunks = min(chunks * 2, Self.slabChunksMax)

        let first = unsafe slab + ChunkLayout<Element>.alignment
        // Back to front, so that chunks are handed out in the order of their addresses.
        for index in stride(from: chunks - 1, to: 0, by: -1) {
            unsafe self.giveBack(Chunk(base: first + index * ChunkLayout<Element>.byteCount))
        }
        return unsafe Chunk(base: first)
    }
}

/// A block of raw memory that holds up to `capacity` elements and, behind them, the next chunk's address.
///
/// A chunk does not know how many of its elements are set; the bucket does.
@unsafe @frozen @usableFromInline
struct Chunk<Element: BitwiseCopyable> {
    @usableFromInline let base: UnsafeMutableRawPointer

    @inlinable init(base: UnsafeMutableRawPointer) { unsafe self.base = base }

    @inlinable var elements: UnsafeMutablePointer<Element> {
        unsafe self.base.assumingMemoryBound(to: Element.self)
    }

    @inlinable var next: Self? {
        @inlinable get {
            unsafe self.base.load(
                fromByteOffset: ChunkLayout<Element>.linkOffset,
                as: UnsafeMutableRawPointer?.self
            )
            .map { unsafe Self(base: $0) }
        }
        @inlinable nonmutating set {
            unsafe self.base.storeBytes(
                of: newValue?.base,
                toByteOffset: ChunkLayout<Element>.linkOffset,
                as: UnsafeMutableRawPointer?.self
            )
        }
    }
}

/// How elements lie in a chunk.
@frozen @usableFromInline
enum ChunkLayout<Element: BitwiseCopyable> {
    /// Large enough that chains are short, small enough that many sparse buckets stay in the cache.
    @inlinable static var byteCount: Int { 1_024 }

    /// A cache line, so that an element of 32 bytes never lies on two.
    @inlinable static var alignment: Int { 64 }

    /// The link takes the last 8 bytes.
    @inlinable static var linkOffset: Int { Self.byteCount - 8 }

    /// How many elements a chunk holds: 31 of 32 bytes.
    @inlinable static var capacity: Int { Self.linkOffset / MemoryLayout<Element>.stride }
}
