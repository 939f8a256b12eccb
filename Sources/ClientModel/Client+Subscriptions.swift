import BasicContainers
package import ChatCore
import Kernel

/// One conversation of a client.
struct Subscription: Equatable, BitwiseCopyable {
    enum Phase: Equatable, BitwiseCopyable {
        /// No socket, or a pause before the next attempt.
        case idle
        case subscribing
        /// Behind the server; leaves for `liveAfterPaging` at the head.
        case paging
        case live
        /// Paging may have overtaken the live stream, so its repeats are no fault.
        case liveAfterPaging
        /// The server ended it for good.
        case ended
    }

    var offset = Offset.start
    var conversation: ConversationNumber
    var epoch = Epoch(0)
    var attempts: UInt8 = 0
    var hasPosition = false
    var hasLog = true
    var phase = Phase.idle

    init(conversation: ConversationNumber) { self.conversation = conversation }

    var position: Position { Position(epoch: self.epoch, offset: self.offset) }
}

/// A reply or the end of a pause that a subscription waits for.
struct Awaited: Equatable, BitwiseCopyable {
    enum Purpose: Equatable, BitwiseCopyable {
        case subscribeReply
        case subscribePause
        case page
        case pagePause
        case markReply
        case syncReply
        case syncPause
    }

    var deadline: Instant
    /// How far the log is known to reach, while paging.
    var goal: Offset
    /// 0 in a pause.
    var command: UInt32
    var row: UInt16
    var purpose: Purpose
}

extension Client {
    /// What is awaited is about no conversation.
    static var noRow: UInt16 { .max }

    mutating func subscribe(
        _ row: UInt16,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        let subscription = self.rows[Int(row)]
        guard subscription.phase == .idle else { return }
        self.rows[Int(row)].phase = .subscribing
        let command = self.nextCommand()
        var since: RecoveryRequest?
        if subscription.hasPosition && subscription.hasLog {
            since = RecoveryRequest(
                epoch: subscription.epoch,
                offset: subscription.offset,
                refusesUnrecovered: false
            )
        } else if self.cohort.readsWholeLog && subscription.hasLog {
            since = RecoveryRequest(epoch: nil, offset: .start, refusesUnrecovered: false)
        }
        self.expect(.subscribeReply, row: row, command: command, at: now)
        effects.emit(
            .command(self.socket, command, .subscribe(subscription.conversation, since: since))
        )
    }

    mutating func onPublication(
        _ message: IncomingMessage,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard let index = self.row(of: message.conversation) else { return }
        let row = self.rows[index]
        switch row.phase {
        case .idle, .subscribing, .ended: return
        case .paging where message.source == .live && row.hasLog:
            // A page will bring it in its order; a live message beyond a gap only moves the goal.
            self.raiseGoal(UInt16(index), to: message.offset)
            return
        case .paging, .live, .liveAfterPaging: break
        }
        guard row.hasLog else {
            effects.emit(.observe(.delivered(message, row.epoch)))
            return
        }
        // What stands in no log, such as that somebody types.
        guard message.offset > .start else { return }
        guard row.offset < message.offset else {
            let isExcused = message.source == .page || row.phase == .liveAfterPaging
            effects.emit(.observe(.repeated(message, row.epoch, isExcused: isExcused)))
            return
        }
        self.rows[index].offset = message.offset
        effects.emit(.observe(.delivered(message, row.epoch)))
    }

    /// Below 2500 the subscription is over; from there up it is made again at once: 4.8.
    mutating func onUnsubscribed(
        _ conversation: ConversationNumber,
        code: UInt16,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard case .online = self.phase, let index = self.row(of: conversation) else { return }
        guard self.rows[index].phase != .ended else { return }
        self.forgetAwaited(row: UInt16(index))
        guard code >= UnsubscribeCode.insufficientState.rawValue else {
            self.rows[index].phase = .ended
            effects.emit(.observe(.ended(conversation, code: code)))
            return
        }
        self.rows[index].phase = .idle
        self.subscribe(UInt16(index), at: now, into: &effects)
    }

    mutating func answerAwaited(
        _ command: CommandID,
        _ outcome: ReplyOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard let index = self.awaited.firstIndex(where: { $0.command == command.rawValue })
        else { return }
        let awaited = self.awaited.remove(at: index)
        switch (awaited.purpose, outcome) {
        case (.subscribeReply, .subscribed(let subscribed)):
            self.onSubscribed(awaited.row, subscribed, at: now, into: &effects)
        case (.subscribeReply, .error(let code, let isTemporary)):
            self.onSubscribeError(awaited.row, code, isTemporary, at: now, into: &effects)
        case (.page, .page(let head, let count)):
            self.onPage(awaited, head: head, count: count, at: now, into: &effects)
        case (.page, .error):
            self.pausePaging(awaited, at: now)
        case (.markReply, .marked(let state)): self.onMarked(awaited.row, state)
        case (.markReply, .error): break
        case (.syncReply, .synced), (.syncReply, .error): self.pauseSync(at: now)
        case (.subscribeReply, _), (.page, _), (.subscribePause, _), (.pagePause, _),
            (.markReply, _), (.syncReply, _), (.syncPause, _):
            self.giveUpSocket(at: now, into: &effects)
        }
    }

