package import Workload

/// What one run of the load generator does.
package struct LoadOptions: Sendable {
    package var workload: Workload
    package var endpoint: Endpoint
    /// For a server that speaks TLS; `nil` for one that does not.
    package var trust: ServerTrust?
    /// The HMAC secret with which the users' tokens are signed.
    package var secret: String
    /// Decides who talks to whom and when; the channels' names carry it.
    package var seed: UInt64
    /// Set apart from other runs against the same server, as a part of the channels' names.
    package var run: String
    /// Event loops, one thread each.
    package var loops: Int
    /// Whether the server's bus repeats messages, which excuses a `duplicate` nobody else caused.
    package var networkRepeats = false

    package init(
        workload: Workload,
        endpoint: Endpoint,
        secret: String,
        seed: UInt64,
        run: String,
        loops: Int
    ) {
        self.workload = workload
        self.endpoint = endpoint
        self.secret = secret
        self.seed = seed
        self.run = run
        self.loops = loops
    }
}

/// How far a run is, for a terminal.
package struct LoadProgress: Equatable, Sendable {
    package var seconds: UInt64 = 0
    package var online = 0
    package var sent: UInt64 = 0
    package var acknowledged: UInt64 = 0
    package var received: UInt64 = 0
}
