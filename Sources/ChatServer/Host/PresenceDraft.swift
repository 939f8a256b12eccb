import ChatCore
import ClientProtocol
import Kernel

/// The lists that a shard's effects build, until a reply or a push takes them.
struct PresenceDraft {
    /// More of what members' tokens say is not told in one answer: it has to fit a connection's queue.
    private static let byteLimit = 1 << 19

    private var members: [ClientInfo] = []
    private var states = UserStates()

    mutating func add(_ member: ClientInfo) { self.members.append(member) }

    mutating func add(_ user: String, _ state: PresenceState) { self.states.append(user, state) }

    mutating func take(_ reply: PresenceReply) -> ServerReply {
        switch reply {
        case .members:
            let result = self.takeMembers()
            let bytes = result.presence.reduce(0) { $0 + $1.connInfo.count + $1.chanInfo.count }
            guard bytes <= Self.byteLimit else { return .error(ErrorResult(.limitExceeded)) }
            return .presence(result)
        case .counts(let clients, let users):
            return .presenceStats(PresenceStatsResult(numClients: clients, numUsers: users))
        case .watching:
            defer { self.states = UserStates() }
            return .rpc(data: self.states.answer)
        case .done: return .rpc(data: Array("{}".utf8))
        }
    }

    mutating func takeMembers() -> PresenceResult {
        defer { self.members = [] }
        return PresenceResult(presence: self.members)
    }

    /// The list as a push to one who watches.
    mutating func takePush(window: Interval) -> ServerMessage {
        defer { self.states = UserStates() }
        let milliseconds = (window.nanoseconds + 999_999) / 1_000_000
        return .push(
            channel: "",
            .message(data: self.states.push(windowMilliseconds: milliseconds))
        )
    }
}
