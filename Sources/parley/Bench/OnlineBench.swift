import FleetSimulation
import Foundation
import Kernel
import Workload

/// Memory of online users, and the time that their idling takes.
struct OnlineBench {
    let users: UInt32
    let seed: UInt64

    private static let duration: UInt32 = 35
    private static let grace: UInt32 = 5
    private static let idle: UInt32 = 30
    /// So few that they cost nothing, and enough to put every promise to the test.
    private static let messagesPerSecond = 2.0
    /// Users that one gateway shard takes.
    private static let usersPerShard: UInt32 = 125_000
    /// Connects a second and gateway shard.
    private static let connectsPerShard: UInt32 = 5_000

    struct Row: Encodable {
        var users: UInt32
        /// When measuring began.
        var online: Int
        var gatewayShards: UInt16
        /// Growth of resident memory, server, clients, store and oracle together.
        var bytesPerUser: BenchGoal
        /// While all users idle, but for being pinged every 25 s.
        var wallSecondsPerSimulatedSecond: Double
        var connectWallSeconds: Double
        var idleWallSeconds: Double
        var idleSimulatedSeconds: UInt32
        var pings: UInt64
        var deliveries: UInt64
        var owed: UInt64
        var verdict: String
        var digest: String

        /// Each idle user was pinged at least once in the time.
        var isComplete: Bool {
            self.online == Int(self.users) && self.verdict == "held"
                && self.deliveries == self.owed && self.pings >= UInt64(self.users)
        }

        var text: String {
            "\(self.online) of \(self.users) users online on \(self.gatewayShards) gateway shards:"
                + " \(Int(self.bytesPerUser.reached)) bytes each (\(self.bytesPerUser.text));"
                + String(
                    format: " %.4f s of wall time for a simulated second idle, %.1f s to connect;",
                    self.wallSecondsPerSimulatedSecond,
                    self.connectWallSeconds
                )
                + " \(self.pings) pings, \(self.deliveries) of \(self.owed) deliveries received,"
                + " oracle: \(self.verdict)"
        }
    }

    func measure() throws -> Row {
        let shards = (self.users + Self.usersPerShard - 1) / Self.usersPerShard
        let rampUp = max(10, self.users / shards / Self.connectsPerShard)
        let fleet = BenchFleet(
            gatewayShards: UInt16(shards),
            conversationShards: UInt16(shards),
            users: self.users,
            messagesPerSecond: String(format: "%.6f", Self.messagesPerSecond / Double(self.users)),
            rampUp: rampUp,
            duration: Self.duration,
            settle: 10,
            conversations:
                "[{ members: 2, perUser: 3 }, { members: 10, perUser: 1 }, { members: 34, perUser: 1 }]"
        )
        let scenario = try fleet.scenario()
        let before = try ProcessUse.residentBytes()
        var world = World(scenario, seed: self.seed)
        // Who came last is still connecting when the ramp ends.
        let start = Instant.zero + .seconds(UInt64(rampUp + Self.grace))
        let connecting = ProcessUse.seconds { world.run(until: start) }
        let online = world.onlineCount
        let pings = world.pingCount
        let end = start + .seconds(UInt64(Self.idle))
        let idle = ProcessUse.seconds { world.run(until: end) }
        let bytes = Double(try ProcessUse.residentBytes() - before) / Double(max(online, 1))
        let pinged = world.pingCount - pings
        world.run(until: scenario.end)
        let result = world.conclude()
        return Row(
            users: self.users,
            online: online,
            gatewayShards: UInt16(shards),
            bytesPerUser: BenchGoal(atMost: 1_024, reached: bytes.rounded()),
            wallSecondsPerSimulatedSecond: idle / Double(Self.idle),
            connectWallSeconds: connecting,
            idleWallSeconds: idle,
            idleSimulatedSeconds: Self.idle,
            pings: pinged,
            deliveries: result.counts.deliveries,
            owed: world.deliveriesOwed,
            verdict: result.verdict,
            digest: result.digest
        )
    }
}
