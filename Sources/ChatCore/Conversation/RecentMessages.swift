import Kernel

/// The message ids that an owner sequenced last, so that a repeat is answered without the store.
///
/// Only a shortcut: the store's unique index decides. Bounded; the oldest is forgotten first.
struct RecentMessages: ~Copyable {
    struct Key: Equatable, BitwiseCopyable {
        var conversation: ConversationID
        var user: UserID
        var message: MessageID
    }

    /// The key of each place; beyond the limit the oldest place is taken.
    private(set) var order: [Key] = []
    /// The reply to each place's key.
    private var replies: [SendReply] = []
    private var index = SlotIndex()
    var oldest = 0
    let limit: Int
    private let seed: UInt64

    /// `seed` keeps clients, who choose message ids, from choosing where they lie.
    init(limit: Int, seed: UInt64) {
        self.limit = limit
        self.seed = seed
    }

    private func hash(_ key: Key) -> UInt32 {
        var word = KeyedRandom.mix(key.message.high ^ self.seed)
        word = KeyedRandom.mix(word ^ key.message.low)
        word = KeyedRandom.mix(word ^ key.conversation.high)
        return UInt32(truncatingIfNeeded: KeyedRandom.mix(word ^ key.user.high))
    }

    private func place(of key: Key, _ hash: UInt32) -> UInt32? {
        self.index.find(hash) { self.order[Int($0)] == key }
    }

    func reply(to key: Key) -> SendReply? {
        self.place(of: key, self.hash(key)).map { self.replies[Int($0)] }
    }

    /// Returns whether the key was new.
    @discardableResult
    mutating func remember(_ reply: SendReply, for key: Key) -> Bool {
        guard self.limit > 0 else { return false }
        let hash = self.hash(key)
        if let place = self.place(of: key, hash) {
            self.replies[Int(place)] = reply
            return false
        }
        if self.order.count < self.limit {
            self.index.insert(UInt32(self.order.count), hash)
            self.order.append(key)
            self.replies.append(reply)
        } else {
            let place = UInt32(self.oldest)
            self.index.remove(place, self.hash(self.order[self.oldest]))
            self.index.insert(place, hash)
            self.order[self.oldest] = key
            self.replies[self.oldest] = reply
            self.oldest = (self.oldest + 1) % self.limit
        }
        return true
    }
}
