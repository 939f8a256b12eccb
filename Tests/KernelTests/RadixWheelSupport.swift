import Kernel

/// What the wheel's tests put into it; `label` tells apart elements that are equal in both keys.
struct Tagged: TimedElement, Comparable {
    var time: UInt64
    var order: UInt64
    var label: UInt64

    static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.time, lhs.order, lhs.label) < (rhs.time, rhs.order, rhs.label)
    }
}

/// A seeded generator for the tests' workloads (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    mutating func below(_ bound: UInt64) -> UInt64 {
        self.next().multipliedFullWidth(by: bound).high
    }
}

/// The obviously right queue that the wheel is compared with: an array in descending order.
struct SortedReference {
    private(set) var elements: [Tagged] = []

    var count: Int { self.elements.count }
    var next: Tagged? { self.elements.last }

    mutating func push(_ element: Tagged) {
        var low = 0
        var high = self.elements.count
        while low < high {
            let middle = (low + high) / 2
            if self.elements[middle] > element { low = middle + 1 } else { high = middle }
        }
        self.elements.insert(element, at: low)
    }

    mutating func pop() -> Tagged { self.elements.removeLast() }
}

/// How far ahead of the clock a workload pushes.
enum Spread: CaseIterable {
    case sameInstant
    case nearby
    case uniform
    case exponential
    case onSlotBorders
    case farFuture
    case everyMagnitude
    case bursts

    /// The distance of a push from the last element popped; `step` counts the pushes.
    func distance(step: Int, random: inout SeededRandom) -> UInt64 {
        switch self {
        case .sameInstant: return random.below(64) == 0 ? 1 : 0
        case .nearby: return random.below(8)
        case .uniform: return random.below(1_000_000_000)
        case .exponential:
            let word = random.next() | 1
            return UInt64(word.leadingZeroBitCount) * 693_147_181 + random.below(693_147_181)
        case .onSlotBorders: return 1 << (6 * random.below(9)) - random.below(2)
        case .farFuture: return (1 << 61) + random.below(1 << 40)
        case .everyMagnitude: return random.next() >> (2 + random.below(62))
        case .bursts: return step / 500 % 2 == 0 ? 1_000_000 : random.below(1 << 36)
        }
    }
}

/// Orders of pushing that quicksort may take badly.
enum CraftedOrder: CaseIterable {
    case ascending
    case descending
    case risingThenFalling
    case fallingThenRising
    case fewValues
    case medianOfThreeKiller

    func orders(count: UInt64) -> [UInt64] {
        let half = count / 2
        switch self {
        case .ascending: return Array(0..<count)
        case .descending: return (0..<count).reversed()
        case .risingThenFalling: return (0..<count).map { $0 < half ? $0 : count - $0 }
        case .fallingThenRising: return (0..<count).map { $0 < half ? count - $0 : $0 }
        case .fewValues: return (0..<count).map { $0 % 3 }
        case .medianOfThreeKiller:
            // Musser, "Introspective Sorting and Selection Algorithms", 1997.
            let front = (0..<half).map { $0.isMultiple(of: 2) ? $0 + 1 : half + $0 }
            return front + (0..<half).map { 2 * ($0 + 1) }
        }
    }
}
