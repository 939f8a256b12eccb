import ChatCore
import ClientProtocol
import Kernel

/// Questions about accounts: from the data of an rpc to the core's command.
extension CommandTranslation {
    func account(_ method: String, _ data: [UInt8]) throws(FrameError) -> Command {
        guard let query = try AccountQuery.parse(method: method, data.span) else {
            return .refused(.methodNotFound)
        }
        let action: AccountAction
        switch query {
        case .block(let user):
            guard user != self.user else { return .refused(.badRequest) }
            action = .block(UserID(named: user))
        case .unblock(let user): action = .unblock(UserID(named: user))
        case .blocks(let cursor, let limit):
            let after = cursor.map { ConversationID(cursor: $0) }
            if case .some(.none) = after { return .refused(.badRequest) }
            action = .blocks(
                after: after?.map { UserID(high: $0.high, low: $0.low) },
                limit: limit == 0 ? .max : limit
            )
        case .publish: action = .publishKeys
        case .count: action = .countKeys
        case .claim(let user, _): action = .claimKeys(UserID(named: user))
        case .drop: action = .dropKeys
        case .media(let media):
            switch self.namespaces.reference(to: media.channel, for: self.user) {
            case .success(let reference):
                reference.name.release()
                action = .media(media.action, reference.id, namespace: reference.namespace)
            case .failure(let refusal): return .refused(refusal.code)
            }
        }
        return .account(action, note: Kept(query).retained())
    }
}

extension MediaQuery {
    fileprivate var action: MediaAction {
        switch self {
        case .ticket: .offer
        case .url: .open
        case .drop: .drop
        }
    }
}
