import BasicContainers
import ChatCore
import Kernel

extension Client {
    /// Asks for the messages after the position, or ends paging if there are none.
    mutating func page(
        _ row: UInt16,
        upTo goal: Offset,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        let subscription = self.rows[Int(row)]
        guard subscription.offset < goal else {
            self.rows[Int(row)].phase = .liveAfterPaging
            self.rows[Int(row)].attempts = 0
            effects.emit(
                .observe(.caughtUp(subscription.conversation, subscription.position))
            )
            return
        }
        self.rows[Int(row)].phase = .paging
        let command = self.nextCommand()
        self.expect(.page, row: row, command: command, goal: goal, at: now)
        effects.emit(
            .command(
                self.socket,
                command,
                .history(
                    subscription.conversation,
                    since: subscription.position,
                    limit: UInt32(self.cohort.pageLimit)
                )
            )
        )
    }

    /// The page's publications have come already, and have moved the position.
    mutating func onPage(
        _ awaited: Awaited,
        head: Position,
        count: UInt32,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        let subscription = self.rows[Int(awaited.row)]
        guard head.epoch == subscription.epoch else {
            return self.giveUpSocket(at: now, into: &effects)
        }
        let goal = max(awaited.goal, head.offset)
        if count == 0 && subscription.offset < head.offset {
            effects.emit(
                .observe(
                    .unreadable(
                        subscription.conversation,
                        after: subscription.position,
                        head: head
                    )
                )
            )
            return self.pausePaging(awaited, at: now)
        }
        self.page(awaited.row, upTo: goal, at: now, into: &effects)
    }

    mutating func pausePaging(_ awaited: Awaited, at now: Instant) {
        let subscription = self.rows[Int(awaited.row)]
        let attempts = subscription.attempts
        self.rows[Int(awaited.row)].attempts = attempts == .max ? .max : attempts + 1
        let wait = self.backoff(
            Draw.repeatHistory,
            attempt: attempts,
            maximum: self.cohort.repeatMaximumMilliseconds,
            UInt64(subscription.conversation.rawValue),
            UInt64(awaited.command)
        )
        var pause = awaited
        pause.command = 0
        pause.purpose = .pagePause
        pause.deadline = now + wait
        self.awaited.append(pause)
    }

    mutating func raiseGoal(_ row: UInt16, to offset: Offset) {
        for index in 0..<self.awaited.count where self.awaited[index].row == row {
            self.awaited[index].goal = max(self.awaited[index].goal, offset)
        }
    }
}

extension UniqueArray where Element: BitwiseCopyable {
    func firstIndex(where matches: (Element) -> Bool) -> Int? {
        for index in 0..<self.count where matches(self[index]) { return index }
        return nil
    }
}
