import ChatCore
import Kernel

/// A store that goes back to an older copy of itself, with the contract of the live store.
extension StoredLogs {
    /// A stream of a conversation whose end was lost.
    struct FormerStream: Hashable {
        var log: Int
        var epoch: Epoch
    }

    /// What a copy of the store would bring back.
    func copy() -> [Log] { self.logs }

    /// How much of each log is left, and which stream it was before.
    struct Loss {
        var conversation: ConversationID
        var epoch: Epoch
        var kept: Offset
    }

    /// Everything since the copy is gone.
    ///
    /// A store that knows of it begins a new incarnation: every epoch is another, and no lease lives on.
    /// One that does not know goes on as if nothing had happened.
    mutating func restore(_ copy: [Log], isNoticed: Bool) -> [Loss] {
        var losses: [Loss] = []
        for log in self.logs.indices {
            let conversation = self.logs[log].id
            let epoch = self.head(of: conversation).epoch
            let kept = log < copy.count ? copy[log].entries.count : 0
            guard isNoticed || self.logs[log].entries.count > kept else { continue }
            self.formerEntries[FormerStream(log: log, epoch: epoch)] = self.logs[log].entries
            while self.logs[log].entries.count > kept { self.removeLast(of: log) }
            losses.append(
                Loss(conversation: conversation, epoch: epoch, kept: Offset(UInt64(kept)))
            )
        }
        guard isNoticed else { return losses }
        if self.bug != .hidesLoss { self.incarnation += 1 }
        for index in self.leases.rows.indices {
            self.leases.rows[index].term = self.leases.rows[index].term.next
            self.leases.rows[index].owner = nil
        }
        return losses
    }

    /// An incarnation's epochs have nothing to do with those before; within it they count upwards.
    func firstEpoch(of conversation: ConversationID, plus generation: UInt32) -> Epoch {
        let first = UInt32(truncatingIfNeeded: conversation.high) &+ generation
        guard self.incarnation > 0 else { return Epoch(first) }
        let word = KeyedRandom.mix(conversation.high ^ UInt64(self.incarnation))
        return Epoch(first &+ UInt32(truncatingIfNeeded: word))
    }

    /// What stood at an offset of a page's stream when the page was read.
    func entry(_ conversation: ConversationID, at offset: Offset, in epoch: Epoch) -> Entry? {
        guard !self.formerEntries.isEmpty, let log = self.log(of: conversation),
            epoch != self.head(of: conversation).epoch,
            let entries = self.formerEntries[FormerStream(log: log, epoch: epoch)],
            offset > .start, offset.rawValue <= UInt64(entries.count)
        else { return self.entry(conversation, at: offset) }
        return entries[Int(offset.rawValue - 1)]
    }
}
