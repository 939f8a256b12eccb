import Synchronization

/// Counts the connections that are no client's socket: those that shake hands, and those that speak HTTP.
///
/// Each of them may take a while, so that there may be only so many.
final class Arrivals: Sendable {
    static let limit = 16_384

    private let count = Atomic<Int>(0)
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Counts one more; false, and it is not counted, if there are as many as may be.
    func enter() -> Bool {
        guard self.count.wrappingAdd(1, ordering: .relaxed).newValue > self.limit else {
            return true
        }
        self.leave()
        return false
    }

    /// One that was counted has become a socket, or is gone.
    func leave() { self.count.wrappingSubtract(1, ordering: .relaxed) }
}
