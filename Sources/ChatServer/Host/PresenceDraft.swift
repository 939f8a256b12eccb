import ChatCore
import ClientProtocol
import Kernel

/// The lists that a shard's effects build, until a reply or a push takes them.
struct PresenceDraft {
    private var members: [ClientInfo] = []
    private var states = UserStates()

    mutating func add(_ member: ClientInfo) { self.members.append(member) }

    mutating func add(_ user: String, _ state: PresenceState) { self.states.append(user, state) }

    mutating func take(_ reply: PresenceReply) -> ServerReply {
        switch reply {
        case .members:
            defer { self.members = [] }
            return .presence(PresenceResult(presence: self.members))
        case .counts(let clients, let users):
            return .presenceStats(PresenceStatsResult(numClients: clients, numUsers: users))
        case .watching:
            defer { self.states = UserStates() }
            return .rpc(data: self.states.answer)
        case .done: return .rpc(data: Array("{}".utf8))
        }
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
