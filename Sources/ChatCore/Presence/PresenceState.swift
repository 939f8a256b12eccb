package import Kernel

/// How a user appears to those who watch.
package enum PresenceState: UInt8, Equatable, Sendable, BitwiseCopyable, CaseIterable {
    case offline
    case active
    case away
    case doNotDisturb
}

/// What a user has chosen to appear as while a device of theirs is there.
package enum PresenceChoice: UInt8, Equatable, Sendable, BitwiseCopyable, CaseIterable {
    case active
    case away
    case doNotDisturb
    /// Appears as offline.
    case invisible

    package var appearance: PresenceState {
        switch self {
        case .active: .active
        case .away: .away
        case .doNotDisturb: .doNotDisturb
        case .invisible: .offline
        }
    }
}

/// The numbers of the guarantee that presence gives, and its limits.
package struct PresenceConfiguration: Equatable, Sendable {
    /// Whether it is known which users are there, for those who watch.
    ///
    /// Costs a row for each user, at the gateway and at the owner. Who is in a conversation depends on its namespace alone.
    package var followsUsers = false
    /// D: a drop that is shorter is seen by nobody.
    package var grace: Interval = .seconds(5)
    /// D': the same for those whose gateway is lost or drains.
    package var lostGrace: Interval = .seconds(60)
    /// W: a watcher hears about a user at most once in this time.
    package var window: Interval = .seconds(1)
    /// B: the most that a gateway shard tells in a second, counted for each user and connection.
    package var budget: UInt32 = 20_000
    /// Added to a grace by the owner, for what is still on its way from other gateways.
    package var transit: Interval = .milliseconds(500)
    /// Between two batches of a gateway shard.
    package var batchInterval: Interval = .milliseconds(100)
    /// How often an unanswered announcement, watch or status is sent again.
    package var resendInterval: Interval = .milliseconds(200)
    /// How often a gateway tells owners that it lives.
    package var beaconInterval: Interval = .seconds(1)
    /// How long a gateway may be silent before its users are held to have lost it.
    package var beaconTimeout: Interval = .seconds(5)
    /// Users that one connection may watch.
    package var watchLimit: UInt16 = 128
    /// Sessions that one answer to `presence` lists; more are refused.
    package var memberLimit: UInt32 = 1_000

    package init() {}
}
