import BasicContainers

extension Slab where Row: ByteCoded {
    /// Slots, generations and the order in which slots are reused; rows of vacant slots mean nothing.
    package func write(to writer: inout ByteWriter) {
        writer.word(self.slotCount)
        for slot in 0..<self.slotCount {
            writer.word(self.generations[Int(slot)])
            if self.isOccupied(slot) { writer.value(self.rows[Int(slot)]) }
        }
        for index in 0..<self.vacant.count { writer.word(self.vacant[index]) }
    }

    /// `blank` stands in for the rows of vacant slots.
    package init(from reader: inout ByteReader, blank: Row) throws(ByteError) {
        self.init()
        let count = try reader.count()
        var vacantCount = 0
        for _ in 0..<count {
            let generation: UInt32 = try reader.integer()
            self.generations.append(generation)
            if generation & 1 == 1 {
                self.rows.append(try reader.value())
            } else {
                self.rows.append(blank)
                vacantCount += 1
            }
        }
        var isListed = [Bool](repeating: false, count: count)
        for _ in 0..<vacantCount {
            let slot: UInt32 = try reader.integer()
            guard Int(slot) < count, self.generations[Int(slot)] & 1 == 0, !isListed[Int(slot)]
            else { throw reader.refusal("a vacant slot, once") }
            isListed[Int(slot)] = true
            self.vacant.append(slot)
        }
    }

    /// Calls `body` with each row that is in use, in the order of slots.
    package func forEachRow(_ body: (Row) -> Void) {
        for slot in 0..<self.slotCount where self.isOccupied(slot) { body(self.rows[Int(slot)]) }
    }
}
