package import ChatCore

extension ShardEvent {
    /// How many references to bytes of the host's the event gives to its shard.
    package var references: Int {
        switch self {
        case .command(_, _, .publish), .command(_, _, .send): 2
        case .command(_, _, .subscribe), .command(_, _, .history): 1
        case .peer(_, .publish), .peer(_, .delivery): 1
        case .stored(_, .page): 1
        case .wallClock, .opened, .closed, .command, .authenticated, .pongs, .violated, .peer,
            .stored, .lease, .drain:
            0
        }
    }
}
