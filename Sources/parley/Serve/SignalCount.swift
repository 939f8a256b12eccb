import Synchronization

/// Tells the first signal from those after it.
final class SignalCount: Sendable {
    private let count = Atomic<Int>(0)

    /// Counts one more; true from the second on.
    func isRepeated() -> Bool { self.count.wrappingAdd(1, ordering: .relaxed).oldValue > 0 }
}
