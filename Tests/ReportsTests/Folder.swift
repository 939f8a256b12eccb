import Foundation
import Reports

/// A folder that is gone after the test.
struct Folder {
    let url: URL

    /// Calls `body` with a new folder, and removes it.
    static func with<Result>(_ body: (Folder) throws -> Result) throws -> Result {
        let name = "parley-reports-\(ProcessInfo.processInfo.globallyUniqueString)"
        let url = FileManager.default.temporaryDirectory.appending(path: name)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer {
            do {
                try FileManager.default.removeItem(at: url)
            } catch {
                preconditionFailure("a test's own folder can be removed: \(error)")
            }
        }
        return try body(Folder(url: url))
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: self.url.appending(path: name))
    }
}

/// A run's folder as a host would leave it, with what a test wants to be different.
struct PlantedRun {
    var kind = "simulated"
    var name = "planted"
    var nodes = 4
    var verdict = "held"
    var violations: [String] = []
    var workload = "name: planted\n"
    var steps = 3
    var command = "parley simulate planted.yaml --seed 7"

    private var object: [String: Any] {
        let percentiles = ["p50": 1.5, "p90": 2.5, "p99": 12.25, "p999": 900]
        let steps = Array(repeating: 5, count: self.steps)
        let series: [String: Any] = [
            "stepMilliseconds": 500, "sent": steps, "acknowledged": [4, 5, 6],
            "deliveries": [40, 50, 60], "online": [1, 2, 3], "storeQueue": [0, 9, 1],
            "sendToAck": ["p50": [0, 1_500, 1_600], "p99": [0, 12_000, 12_500]],
            "sendToDelivery": ["p50": [0, 1_500, 1_600], "p99": [0, 12_000, 12_500]],
            "busyNodes": Array(repeating: [100_000, 250_000, 0], count: self.nodes),
        ]
        let spread = ["upTo": [1_000, 2_000, 20_000], "counts": [1, 2, 7]]
        var object: [String: Any] = [
            "kind": self.kind, "command": self.command, "version": "1.2.3", "seed": 7,
            "verdict": self.verdict, "violations": self.violations,
            "violationCount": self.violations.count, "messagesPerSecond": 10,
            "deliveriesPerSecond": 100, "sendToAck": percentiles, "sendToDelivery": percentiles,
            "series": series, "sendToAckSpread": spread, "sendToDeliverySpread": spread,
        ]
        if self.kind == "live" {
            object["workload"] = self.name
            object["url"] = "ws://localhost/connection/websocket"
            object["users"] = 12_345
            return object
        }
        object["scenario"] = self.name
        object["digest"] = "0123456789abcdef"
        object["checks"] = [["law": "durability", "checks": 4_321]]
        object["utilisation"] = (0..<self.nodes).map { ["node": $0, "mean": 0.25] }
        object["presence"] = ["told": 7_654, "gone": 321, "widestWindowSeconds": 6.25]
        object["counts"] = ["sent": 15, "acknowledged": 15, "deliveries": 150]
        object["setting"] = [
            "users": 12_345, "nodes": self.nodes, "shards": 8, "host": "reference",
            "hostBasis": "estimated", "workload": self.name, "sendingBeginsMilliseconds": 0,
            "sendingEndsMilliseconds": 1_500,
            "faults": [
                ["text": "node 2 is down", "beginMilliseconds": 500, "endMilliseconds": 1_000]
            ],
        ]
        return object
    }

    func write(to folder: Folder) throws {
        let data = try JSONSerialization.data(withJSONObject: self.object)
        try folder.write(String(decoding: data, as: UTF8.self), to: "run.json")
        try folder.write(self.workload, to: "workload.yaml")
    }

    /// The run as a report reads it.
    func files() throws -> RunFiles {
        try Folder.with { folder in
            try self.write(to: folder)
            return try RunFiles(folder: folder.url)
        }
    }
}
