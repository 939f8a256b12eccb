package import ChatCore
import Kernel

extension ShardEvent {
    /// How many references to bytes of the host's the event gives to its shard.
    package var references: Int {
        switch self {
        case .command(_, _, .publish), .command(_, _, .send), .command(_, _, .operate),
            .command(_, _, .typing):
            2
        case .command(_, _, .subscribe(_, _, let attendee)),
            .command(_, _, .subscribeByToken(_, _, _, let attendee)):
            attendee.info == .none ? 1 : 2
        case .grant(_, _, _, let attendee): attendee.info == .none ? 1 : 2
        case .command(_, _, .history), .command(_, _, .mark), .command(_, _, .list),
            .command(_, _, .account),
            .command(_, _, .presence(.members)), .command(_, _, .presence(.counts)):
            1
        case .command(_, _, .presence(.watch(let user, _))): user.name == .none ? 0 : 1
        case .peer(_, .presence(let message)): message.payload == .none ? 0 : 1
        case .peer(_, .inbox(let message)): message.payload == .none ? 0 : 1
        case .asked(_, .publish), .asked(_, .pass): 2
        case .asked(_, .subscribe(_, _, _, let attendee)): attendee.info == .none ? 1 : 2
        case .asked(_, .history), .asked(_, .members), .asked(_, .counts): 1
        case .peer(_, .publish), .peer(_, .delivery), .peer(_, .signal), .peer(_, .signalled),
            .peer(_, .relayed):
            1
        case .stored(_, .page), .stored(_, .listed), .stored(_, .account(.told)): 1
        case .stored(_, .audience(.begins(let name, _))): name == .none ? 0 : 1
        case .wallClock, .opened, .closed, .command, .authenticated, .asked, .pongs, .violated,
            .peer,
            .stored, .lease, .drain, .load, .revoked, .backlog, .dropped:
            0
        }
    }
}
