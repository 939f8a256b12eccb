import BasicContainers
import Kernel

/// A gateway's answers about who is in a conversation, and the pushes of who joins and leaves.
extension Shard {
    mutating func askGathering(
        _ handle: ConnectionHandle,
        _ id: CommandID,
        _ reference: ConversationReference,
        wantsMembers: Bool,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        self.release(reference.name, into: &effects)
        guard self.mayAskGathering(of: reference, as: handle) else {
            let isKept = self.namespace(reference.namespace).presence
            self.fail(handle, id, isKept ? .permissionDenied : .notAvailable, into: &effects)
            return
        }
        self.askOwner(
            for: .client(handle, id),
            reference,
            wantsMembers: wantsMembers,
            at: now,
            into: &effects
        )
    }

    /// Asks the owner who is in a conversation, for somebody who may know.
    mutating func askOwner(
        for asker: GatheringQuestion.Asker,
        _ reference: ConversationReference,
        wantsMembers: Bool,
        at now: Instant,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let conversation = reference.id
        guard self.namespace(reference.namespace).presence else {
            self.answer(asker, .refused(.notAvailable), into: &effects)
            return
        }
        guard let owner = self.placement[Int(self.partition(of: conversation).rawValue)].owner
        else {
            self.answer(asker, .refused(.internal), into: &effects)
            return
        }
        let question = self.presence.questions.insert(
            GatheringQuestion(
                asker: asker,
                conversation: conversation,
                wantsMembers: wantsMembers
            )
        )
        let token = self.token(for: .gathering(question: question))
        let ask = PresenceMessage.ask(token, conversation, wantsMembers: wantsMembers)
        effects.emit(.peer(owner, .presence(ask)))
        self.deadlines.schedule(.request(token), at: now + self.configuration.requestTimeout)
    }

    /// Answers whoever asked, if the connection is still there.
    private mutating func answer(
        _ asker: GatheringQuestion.Asker,
        _ response: ServerResponse,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        switch asker {
        case .server(let id): effects.emit(.respond(id, response))
        case .client(let handle, let command):
            guard self.isOpen(handle) else { return }
            switch response {
            case .members:
                effects.emit(.reply(handle, command, .presence(.members)))
            case .counts(let clients, let users):
                let reply = PresenceReply.counts(clients: clients, users: users)
                effects.emit(.reply(handle, command, .presence(reply)))
            case .refused(let code): self.fail(handle, command, code, into: &effects)
            case .published, .history, .done:
                preconditionFailure("who is there is answered with a list, a number or a refusal")
            }
        }
    }

    private func isThere(_ asker: GatheringQuestion.Asker) -> Bool {
        switch asker {
        case .server: true
        case .client(let handle, _): self.isOpen(handle)
        }
    }

    /// Who is among the members of a conversation is for members only.
    private func mayAskGathering(
        of reference: ConversationReference,
        as handle: ConnectionHandle
    ) -> Bool {
        let policy = self.namespace(reference.namespace)
        guard policy.presence, self.isOpen(reference, to: policy.presenceReaders, for: handle)
        else { return false }
        guard policy.isMembersOnly else { return true }
        guard let slot = self.subscription(of: handle, to: reference.id),
            case .live = self.subscriptions[slot].standing
        else { return false }
        return self.isVouched(slot)
    }

    private func question(of token: RequestToken) -> UInt32? {
        guard let slot = self.slot(of: token),
            case .gathering(let question) = self.requests[slot]
        else { return nil }
        return question
    }

    mutating func onCounted(
        _ token: RequestToken,
        clients: UInt32,
        users: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let slot = self.question(of: token) else { return }
        let question = self.presence.questions[slot]
        self.endQuestion(token, slot, into: &effects)
        if question.wantsMembers {
            let isTooLong = clients > 0
            self.answer(
                question.asker,
                isTooLong ? .refused(.limitExceeded) : .members,
                into: &effects
            )
        } else {
            self.answer(question.asker, .counts(clients: clients, users: users), into: &effects)
        }
    }

