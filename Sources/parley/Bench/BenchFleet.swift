import FleetSimulation
import Foundation
import Workload

/// The fleet and the users of a measured run; as text, so that it is read as strictly as a file.
struct BenchFleet {
    var gatewayShards: UInt16
    var conversationShards: UInt16
    var users: UInt32
    var messagesPerSecond: String
    /// In whole seconds.
    var rampUp: UInt32
    var duration: UInt32
    var settle: UInt32
    var conversations: String

    private static let host = """
        name: bench
        wakeUp: 4 us
        event: 2 us
        command: 6 us
        connect: 60 us
        target: 500 ns
        kilobyte: 500 ns
        eventsPerWakeUp: 64
        """

    func scenario() throws -> Scenario {
        let text = """
            name: bench
            host: bench
            fleet:
              partitions: 256
              groups:
                - { nodes: 1, shards: \(self.gatewayShards), roles: [gateway] }
                - { nodes: 1, shards: \(self.conversationShards), roles: [conversation] }
            network:
              client: [5 ms, 12 ms, 20 ms, 35 ms, 150 ms]
              bus: [100 us, 150 us, 200 us, 1 ms]
              busLoss: 0
              busRepeat: 0
            store:
              commit: [1 ms, 2 ms, 3 ms, 12 ms]
              read: [200 us, 300 us, 2 ms]
              failed: 0
              unknown: 0
            workload:
              name: bench
              users: \(self.users)
              messagesPerSecond: \(self.messagesPerSecond)
              bodyBytes: 128
              rampUp: \(self.rampUp) s
              duration: \(self.duration) s
              settle: \(self.settle) s
              conversations: \(self.conversations)
              cohorts: [{ name: sdk, share: 1 }]
            """
        let costs = try HostCosts(StrictNode(yaml: Self.host, file: "bench host"))
        return try Scenario(StrictNode(yaml: text, file: "bench scenario"), costs: costs)
    }
}

/// What the process takes of the machine.
enum ProcessUse {
    /// Resident memory in bytes, from the kernel's own count.
    static func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else {
            throw CocoaError(.fileReadCorruptFile)
        }
        return pages * Int(getpagesize())
    }

    static func seconds(_ body: () -> Void) -> Double {
        ContinuousClock().measure(body) / .seconds(1)
    }
}
