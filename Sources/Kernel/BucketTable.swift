/// The unsorted part of a wheel: a bucket for each digit of each level, and the chunks they share.
@safe @frozen @usableFromInline
struct BucketTable<Element: TimedElement>: ~Copyable {
    // Invariant of the unsafe code here: `buckets` holds `bucketCount` initialised buckets, and a bucket
    // of n elements owns the chain of chunks that n elements fill, the last one, which is the first of
    // the chain, up to `free` free places.
    @usableFromInline let buckets: UnsafeMutablePointer<Bucket<Element>>
    @usableFromInline var pool = ChunkPool<Element>()

    /// Bit l is set if a bucket of level l has elements.
    @usableFromInline var occupiedLevels: UInt64 = 0

    /// For each level, bit s is set if its bucket s has elements.
    @usableFromInline var occupiedSlots = InlineArray<11, UInt64>(repeating: 0)

    /// The instant from which levels and slots are reckoned; no element lies before it.
    @usableFromInline var clock: UInt64 = 0

    @inlinable static var digitBits: Int { 6 }
    @inlinable static var slotCount: Int { 1 << Self.digitBits }

    /// Ten levels of 64 slots; the eleventh digit has but 4 bits.
    @inlinable static var bucketCount: Int { 10 * Self.slotCount + 16 }

    @inlinable init() {
        unsafe self.buckets = .allocate(capacity: Self.bucketCount)
        unsafe self.buckets.initialize(repeating: Bucket(), count: Self.bucketCount)
    }

    @inlinable deinit { unsafe self.buckets.deallocate() }

    @inlinable var reservedBytes: Int {
        unsafe Self.bucketCount * MemoryLayout<Bucket<Element>>.stride + self.pool.reservedBytes
    }

    /// Adds an element, which must not lie before the clock.
    @inlinable mutating func insert(_ element: Element) {
        let difference = element.time ^ self.clock
        // A time equal to the clock's differs in no digit and belongs to the lowest level.
        let level = (63 &- (difference | 1).leadingZeroBitCount) / Self.digitBits
        let shift = UInt64(truncatingIfNeeded: level &* Self.digitBits)
        let slot = Int(truncatingIfNeeded: element.time &>> shift) & (Self.slotCount &- 1)
        let bucket = unsafe self.buckets + (level &* Self.slotCount &+ slot)
        if unsafe bucket.pointee.free == 0 {
            unsafe bucket.pointee.extend(from: &self.pool)
            self.occupiedSlots[level] |= 1 &<< UInt64(truncatingIfNeeded: slot)
            self.occupiedLevels |= 1 &<< UInt64(truncatingIfNeeded: level)
        }
        unsafe bucket.pointee.append(element)
    }

    /// The bucket that holds the next elements; the table must not be empty.
    @inlinable var lowest: BucketIndex {
        let level = self.occupiedLevels.trailingZeroBitCount
        return BucketIndex(level: level, slot: self.occupiedSlots[level].trailingZeroBitCount)
    }

    /// The first time of the next bucket; the table must not be empty.
    @inlinable var earliest: UInt64 { unsafe self.buckets[self.lowest.offset].earliest }

    @inlinable func count(of index: BucketIndex) -> Int {
        Int(unsafe self.buckets[index.offset].count)
    }

    /// The first instant of the bucket at `index`, if it is the lowest.
    @inlinable func firstInstant(of index: BucketIndex) -> UInt64 {
        let shift = UInt64(truncatingIfNeeded: index.level &* Self.digitBits)
        let mask = UInt64(truncatingIfNeeded: Self.slotCount &- 1)
        let digits = (self.clock &>> shift) & ~mask | UInt64(truncatingIfNeeded: index.slot)
        return digits &<< shift
    }

    /// Empties the lowest bucket, at `index`, into `run`, unsorted, and returns the bucket's last instant.
    @inlinable mutating func move(_ index: BucketIndex, to run: inout SortedRun<Element>) -> UInt64
    {
        self.clock = self.firstInstant(of: index)
        let bucket = unsafe self.take(index)
        run.reserve(Int(unsafe bucket.count))
        var chunk = unsafe bucket.chunk
        var filled = unsafe ChunkLayout<Element>.capacity &- Int(bucket.free)
        while let current = unsafe chunk {
            unsafe run.appendUnsorted(current.elements, count: filled)
            unsafe chunk = current.next
            unsafe self.pool.giveBack(current)
            filled = ChunkLayout<Element>.capacity
        }
        let shift = UInt64(truncatingIfNeeded: index.level &* Self.digitBits)
        return self.clock | ((1 &<< shift) &- 1)
    }

    /// Distributes the lowest bucket, at `index`, over the levels below its own.
    @inlinable mutating func deal(_ index: BucketIndex) {
        self.clock = self.firstInstant(of: index)
        let bucket = unsafe self.take(index)
        var chunk = unsafe bucket.chunk
        var filled = unsafe ChunkLayout<Element>.capacity &- Int(bucket.free)
        while let current = unsafe chunk {
            for position in 0..<filled { self.insert(unsafe current.elements[position]) }
            unsafe chunk = current.next
            unsafe self.pool.giveBack(current)
            filled = ChunkLayout<Element>.capacity
        }
    }

    /// Takes the content of the bucket at `index` out of the table.
    @inlinable mutating func take(_ index: BucketIndex) -> Bucket<Element> {
        let bucket = unsafe self.buckets[index.offset]
        unsafe self.buckets[index.offset] = unsafe Bucket()
        let others =
            self.occupiedSlots[index.level] & ~(1 &<< UInt64(truncatingIfNeeded: index.slot))
        self.occupiedSlots[index.level] = others
        if others == 0 { self.occupiedLevels &= ~(1 &<< UInt64(truncatingIfNeeded: index.level)) }
        return unsafe bucket
    }
}

/// Where a bucket lies in the table.
@frozen @usableFromInline
struct BucketIndex: BitwiseCopyable {
    @usableFromInline let level: Int
    @usableFromInline let slot: Int

    @inlinable init(level: Int, slot: Int) {
        self.level = level
        self.slot = slot
    }

    @inlinable var offset: Int { self.level &* 64 &+ self.slot }
}

/// Unsorted elements in a chain of chunks, of which all but the first are full.
@unsafe @frozen @usableFromInline
struct Bucket<Element: TimedElement> {
    @usableFromInline var chunk: Chunk<Element>?

    /// The free places of the first chunk.
    @usableFromInline var free: UInt32 = 0

    @usableFromInline var count: UInt32 = 0

    /// The least time of all elements, so that looking at it does not disturb the bucket.
    @usableFromInline var earliest: UInt64 = .max

    @inlinable init() { unsafe self.chunk = nil }

    @inlinable mutating func extend(from pool: inout ChunkPool<Element>) {
        unsafe self.chunk = pool.take(before: self.chunk)
        unsafe self.free = UInt32(truncatingIfNeeded: ChunkLayout<Element>.capacity)
    }

    /// Adds an element; there must be space.
    @inlinable mutating func append(_ element: Element) {
        guard let chunk = unsafe self.chunk else {
            preconditionFailure("a bucket with space has a chunk")
        }
        let position = unsafe ChunkLayout<Element>.capacity &- Int(self.free)
        unsafe chunk.elements[position] = element
        unsafe self.free &-= 1
        unsafe self.count &+= 1
        if unsafe element.time < self.earliest { unsafe self.earliest = element.time }
    }
}
