import BasicContainers
import Kernel

/// The owner's side: sequencing, appending, acknowledging and fanning out.
extension Shard {
    /// The owner's row of a conversation whose lease this shard believes to hold; loads it if need be.
    mutating func owned(
        _ id: ConversationID,
        namespace: UInt8,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> UInt32? {
        let partition = self.partition(of: id)
        let lease = self.placement[Int(partition.rawValue)]
        guard lease.owner == self.id, self.configuration.roles.contains(.conversation) else {
            return nil
        }
        if let slot = self.conversationSlot(of: id) {
            guard self.conversations[slot].term != lease.term else { return slot }
            guard self.isAtRest(slot) else { return nil }
            self.forget(slot)
        }
        let slot = self.conversations.insert(
            OwnedConversation(id: id, namespace: namespace, term: lease.term)
        )
        self.indexConversation(slot)
        self.listConversation(slot)
        self.load(slot, into: &effects)
        return slot
    }

    /// Whether nothing waits for a conversation's store or log.
    func isAtRest(_ slot: UInt32) -> Bool {
        self.conversations[slot].messageCount == 0 && self.conversations[slot].openReads == 0
            && self.conversations[slot].askedCount == 0
    }

    private mutating func load(_ slot: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        self.conversations[slot].openReads += 1
        self.ask(.head(self.conversations[slot].id), for: .load(conversation: slot), into: &effects)
    }

    mutating func forget(_ slot: UInt32) {
        self.forgetConversation(slot)
        self.unlistConversation(slot)
        self.conversations.remove(slot, leaving: .blank)
    }

    mutating func sequence(
        _ request: PublishRequest,
        from gateway: ShardID,
        isAllowed: Bool = false,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard
            let slot = self.owned(
                request.conversation,
                namespace: request.namespace,
                into: &effects
            )
        else {
            self.refuse(request, gateway, .internal, into: &effects)
            return
        }
        let hasLog = self.namespace(request.namespace).hasLog
        if self.answersFromMemory(request, from: gateway, in: slot, hasLog: hasLog, into: &effects)
        {
            return
        }
        guard hasLog else {
            self.passOn(request, from: gateway, in: slot, at: now, into: &effects)
            return
        }
        let waiting =
            self.conversations[slot].messageCount + self.conversations[slot].repeatCount
            + self.conversations[slot].askedCount
        guard waiting < self.configuration.pendingLimit
        else {
            self.refuse(request, gateway, .internal, into: &effects)
            return
        }
        if self.waitsWithFirst(request, from: gateway, in: slot, into: &effects) { return }
        let bytes = self.keptBytes + UInt64(Self.cost(of: request.body))
        guard bytes <= self.configuration.shardPublishBytes else {
            self.refuse(request, gateway, .tooManyRequests, into: &effects)
            return
        }
        if !isAllowed, self.mustAsk(request) {
            self.ask(request, from: gateway, in: slot, into: &effects)
            return
        }
        let canTake: Bool
        switch self.conversations[slot].sequencer.phase {
        case .loading, .open: canTake = true
        case .settling, .readingBack: canTake = false
        }
        guard canTake else {
            self.refuse(request, gateway, .internal, into: &effects)
            return
        }
        let message = self.messages.insert(
            OwnedMessage(
                request: request,
                gateway: gateway,
                unixMilliseconds: self.wallClockOrigin &+ now.nanoseconds / 1_000_000,
                fate: .waiting,
                next: noSlot,
                previous: noSlot,
                firstRepeat: noSlot
            )
        )
        self.appendMessage(message, to: slot)
        if self.conversations[slot].sequencer.phase == .open {
            self.append(message, of: slot, into: &effects)
        }
    }

    private mutating func appendMessage(_ message: UInt32, to slot: UInt32) {
        let last = self.conversations[slot].lastMessage
        if last == noSlot {
            self.conversations[slot].firstMessage = message
        } else {
            self.messages[last].next = message
        }
        self.messages[message].previous = last
        self.keptBytes += UInt64(Self.cost(of: self.messages[message].request.body))
        self.conversations[slot].lastMessage = message
        self.conversations[slot].messageCount += 1
    }

    /// Answers a repeat of a message id that was taken not long ago: where there is a log, only while the
    /// owner knows its end, and that it is still the one that holds the message.
    private mutating func answersFromMemory(
        _ request: PublishRequest,
        from gateway: ShardID,
        in slot: UInt32,
        hasLog: Bool,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Bool {
        guard let key = Self.key(of: request), var reply = self.recent.reply(to: key) else {
            return false
        }
        if hasLog {
            let sequencer = self.conversations[slot].sequencer
            guard sequencer.phase == .open, reply.epoch == sequencer.epoch else { return false }
        }
        reply.isDuplicate = true
        effects.emit(.peer(gateway, .published(request.token, .accepted(reply))))
        self.release(request.body.handle, into: &effects)
        return true
    }

    private static func key(of request: PublishRequest) -> RecentMessages.Key? {
        request.message.map {
            RecentMessages.Key(
                conversation: request.conversation,
                user: request.user,
                message: $0
            )
        }
    }

    /// Lets a repeat of a message id that is in flight wait for the first one's outcome.
    private mutating func waitsWithFirst(
        _ request: PublishRequest,
        from gateway: ShardID,
        in slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) -> Bool {
        guard let id = request.message else { return false }
        var row = self.conversations[slot].firstMessage
        while row != noSlot {
            let pending = self.messages[row].request
            if pending.message == id, pending.user == request.user {
                let waiting = RepeatedMessage(
                    token: request.token,
                    gateway: gateway,
                    next: self.messages[row].firstRepeat
                )
                self.messages[row].firstRepeat = self.repeats.insert(waiting)
                self.conversations[slot].repeatCount += 1
                self.release(request.body.handle, into: &effects)
                return true
            }
            row = self.messages[row].next
        }
        return false
    }

    mutating func refuse(
        _ request: PublishRequest,
        _ gateway: ShardID,
        _ code: ErrorCode,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        effects.emit(.peer(gateway, .published(request.token, .refused(code))))
        self.release(request.body.handle, into: &effects)
    }

    /// A conversation without a log: deliver at most once, and keep nothing.
    private mutating func passOn(
        _ request: PublishRequest,
        from gateway: ShardID,
        in slot: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let reply = SendReply(
            epoch: Epoch(0),
            offset: .start,
            unixMilliseconds: self.wallClockOrigin &+ now.nanoseconds / 1_000_000,
            isDuplicate: false
        )
        effects.emit(.peer(gateway, .published(request.token, .accepted(reply))))
        if let key = Self.key(of: request) { self.recent.remember(reply, for: key) }
        self.fanOut(
            request,
            at: .start,
            reply.unixMilliseconds,
            of: slot,
            into: &effects
        )
        self.release(request.body.handle, into: &effects)
    }

    private func request(
        _ message: UInt32,
        at offset: Offset,
        of slot: UInt32
    ) -> Append {
        let owned = self.messages[message]
        return Append(
            conversation: self.conversations[slot].id,
            partition: self.partition(of: self.conversations[slot].id),
            term: self.conversations[slot].term,
            offset: offset,
            user: owned.request.user,
            message: owned.request.message,
            unixMilliseconds: owned.unixMilliseconds,
            operation: owned.request.operation,
            isMembersOnly: self.namespace(owned.request.namespace).isMembersOnly,
            body: owned.request.body
        )
    }

    mutating func append(
        _ message: UInt32,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let offset = self.conversations[slot].sequencer.number()
        self.messages[message].fate = .appending(offset)
        self.counters.appends += 1
        let append = self.request(message, at: offset, of: slot)
        self.ask(.append(append), for: .append(message: message), into: &effects)
    }

    mutating func onAppended(
        _ message: UInt32,
        _ outcome: StoreOutcome,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard case .appended(let result) = outcome,
            case .appending(let offset) = self.messages[message].fate,
            let slot = self.conversationSlot(of: self.messages[message].request.conversation)
        else { preconditionFailure("an append ends as an append, while its conversation is kept") }
        self.count(result)
        let isCountable = self.messages[message].request.operation.isCountable
        switch self.conversations[slot].sequencer.complete(
            offset,
            result,
            isCountable: isCountable
        ) {
        case .acknowledge:
            let time = self.messages[message].unixMilliseconds
            self.messages[message].fate = .found(
                offset,
                unixMilliseconds: time,
                isDuplicate: false
            )
            let request = self.messages[message].request
            self.countMembers(after: request, of: slot, into: &effects)
            self.fanOut(request, at: offset, time, of: slot, into: &effects)
            self.announceLater(slot)
        case .duplicate:
            guard case .duplicate(let first, let unixMilliseconds) = result else { return }
            self.messages[message].fate = .found(
                first,
                unixMilliseconds: unixMilliseconds,
                isDuplicate: true
            )
        case .refuse:
            guard case .refused(let code) = result else { return }
            self.messages[message].fate = .refused(code)
        case .park:
            self.messages[message].fate = .parked(offset, result)
            self.readBackIfSettled(slot, into: &effects)
            return
        }
        self.answer(message, of: slot, into: &effects)
        self.removeMessage(message, from: slot, into: &effects)
        self.readBackIfSettled(slot, into: &effects)
    }

    private mutating func count(_ outcome: AppendOutcome) {
        switch outcome {
        case .done: self.counters.appendsDone += 1
        case .duplicate: self.counters.appendsDuplicate += 1
        case .fenced, .failed, .refused: self.counters.appendsFailed += 1
        case .unknown: self.counters.appendsUnknown += 1
        }
    }

    /// Tells the sender, and whoever repeated the id meanwhile, what the log says.
    mutating func answer(
        _ message: UInt32,
        of slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let owned = self.messages[message]
        var outcome = PublishOutcome.refused(.internal)
        if case .refused(let code) = owned.fate { outcome = .refused(code) }
        self.forgetDeparted(owned)
        if case .found(let offset, let unixMilliseconds, let isDuplicate) = owned.fate {
            let reply = SendReply(
                epoch: self.conversations[slot].sequencer.epoch,
                offset: offset,
                unixMilliseconds: unixMilliseconds,
                isDuplicate: isDuplicate
            )
            outcome = .accepted(reply)
            if let key = Self.key(of: owned.request) { self.recent.remember(reply, for: key) }
        }
        effects.emit(.peer(owned.gateway, .published(owned.request.token, outcome)))
        var row = owned.firstRepeat
        while row != noSlot {
            let waiting = self.repeats[row]
            var repeated = outcome
            if case .accepted(var reply) = outcome {
                reply.isDuplicate = true
                repeated = .accepted(reply)
            }
            effects.emit(.peer(waiting.gateway, .published(waiting.token, repeated)))
            self.repeats.remove(row, leaving: waiting)
            self.conversations[slot].repeatCount -= 1
            row = waiting.next
        }
    }

    mutating func removeMessage(
        _ message: UInt32,
        from slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let row = self.messages[message]
        if row.previous == noSlot {
            self.conversations[slot].firstMessage = row.next
        } else {
            self.messages[row.previous].next = row.next
        }
        if row.next == noSlot {
            self.conversations[slot].lastMessage = row.previous
        } else {
            self.messages[row.next].previous = row.previous
        }
        self.keptBytes -= UInt64(Self.cost(of: row.request.body))
        self.conversations[slot].messageCount -= 1
        self.messages.remove(message, leaving: row)
        self.release(row.request.body.handle, into: &effects)
    }
}
