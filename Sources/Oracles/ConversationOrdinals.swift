import Kernel

/// Gives each conversation a dense number, in the order in which they are first named.
///
/// An open-addressing table over one word of the id, because a lookup is made for every delivery and
/// conversation ids are hashes already.
struct ConversationOrdinals: Sendable {
    private(set) var ids: [ConversationID] = []
    /// Ordinal + 1, or 0 where nobody is; the size is a power of two, at most three quarters full.
    private var table = [UInt32](repeating: 0, count: 64)

    /// The number of a conversation that has been named before.
    func find(_ id: ConversationID) -> Int? {
        let entry = self.table[self.place(of: id)]
        return entry == 0 ? nil : Int(entry) - 1
    }

    /// The number of a conversation, a new one if it has none.
    mutating func number(_ id: ConversationID) -> Int {
        let place = self.place(of: id)
        let entry = self.table[place]
        guard entry == 0 else { return Int(entry) - 1 }
        self.ids.append(id)
        self.table[place] = UInt32(self.ids.count)
        if self.ids.count * 4 > self.table.count * 3 { self.grow() }
        return self.ids.count - 1
    }

    /// Where the id stands, or would stand.
    private func place(of id: ConversationID) -> Int {
        let mask = self.table.count - 1
        var place = Int(truncatingIfNeeded: KeyedRandom.mix(id.high ^ id.low)) & mask
        while true {
            let entry = self.table[place]
            if entry == 0 || self.ids[Int(entry) - 1] == id { return place }
            place = (place + 1) & mask
        }
    }

    private mutating func grow() {
        self.table = [UInt32](repeating: 0, count: self.table.count * 2)
        for (ordinal, id) in self.ids.enumerated() {
            self.table[self.place(of: id)] = UInt32(ordinal) + 1
        }
    }
}
