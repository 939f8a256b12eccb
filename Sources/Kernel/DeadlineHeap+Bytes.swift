import BasicContainers

extension DeadlineHeap where Subject: ByteCoded {
    /// Everything that waits, with the order among what waits for the same instant.
    package func write(to writer: inout ByteWriter) {
        writer.word(self.scheduled)
        writer.word(UInt64(self.entries.count))
        for index in 0..<self.entries.count {
            let entry = self.entries[index]
            writer.value(entry.instant)
            writer.word(entry.sequence)
            writer.value(entry.subject)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.scheduled = try reader.word()
        for _ in 0..<(try reader.count()) {
            let entry = Entry(
                instant: try reader.value(),
                sequence: try reader.word(),
                subject: try reader.value()
            )
            let parent = (self.entries.count - 1) / 2
            guard entry.sequence < self.scheduled,
                self.entries.isEmpty || self.entries[parent].precedes(entry)
            else { throw reader.refusal("deadlines in the order of a heap") }
            self.entries.append(entry)
        }
    }

    /// Calls `body` with each subject that waits and its instant, in no order that means anything.
    package func forEachEntry(_ body: (Instant, Subject) -> Void) {
        for index in 0..<self.entries.count {
            body(self.entries[index].instant, self.entries[index].subject)
        }
    }
}
