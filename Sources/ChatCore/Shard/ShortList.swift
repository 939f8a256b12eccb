/// Elements in order: up to two in the row itself, more in a block of their own.
///
/// Most conversations have one or two subscribers at a gateway, and one or two gateways: a block for
/// each would take more memory than all else of the row, and a cache miss whenever the row is copied.
struct ShortList<Element: BitwiseCopyable> {
    private var more: [Element] = []
    private var first: Element
    private var second: Element
    /// Of `first` and `second`; 0 while `more` holds the elements.
    private var inlineCount: UInt8 = 0

    /// `blank` fills the places that hold nothing.
    init(blank: Element) {
        self.first = blank
        self.second = blank
    }

    var count: Int { self.more.isEmpty ? Int(self.inlineCount) : self.more.count }

    var isEmpty: Bool { self.count == 0 }

    subscript(index: Int) -> Element {
        get {
            guard self.more.isEmpty else { return self.more[index] }
            precondition(index < Int(self.inlineCount), "an index is below the count")
            return index == 0 ? self.first : self.second
        }
        set {
            guard self.more.isEmpty else {
                self.more[index] = newValue
                return
            }
            precondition(index < Int(self.inlineCount), "an index is below the count")
            if index == 0 { self.first = newValue } else { self.second = newValue }
        }
    }

    mutating func append(_ element: Element) {
        guard self.more.isEmpty else {
            self.more.append(element)
            return
        }
        switch self.inlineCount {
        case 0: self.first = element
        case 1: self.second = element
        case _:
            self.more.reserveCapacity(4)
            self.more.append(self.first)
            self.more.append(self.second)
            self.more.append(element)
            self.inlineCount = 0
            return
        }
        self.inlineCount += 1
    }

    mutating func removeLast() {
        guard !self.more.isEmpty else {
            precondition(self.inlineCount > 0, "there is a last element to remove")
            self.inlineCount -= 1
            return
        }
        self.more.removeLast()
        // Not at two, so that one who comes and goes does not move all others each time.
        guard self.more.count == 1 else { return }
        self.first = self.more[0]
        self.inlineCount = 1
        self.more = []
    }

    /// Takes an element out and closes the gap, in order.
    mutating func remove(at index: Int) {
        for place in index..<(self.count - 1) { self[place] = self[place + 1] }
        self.removeLast()
    }

    /// Takes out what `matches`, and keeps the order of the rest.
    mutating func removeAll(where matches: (Element) -> Bool) {
        var index = 0
        while index < self.count {
            if matches(self[index]) { self.remove(at: index) } else { index += 1 }
        }
    }

    var elements: [Element] { (0..<self.count).map { self[$0] } }
}
