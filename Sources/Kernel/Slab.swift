public import BasicContainers

/// Rows in one block of memory, named by slot; a removed row's slot is reused, last freed first.
///
/// Each slot counts its reuses, so that (slot, generation) names a row for ever. All operations are
/// O(1), amortised for `insert`.
@frozen @usableFromInline package struct Slab<Row>: ~Copyable {
    @usableFromInline var rows: UniqueArray<Row>
    @usableFromInline var generations: UniqueArray<UInt32>
    @usableFromInline var vacant: UniqueArray<UInt32>

    @inlinable package init() {
        self.rows = UniqueArray()
        self.generations = UniqueArray()
        self.vacant = UniqueArray()
    }

    /// How many rows are occupied.
    @inlinable package var count: Int { self.rows.count - self.vacant.count }

    /// One more than the highest slot ever used.
    @inlinable package var slotCount: UInt32 { UInt32(truncatingIfNeeded: self.rows.count) }

    @inlinable package mutating func insert(_ row: Row) -> UInt32 {
        if let slot = self.vacant.popLast() {
            self.rows[Int(slot)] = row
            self.generations[Int(slot)] &+= 1
            return slot
        }
        self.rows.append(row)
        self.generations.append(1)
        return UInt32(truncatingIfNeeded: self.rows.count - 1)
    }

    /// Frees the slot; `blank` replaces the row so that what it held is let go.
    @inlinable package mutating func remove(_ slot: UInt32, leaving blank: Row) {
        precondition(self.isOccupied(slot), "a row can be removed once")
        self.rows[Int(slot)] = blank
        self.generations[Int(slot)] &+= 1
        self.vacant.append(slot)
    }

    /// Odd while the slot is occupied.
    @inlinable package func generation(of slot: UInt32) -> UInt32 { self.generations[Int(slot)] }

    @inlinable package func isOccupied(_ slot: UInt32) -> Bool {
        slot < self.slotCount && self.generations[Int(slot)] & 1 == 1
    }

    @inlinable package func holds(_ slot: UInt32, generation: UInt32) -> Bool {
        self.isOccupied(slot) && self.generations[Int(slot)] == generation
    }

    @inlinable package subscript(slot: UInt32) -> Row {
        @inlinable _read { yield self.rows[Int(slot)] }
        @inlinable _modify { yield &self.rows[Int(slot)] }
    }
}
