import BasicContainers
import Kernel

/// Deliveries that a feed keeps: those beyond a hole, and those that a joining subscriber may need.
extension Shard {
    /// Keeps a delivery in its place.
    ///
    /// When too many are kept, the oldest goes if it is kept for joiners only, who will read it, else
    /// the new one, for the log has it.
    mutating func hold(
        _ delivery: Delivery,
        for slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        if self.feeds[slot].heldCount >= self.configuration.heldLimit {
            let first = self.feeds[slot].firstHeld
            guard first != noSlot, let position = self.feeds[slot].position.delivered,
                self.held[first].delivery.offset <= position.offset
            else {
                self.release(delivery.body.handle, into: &effects)
                return
            }
            self.letGo(first, of: slot, into: &effects)
        }
        var previous = noSlot
        var next = self.feeds[slot].firstHeld
        while next != noSlot, self.held[next].delivery.offset < delivery.offset {
            previous = next
            next = self.held[next].next
        }
        if next != noSlot, self.held[next].delivery.offset == delivery.offset {
            self.release(delivery.body.handle, into: &effects)
            return
        }
        let row = self.held.insert(HeldDelivery(delivery: delivery, next: next))
        self.feeds[slot].heldCount += 1
        if previous == noSlot {
            self.feeds[slot].firstHeld = row
        } else {
            self.held[previous].next = row
        }
    }

    /// Delivers what is kept as far as it follows the position without a hole.
    mutating func deliverContiguous(of slot: UInt32, into effects: inout EffectBuffer<ShardEffect>)
    {
        var row = self.feeds[slot].firstHeld
        var targets: TargetRange?
        while row != noSlot {
            let kept = self.held[row]
            let verdict = self.feeds[slot].position.judge(
                term: kept.delivery.term,
                epoch: kept.delivery.epoch,
                offset: kept.delivery.offset
            )
            if verdict == .deliver, self.feeds[slot].briskCount > 0 {
                // The same for all that is kept, so that a step ranges over them once.
                let range = targets ?? self.appendTargets(of: slot, into: &effects)
                targets = range
                self.counters.deliveries += UInt64(range.count)
                effects.emit(
                    .deliver(kept.delivery, name: self.feeds[slot].name, targets: range)
                )
            }
            if verdict == .deliver, kept.delivery.departing != nil {
                self.noteDeparture(kept.delivery, of: slot, into: &effects)
                targets = nil
            }
            row = kept.next
        }
        self.trimHeld(of: slot, into: &effects)
        self.closeHole(of: slot, into: &effects)
    }

    /// Whether what is kept, together with a page up to `offset`, reaches the position.
    func heldReaches(from offset: Offset, in slot: UInt32) -> Bool {
        guard let position = self.feeds[slot].position.delivered else { return false }
        var reached = offset
        var row = self.feeds[slot].firstHeld
        while row != noSlot, reached < position.offset {
            if self.held[row].delivery.offset == reached.next { reached = reached.next }
            row = self.held[row].next
        }
        return reached >= position.offset
    }

    /// The bytes of what is kept after `offset` up to the position.
    func heldBytes(after offset: Offset, in slot: UInt32) -> UInt64 {
        guard let position = self.feeds[slot].position.delivered else { return 0 }
        var bytes: UInt64 = 0
        var row = self.feeds[slot].firstHeld
        while row != noSlot {
            let delivery = self.held[row].delivery
            if delivery.offset > offset, delivery.offset <= position.offset {
                bytes += UInt64(delivery.body.byteCount)
            }
            row = self.held[row].next
        }
        return bytes
    }

    /// Delivers what is kept after `offset` up to the position to one subscriber who has just joined.
    mutating func deliverHeld(
        of slot: UInt32,
        after offset: Offset,
        only handle: ConnectionHandle,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let position = self.feeds[slot].position.delivered else { return }
        var row = self.feeds[slot].firstHeld
        while row != noSlot {
            let delivery = self.held[row].delivery
            if delivery.offset > offset, delivery.offset <= position.offset {
                let start = effects.targetCount
                effects.appendTarget(handle)
                self.counters.deliveries += 1
                effects.emit(
                    .deliver(
                        delivery,
                        name: self.feeds[slot].name,
                        targets: TargetRange(start: start, count: 1)
                    )
                )
            }
            row = self.held[row].next
        }
    }

    /// Lets go of what has been delivered, unless somebody is joining.
    mutating func trimHeld(of slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        guard self.feeds[slot].recovering == 0, let position = self.feeds[slot].position.delivered
        else { return }
        while self.feeds[slot].firstHeld != noSlot {
            let row = self.feeds[slot].firstHeld
            let kept = self.held[row]
            guard kept.delivery.offset <= position.offset || kept.delivery.epoch != position.epoch
            else { return }
            self.letGo(row, of: slot, into: &effects)
        }
    }

    mutating func dropHeld(of slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        while self.feeds[slot].firstHeld != noSlot {
            self.letGo(self.feeds[slot].firstHeld, of: slot, into: &effects)
        }
    }

    private mutating func letGo(
        _ row: UInt32,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let kept = self.held[row]
        self.feeds[slot].firstHeld = kept.next
        self.feeds[slot].heldCount -= 1
        self.held.remove(row, leaving: kept)
        self.release(kept.delivery.body.handle, into: &effects)
    }
}
