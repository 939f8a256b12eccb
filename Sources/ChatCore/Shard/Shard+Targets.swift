import BasicContainers
import Kernel

/// The live subscribers of a feed, who get what comes.
extension Shard {
    /// From the feed's position on, a subscription gets what comes.
    mutating func becomeTarget(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        let feed = self.subscriptions[slot].feed
        let info = self.removeJoining(slot, from: feed)
        let target = UInt32(self.feeds[feed].targets.count)
        self.subscriptions[slot].standing = .live(target: target)
        let handle = self.subscriptions[slot].connection
        self.feeds[feed].targets.append(Target(connection: handle, subscription: slot))
        self.swapTargets(target, UInt32(self.feeds[feed].briskCount - 1), of: feed)
        switch self.connections[Int(handle.slot)].pace {
        case .brisk: break
        case .full, .reading, .resting: self.setBack(slot, mayHaveDropped: false)
        }
        self.attend(slot, info, at: self.now, into: &effects)
    }

    mutating func removeTarget(_ target: UInt32, from feed: UInt32) {
        let lastBrisk = UInt32(self.feeds[feed].briskCount) &- 1
        let last = UInt32(self.feeds[feed].targets.count - 1)
        if lastBrisk != .max, target <= lastBrisk {
            self.moveTarget(lastBrisk, to: target, of: feed)
            self.moveTarget(last, to: lastBrisk, of: feed)
        } else {
            self.moveTarget(last, to: target, of: feed)
            self.feeds[feed].lagging -= 1
        }
        self.feeds[feed].targets.removeLast()
    }

    private mutating func moveTarget(_ from: UInt32, to place: UInt32, of feed: UInt32) {
        guard from != place else { return }
        let moved = self.feeds[feed].targets[Int(from)]
        self.feeds[feed].targets[Int(place)] = moved
        self.subscriptions[moved.subscription].standing = .live(target: place)
    }

    mutating func swapTargets(_ one: UInt32, _ other: UInt32, of feed: UInt32) {
        guard one != other else { return }
        let kept = self.feeds[feed].targets[Int(other)]
        self.moveTarget(one, to: other, of: feed)
        self.feeds[feed].targets[Int(one)] = kept
        self.subscriptions[kept.subscription].standing = .live(target: one)
    }

    /// Ends the subscription of one who is live: the stream is another one now.
    mutating func endLast(of feed: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        let last = self.feeds[feed].targets.count - 1
        guard last >= 0 else { return }
        let slot = self.feeds[feed].targets[last].subscription
        let handle = self.subscriptions[slot].connection
        let isServerSide = self.subscriptions[slot].isServerSide
        self.cease(slot, at: self.now, into: &effects)
        self.unlink(slot, from: handle.slot)
        self.removeTarget(UInt32(last), from: feed)
        self.forgetSubscription(slot)
        guard !isServerSide else {
            self.close(handle, .insufficientState, into: &effects)
            return
        }
        effects.emit(.unsubscribe(handle, name: self.feeds[feed].name, .insufficientState))
    }
}
