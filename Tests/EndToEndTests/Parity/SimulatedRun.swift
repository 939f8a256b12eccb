import ChatCore
import FleetSimulation
import Kernel
import Workload

/// The script in a world of one node with one shard.
struct SimulatedRun {
    static let partitionCount: UInt16 = 8
    private static let host = """
        name: test
        wakeUp: 4 us
        event: 2 us
        command: 6 us
        connect: 60 us
        target: 1 us
        kilobyte: 500 ns
        eventsPerWakeUp: 64
        """
    private static let scenario = """
        name: parity
        host: test
        fleet:
          partitions: \(Self.partitionCount)
          groups: [{ nodes: 1, shards: 1, roles: [gateway, conversation] }]
        network: { client: [5 ms, 20 ms], bus: [100 us, 1 ms], busLoss: 0, busRepeat: 0 }
        store: { commit: [1 ms, 5 ms], read: [200 us, 2 ms], failed: 0, unknown: 0 }
        workload:
          name: parity
          users: 2
          messagesPerSecond: 0.1
          bodyBytes: 64
          rampUp: 1 s
          duration: 1 s
          settle: 60 s
          conversations: [{ members: 2, perUser: 1 }]
          cohorts: [{ name: sdk, share: 1 }]
        """

    let projection: Projection
    /// How many lines the projection had after each step.
    let lineCounts: [Int]

    init(_ steps: [Step], seed: UInt64, bug: PlantedBug? = nil) throws {
        let costs = try HostCosts(StrictNode(yaml: Self.host, file: "host.yaml"))
        let node = try StrictNode(yaml: Self.scenario, file: "scenario.yaml")
        var world = World(try Scenario(node, costs: costs), seed: seed, bug: bug)
        let trace = CoreTrace()
        world.observer = { trace.add($0) }
        world.leaveDevicesToScript()
        var instant = Instant.zero + .seconds(5)
        world.run(until: instant)
        var sockets: [UInt32] = [0, 0]
        var lineCounts: [Int] = []
        for (index, step) in steps.enumerated() {
            switch step {
            case .open(let person):
                sockets[person] += 1
                world.openSocket(sockets[person], ofDevice: person)
            case .drop(let person): world.dropSocket(sockets[person], ofDevice: person)
            case .say(let person, let line):
                let command = Self.command(line, in: world.conversation(0), number: index)
                let id = CommandID(UInt32(index + 1))
                world.say(command, id, onSocket: sockets[person], ofDevice: person)
            }
            instant = instant + .milliseconds(500)
            world.run(until: instant)
            lineCounts.append(trace.projection.lineCount)
        }
        self.projection = trace.projection
        self.lineCounts = lineCounts
    }

    private static func command(
        _ line: Step.Line,
        in conversation: ConversationReference,
        number: Int
    ) -> Command {
        func body(_ bytes: Int) -> Body {
            Body(handle: PayloadHandle(rawValue: UInt64(number + 1)), byteCount: UInt32(bytes))
        }
        switch line {
        case .connect: return .connect
        case .subscribe(let since):
            let request = since.map {
                RecoveryRequest(epoch: nil, offset: Offset($0), refusesUnrecovered: false)
            }
            return .subscribe(conversation, since: request)
        case .unsubscribe: return .unsubscribe(conversation.id)
        case .publish(let bytes): return .publish(conversation, body(bytes))
        case .send(let message, let bytes):
            return .send(conversation, MessageID(high: 0, low: UInt64(message)), body(bytes))
        case .history(let since, let limit):
            let request = HistoryRequest(
                since: Offset(since),
                epoch: nil,
                limit: UInt32(limit),
                isReversed: false
            )
            return .history(conversation, request)
        }
    }
}
