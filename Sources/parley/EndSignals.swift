import Dispatch
import Foundation
import Synchronization

/// SIGTERM, SIGINT and, unless it is ignored (nohup), SIGHUP: the first asks the command to end, the second
/// ends it at once with 1.
///
/// A command that can reload does so at SIGHUP instead.
final class EndSignals: Sendable {
    private let count = Atomic<Int>(0)

    /// Whether the command has been asked to end.
    var haveCome: Bool { self.count.load(ordering: .relaxed) > 0 }

    /// Calls `onFirst` with the first signal, and `onReload` with each SIGHUP; they are heard as long as the
    /// sources are kept.
    func listen(
        onReload: (@Sendable () -> Void)? = nil,
        _ onFirst: @escaping @Sendable () -> Void
    ) -> [any DispatchSourceSignal] {
        [SIGTERM, SIGINT, SIGHUP].compactMap { number in
            let former = signal(number, SIG_IGN)
            if number == SIGHUP, let onReload {
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler(handler: onReload)
                source.resume()
                return source
            }
            guard number != SIGHUP || !Self.ignores(former) else { return nil }
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

    private static func ignores(_ handler: __sighandler_t?) -> Bool {
        // The C library has no other way to tell two handlers apart than by their addresses.
        unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
