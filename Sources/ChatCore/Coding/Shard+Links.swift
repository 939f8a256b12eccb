import BasicContainers
import Kernel

/// Whether the rows of a snapshot name rows that are there.
extension Shard {
    borrowing func areLinksWhole() -> Bool {
        self.areConnectionsWhole() && self.areFeedsWhole() && self.areSubscriptionsWhole()
            && self.areLagsWhole() && self.areConversationsWhole()
    }

    private func isLink<Row>(_ slot: UInt32, into slab: borrowing Slab<Row>) -> Bool {
        slot == noSlot || slab.isOccupied(slot)
    }

    private borrowing func areConnectionsWhole() -> Bool {
        for slot in 0..<self.connections.count {
            let connection = self.connections[slot]
            guard connection.phase != .vacant else { continue }
            guard self.isLink(connection.firstGated, into: self.gated),
                self.isLink(connection.firstSubscription, into: self.subscriptions),
                self.isLink(connection.firstLag, into: self.lags)
            else { return false }
        }
        for slot in 0..<self.gated.slotCount where self.gated.isOccupied(slot) {
            guard self.isLink(self.gated[slot].next, into: self.gated) else { return false }
        }
        for row in self.leaving {
            guard Int(row.connection.slot) < self.connections.count else { return false }
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
                self.isLink(row.nextInConnection, into: self.subscriptions),
                self.isLink(row.expiry, into: self.expiries)
            else { return false }
            switch row.standing {
            case .live(let target):
                guard Int(target) < self.feeds[row.feed].targets.count else { return false }
            case .joining(let join):
                guard self.joins.isOccupied(join),
                    self.isLink(self.joins[join].next, into: self.subscriptions),
                    self.isLink(self.joins[join].previous, into: self.subscriptions)
                else { return false }
            }
        }
        return true
    }

    /// Each lag is of a live subscription among the last targets of its feed, and they are as many.
    private borrowing func areLagsWhole() -> Bool {
        for slot in 0..<self.lags.slotCount where self.lags.isOccupied(slot) {
            let row = self.lags[slot]
            guard self.subscriptions.isOccupied(row.subscription),
                self.isLink(row.next, into: self.lags),
                case .live(let target) = self.subscriptions[row.subscription].standing
            else { return false }
            let feed = self.subscriptions[row.subscription].feed
            guard Int(target) >= self.feeds[feed].briskCount else { return false }
        }
        return true
    }

    private borrowing func areFeedsWhole() -> Bool {
        for slot in 0..<self.feeds.slotCount where self.feeds.isOccupied(slot) {
            let feed = self.feeds[slot]
            guard self.isLink(feed.firstJoining, into: self.subscriptions),
                self.isLink(feed.lastJoining, into: self.subscriptions),
                self.isLink(feed.firstHeld, into: self.held),
                self.isLink(feed.nextInPartition, into: self.feeds),
                self.isLink(feed.previousInPartition, into: self.feeds),
                Int(feed.namespace) < self.configuration.namespaces.count,
                Int(feed.lagging) <= feed.targets.count
            else { return false }
            for target in feed.targets.elements {
                guard self.subscriptions.isOccupied(target.subscription) else { return false }
            }
        }
        for slot in self.partitionFeeds {
            guard self.isLink(slot, into: self.feeds) else { return false }
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
                self.isLink(row.lastMessage, into: self.messages),
                self.isLink(row.nextInPartition, into: self.conversations),
                self.isLink(row.previousInPartition, into: self.conversations)
            else { return false }
        }
        for slot in self.partitionConversations {
            guard self.isLink(slot, into: self.conversations) else { return false }
        }
        for slot in 0..<self.messages.slotCount where self.messages.isOccupied(slot) {
            guard Int(self.messages[slot].request.namespace) < self.configuration.namespaces.count,
                self.isLink(self.messages[slot].next, into: self.messages),
                self.isLink(self.messages[slot].previous, into: self.messages),
                self.isLink(self.messages[slot].firstRepeat, into: self.repeats)
            else { return false }
        }
        for slot in 0..<self.asked.slotCount where self.asked.isOccupied(slot) {
            guard Int(self.asked[slot].request.namespace) < self.configuration.namespaces.count
            else { return false }
        }
        for slot in 0..<self.repeats.slotCount where self.repeats.isOccupied(slot) {
            guard self.isLink(self.repeats[slot].next, into: self.repeats) else { return false }
        }
        return true
    }

    /// Sums up what the publishes under way take; false if a connection says otherwise.
    mutating func addUpBytes() -> Bool {
        for slot in 0..<self.messages.slotCount where self.messages.isOccupied(slot) {
            self.keptBytes += UInt64(Self.cost(of: self.messages[slot].request.body))
        }
        for slot in 0..<self.asked.slotCount where self.asked.isOccupied(slot) {
            self.keptBytes += UInt64(Self.cost(of: self.asked[slot].request.body))
        }
        var bytes = [UInt64](repeating: 0, count: self.connections.count)
        for slot in 0..<self.requests.slotCount where self.requests.isOccupied(slot) {
            guard let (handle, cost) = self.requests[slot].publish else { continue }
            self.openBytes += UInt64(cost)
            if let handle, self.isOpen(handle) { bytes[Int(handle.slot)] += UInt64(cost) }
        }
        for slot in bytes.indices where self.connections[slot].phase != .vacant {
            let handle = ConnectionHandle(
                slot: UInt32(slot),
                generation: self.connections[slot].generation
            )
            guard !self.isOpen(handle) || UInt64(self.connections[slot].openBytes) == bytes[slot]
            else { return false }
        }
        return true
    }
}
