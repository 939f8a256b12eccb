import Dispatch
import Foundation
import Synchronization

/// SIGTERM and SIGINT: the first asks the command to end, the second ends it at once with 1.
final class EndSignals: Sendable {
    private let count = Atomic<Int>(0)

    /// Whether the command has been asked to end.
    var haveCome: Bool { self.count.load(ordering: .relaxed) > 0 }

    /// Calls `onFirst` with the first signal; they are heard as long as the sources are kept.
    func listen(_ onFirst: @escaping @Sendable () -> Void) -> [any DispatchSourceSignal] {
        [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                let earlier = self.count.wrappingAdd(1, ordering: .relaxed).oldValue
                if earlier > 0 { Foundation.exit(1) }
                onFirst()
            }
            source.resume()
            return source
        }
    }
}
