import FleetSimulation
import Foundation
import Kernel
import Workload

/// Deliveries a second of wall time in groups of one size.
struct GroupBench {
    let members: UInt32
    let users: UInt32
    let seed: UInt64

    /// Deliveries that all users together are meant to receive in a simulated second.
    private static let offeredDeliveries: UInt32 = 100_000
    private static let rampUp: UInt32 = 5
    private static let duration: UInt32 = 22
    private static let grace: UInt32 = 2
    private static let measured: UInt32 = 20

    struct Row: Encodable {
        var members: UInt32
        var users: UInt32
        /// Over the wall time of the whole sending phase, and what clients received in it.
        var deliveriesPerSecond: BenchGoal
        var deliveries: UInt64
        var owed: UInt64
        var messages: UInt64
        var acknowledged: UInt64
        var wallSeconds: Double
        var simulatedSeconds: UInt32
        var calendarEvents: UInt64
        var verdict: String
        var digest: String

        var isComplete: Bool {
            self.verdict == "held" && self.deliveries == self.owed
                && self.acknowledged == self.messages
        }

        var text: String {
            "groups of \(self.members): \(Int(self.deliveriesPerSecond.reached)) deliveries/s"
                + " (\(self.deliveriesPerSecond.text)); \(self.deliveries) of \(self.owed) received,"
                + " \(self.acknowledged) of \(self.messages) messages acknowledged,"
                + " oracle: \(self.verdict)"
        }
    }

    func measure() throws -> Row {
        let rate = Double(Self.offeredDeliveries) / Double(self.members) / Double(self.users)
        let fleet = BenchFleet(
            gatewayShards: 1,
            conversationShards: 1,
            users: self.users,
            messagesPerSecond: String(format: "%.6f", rate),
            rampUp: Self.rampUp,
            duration: Self.duration,
            settle: 10,
            conversations: "[{ members: \(self.members), perUser: 1 }]"
        )
        let scenario = try fleet.scenario()
        var world = World(scenario, seed: self.seed)
        // Who came last is still connecting when the ramp ends.
        let start = Instant.zero + .seconds(UInt64(Self.rampUp + Self.grace))
        world.run(until: start)
        let before = world.countsSoFar.deliveries
        let end = start + .seconds(UInt64(Self.measured))
        let wall = ProcessUse.seconds { world.run(until: end) }
        let during = world.countsSoFar.deliveries - before
        world.run(until: scenario.end)
        let result = world.conclude()
        return Row(
            members: self.members,
            users: self.users,
            deliveriesPerSecond: BenchGoal(atLeast: 1_000_000, reached: Double(during) / wall),
            deliveries: result.counts.deliveries,
            owed: world.deliveriesOwed,
            messages: result.counts.sent,
            acknowledged: result.counts.acknowledged,
            wallSeconds: wall,
            simulatedSeconds: Self.measured,
            calendarEvents: result.calendarEvents,
            verdict: result.verdict,
            digest: result.digest
        )
    }
}
