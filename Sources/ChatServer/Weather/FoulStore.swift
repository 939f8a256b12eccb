import ChatCore
import Foundation
import Kernel

/// The store's writer and readers under a weather.
extension Weather {
    /// Writes what the weather lets through; the outcomes stand in the order of the group.
    func write(
        _ group: [WriterWork],
        through log: ([WriterWork]) -> [StoreOutcome]
    ) -> [StoreOutcome] {
        let blows = group.map { self.blow(to: $0.token, of: $0.shard) }
        let admitted = zip(group, blows).filter { _, blow in
            blow == .none || blow == .unknown(isApplied: true)
        }
        var outcomes = log(admitted.map(\.0)).makeIterator()
        return zip(group, blows).map { work, blow in
            switch blow {
            case .failed: return Self.outcome(.failed, of: work)
            case .unknown(isApplied: false): return Self.outcome(.unknown, of: work)
            case .none, .unknown(isApplied: true):
                guard let outcome = outcomes.next() else {
                    preconditionFailure("the log answers each write")
                }
                guard blow != .none else { return outcome }
                outcome.discard()
                return Self.outcome(.unknown, of: work)
            }
        }
    }

    /// Only an append tells failed from unknown.
    private static func outcome(_ outcome: AppendOutcome, of work: WriterWork) -> StoreOutcome {
        if case .append = work.request { .appended(outcome) } else { .unavailable }
    }

    /// Blocks the thread of the store that carries a request out.
    func delay(_ token: RequestToken, of shard: ShardID) {
        guard self.pauses(before: token, of: shard) else { return }
        Thread.sleep(forTimeInterval: Double(self.pause.nanoseconds) / 1e9)
    }
}

extension LogWriter {
    /// Takes so many messages from the end of the longest log, as an asynchronous failover may.
    func loseEnd(of count: UInt64) throws(DatabaseError) {
        self.forgetHeads()
        let longest = """
            WITH longest AS (SELECT id, max(head) AS head FROM conversations)
            """
        let isLost = """
            conversation = (SELECT id FROM longest)
                AND offset + \(count) > (SELECT head FROM longest)
            """
        try self.database.execute(
            """
            BEGIN IMMEDIATE;
            \(longest) DELETE FROM messages WHERE \(isLost);
            \(longest) DELETE FROM message_ids WHERE \(isLost);
            \(longest) UPDATE conversations SET head = max(0, head - \(count)),
                count = max(0, count - \(count)) WHERE id = (SELECT id FROM longest);
            COMMIT
            """
        )
    }
}
