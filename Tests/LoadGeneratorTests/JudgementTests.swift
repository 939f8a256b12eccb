import ClientModel
import Kernel
import LoadGenerator
import Testing

/// What the load generator makes of what its devices saw.
struct JudgementTests {
    /// Something that went wrong on the way to one of two devices.
    enum Fault: CaseIterable {
        case lostLast
        case lostBetween
        case repeated
        case reordered
        case anotherAtItsOffset
        case acknowledgedElsewhere
        case twiceInTheLog
        case epochWithoutWord
        case unreadable
        case ended
    }

    private static let conversation = ConversationNumber(4)

    private static func message(_ offset: UInt64, id: UInt64? = nil) -> IncomingMessage {
        IncomingMessage(
            conversation: Self.conversation,
            offset: Offset(offset),
            message: MessageID(high: 0, low: id ?? 100 + offset),
            source: .live
        )
    }

    /// What the second device sees of five messages.
    private static func sights(_ fault: Fault?) -> [Observation] {
        var seen = (1...5).map { Observation.delivered(Self.message($0), Epoch(1)) }
        switch fault {
        case nil, .acknowledgedElsewhere: break
        case .lostLast: seen.removeLast()
        case .lostBetween: seen.remove(at: 2)
        case .repeated: seen.insert(.repeated(Self.message(3), Epoch(1), isExcused: false), at: 3)
        case .reordered: seen.swapAt(1, 2)
        case .anotherAtItsOffset: seen[2] = .delivered(Self.message(3, id: 999), Epoch(1))
        case .twiceInTheLog: seen.append(.delivered(Self.message(6, id: 102), Epoch(1)))
        case .epochWithoutWord: seen[4] = .delivered(Self.message(5), Epoch(2))
        case .unreadable:
            let head = Position(epoch: Epoch(1), offset: Offset(9))
            seen.append(
                .unreadable(
                    Self.conversation,
                    after: Position(epoch: Epoch(1), offset: Offset(5)),
                    head: head
                )
            )
        case .ended: seen.append(.ended(Self.conversation, code: 2000))
        }
        return seen
    }

    /// Two devices in one conversation, on a loop each; the first one sent all five messages.
    private static func judge(_ fault: Fault?, isSettled: Bool = true) -> Judgement {
        var ledgers = [
            Ledger(perUser: 1, networkRepeats: false), Ledger(perUser: 1, networkRepeats: false),
        ]
        for index in 0..<2 {
            ledgers[index].add([Self.conversation])
            let from = Position(epoch: Epoch(1), offset: .start)
            let seen =
                [Observation.subscribed(Self.conversation, from: from, hasLog: true)]
                + Self.sights(index == 1 ? fault : nil)
            for observation in seen {
                ledgers[index].record(observation, device: 0, at: .zero, members: { _ in 2 })
            }
        }
        for offset in 1...5 as ClosedRange<UInt64> {
            let sent = OutgoingMessage(
                conversation: Self.conversation,
                id: MessageID(high: 0, low: 100 + offset),
                byteCount: 1,
                intended: .zero
            )
            let isElsewhere = fault == .acknowledgedElsewhere && offset == 3
            let place = Position(epoch: Epoch(1), offset: Offset(isElsewhere ? 4 : offset))
            let word = Observation.acknowledged(sent, place, isDuplicate: false)
            ledgers[0].record(word, device: 0, at: .zero, members: { _ in 2 })
        }
        return Judgement(ledgers.map { ($0, [isSettled]) }, perUser: 1)
    }

    @Test func `what came to everybody once and in order is right`() {
        let judgement = Self.judge(nil)
        #expect(judgement.violations.count == 0, "\(judgement.violations.examples)")
        #expect(judgement.expected == 10)
        #expect(judgement.behind == 0)
    }

    @Test(arguments: Fault.allCases)
    func `each fault on the way to one device is caught`(_ fault: Fault) {
        let judgement = Self.judge(fault)
        #expect(judgement.violations.count > 0)
        let text = judgement.violations.examples.joined()
        #expect(text.contains("conversation 4"), "\(text)")
    }

    @Test func `who had no time to get the last message is behind, and nobody is to blame`() {
        let judgement = Self.judge(.lostLast, isSettled: false)
        #expect(judgement.violations.count == 0, "\(judgement.violations.examples)")
        #expect(judgement.behind == 1)
    }
}
