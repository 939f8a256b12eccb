import ChatCore
import ChatServer
import Foundation
import Kernel
import Logging

/// The script against a live server of one shard in this process, over sockets.
struct LiveRun {
    let projection: Projection

    /// Each step waits until the trace has as many lines as `lineCounts` says, or for ten seconds.
    init(_ steps: [Step], lineCounts: [Int]) async throws {
        let data = temporaryDirectory()
        let trace = CoreTrace()
        var configuration = ServerConfiguration(
            dataPath: data.path(percentEncoded: false),
            tokens: TokenPolicy(keys: [.secret(WebSocketPeer.secret)])
        )
        configuration.host = "127.0.0.1"
        configuration.port = 0
        configuration.shardCount = 1
        configuration.drainSeconds = 1
        configuration.shard.partitionCount = SimulatedRun.partitionCount
        configuration.observer = { trace.add($0) }
        var log = Logger(label: "parley")
        log.logLevel = .critical
        let server = try await LiveServer.start(configuration, log: log)
        try await expectHolds(server.port) { port in
            try Self.follow(steps, lineCounts, trace, port: port)
        }
        self.projection = trace.projection
        try await server.drain()
        try FileManager.default.removeItem(at: data)
    }

    private static func follow(
        _ steps: [Step],
        _ lineCounts: [Int],
        _ trace: CoreTrace,
        port: Int
    ) throws {
        var peers: [WebSocketPeer?] = [nil, nil]
        // Its only word is a request that is never finished: what is waited on when nobody is there.
        let clock = try RawSocket(port: port)
        func wait(until isOver: () -> Bool) {
            let end = Date().addingTimeInterval(10)
            while !isOver(), Date() < end { clock.receive(milliseconds: 2) }
        }
        wait { trace.leaseCount >= Int(SimulatedRun.partitionCount) }
        for (index, step) in steps.enumerated() {
            switch step {
            case .open(let person): peers[person] = try WebSocketPeer(port: port)
            case .drop(let person): peers[person] = nil
            case .say(let person, let line):
                let text = Self.text(line, person: person)
                peers[person]?.send("{\"id\":\(index + 1),\(text)}")
            }
            wait { trace.projection.lineCount >= lineCounts[index] }
        }
    }

    private static func text(_ line: Step.Line, person: Int) -> String {
        switch line {
        case .connect:
            let token = WebSocketPeer.token(user: "person\(person)")
            return "\"connect\":{\"token\":\"\(token)\"}"
        case .subscribe(nil): return "\"subscribe\":{\"channel\":\"lobby\"}"
        case .subscribe(let since?):
            return "\"subscribe\":{\"channel\":\"lobby\",\"recover\":true,\"offset\":\(since)}"
        case .unsubscribe: return "\"unsubscribe\":{\"channel\":\"lobby\"}"
        case .publish(let bytes):
            return "\"publish\":{\"channel\":\"lobby\",\"data\":\(Self.body(bytes))}"
        case .send(let message, let bytes):
            let data = "{\"channel\":\"lobby\",\"id\":\"m\(message)\",\"body\":\(Self.body(bytes))}"
            return "\"rpc\":{\"method\":\"chat.send\",\"data\":\(data)}"
        case .history(let since, let limit):
            let position = "{\"offset\":\(since),\"epoch\":\"\"}"
            return
                "\"history\":{\"channel\":\"lobby\",\"limit\":\(limit),\"since\":\(position)}"
        }
    }

    /// JSON text of so many bytes.
    private static func body(_ bytes: Int) -> String {
        "\"" + String(repeating: "x", count: bytes - 2) + "\""
    }
}
