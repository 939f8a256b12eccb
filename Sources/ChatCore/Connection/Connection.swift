package import Kernel

/// One client's connection: which commands it may give, and whether it still answers pings.
///
/// The first command must be `connect` and there is exactly one; until its credentials have been
/// checked, later commands wait, because a client may send them in the same frame (client protocol,
/// trap 16). A pong that no ping asked for is a violation.
package struct Connection: BitwiseCopyable, Sendable {
    /// Where a connection stands; each case names where it leads.
    package enum Phase: Equatable, Sendable, BitwiseCopyable {
        /// No socket has this slot.
        case vacant
        /// Leaves for `authenticating` with `connect`, or closes as stale.
        case opened
        /// Leaves for `joining` when the credentials are good, for `rejected` when they have
        /// expired, else closes.
        case authenticating(CommandID)
        /// Leaves for `connected` when the subscriptions that the server makes are known, and for
        /// `rejected` when one of them cannot be.
        case joining(CommandID)
        /// Answered with an error; good for nothing more.
        case rejected
        /// Leaves for `leaving` when the shard drains and owes it an answer, else for `closing`.
        case connected
        /// Gets the answers that it waits for and no others; leaves for `closing`.
        case leaving
        /// Told to go; leaves for `vacant` when the socket is gone.
        case closing
    }

    /// What to do with a command.
    package enum Admission: Equatable, Sendable, BitwiseCopyable {
        case authenticate
        case run
        case hold
        case ignore
        /// Too late: the client finds another server.
        case refuse
        case violation
    }

    package internal(set) var phase = Phase.vacant
    package internal(set) var awaitsPong = false
    package internal(set) var pace = Pace.brisk
    package var id = ConnectionID(0)
    package var generation: UInt32 = 0
    /// Its subscriptions that have fallen behind.
    var firstLag = noSlot
    package var user = UserID(high: 0, low: 0)
    package var subscriptionCount: UInt16 = 0
    var expiry = Expiry()
    /// Subscriptions that the answer to `connect` waits for.
    var pendingSubscriptions: UInt16 = 0
    /// How long the credentials of `connect` held when they were accepted.
    var timeToLive: Interval?
    /// Pages of history that were asked for and have not been answered.
    var openHistories: UInt16 = 0
    /// What its publishes take that have not been answered.
    var openBytes: UInt32 = 0
    /// What its commands, and those that were refused, leave of its rate.
    var commands = RateBucket()
    var refusals = RateBucket()
    /// Where it stands among the connections of its user, if those are limited.
    var arrival: UInt64 = 0
    /// The one that came before it; not a part of snapshots.
    var nextOfUser = noSlot
    var firstSubscription = noSlot
    var firstGated = noSlot
    var gatedCount: UInt32 = 0

    package init() {}

    package mutating func open(_ id: ConnectionID, generation: UInt32) {
        precondition(self.phase == .vacant, "a slot is opened when it is vacant")
        self = Self()
        self.id = id
        self.generation = generation
        self.phase = .opened
    }

    package mutating func admit(_ command: Command, as id: CommandID) -> Admission {
        let isConnect = command == .connect
        switch self.phase {
        case .vacant, .closing:
            return .ignore
        case .rejected:
            return .violation
        case .opened:
            guard isConnect else { return .violation }
            self.phase = .authenticating(id)
            return .authenticate
        case .authenticating, .joining:
            return isConnect ? .violation : .hold
        case .connected:
            return isConnect ? .violation : .run
        case .leaving:
            return isConnect ? .violation : .refuse
        }
    }

    /// The credentials were good; returns the command that waits for the answer.
    package mutating func accept(_ user: UserID) -> CommandID? {
        guard case .authenticating(let command) = self.phase else { return nil }
        self.phase = .joining(command)
        self.user = user
        return command
    }

    /// Returns the command to be answered, if all that its answer waits for is known.
    package mutating func welcome() -> CommandID? {
        guard case .joining(let command) = self.phase, self.pendingSubscriptions == 0 else {
            return nil
        }
        self.phase = .connected
        return command
    }

    /// The credentials have expired, or a subscription of `connect` cannot be made.
    package mutating func reject() { self.phase = .rejected }

    /// Takes no more commands.
    package mutating func leave() {
        precondition(self.phase == .connected, "only a connected client is owed answers")
        self.phase = .leaving
    }

    /// Starts closing; false if that has been done, or there is nobody.
    package mutating func beginClosing() -> Bool {
        switch self.phase {
        case .vacant, .closing: return false
        case .opened, .authenticating, .joining, .rejected, .connected, .leaving:
            self.phase = .closing
            return true
        }
    }

    package mutating func vacate() { self.phase = .vacant }

    package mutating func ping() { self.awaitsPong = true }

    /// Takes a pong; false if no ping asked for it.
    package mutating func pong() -> Bool {
        defer { self.awaitsPong = false }
        return self.awaitsPong
    }
}
