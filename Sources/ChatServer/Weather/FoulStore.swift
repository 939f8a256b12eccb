import ChatCore
import Foundation
import Kernel

/// The store's writer and readers under a weather.
extension Weather {
    /// Appends what the weather lets through; the outcomes stand in the order of the group.
    func append(
        _ group: [WriterWork],
        through log: ([WriterWork]) -> [AppendOutcome]
    ) -> [AppendOutcome] {
        let blows = group.map { self.blow(to: $0.token, of: $0.shard) }
        let admitted = zip(group, blows).filter { _, blow in
            blow == .none || blow == .unknown(isApplied: true)
        }
        var outcomes = log(admitted.map(\.0)).makeIterator()
        return blows.map { blow in
            switch blow {
            case .failed: return .failed
            case .unknown(isApplied: false): return .unknown
            case .none, .unknown(isApplied: true):
                guard let outcome = outcomes.next() else {
                    preconditionFailure("the log answers each append")
                }
                return blow == .none ? outcome : .unknown
            }
        }
    }

    /// Blocks the thread of the store that carries a request out.
    func delay(_ token: RequestToken, of shard: ShardID) {
        guard self.pauses(before: token, of: shard) else { return }
        Thread.sleep(forTimeInterval: Double(self.pause.nanoseconds) / 1e9)
    }
}
