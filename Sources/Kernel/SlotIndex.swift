public import BasicContainers

/// Finds the slot of a row by its key, where the key stands in the row alone.
///
/// A hash table of (slot, hash) pairs with linear probing, at most three quarters full: 8 bytes for a
/// place, where a dictionary repeats the key. It is never walked. All operations are O(1), amortised for
/// `insert`. The caller's hash decides how evenly keys lie: it must not be for clients to choose.
@frozen @usableFromInline package struct SlotIndex: ~Copyable {
    @usableFromInline struct Place: BitwiseCopyable {
        @usableFromInline var slot: UInt32
        @usableFromInline var hash: UInt32

        @inlinable init(slot: UInt32, hash: UInt32) {
            self.slot = slot
            self.hash = hash
        }

        @inlinable static var vacant: Self { Self(slot: .max, hash: 0) }

        @inlinable var isVacant: Bool { self.slot == .max }
    }

    @usableFromInline var places: UniqueArray<Place>
    @usableFromInline var occupied = 0

    @inlinable package init() { self.places = UniqueArray() }

    /// How many slots can be found.
    @inlinable package var count: Int { self.occupied }

    @inlinable var mask: Int { self.places.count &- 1 }

    /// The slot whose row has the key, as `matches` decides among those of the same hash.
    @inlinable package func find(_ hash: UInt32, _ matches: (UInt32) -> Bool) -> UInt32? {
        guard self.occupied > 0 else { return nil }
        var index = Int(hash) & self.mask
        while true {
            let place = self.places[index]
            if place.isVacant { return nil }
            if place.hash == hash, matches(place.slot) { return place.slot }
            index = (index &+ 1) & self.mask
        }
    }

    /// Adds a slot whose key is not there yet; a slot is below `UInt32.max`.
    @inlinable package mutating func insert(_ slot: UInt32, _ hash: UInt32) {
        precondition(slot != .max, "the greatest number stands for no slot")
        if self.occupied * 4 >= self.places.count * 3 { self.grow() }
        self.put(Place(slot: slot, hash: hash))
        self.occupied += 1
    }

    @inlinable mutating func put(_ place: Place) {
        var index = Int(place.hash) & self.mask
        while !self.places[index].isVacant { index = (index &+ 1) & self.mask }
        self.places[index] = place
    }

    @inlinable @inline(never) mutating func grow() {
        let size = max(8, self.places.count * 2)
        var former = UniqueArray<Place>(minimumCapacity: size)
        for _ in 0..<size { former.append(.vacant) }
        swap(&former, &self.places)
        for index in 0..<former.count where !former[index].isVacant { self.put(former[index]) }
    }

    /// Takes out a slot that was inserted with this hash; traps if it was not.
    @inlinable package mutating func remove(_ slot: UInt32, _ hash: UInt32) {
        precondition(self.occupied > 0, "a slot is taken out once")
        var hole = Int(hash) & self.mask
        while self.places[hole].slot != slot {
            precondition(!self.places[hole].isVacant, "a slot is taken out once")
            hole = (hole &+ 1) & self.mask
        }
        self.occupied -= 1
        // Closes the gap, so that a search need not look past what is gone.
        var index = hole
        while true {
            index = (index &+ 1) & self.mask
            let place = self.places[index]
            if place.isVacant { break }
            let home = Int(place.hash) & self.mask
            if (index &- home) & self.mask >= (index &- hole) & self.mask {
                self.places[hole] = place
                hole = index
            }
        }
        self.places[hole] = .vacant
    }
}
