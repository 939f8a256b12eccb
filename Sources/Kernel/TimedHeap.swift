/// A binary heap with the next element at its root.
///
/// The wheel's refuge for what its sorted run takes badly: many elements pushed into the very instant
/// that is being popped.
@safe @frozen @usableFromInline
struct TimedHeap<Element: TimedElement>: ~Copyable {
    // Invariant of the unsafe code here: `base` has room for `capacity` elements, of which the first
    // `count` are set; with no capacity there is no memory and no access.
    @usableFromInline var base: UnsafeMutablePointer<Element>?
    @usableFromInline var count = 0
    @usableFromInline var capacity = 0

    /// What an empty heap may keep; the storage of a larger burst is given back after it.
    @inlinable static var capacityKept: Int { 16_384 }

    @inlinable init() { unsafe self.base = nil }

    @inlinable deinit { unsafe self.base?.deallocate() }

    @inlinable var isEmpty: Bool { self.count == 0 }

    @inlinable var reservedBytes: Int { self.capacity * MemoryLayout<Element>.stride }

    /// The next element, or `nil` if there is none.
    @inlinable var first: Element? {
        guard self.count > 0, let base = unsafe self.base else { return nil }
        return unsafe base[0]
    }

    @inlinable mutating func push(_ element: Element) {
        let base = unsafe self.storage(for: self.count + 1)
        var index = self.count
        while index > 0 {
            let parent = (index &- 1) / 2
            guard unsafe element.precedes(base[parent]) else { break }
            unsafe base[index] = base[parent]
            index = parent
        }
        unsafe base[index] = element
        self.count &+= 1
    }

    /// Takes the next element off, or returns `nil` if there is none.
    @inlinable mutating func popFirst() -> Element? {
        guard self.count > 0, let base = unsafe self.base else { return nil }
        let first = unsafe base[0]
        self.count &-= 1
        unsafe base[0] = base[self.count]
        unsafe siftDown(base, count: self.count, from: 0)
        if self.count == 0, self.capacity > Self.capacityKept { self.releaseStorage() }
        return first
    }

    @inlinable mutating func storage(for count: Int) -> UnsafeMutablePointer<Element> {
        if let base = unsafe self.base, count <= self.capacity { return unsafe base }
        let capacity = max(64, self.capacity * 2)
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        if let base = unsafe self.base {
            unsafe larger.update(from: base, count: self.count)
            unsafe base.deallocate()
        }
        unsafe self.base = larger
        self.capacity = capacity
        return unsafe larger
    }

    @inlinable mutating func releaseStorage() {
        unsafe self.base?.deallocate()
        unsafe self.base = nil
        self.capacity = 0
    }
}

/// Lets the element at `root` sink until it precedes its children, which are roots of heaps already.
///
/// `base` must hold `count` elements, with `root` under `count` unless `count` is 0.
@inlinable
func siftDown<Element: TimedElement>(
    _ base: UnsafeMutablePointer<Element>,
    count: Int,
    from root: Int
) {
    guard root < count else { return }
    let element = unsafe base[root]
    var index = root
    while true {
        var child = 2 &* index &+ 1
        guard child < count else { break }
        if child &+ 1 < count, unsafe base[child &+ 1].precedes(base[child]) { child &+= 1 }
        guard unsafe base[child].precedes(element) else { break }
        unsafe base[index] = base[child]
        index = child
    }
    unsafe base[index] = element
}
