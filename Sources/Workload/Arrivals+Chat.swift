import ChatCore
import ClientModel
import Kernel

/// What the n-th arrival does in a conversation that belongs to its members.
extension Arrivals {
    /// Churn comes from whoever was there first, for the others are mostly not allowed to.
    func operation(
        _ n: UInt64,
        _ sender: ClientNumber,
        _ conversation: ConversationNumber
    ) -> (sender: ClientNumber, operation: ChatAction) {
        guard let chat = self.chat else { return (sender, .message) }
        var draw = KeyedRandom.below(1_000_000, self.random.draw(Draw.operation, 0, n))
        func takes(_ part: UInt64) -> Bool {
            guard draw >= part else { return true }
            draw -= part
            return false
        }
        if takes(chat.replies) { return (sender, .reply(.start)) }
        if takes(chat.edits) { return (sender, .edit(.start)) }
        if takes(chat.deletions) { return (sender, .delete(.start)) }
        if takes(chat.reactions) { return (sender, .react(.start)) }
        guard takes(chat.churn) else { return (sender, .message) }
        return self.churn(n, sender, conversation)
    }

    /// Whether the sender of the n-th message reads all after it.
    package func reads(after n: UInt64) -> Bool {
        guard let chat = self.chat else { return false }
        return KeyedRandom.below(1_000_000, self.random.draw(Draw.mark, 0, n)) < chat.marks
    }

    private func churn(
        _ n: UInt64,
        _ sender: ClientNumber,
        _ conversation: ConversationNumber
    ) -> (sender: ClientNumber, operation: ChatAction) {
        let members = self.population.members(of: conversation)
        let bits = self.random.draw(Draw.churn, 0, n)
        guard members.count > 1 else { return (sender, .message) }
        let place = 1 + Int(KeyedRandom.below(UInt64(members.count - 1), bits))
        let user = UserID(high: 0, low: UInt64(members[place].rawValue))
        switch KeyedRandom.below(20, self.random.draw(Draw.churn, 1, n)) {
        case 0..<6: return (members[0], .remove(user))
        case 6..<8: return (members[place], .leave)
        case 8..<10: return (members[0], .role(user, .admin))
        case 10..<11: return (members[0], .role(user, .member))
        case 11..<12: return (sender, .remove(user))
        default: return (members[0], .invite(user))
        }
    }
}
