import ClientModel
import Kernel
import Workload

/// Which message a sender's *n*-th is.
///
/// On the wire a message's id is its ordinal among those of its sender, so that the users of a
/// conversation choose the same ids, as they may. The workload says which message is meant, and when it
/// was to be sent.
struct Intentions {
    private var arrivals: Arrivals
    /// By sender, the messages in their order.
    private var messages: [[OutgoingMessage]]
    /// By message, from the first on.
    private var ordinals: [UInt32] = []

    init(arrivals: Arrivals, users: UInt32) {
        self.arrivals = arrivals
        self.messages = Array(repeating: [], count: Int(users))
    }

    /// The ordinal of a message of the workload, from 0 on.
    mutating func ordinal(of message: OutgoingMessage) -> UInt64 {
        while UInt64(self.ordinals.count) < message.id.low { guard self.advance() else { break } }
        let index = Int(message.id.low) - 1
        precondition(self.ordinals.indices.contains(index), "the workload has the message")
        return UInt64(self.ordinals[index])
    }

    /// `nil` if the text is no id of the sender's.
    mutating func message(
        _ text: String,
        of sender: ClientNumber
    ) -> (id: MessageID, intended: Instant)? {
        guard let ordinal = Int(text), ordinal >= 0, Int(sender.rawValue) < self.messages.count
        else { return nil }
        while self.messages[Int(sender.rawValue)].count <= ordinal {
            guard self.advance() else { return nil }
        }
        let message = self.messages[Int(sender.rawValue)][ordinal]
        return (message.id, message.intended)
    }

    private mutating func advance() -> Bool {
        guard let next = self.arrivals.next() else { return false }
        let sender = Int(next.sender.rawValue)
        self.ordinals.append(UInt32(self.messages[sender].count))
        self.messages[sender].append(next.message)
        return true
    }
}
