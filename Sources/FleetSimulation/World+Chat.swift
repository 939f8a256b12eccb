import BasicContainers
import ChatCore
import ClientModel
import Kernel
import Oracles
import Workload

/// Members' conversations in the simulated world: who is in them, and what the oracle sees of it.
extension World {
    var isChatting: Bool { self.scenario.workload.chat != nil }

    /// Makes all conversations before anybody connects; the first member of each is its owner.
    mutating func foundConversations() {
        guard self.isChatting else { return }
        for number in 0..<self.population.conversationCount {
            let conversation = ConversationNumber(number)
            let members = self.population.members(of: conversation).map { Int($0.rawValue) }
            let id = World.id(of: conversation)
            self.logs.found(id, members: members.map { World.user($0) })
            self.membership.founded(id, by: members.map { UInt64($0) })
            self.hinting?.founded(id, by: members.map { UInt64($0) })
        }
    }

    /// Users whom a message mentions: now and then one of those who were there first.
    func people(of append: Append) -> [UserID] {
        guard append.isMembersOnly, append.operation.isCountable else { return [] }
        let message = append.body.handle.rawValue
        let bits = self.random.draw(.mention, append.conversation.low, message)
        guard KeyedRandom.below(8, bits) == 0 else { return [] }
        let members = self.population.members(of: World.number(of: append.conversation))
        let place = KeyedRandom.below(UInt64(members.count), bits >> 32)
        return [World.user(Int(members[Int(place)].rawValue))]
    }

    /// Shows the oracle of membership what the store has written.
    mutating func witnessEntry(_ append: Append, people: [UserID]) {
        guard self.isChatting else { return }
        let now = self.now
        self.hinting?.committed(
            append.conversation,
            World.entry(append.operation),
            by: append.user.low,
            mentioning: people.map(\.low),
            at: append.offset,
            now: now
        )
        self.membership.committed(
            append.conversation,
            World.entry(append.operation),
            by: append.user.low,
            mentioning: people.map(\.low),
            at: append.offset,
            now: self.now
        )
    }

    /// The oracle knows no machine's words.
    private static func entry(_ operation: ChatAction) -> MembershipOracle.Entry {
        switch operation {
        case .message: .message(answering: nil)
        case .reply(let offset): .message(answering: offset)
        case .create: .other
        case .join: .join
        case .leave: .leave
        case .invite(let user): .invite(user.low)
        case .remove(let user): .remove(user.low)
        case .role(let user, let role): .role(user.low, rank: role.rawValue)
        case .edit(let offset): .edit(offset)
        case .delete(let offset): .delete(offset)
        case .react(let offset): .react(offset)
        }
    }

    /// Asks the store what of a user's conversations differs from what the device had.
    mutating func list(_ request: ListRequest) -> StoreOutcome {
        let number = Int(request.user.low)
        let known = self.known.removeValue(forKey: request.known.rawValue) ?? []
        var listed: [ListedConversation] = []
        for index in 0..<self.clients[number].machine.subscriptionCount {
            let conversation = self.clients[number].machine.position(of: index).conversation
            let id = World.id(of: conversation)
            let place = known.first { $0.conversation == conversation }
            guard let state = self.logs.state(of: request.user, in: id) else {
                listed.append(ListedConversation(conversation: conversation, place: nil))
                continue
            }
            let head = self.logs.head(of: id)
            let position = Position(epoch: head.epoch, offset: head.offset)
            if let place, place.head == position, place.read == state.markers.read { continue }
            listed.append(
                ListedConversation(conversation: conversation, place: (position, state))
            )
        }
        self.nextPage += 1
        self.windows[self.nextPage] = listed
        let page = ListPage(
            handle: PayloadHandle(rawValue: self.nextPage),
            count: UInt32(listed.count),
            next: nil
        )
        return .listed(page)
    }

    /// Writes down what a device has, for the question that it asks.
    mutating func noteKnown(of number: Int) -> PayloadHandle {
        var known: [KnownConversation] = []
        for index in 0..<self.clients[number].machine.subscriptionCount {
            guard let view = self.clients[number].machine.view(of: index), view.isMember else {
                continue
            }
            let conversation = self.clients[number].machine.position(of: index).conversation
            known.append(
                KnownConversation(
                    conversation: conversation,
                    head: view.head,
                    read: view.state.markers.read
                )
            )
        }
        self.nextPage += 1
        self.known[self.nextPage] = known
        return PayloadHandle(rawValue: self.nextPage)
    }

    /// At the end: what a device shows of a conversation.
    mutating func settleView(_ number: Int, _ index: Int) {
        guard let view = self.clients[number].machine.view(of: index) else { return }
        let conversation = self.clients[number].machine.position(of: index).conversation
        self.membership.settled(
            UInt64(number),
            World.id(of: conversation),
            MembershipOracle.View(
                isMember: view.isMember,
                read: view.state.markers.read,
                unread: view.state.unread,
                mentions: view.state.mentions
            ),
            now: self.scenario.end
        )
    }
}

/// A device's place in a conversation, as it was when it asked for changes.
struct KnownConversation {
    var conversation: ConversationNumber
    var head: Position
    var read: Offset
}

/// A conversation in the answer; without a place, the user is no member.
struct ListedConversation {
    var conversation: ConversationNumber
    var place: (head: Position, state: MarkReply)?
}
