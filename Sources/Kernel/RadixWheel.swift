/// A monotone priority queue over 64-bit instants: elements leave in the exact order of (time, order).
///
/// It is the radix heap of Ahuja, Mehlhorn, Orlin and Tarjan ("Faster Algorithms for the Shortest Path
/// Problem", J. ACM 37, 1990) with digits of 6 bits, laid out as a hierarchy of wheels. An element lies
/// at the level of the highest digit in which its time differs from the wheel's clock, in the slot of
/// that digit, so that the lowest occupied slot of the lowest occupied level holds the next elements.
/// When those are wanted, a bucket of few elements is *sorted* into the run that is due; a larger one is
/// *dealt* to the levels below, after the clock has moved to the bucket's start. Nothing is tuned to a
/// distribution of times.
///
/// Monotone means that nothing may be pushed before the last element popped. Looking at `nextTime` does
/// not move that limit: a deadline far ahead does not stop nearer ones from coming in.
///
/// Complexity: `push` O(1), except that it is O(log n) while many elements go into the one instant that is
/// being popped; `pop` amortised O(1) for each of the levels an element falls through (10 at most) plus
/// its share in sorting a short run; `nextTime` and `ahead` O(1).
///
/// Memory: 17 KB when empty; then what the elements need, and up to one chunk of 1 KB for each occupied
/// bucket. A burst's memory is kept once, for all buckets together, until the wheel is destroyed. What
/// sorting needed for more than 16,384 elements of one instant is given back after them.
@frozen @usableFromInline package struct RadixWheel<Element: TimedElement>: ~Copyable {
    @usableFromInline var buckets = BucketTable<Element>()

    /// Elements up to `horizon`, sorted.
    @usableFromInline var due = SortedRun<Element>()

    /// Elements up to `horizon` that came when `due` was long and held a single instant.
    @usableFromInline var latecomers = TimedHeap<Element>()

    /// The last instant that belongs to `due` and `latecomers`; all later ones are in buckets.
    @usableFromInline var horizon: UInt64 = 0

    /// The time of the last element popped: nothing may be pushed before it.
    @usableFromInline var lastPopped: UInt64 = 0

    @usableFromInline var pending = 0

    /// Makes an empty wheel whose timeline starts at 0.
    @inlinable package init() {}

    /// How many elements are pending.
    @inlinable package var count: Int { self.pending }

    @inlinable package var isEmpty: Bool { self.pending == 0 }

    /// The memory that the wheel holds beside the struct itself, in bytes; constant in a steady state.
    @inlinable package var reservedBytes: Int {
        self.buckets.reservedBytes + self.due.reservedBytes + self.latecomers.reservedBytes
    }

    /// The largest bucket that is sorted when it comes due; chosen by measurement.
    @inlinable static var sortedCountMax: Int { 96 }

    /// How many elements are sorted at once if that takes but further buckets of the same level.
    ///
    /// So that `ahead` mostly knows the next few elements, however sparse the buckets are.
    @inlinable static var sortedCountMin: Int { 32 }

    /// How far from its end the run that is due takes an insertion.
    ///
    /// Well above `sortedCountMax`, so that leaving a run that grew costs little for each element of it.
    @inlinable static var insertionReach: Int { 384 }

    /// Adds `element`, which must not lie before the last element popped.
    @inlinable package mutating func push(_ element: Element) {
        precondition(element.time >= self.lastPopped, "a push lies before the last element popped")
        self.pending &+= 1
        if element.time > self.horizon {
            self.buckets.insert(element)
        } else {
            self.insertDue(element)
        }
    }

    /// Removes and returns the next element; traps if there is none.
    @inlinable package mutating func pop() -> Element {
        let element: Element
        if self.latecomers.isEmpty {
            if self.due.isEmpty { self.refill() }
            element = self.due.removeLast()
        } else {
            element = self.popAmongLatecomers()
        }
        self.pending &-= 1
        self.lastPopped = element.time
        return element
    }

    /// The time of the next element, or `nil` if there is none.
    @inlinable package func nextTime() -> UInt64? {
        if self.pending == 0 { return nil }
        if self.due.isEmpty { return self.latecomers.first?.time ?? self.buckets.earliest }
        let time = self.due.element(fromEnd: 0).time
        guard let late = self.latecomers.first else { return time }
        return min(time, late.time)
    }

    /// The element that leaves after `k` others, if that is known without work.
    ///
    /// For prefetching what the coming elements refer to; `nil` says nothing about whether it exists.
    @inlinable package func ahead(_ k: Int) -> Element? {
        guard k < self.due.count, self.latecomers.isEmpty else { return nil }
        return self.due.element(fromEnd: k)
    }
}

extension RadixWheel {
    @inlinable @inline(never) mutating func insertDue(_ element: Element) {
        let reach = Self.insertionReach
        if self.due.count <= reach || !self.due.element(fromEnd: reach).precedes(element) {
            self.due.insert(element)
        } else if self.horizon > self.lastPopped {
            self.dealDue()
            self.buckets.insert(element)
        } else {
            self.latecomers.push(element)
        }
    }

    /// Moves the run that is due back into buckets, finer ones than it came from.
    ///
    /// A run that stands for a long time may come to hold more and more elements while it lasts. The clock can
    /// move to the last element popped, as nothing comes before that; from there only instants differ in
    /// the lower digits.
    @inlinable @inline(never) mutating func dealDue() {
        // A run of more than one instant came from a bucket, of which an element was popped at once; the
        // bucket began at the clock, after instant 0.
        self.buckets.clock = self.lastPopped
        self.horizon = self.lastPopped - 1
        while !self.due.isEmpty { self.buckets.insert(self.due.removeLast()) }
    }

    @inlinable @inline(never) mutating func popAmongLatecomers() -> Element {
        guard let late = self.latecomers.first else { return self.due.removeLast() }
        if !self.due.isEmpty {
            let element = self.due.element(fromEnd: 0)
            if element.precedes(late) { return self.due.removeLast() }
        }
        _ = self.latecomers.popFirst()
        return late
    }

    /// Sorts the next elements into the empty run that is due.
    @inlinable @inline(never) mutating func refill() {
        precondition(self.pending > 0, "a pop from an empty wheel")
        while true {
            let level = self.buckets.lowestLevel
            let slots = self.buckets.nextSlots(
                of: level,
                countMin: Self.sortedCountMin,
                countMax: Self.sortedCountMax
            )
            if slots != 0 {
                self.horizon = self.buckets.move(slots, of: level, to: &self.due)
                return
            }
            self.buckets.dealFirst(of: level)
        }
    }
}
