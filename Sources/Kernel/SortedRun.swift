/// Elements in descending order, so that the next one leaves at the end without moving the others.
@safe @frozen @usableFromInline
struct SortedRun<Element: TimedElement>: ~Copyable {
    // Invariant of the unsafe code here: `base` has room for `capacity` elements, of which the first
    // `count` are set; every index below is under `count`, or under `capacity` where it is written.
    @usableFromInline var base: UnsafeMutablePointer<Element>
    @usableFromInline var count = 0
    @usableFromInline var capacity: Int

    /// What an empty run may keep; the storage of a larger burst is given back after it.
    @inlinable static var capacityKept: Int { 16_384 }

    @inlinable init() {
        self.capacity = 128
        unsafe self.base = UnsafeMutablePointer<Element>.allocate(capacity: 128)
    }

    @inlinable deinit { unsafe self.base.deallocate() }

    @inlinable var isEmpty: Bool { self.count == 0 }

    @inlinable var reservedBytes: Int { self.capacity * MemoryLayout<Element>.stride }

    /// The element that leaves after `distance` others.
    @inlinable func element(fromEnd distance: Int) -> Element {
        assert(distance < self.count)
        return unsafe self.base[self.count &- 1 &- distance]
    }

    /// Takes the next element off; the run must not be empty.
    @inlinable mutating func removeLast() -> Element {
        assert(self.count > 0)
        self.count &-= 1
        return unsafe self.base[self.count]
    }

    /// Puts `element` in its place, moving those that leave before it.
    @inlinable mutating func insert(_ element: Element) {
        if self.count == self.capacity { self.reallocate(capacity: self.capacity * 2) }
        var index = self.count
        while index > 0, unsafe self.base[index &- 1].precedes(element) {
            unsafe self.base[index] = self.base[index &- 1]
            index &-= 1
        }
        unsafe self.base[index] = element
        self.count &+= 1
    }

    /// Makes room for `count` more elements, and gives room back that an empty run has too much of.
    @inlinable mutating func reserve(_ count: Int) {
        let needed = self.count &+ count
        if needed > self.capacity {
            self.reallocate(capacity: max(needed, self.capacity * 2))
        } else if self.capacity > Self.capacityKept, needed < Self.capacityKept {
            self.reallocate(capacity: Self.capacityKept)
        }
    }

    @inlinable @inline(never) mutating func reallocate(capacity: Int) {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        unsafe larger.update(from: self.base, count: self.count)
        unsafe self.base.deallocate()
        unsafe self.base = larger
        self.capacity = capacity
    }

    /// Adds elements in any order; `sort(from:)` must follow before the run is read.
    @inlinable mutating func appendUnsorted(_ elements: UnsafePointer<Element>, count: Int) {
        assert(self.count + count <= self.capacity)
        unsafe (self.base + self.count).update(from: elements, count: count)
        self.count &+= count
    }

    /// Sorts the elements from `start` on, which leave before all others.
    @inlinable mutating func sort(from start: Int) {
        let count = self.count &- start
        // Quicksort halves well on anything but a crafted order; after this many levels it is crafted.
        let depth = 2 &* (Int.bitWidth &- count.leadingZeroBitCount)
        unsafe Self.sort(self.base + start, count: count, depth: depth)
    }

    /// Quicksort by the median of three down to short runs, which insertion sorts fastest.
    @inlinable @inline(never)
    static func sort(_ base: UnsafeMutablePointer<Element>, count: Int, depth: Int) {
        if count <= 24 { return unsafe Self.insertionSort(base, count: count) }
        if depth == 0 { return unsafe Self.heapSort(base, count: count) }
        let split = unsafe Self.partition(base, count: count)
        unsafe Self.sort(base, count: split, depth: depth - 1)
        unsafe Self.sort(base + split, count: count - split, depth: depth - 1)
    }

    @inlinable static func insertionSort(_ base: UnsafeMutablePointer<Element>, count: Int) {
        var sorted = 1
        while sorted < count {
            let element = unsafe base[sorted]
            var index = sorted
            while index > 0, unsafe base[index &- 1].precedes(element) {
                unsafe base[index] = base[index &- 1]
                index &-= 1
            }
            unsafe base[index] = element
            sorted &+= 1
        }
    }

    /// Hoare's partition: the first part holds what leaves after the pivot, the second what leaves before.
    ///
    /// Ordering the first, the middle and the last element puts a bound at both ends, so that the scans
    /// need no other; both parts are shorter than the whole.
    @inlinable static func partition(_ base: UnsafeMutablePointer<Element>, count: Int) -> Int {
        let middle = count / 2
        let last = count - 1
        unsafe Self.exchange(base, 0, middle)
        if unsafe base[middle].precedes(base[last]) {
            unsafe Self.exchange(base, middle, last)
            unsafe Self.exchange(base, 0, middle)
        }
        let pivot = unsafe base[middle]
        var low = -1
        var high = count
        while true {
            repeat { low &+= 1 } while unsafe pivot.precedes(base[low])
            repeat { high &-= 1 } while unsafe base[high].precedes(pivot)
            if low >= high { return high &+ 1 }
            let element = unsafe base[low]
            unsafe base[low] = base[high]
            unsafe base[high] = element
        }
    }

    /// Orders two elements descending.
    @inlinable
    static func exchange(_ base: UnsafeMutablePointer<Element>, _ front: Int, _ back: Int) {
        guard unsafe base[front].precedes(base[back]) else { return }
        let element = unsafe base[front]
        unsafe base[front] = base[back]
        unsafe base[back] = element
    }

    @inlinable @inline(never)
    static func heapSort(_ base: UnsafeMutablePointer<Element>, count: Int) {
        for root in stride(from: count / 2 - 1, through: 0, by: -1) {
            unsafe siftDown(base, count: count, from: root)
        }
        for end in stride(from: count - 1, to: 0, by: -1) {
            let first = unsafe base[0]
            unsafe base[0] = base[end]
            unsafe base[end] = first
            unsafe siftDown(base, count: end, from: 0)
        }
    }
}
