import ChatCore
import ClientProtocol
import Kernel

/// What a shard tells of who is there, and of what goes on where nobody looks.
extension ShardHost {
    func carryOut(_ effect: PresenceEffect) {
        switch effect {
        case .member(let info): self.draft.add(info.subscriber.info)
        case .status(let user, let state): self.draft.add(user.name.userName, state)
        case .statuses(let window, let targets):
            let push = self.draft.takePush(window: window)
            self.send(to: targets) { ReplyBytes.frame(push, $0.format) }
        case .attendance(let isJoin, let info, let name, let targets):
            let info = info.subscriber.info
            let push: ServerPush = isJoin ? .join(info) : .leave(info)
            let channel = name.conversationName
            self.send(to: targets) {
                ReplyBytes.frame(.push(channel: channel, push), $0.format)
            }
        }
    }

    /// A hint to connections of one user, in the user's own channel, without a position.
    func carryOut(_ hint: Hint, _ targets: TargetRange) {
        guard let socket = self.socket(self.effects[target: targets.start]),
            let channel = self.namespaces.personalChannel(of: socket.user)
        else { return }
        let data = ChatResults.hint(channel: hint.name.conversationName, hint)
        let push = ServerPush.publication(Publication(data: data))
        self.send(to: targets) { ReplyBytes.frame(.push(channel: channel, push), $0.format) }
    }
}