    private mutating func onSubscribed(
        _ row: UInt16,
        _ reply: ReplyOutcome.Subscribed,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        let before = self.rows[Int(row)]
        let conversation = before.conversation
        self.rows[Int(row)].attempts = 0
        self.rows[Int(row)].hasLog = reply.hasLog
        self.rows[Int(row)].hasPosition = reply.hasLog
        self.rows[Int(row)].epoch = reply.position.epoch
        self.rows[Int(row)].phase = .live
        switch reply.recovery {
        case .notRequested:
            self.rows[Int(row)].offset = reply.position.offset
            effects.emit(
                .observe(.subscribed(conversation, from: reply.position, hasLog: reply.hasLog))
            )
        case .recovered:
            self.rows[Int(row)].offset = before.hasPosition ? before.offset : .start
            let from = self.rows[Int(row)].position
            effects.emit(
                .observe(
                    before.hasPosition
                        ? .recovered(conversation, from: from)
                        : .subscribed(conversation, from: from, hasLog: true)
                )
            )
        case .unrecovered:
            if !before.hasPosition {
                self.rows[Int(row)].offset = .start
                effects.emit(
                    .observe(
                        .subscribed(
                            conversation,
                            from: Position(epoch: reply.position.epoch, offset: .start),
                            hasLog: true
                        )
                    )
                )
            } else if before.epoch != reply.position.epoch {
                self.rows[Int(row)].offset = .start
                effects.emit(
                    .observe(
                        .epochChanged(conversation, from: before.epoch, to: reply.position.epoch)
                    )
                )
            }
            let from = self.rows[Int(row)].position
            effects.emit(
                .observe(.unrecovered(conversation, from: from, head: reply.position))
            )
            self.page(row, upTo: reply.position.offset, at: now, into: &effects)
        }
    }

    private mutating func onSubscribeError(
        _ row: UInt16,
        _ code: UInt16,
        _ isTemporary: Bool,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        let subscription = self.rows[Int(row)]
        guard isTemporary || code == ErrorCode.tokenExpired.rawValue else {
            self.rows[Int(row)].phase = .ended
            effects.emit(.observe(.ended(subscription.conversation, code: code)))
            return
        }
        self.rows[Int(row)].phase = .idle
        self.rows[Int(row)].attempts =
            subscription.attempts == .max ? .max : subscription.attempts + 1
        let wait = self.backoff(
            Draw.repeatSubscribe,
            attempt: subscription.attempts,
            maximum: self.cohort.repeatMaximumMilliseconds,
            UInt64(subscription.conversation.rawValue),
            UInt64(self.lastCommand)
        )
        self.awaited.append(
            Awaited(
                deadline: now + wait,
                goal: .start,
                command: 0,
                row: row,
                purpose: .subscribePause
            )
        )
    }

    mutating func runAwaitedDeadlines(
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        // Taking one may append, or empty the list when the socket is given up: look again each time.
        while let index = self.awaited.firstIndex(where: { $0.deadline <= now }) {
            let due = self.awaited.remove(at: index)
            switch due.purpose {
            case .subscribeReply: self.giveUpSocket(at: now, into: &effects)
            case .subscribePause: self.subscribe(due.row, at: now, into: &effects)
            case .page: self.pausePaging(due, at: now)
            case .pagePause: self.page(due.row, upTo: due.goal, at: now, into: &effects)
            case .markReply: break
            case .syncReply, .syncPause: self.sync(at: now, into: &effects)
            }
        }
    }

    func row(of conversation: ConversationNumber) -> Int? {
        for index in 0..<self.rows.count where self.rows[index].conversation == conversation {
            return index
        }
        return nil
    }

    mutating func expect(
        _ purpose: Awaited.Purpose,
        row: UInt16,
        command: CommandID,
        goal: Offset = .start,
        at now: Instant
    ) {
        self.awaited.append(
            Awaited(
                deadline: now + self.commandTimeout,
                goal: goal,
                command: command.rawValue,
                row: row,
                purpose: purpose
            )
        )
    }

    private mutating func forgetAwaited(row: UInt16) {
        while let index = self.awaited.firstIndex(where: { $0.row == row }) {
            self.awaited.remove(at: index)
        }
    }
}

extension Client {
    /// Which conversation a subscribe or history command was about, while its reply is awaited.
    package func conversation(ofCommand command: CommandID) -> ConversationNumber? {
        for index in 0..<self.awaited.count
        where self.awaited[index].command == command.rawValue
            && self.awaited[index].row != Self.noRow
        {
            return self.rows[Int(self.awaited[index].row)].conversation
        }
        return nil
    }
}
