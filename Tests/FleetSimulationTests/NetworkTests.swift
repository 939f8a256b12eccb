import FleetSimulation
import Testing

/// What the network and the store cost, as their keys say.
struct NetworkTests {
    private static func run(
        _ key: String,
        _ value: String,
        after line: String,
        seed: UInt64 = 1
    ) throws -> RunResult {
        let yaml = WorldTests.scenario()
        let changed = yaml.replacing(line, with: "\(line)\n  \(key): \(value)")
        #expect(changed != yaml)
        return try WorldTests.run(changed, seed: seed)
    }

    @Test(arguments: [
        ("bandwidth", "4_000", "network:"), ("clientLoss", "0.3", "network:"),
        ("append", "200 ms", "store:"),
    ])
    func `what is scarce makes deliveries late and breaks no promise`(
        key: String,
        value: String,
        line: String
    ) throws {
        let plain = try WorldTests.run(WorldTests.scenario(), seed: 1)
        let value = value.replacing("_", with: "")
        let scarce = try Self.run(key, value, after: line)
        #expect(plain.verdict == "held")
        #expect(scarce.verdict == "held", "\(scarce.violations)")
        #expect(scarce.sendToDelivery.p99 > plain.sendToDelivery.p99 * 1.5)
    }

    @Test func `what is plentiful changes nothing`() throws {
        let plain = try WorldTests.run(WorldTests.scenario(), seed: 1)
        #expect(try Self.run("clientLoss", "0", after: "network:").digest == plain.digest)
        #expect(try Self.run("append", "0 ms", after: "store:").digest == plain.digest)
        #expect(try Self.run("group", "65536", after: "store:").digest == plain.digest)
        #expect(try Self.run("deadline", "3600 s", after: "store:").digest == plain.digest)
    }

    @Test func `groups of one commit one after the other`() throws {
        // Ten messages a second at 90 ms each: one writer is nearly busy, a group has room.
        let slow = WorldTests.scenario().replacing("[1 ms, 5 ms]", with: "[90 ms, 90 ms]")
        let grouped = try WorldTests.run(slow, seed: 1)
        let single = try WorldTests.run(
            slow.replacing("store:", with: "store:\n  group: 1"),
            seed: 1
        )
        #expect(single.verdict == "held", "\(single.violations)")
        #expect(single.sendToAck.p90 > grouped.sendToAck.p90 * 1.2)
    }

    @Test func `a write that waited through a stall beyond its deadline is refused and sent again`()
        throws
    {
        let yaml = WorldTests.scenario(faults: "[{ kind: stall, at: 5 s, lasts: 3 s }]")
        let result = try WorldTests.run(
            yaml.replacing("store:", with: "store:\n  deadline: 100 ms"),
            seed: 1
        )
        let patient = try WorldTests.run(yaml, seed: 1)
        #expect(result.verdict == "held", "\(result.violations)")
        #expect(result.digest != patient.digest)
        #expect(result.counts.acknowledged == result.counts.sent)
    }

    @Test(arguments: [
        ("network:", "bandwidth: 10", "out of range"),
        ("network:", "clientLoss: 0.7", "out of range"),
        ("network:", "retransmission: 0 ms", "out of range"),
        ("store:", "group: 0", "out of range"),
        ("store:", "append: 2 s", "out of range"),
        ("store:", "deadline: 0 s", "out of range"),
    ])
    func `an impossible cost is refused`(line: String, key: String, reason: String) throws {
        let yaml = WorldTests.scenario().replacing(line, with: "\(line)\n  \(key)")
        let error = try #require(throws: (any Error).self) { try WorldTests.run(yaml, seed: 1) }
        #expect("\(error)".contains(reason), "\(error)")
        #expect("\(error)".contains("scenario.yaml:"), "\(error)")
    }

    @Test func `more shards than cores are refused`() throws {
        let roles = "[{ nodes: 2, shards: 4, cores: 2, roles: [gateway, conversation] }]"
        let yaml = WorldTests.scenario(roles: roles)
        let error = try #require(throws: (any Error).self) { try WorldTests.run(yaml, seed: 1) }
        #expect("\(error)".contains("is less than 4 shards"), "\(error)")
        let enough = yaml.replacing("cores: 2", with: "cores: 4")
        #expect(try WorldTests.run(enough, seed: 1).verdict == "held")
    }
}
