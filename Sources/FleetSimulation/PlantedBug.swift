import ChatCore
import Kernel

/// A defect that a test plants at a seam of the simulated world, to see the law that must catch it.
package enum PlantedBug: String, CaseIterable, Sendable {
    /// The store answers an append before it has committed it.
    case acknowledgesBeforeCommit
    /// A crash takes the last message of each log away, and nobody is told.
    case losesTailAtCrash
    /// The store goes back to an older copy, and no epoch is another for it.
    case hidesLoss
    /// The store has no index of message ids.
    case acceptsRepeatedIDs
    /// The store does not compare terms.
    case ignoresTerms
    /// Now and then, a message does not reach the subscribers of a shard, and the next one does.
    case deliversOverHole
    /// Now and then, a message reaches the subscribers of a shard twice.
    case deliversTwice
    /// Acknowledgements name the offset after the right one.
    case acknowledgesWrongOffset
    /// Acknowledgements of repeats do not say so.
    case deniesDuplicates
    /// Owners do not announce heads, and do not state them when interest is renewed.
    case hidesHeads
    /// What a returning subscriber missed lacks its first message.
    case recoversWithHole
    /// A subscription begins after a message that does not exist yet.
    case subscribesBeyondHead
    /// A returning subscriber is told that nothing was missed.
    case forgetsAbsence
    /// The store allows everybody everything.
    case ignoresMembership
    /// The store counts one unread message too many.
    case miscountsUnread
    /// Gateways are not told whose membership has ended.
    case keepsRemoved
    /// Departures count at once.
    case forgetsGrace
    /// Departures count late.
    case dawdlesOverDepartures
    /// Gateways tell watchers whenever something happens.
    case forgetsWindow
    /// Gateways gather what they tell for too long.
    case dawdlesOverBatches
    /// Gateways tell as much as there is.
    case forgetsBudget
    /// Now and then, a push about presence does not leave.
    case losesStatuses
    /// The users of a lost gateway get no longer grace than others.
    case forgetsLostGrace
    /// Gateways tell nobody what is beyond their budget, instead of telling it later.
    case dropsBeyondBudget
    /// A host lets publications go, and does not say which.
    case forgetsDropped
    /// A host does not say when there is room again.
    case forgetsRoom
    /// A host does not say how much waits.
    case overlooksBacklogs
    /// Gateways and owners of users hint whenever something happens.
    case forgetsHintWindow
    /// The store counts one message too many where hints are made.
    case miscountsHints
    /// Now and then, a hint does not leave.
    case losesHints
    /// Hints go to another user.
    case hintsStrangers
    /// Now and then, a hint says where the conversation was long ago.
    case hintsBackwards
    /// Members of the largest conversations are hinted like others.
    case hintsEverybody
}

extension World {
    /// What leaves the shard instead of `effect`; `nil` if nothing does.
    mutating func sabotaged(_ effect: ShardEffect) -> ShardEffect? {
        switch (self.bug, effect) {
        case (.deliversOverHole, .deliver):
            self.sabotageCount += 1
            return self.sabotageCount % 20 == 0 ? nil : effect
        case (.hidesHeads, .peer(_, .head)):
            return nil
        case (.acknowledgesWrongOffset, .reply(let handle, let id, .sent(var sent))):
            sent.offset = sent.offset.next
            return .reply(handle, id, .sent(sent))
        case (.deniesDuplicates, .reply(let handle, let id, .sent(var sent))):
            sent.isDuplicate = false
            return .reply(handle, id, .sent(sent))
        case (.subscribesBeyondHead, .reply(let handle, let id, .subscribed(var subscribed))):
            if subscribed.recovery == .notRequested { subscribed.offset = subscribed.offset.next }
            return .reply(handle, id, .subscribed(subscribed))
        case (.forgetsAbsence, .reply(let handle, let id, .subscribed(var subscribed))):
            if case .recovered(_, let through) = subscribed.recovery {
                subscribed.recovery = .notRequested
                subscribed.offset = through
            }
            return .reply(handle, id, .subscribed(subscribed))
        case (.keepsRemoved, .peer(let shard, .delivery(var delivery))):
            delivery.departing = nil
            return .peer(shard, .delivery(delivery))
        case (.dropsBeyondBudget, .presence(.statuses(let window, _))):
            guard window > PresenceConfiguration().window + .milliseconds(200) else {
                return effect
            }
            self.watching?.draft = []
            return nil
        case (.losesStatuses, .presence(.statuses)):
            self.sabotageCount += 1
            guard self.sabotageCount % 5 == 0 else { return effect }
            self.watching?.draft = []
            return nil
        case (_, _):
            return self.sabotagedHint(effect)
        }
    }

    /// How often an effect leaves the shard.
    mutating func copies(of effect: ShardEffect) -> Int {
        guard self.bug == .deliversTwice, case .deliver = effect else { return 1 }
        self.sabotageCount += 1
        return self.sabotageCount % 20 == 0 ? 2 : 1
    }
}
