import BasicContainers
import Kernel

/// Whether the rows of a snapshot name rows that are there.
extension Shard {
    borrowing func areLinksWhole() -> Bool {
        self.areConnectionsWhole() && self.areSubscriptionsWhole() && self.areFeedsWhole()
            && self.areConversationsWhole()
    }

    private func isLink<Row>(_ slot: UInt32, into slab: borrowing Slab<Row>) -> Bool {
        slot == noSlot || slab.isOccupied(slot)
    }

    private borrowing func areConnectionsWhole() -> Bool {
        for slot in 0..<self.connections.count {
            let connection = self.connections[slot]
            guard connection.phase != .vacant else { continue }
            guard self.isLink(connection.firstGated, into: self.gated),
                self.isLink(connection.firstSubscription, into: self.subscriptions)
            else { return false }
        }
        for slot in 0..<self.gated.slotCount where self.gated.isOccupied(slot) {
            guard self.isLink(self.gated[slot].next, into: self.gated) else { return false }
        }
        for slot in self.pingSlots.slots.indices {
            for handle in self.pingSlots.slots[slot] {
                guard Int(handle.slot) < self.connections.count else { return false }
            }
        }
        return true
    }

    private borrowing func areSubscriptionsWhole() -> Bool {
        for slot in 0..<self.subscriptions.slotCount where self.subscriptions.isOccupied(slot) {
            let row = self.subscriptions[slot]
            guard self.feeds.isOccupied(row.feed),
                Int(row.connection.slot) < self.connections.count,
                self.isLink(row.nextInConnection, into: self.subscriptions)
            else { return false }
            switch row.standing {
            case .live(let target):
                guard Int(target) < self.feeds[row.feed].targets.count else { return false }
            case .joining(let join):
                guard self.joins.isOccupied(join),
                    self.isLink(self.joins[join].next, into: self.subscriptions)
                else { return false }
            }
        }
        return true
    }

    private borrowing func areFeedsWhole() -> Bool {
        for slot in 0..<self.feeds.slotCount where self.feeds.isOccupied(slot) {
            let feed = self.feeds[slot]
            guard self.isLink(feed.firstJoining, into: self.subscriptions),
                self.isLink(feed.lastJoining, into: self.subscriptions),
                self.isLink(feed.firstHeld, into: self.held),
                Int(feed.namespace) < self.configuration.namespaces.count
            else { return false }
            for target in feed.targets.elements {
                guard self.subscriptions.isOccupied(target.subscription) else { return false }
            }
        }
        for slot in 0..<self.held.slotCount where self.held.isOccupied(slot) {
            guard self.isLink(self.held[slot].next, into: self.held) else { return false }
        }
        return true
    }

    private borrowing func areConversationsWhole() -> Bool {
        for slot in 0..<self.conversations.slotCount where self.conversations.isOccupied(slot) {
            let row = self.conversations[slot]
            guard self.isLink(row.firstMessage, into: self.messages),
                self.isLink(row.lastMessage, into: self.messages)
            else { return false }
        }
        for slot in 0..<self.messages.slotCount where self.messages.isOccupied(slot) {
            guard self.isLink(self.messages[slot].next, into: self.messages),
                self.isLink(self.messages[slot].firstRepeat, into: self.repeats)
            else { return false }
        }
        for slot in 0..<self.repeats.slotCount where self.repeats.isOccupied(slot) {
            guard self.isLink(self.repeats[slot].next, into: self.repeats) else { return false }
        }
        return true
    }
}
