import Kernel

/// The message ids that an owner sequenced last, so that a repeat is answered without the store.
///
/// Only a shortcut: the store's unique index decides. Bounded; the oldest is forgotten first.
struct RecentMessages {
    struct Key: Hashable {
        var conversation: ConversationID
        var user: UserID
        var message: MessageID
    }

    var replies: [Key: SendReply] = [:]
    var order: [Key] = []
    var oldest = 0
    let limit: Int

    init(limit: Int) { self.limit = limit }

    func reply(to key: Key) -> SendReply? { self.replies[key] }

    mutating func remember(_ reply: SendReply, for key: Key) {
        guard self.limit > 0, self.replies.updateValue(reply, forKey: key) == nil else { return }
        if self.order.count < self.limit {
            self.order.append(key)
        } else {
            self.replies.removeValue(forKey: self.order[self.oldest])
            self.order[self.oldest] = key
            self.oldest = (self.oldest + 1) % self.limit
        }
    }
}
