/// How a connection takes what it is sent.
///
/// Whoever does not take it fast enough falls behind: its subscriptions keep their positions, and what
/// they miss is read from the log for them when there is room.
package enum Pace: UInt8, Equatable, Sendable, BitwiseCopyable {
    /// Gets publications as they come; leaves for `full` when too much waits.
    case brisk
    /// Waits for room; leaves for `reading`, or for `brisk` when nothing is missing any more.
    case full
    /// What one subscription missed is being read; leaves for `full` with a page, for `resting`
    /// without one.
    case reading
    /// Nothing could be read, and soon is tried again; leaves as `full` does.
    case resting
}
