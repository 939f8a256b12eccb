import Foundation
import Kernel

/// A line on the terminal that says how far a simulation is; nothing where there is no terminal.
struct SimulationProgress {
    private let end: Instant
    private let isShown = isatty(STDERR_FILENO) == 1
    private let start = ContinuousClock.now
    private var shown = ContinuousClock.now

    init(end: Instant) { self.end = end }

    /// The simulation has come to `now`.
    mutating func note(_ now: Instant) {
        guard self.isShown else { return }
        let clock = ContinuousClock.now
        guard clock - self.shown >= .milliseconds(250) else { return }
        self.shown = clock
        let elapsed = (clock - self.start) / .seconds(1)
        let simulated = Double(now.nanoseconds) / 1e9
        let total = Double(self.end.nanoseconds) / 1e9
        let left = simulated > 0 ? elapsed * (total - simulated) / simulated : 0
        let line = String(
            format: "\r%.1f of %.0f simulated seconds, %.1f times as fast as real, %.0f s left   ",
            simulated,
            total,
            simulated / elapsed,
            left
        )
        FileHandle.standardError.write(Data(line.utf8))
    }

    func finish() {
        guard self.isShown else { return }
        FileHandle.standardError.write(Data("\r\u{1b}[K".utf8))
    }
}
