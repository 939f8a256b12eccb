/// How long the front of a queue has waited, to within a step, at a cost by steps and not by elements.
///
/// The owner of a first-in, first-out queue tells of what it adds and takes; a mark is kept at most
/// once a step. The age is never less than the true one, and exceeds it by less than a step.
package struct QueueAge: Sendable {
    private struct Mark {
        var ordinal: UInt64
        var instant: Instant
    }

    private let step: Interval
    private var marks: [Mark] = []
    private var first = 0
    private var added: UInt64 = 0
    /// How many have been taken since the queue began.
    package private(set) var taken: UInt64 = 0

    package init(step: Interval) { self.step = step }

    /// Counts one element more at the back.
    package mutating func add(at now: Instant) {
        if self.marks.count == self.first {
            self.marks.removeAll(keepingCapacity: true)
            self.first = 0
            self.marks.append(Mark(ordinal: self.added, instant: now))
        } else if self.marks[self.marks.count - 1].instant + self.step <= now {
            // A queue that never runs dry would otherwise keep the marks of all that it ever held.
            if self.first > 64, self.first * 2 > self.marks.count {
                self.marks.removeFirst(self.first)
                self.first = 0
            }
            self.marks.append(Mark(ordinal: self.added, instant: now))
        }
        self.added += 1
    }

    /// Counts one element less at the front.
    package mutating func take() {
        precondition(self.taken < self.added, "what is taken has been added")
        self.taken += 1
        // The last mark at or before the front tells when it came.
        while self.first + 1 < self.marks.count,
            self.marks[self.first + 1].ordinal <= self.taken
        {
            self.first += 1
        }
        if self.taken == self.added { self.first = self.marks.count }
    }

    package var count: UInt64 { self.added - self.taken }

    /// Zero for an empty queue, and for one whose front came after `now` was read from the clock.
    package func age(at now: Instant) -> Interval {
        guard self.taken < self.added else { return .zero }
        return now - min(now, self.marks[self.first].instant)
    }
}
