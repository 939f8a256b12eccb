import LoadGenerator
import Testing

/// What a swarm makes of a server, good and bad.
struct SwarmTests {
    private func pair() throws -> (ScriptedServer, Swarm) {
        let server = ScriptedServer()
        let swarm = try Swarm(port: server.port, tokens: ["t"], channels: ["c"], bodyBytes: 16)
        try server.admit(to: swarm)
        try server.admit(to: swarm)
        return (server, swarm)
    }

    /// Polls until as many messages as expected have come, or something is wrong.
    private func wait(_ swarm: Swarm, for delivered: UInt64) throws {
        let giveUp = Swarm.now + 2_000_000_000
        while swarm.counts.delivered < delivered, swarm.faults.count == 0, Swarm.now < giveUp {
            try swarm.poll(until: Swarm.now + 10_000_000)
        }
    }

    @Test func `each message counts once for each subscriber, however it is cut and gathered`()
        throws
    {
        let (server, swarm) = try self.pair()
        let one = ScriptedServer.push(1, body: swarm.body)
        let two = ScriptedServer.push(2, body: swarm.body)
        server.say(ScriptedServer.frame(one + "\n" + two), to: 0)
        let both = ScriptedServer.frame(one) + ScriptedServer.frame(two)
        let cut = 100
        server.say(Array(both[..<cut]), to: 1)
        try self.wait(swarm, for: 2)
        server.say(Array(both[cut...]), to: 1)
        try self.wait(swarm, for: 4)
        #expect(swarm.faults.examples.isEmpty)
        #expect(swarm.counts.delivered == 4)
        #expect(swarm.counts.completed == 2)
    }

    enum Planted: String, CaseIterable {
        case hole, twice, otherBody, otherChannel, otherBytes, masked, fragment, goodbye, malformed

        /// What is said after message 1 was said to both clients.
        func bytes(_ body: [UInt8]) -> [UInt8] {
            let second = ScriptedServer.push(2, body: body)
            let other = [0x22] + [UInt8](repeating: 0x79, count: body.count - 2) + [0x22]
            var frame = ScriptedServer.frame(second)
            switch self {
            case .hole: frame = ScriptedServer.frame(ScriptedServer.push(3, body: body))
            case .twice: frame = ScriptedServer.frame(ScriptedServer.push(1, body: body))
            case .otherBody: frame = ScriptedServer.frame(ScriptedServer.push(2, body: other))
            case .otherChannel:
                let push = ScriptedServer.push(2, body: body, channel: "d")
                frame = ScriptedServer.frame(push)
            case .otherBytes: frame = ScriptedServer.frame(second + " ")
            case .masked: frame[1] |= 0x80
            case .fragment: frame[0] &= 0x7f
            case .goodbye: frame = [0x88, 2, 0x0b, 0xc0]
            case .malformed: frame = ScriptedServer.frame("{\"push\":")
            }
            return frame
        }
    }

    @Test(arguments: Planted.allCases)
    func `a planted fault is found`(planted: Planted) throws {
        let (server, swarm) = try self.pair()
        for client in 0..<2 {
            server.say(
                ScriptedServer.frame(ScriptedServer.push(1, body: swarm.body)),
                to: client
            )
        }
        try self.wait(swarm, for: 2)
        server.say(ScriptedServer.frame(ScriptedServer.push(2, body: swarm.body)), to: 0)
        try self.wait(swarm, for: 3)
        #expect(swarm.faults.examples.isEmpty)
        server.say(planted.bytes(swarm.body), to: 1)
        try self.wait(swarm, for: 4)
        #expect(swarm.faults.count == 1, "\(planted)")
        #expect(swarm.counts.delivered == 3)
    }

    @Test func `a server that stops talking is found`() throws {
        var server: ScriptedServer?
        let swarm: Swarm
        (server, swarm) = try self.pair()
        _ = server
        server = nil
        try self.wait(swarm, for: 1)
        #expect(swarm.faults.count > 0)
    }
}
