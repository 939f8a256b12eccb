import BasicContainers
package import ChatCore
import Kernel

/// A message that waits for its acknowledgement.
struct Unacknowledged: Equatable, BitwiseCopyable {
    var message: OutgoingMessage
    /// Of the reply, or of the next attempt; `.never` while there is no connection.
    var deadline: Instant
    /// 0 while it is not on its way.
    var command: UInt32
    /// How often it was sent.
    var attempts: UInt8
}

extension Client {
    mutating func onSend(
        _ message: OutgoingMessage,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard !self.isStopped, self.outbox.count < Int(self.cohort.sendLimit) else {
            effects.emit(.observe(.refused(message.id)))
            return
        }
        self.outbox.append(
            Unacknowledged(
                message: self.resolved(message),
                deadline: .never,
                command: 0,
                attempts: 0
            )
        )
        guard case .online = self.phase else { return }
        self.transmit(self.outbox.count - 1, at: now, into: &effects)
    }

    mutating func transmit(
        _ index: Int,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        let command = self.nextCommand()
        let entry = self.outbox[index]
        if entry.attempts > 0 { effects.emit(.observe(.resent(entry.message.id))) }
        self.outbox[index].command = command.rawValue
        self.outbox[index].deadline = now + self.commandTimeout
        self.outbox[index].attempts = entry.attempts == .max ? .max : entry.attempts + 1
        effects.emit(.command(self.socket, command, .send(entry.message)))
    }

    /// Which message a send command carried, while its reply is awaited.
    package func message(ofCommand command: CommandID) -> OutgoingMessage? {
        self.outbox.firstIndex(where: { $0.command == command.rawValue })
            .map { self.outbox[$0].message }
    }

    /// Whether the reply was to a message of the outbox.
    mutating func answerSend(
        _ command: CommandID,
        _ outcome: ReplyOutcome,
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) -> Bool {
        guard let index = self.outbox.firstIndex(where: { $0.command == command.rawValue })
        else { return false }
        switch outcome {
        case .sent(let position, let isDuplicate):
            let entry = self.outbox.remove(at: index)
            effects.emit(
                .observe(.acknowledged(entry.message, position, isDuplicate: isDuplicate))
            )
        case .error(let code, let isTemporary):
            if isTemporary {
                self.pauseSending(index, at: now)
            } else {
                let entry = self.outbox.remove(at: index)
                effects.emit(.observe(.gaveUp(entry.message.id, code: code)))
            }
        case .connected, .subscribed, .page, .marked, .synced:
            self.giveUpSocket(at: now, into: &effects)
        }
        return true
    }

    mutating func runOutboxDeadlines(
        at now: Instant,
        into effects: inout EffectBuffer<ClientEffect>
    ) {
        guard case .online = self.phase else { return }
        for index in 0..<self.outbox.count where self.outbox[index].deadline <= now {
            if self.outbox[index].command == 0 {
                self.transmit(index, at: now, into: &effects)
            } else {
                self.pauseSending(index, at: now)
            }
        }
    }

    private mutating func pauseSending(_ index: Int, at now: Instant) {
        let entry = self.outbox[index]
        let wait = self.backoff(
            Draw.resend,
            attempt: entry.attempts - 1,
            maximum: self.cohort.repeatMaximumMilliseconds,
            entry.message.id.low,
            UInt64(entry.command)
        )
        self.outbox[index].command = 0
        self.outbox[index].deadline = now + wait
    }
}