    mutating func onMember(
        _ token: RequestToken,
        index: UInt32,
        count: UInt32,
        _ entry: GatheringEntry,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        guard let slot = self.question(of: token), index < count,
            count <= self.configuration.presence.memberLimit
        else {
            self.release(entry.info, into: &effects)
            return
        }
        if self.presence.questions[slot].entries.isEmpty {
            self.presence.questions[slot].entries = Array(repeating: nil, count: Int(count))
            self.presence.questions[slot].missing = count
        }
        guard Int(index) < self.presence.questions[slot].entries.count,
            self.presence.questions[slot].entries[Int(index)] == nil
        else {
            self.release(entry.info, into: &effects)
            return
        }
        self.presence.questions[slot].entries[Int(index)] = entry
        self.presence.questions[slot].missing -= 1
        guard self.presence.questions[slot].missing == 0 else { return }
        let question = self.presence.questions[slot]
        if self.isThere(question.asker) {
            for case .some(let entry) in question.entries {
                effects.emit(.presence(.member(info: self.info(of: entry, askedBy: question))))
            }
            self.answer(question.asker, .members, into: &effects)
        }
        self.endQuestion(token, slot, into: &effects)
    }

    /// Others know a session by its first connection; who asks finds itself as it is.
    private func info(
        of entry: GatheringEntry,
        askedBy question: GatheringQuestion
    ) -> PayloadHandle {
        guard case .client(let handle, _) = question.asker else { return entry.info }
        let connection = self.connections[Int(handle.slot)].id
        guard entry.connection == connection,
            let row = self.localPresence(of: .member(question.conversation, connection))
        else { return entry.info }
        return self.presence.rows[row].info
    }

    private mutating func endQuestion(
        _ token: RequestToken,
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        _ = self.take(token)
        for case .some(let entry) in self.presence.questions[slot].entries {
            self.release(entry.info, into: &effects)
        }
        self.presence.questions.remove(slot, leaving: .blank)
    }

    /// The owner has not answered in time.
    mutating func expireQuestion(
        _ token: RequestToken,
        _ slot: UInt32,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        let question = self.presence.questions[slot]
        self.endQuestion(token, slot, into: &effects)
        self.answer(question.asker, .refused(.internal), into: &effects)
    }

    // MARK: Pushes

    private func hears(_ subscription: UInt32) -> Bool {
        let row = self.subscriptions[subscription]
        return row.hearsAttendance
            || self.namespace(self.feeds[row.feed].namespace).forcePushJoinLeave
    }

    mutating func onAttendance(
        _ attendance: Attendance,
        into effects: inout EffectBuffer<ShardEffect>
    ) {
        defer { self.release(attendance.info, into: &effects) }
        guard let feed = self.feedSlot(of: attendance.conversation) else { return }
        let start = effects.targetCount
        var count: UInt32 = 0
        for index in 0..<self.feeds[feed].targets.count {
            let target = self.feeds[feed].targets[index]
            // Whoever joins is told by the owner's answer, which is never lost for good.
            guard self.hears(target.subscription),
                self.connections[Int(target.connection.slot)].id != attendance.connection
            else { continue }
            effects.appendTarget(target.connection)
            count += 1
        }
        guard count > 0 else { return }
        let push = PresenceEffect.attendance(
            isJoin: attendance.isJoin,
            info: attendance.info,
            name: self.feeds[feed].name,
            targets: TargetRange(start: start, count: count)
        )
        effects.emit(.presence(push))
    }

    /// A member's own join, also when nobody else hears of it.
    mutating func tellOwnJoin(of row: UInt32, into effects: inout EffectBuffer<ShardEffect>) {
        let presence = self.presence.rows[row]
        guard case .member(let id, _) = presence.subject,
            self.namespace(presence.namespace).joinLeave, self.isOpen(presence.connection),
            let subscription = self.subscription(of: presence.connection, to: id),
            self.hears(subscription)
        else { return }
        let start = effects.targetCount
        effects.appendTarget(presence.connection)
        let push = PresenceEffect.attendance(
            isJoin: true,
            info: presence.info,
            name: self.feeds[self.subscriptions[subscription].feed].name,
            targets: TargetRange(start: start, count: 1)
        )
        effects.emit(.presence(push))
    }
}
