import Kernel

/// The feeds and conversations of each partition, so that a change of its lease touches no others.
extension Shard {
    mutating func listFeed(_ slot: UInt32) {
        let partition = Int(self.partition(of: self.feeds[slot].id).rawValue)
        let first = self.partitionFeeds[partition]
        self.feeds[slot].nextInPartition = first
        if first != noSlot { self.feeds[first].previousInPartition = slot }
        self.partitionFeeds[partition] = slot
    }

    mutating func unlistFeed(_ slot: UInt32) {
        let next = self.feeds[slot].nextInPartition
        let previous = self.feeds[slot].previousInPartition
        if next != noSlot { self.feeds[next].previousInPartition = previous }
        if previous == noSlot {
            self.partitionFeeds[Int(self.partition(of: self.feeds[slot].id).rawValue)] = next
        } else {
            self.feeds[previous].nextInPartition = next
        }
    }

    mutating func listConversation(_ slot: UInt32) {
        let partition = Int(self.partition(of: self.conversations[slot].id).rawValue)
        let first = self.partitionConversations[partition]
        self.conversations[slot].nextInPartition = first
        if first != noSlot { self.conversations[first].previousInPartition = slot }
        self.partitionConversations[partition] = slot
    }

    mutating func unlistConversation(_ slot: UInt32) {
        let next = self.conversations[slot].nextInPartition
        let previous = self.conversations[slot].previousInPartition
        if next != noSlot { self.conversations[next].previousInPartition = previous }
        if previous == noSlot {
            let partition = Int(self.partition(of: self.conversations[slot].id).rawValue)
            self.partitionConversations[partition] = next
        } else {
            self.conversations[previous].nextInPartition = next
        }
    }
}
