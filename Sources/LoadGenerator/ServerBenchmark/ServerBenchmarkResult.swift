/// Which server a figure is of.
package enum Contender: String, CaseIterable, Encodable, Sendable {
    /// `parley serve`: tokens verified, every message on disk before it is acknowledged.
    case server
    /// A bare loop in C that does the least that its clients accept: nothing verified, nothing kept.
    case reference
}

/// Messages from one client of each conversation to all its subscribers.
package struct FanOutFigures: Encodable, Equatable, Sendable {
    package var conversations = 0
    /// Of each conversation.
    package var subscribers = 0
    /// Messages of each conversation that were under way at once: of those windows whose slowest
    /// deliveries were bearable, the fastest.
    package var window = 0
    /// Acknowledged ones.
    package var messagesPerSecond = 0.0
    package var deliveriesPerSecond = 0.0
    /// From the send to each delivery, at that rate.
    package var p50Milliseconds = 0.0
    package var p99Milliseconds = 0.0
    /// Appends to the log for each message that was acknowledged; 0 where there is no log.
    package var appendsPerMessage = 0.0
}

/// What one server came to.
package struct ServerFigures: Encodable, Equatable, Sendable {
    package var idleConnections = 0
    /// Resident memory of the server for one more connected, subscribed and silent client.
    package var idleBytesPerConnection = 0.0
    /// HTTP upgrade, `connect` with a token, and `subscribe`.
    package var connectsPerSecond = 0.0
    package var group = FanOutFigures()
    /// Deliveries a second that the open loop came to at half of the group's best rate.
    package var halfRate = 0.0
    package var p50AtHalfRateMilliseconds = 0.0
    package var p99AtHalfRateMilliseconds = 0.0
    package var smallGroups = FanOutFigures()
    package var direct = FanOutFigures()
}

/// What a benchmark of the live server came to.
package struct ServerBenchmarkResult: Encodable, Sendable {
    package var machine: MachineFacts
    package var disk: DiskFacts
    package var bodyBytes: Int
    package var server = ServerFigures()
    /// The same clients against the bare loop, each figure in turn with the server's.
    package var reference = ServerFigures()
    package var phases: [Phase] = []
    package var goals: [Goal] = []
    package var notes: [String] = []
    package var faultCount: UInt64 = 0
    /// Holes, repeats, shortfalls, foreign bytes and lost connections; any makes the run worthless.
    package var faults: [String] = []

    /// Where the time of a measured phase went.
    package struct Phase: Encodable, Sendable {
        package var contender: Contender
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
        let figures = self.server
        self.goals = [
            Goal(atMost: 8192, "bytes", "idleBytesPerConnection", figures.idleBytesPerConnection),
            Goal(atLeast: 5_000, "1/s", "connectsPerSecond", figures.connectsPerSecond),
            Goal(
                atLeast: 400_000,
                "1/s",
                "groupDeliveriesPerSecond",
                figures.group.deliveriesPerSecond
            ),
            Goal(
                atMost: 25,
                "ms",
                "p99AtHalfRateMilliseconds",
                figures.p99AtHalfRateMilliseconds
            ),
            Goal(
                atLeast: 150_000,
                "1/s",
                "smallGroupDeliveriesPerSecond",
                figures.smallGroups.deliveriesPerSecond
            ),
            Goal(
                atLeast: 50_000,
                "1/s",
                "directMessagesPerSecond",
                figures.direct.messagesPerSecond
            ),
        ]
    }
}

extension ServerBenchmarkResult.Goal {
    fileprivate init(atLeast goal: Double, _ unit: String, _ name: String, _ reached: Double) {
        self.init(name: name, unit: unit, goal: goal, reached: reached, isMet: reached >= goal)
    }

    fileprivate init(atMost goal: Double, _ unit: String, _ name: String, _ reached: Double) {
        self.init(name: name, unit: unit, goal: goal, reached: reached, isMet: reached <= goal)
    }
}
