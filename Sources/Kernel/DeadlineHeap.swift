public import BasicContainers

/// What waits for its time in a machine: ordered by instant, then by when it was scheduled.
///
/// A binary heap. There is no cancellation: an entry whose subject is gone fires and is ignored, so
/// the subject carries a generation. `schedule` and `next` are O(log n).
@frozen @usableFromInline package struct DeadlineHeap<Subject: BitwiseCopyable>: ~Copyable {
    @usableFromInline struct Entry {
        @usableFromInline var instant: Instant
        @usableFromInline var sequence: UInt64
        @usableFromInline var subject: Subject

        @inlinable init(instant: Instant, sequence: UInt64, subject: Subject) {
            self.instant = instant
            self.sequence = sequence
            self.subject = subject
        }

        @inlinable func precedes(_ other: Self) -> Bool {
            self.instant == other.instant
                ? self.sequence < other.sequence : self.instant < other.instant
        }
    }

    @usableFromInline var entries: UniqueArray<Entry>
    @usableFromInline var scheduled: UInt64 = 0

    @inlinable package init() { self.entries = UniqueArray() }

    @inlinable package var count: Int { self.entries.count }

    /// The earliest instant, or `nil` if nothing waits.
    @inlinable package var earliest: Instant? {
        self.entries.isEmpty ? nil : self.entries[0].instant
    }

    @inlinable package mutating func schedule(_ subject: Subject, at instant: Instant) {
        let entry = Entry(instant: instant, sequence: self.scheduled, subject: subject)
        self.scheduled += 1
        self.entries.append(entry)
        var child = self.entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entry.precedes(self.entries[parent]) else { break }
            self.entries[child] = self.entries[parent]
            child = parent
        }
        self.entries[child] = entry
    }

    /// Takes the earliest entry if it is due.
    @inlinable package mutating func next(dueAt now: Instant) -> Subject? {
        guard !self.entries.isEmpty, self.entries[0].instant <= now else { return nil }
        let due = self.entries[0].subject
        guard let last = self.entries.popLast(), !self.entries.isEmpty else { return due }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < self.entries.count else { break }
            if child + 1 < self.entries.count,
                self.entries[child + 1].precedes(self.entries[child])
            {
                child += 1
            }
            guard self.entries[child].precedes(last) else { break }
            self.entries[parent] = self.entries[child]
            parent = child
        }
        self.entries[parent] = last
        return due
    }
}
