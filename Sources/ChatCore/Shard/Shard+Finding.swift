import Kernel

/// Where the row of a conversation lies, at its gateway and at its owner.
extension Shard {
    /// Half of an id is hash enough, but clients choose the names it is made of: the seed keeps them
    /// from choosing where they lie.
    func hash(_ id: ConversationID) -> UInt32 {
        UInt32(truncatingIfNeeded: KeyedRandom.mix(id.high ^ self.random.seed))
    }

    func feedSlot(of id: ConversationID) -> UInt32? {
        self.feedIndex.find(self.hash(id)) { self.feeds[$0].id == id }
    }

    mutating func indexFeed(_ slot: UInt32) {
        self.feedIndex.insert(slot, self.hash(self.feeds[slot].id))
    }

    mutating func forgetFeed(_ slot: UInt32) {
        self.feedIndex.remove(slot, self.hash(self.feeds[slot].id))
    }

    func conversationSlot(of id: ConversationID) -> UInt32? {
        self.conversationIndex.find(self.hash(id)) { self.conversations[$0].id == id }
    }

    mutating func indexConversation(_ slot: UInt32) {
        self.conversationIndex.insert(slot, self.hash(self.conversations[slot].id))
    }

    mutating func forgetConversation(_ slot: UInt32) {
        self.conversationIndex.remove(slot, self.hash(self.conversations[slot].id))
    }
}
