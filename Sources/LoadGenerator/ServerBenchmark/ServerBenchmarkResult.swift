/// What a benchmark of the live server came to.
package struct ServerBenchmarkResult: Encodable, Sendable {
    package var machine: MachineFacts
    package var disk: DiskFacts
    package var bodyBytes: Int
    package var idleConnections = 0
    /// Resident memory of the server for one more connected, subscribed and silent client.
    package var idleBytesPerConnection = 0.0
    /// HTTP upgrade, `connect` with a token, and `subscribe`.
    package var connectsPerSecond = 0.0
    package var groupSize = 0
    /// Messages to the group that were under way at once, at the best rate.
    package var groupWindow = 0
    package var groupDeliveriesPerSecond = 0.0
    package var pairs = 0
    /// Messages of each pair that were under way at once, at the best rate.
    package var directWindow = 0
    /// Acknowledged, hence on disk; both users of a pair receive each.
    package var directMessagesPerSecond = 0.0
    /// Deliveries a second that the open loop asked for, and what came of it.
    package var halfRate = 0.0
    package var p50AtHalfRateMilliseconds = 0.0
    package var p99AtHalfRateMilliseconds = 0.0
    package var phases: [Phase] = []
    package var goals: [Goal] = []
    package var notes: [String] = []
    package var faultCount: UInt64 = 0
    /// Holes, repeats, shortfalls, foreign bytes and lost connections; any makes the run worthless.
    package var faults: [String] = []

    /// Where the time of a measured phase went.
    package struct Phase: Encodable, Sendable {
        package var name: String
        package var seconds: Double
        /// Busy shares of one core: all threads of the server, and the clients.
        package var serverShare: Double
        package var clientShare: Double
        /// What other processes took meanwhile, in cores; a figure is worth little if it is not small.
        package var othersShare: Double
        /// `server`, `clients`, or `neither`.
        package var saturated: String
        /// Deliveries for each read of a client's socket: how well the server gathers.
        package var deliveriesPerRead: Double
    }

    /// A figure that was hoped for, beside the one that was reached.
    package struct Goal: Encodable, Sendable {
        package var name: String
        package var unit: String
        package var goal: Double
        package var reached: Double
        package var isMet: Bool
    }

    mutating func judge() {
        self.goals = [
            Goal(
                name: "idleBytesPerConnection",
                unit: "bytes",
                goal: 8192,
                reached: self.idleBytesPerConnection,
                isMet: self.idleBytesPerConnection <= 8192
            ),
            Goal(
                name: "groupDeliveriesPerSecond",
                unit: "1/s",
                goal: 100_000,
                reached: self.groupDeliveriesPerSecond,
                isMet: self.groupDeliveriesPerSecond >= 100_000
            ),
            Goal(
                name: "p99AtHalfRateMilliseconds",
                unit: "ms",
                goal: 25,
                reached: self.p99AtHalfRateMilliseconds,
                isMet: self.p99AtHalfRateMilliseconds <= 25
            ),
        ]
    }
}
