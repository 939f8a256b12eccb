import ChatCore
import Kernel

/// Checks promises 1 to 4 over what clients and the store saw, and counts its checks.
struct Verdict {
    private(set) var checks = 0
    private(set) var violations: [String] = []

    private mutating func check(_ holds: Bool, _ claim: @autoclosure () -> String) {
        self.checks += 1
        if !holds { self.violations.append(claim()) }
    }

    init(_ fleet: TestFleet, _ clients: [TestClient]) {
        for client in clients {
            let entries = fleet.store.logs[client.conversation]?.entries ?? []
            self.check(client.violations.isEmpty, "client \(client.user.low): \(client.violations)")
            for (message, offset) in client.acknowledged {
                let index = Int(offset.rawValue) - 1
                self.check(
                    entries.indices.contains(index) && entries[index].message == message
                        && entries[index].user == client.user,
                    "an acknowledged message is not in the log at offset \(offset.rawValue)"
                )
            }
            let own = entries.filter { $0.user == client.user }.compactMap(\.message)
            self.check(Set(own).count == own.count, "a message id stands twice in the log")
            self.check(
                client.outgoing.allSatisfy(\.isAcknowledged),
                "client \(client.user.low) has unacknowledged messages after healing"
            )
            self.check(
                client.position?.offset == Offset(UInt64(entries.count)),
                "client \(client.user.low) stands at \(client.position?.offset.rawValue ?? 0) of \(entries.count)"
            )
            guard let first = client.firstSeen else { continue }
            let expected = entries.dropFirst(Int(first) - 1).map(\.body)
            self.check(client.seen == Array(expected), "client \(client.user.low) saw another log")
        }
        for log in fleet.store.logs.values {
            let terms = log.entries.map(\.term)
            self.check(terms == terms.sorted(), "an older term wrote after a newer one")
        }
    }
}
