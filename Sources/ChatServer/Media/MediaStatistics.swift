import Synchronization

/// What has been done with media since the start.
final class MediaStatistics: Sendable {
    let uploads = Atomic<UInt64>(0)
    let uploadedBytes = Atomic<UInt64>(0)
    let downloads = Atomic<UInt64>(0)
    let downloadedBytes = Atomic<UInt64>(0)
    /// Requests that were answered with an error.
    let refused = Atomic<UInt64>(0)
    let exchanges = Atomic<UInt64>(0)
}
