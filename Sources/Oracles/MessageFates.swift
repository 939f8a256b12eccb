import Kernel

/// What became of each message that was sent or committed: one row, found by its conversation's number
/// and its id.
struct MessageFates: Sendable {
    struct Row: BitwiseCopyable, Sendable {
        var message: MessageID
        var conversation: UInt32
        /// How often it was sent since it was last acknowledged.
        var attempts: UInt32 = 0
        var lastAttempt = Instant.zero
        /// `.start` until it is in the log.
        var offset = Offset.start
        var committed = Instant.zero
    }

    var rows: [Row] = []
    /// Row + 1, or 0 where none is; the size is a power of two, at most three quarters full.
    private var table = [UInt32](repeating: 0, count: 64)

    func find(_ message: MessageID, of conversation: Int) -> Int? {
        let number = UInt32(truncatingIfNeeded: conversation)
        let entry = self.table[self.place(of: message, number)]
        return entry == 0 ? nil : Int(entry) - 1
    }

    /// The row of a message, a new one if it has none.
    mutating func number(_ message: MessageID, of conversation: Int) -> Int {
        let number = UInt32(truncatingIfNeeded: conversation)
        let place = self.place(of: message, number)
        let entry = self.table[place]
        guard entry == 0 else { return Int(entry) - 1 }
        self.rows.append(Row(message: message, conversation: number))
        self.table[place] = UInt32(self.rows.count)
        if self.rows.count * 4 > self.table.count * 3 { self.grow() }
        return self.rows.count - 1
    }

    /// Where the message stands, or would stand.
    private func place(of message: MessageID, _ conversation: UInt32) -> Int {
        let mask = self.table.count - 1
        let word = message.high ^ UInt64(conversation) << 32 ^ message.low
        var place = Int(truncatingIfNeeded: KeyedRandom.mix(word)) & mask
        while true {
            let entry = self.table[place]
            if entry == 0 { return place }
            let row = self.rows[Int(entry) - 1]
            if row.message == message, row.conversation == conversation { return place }
            place = (place + 1) & mask
        }
    }

    private mutating func grow() {
        self.table = [UInt32](repeating: 0, count: self.table.count * 2)
        for (index, row) in self.rows.enumerated() {
            self.table[self.place(of: row.message, row.conversation)] = UInt32(index) + 1
        }
    }
}
