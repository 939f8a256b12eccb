import Kernel

/// Members whom an owner has asked the store about, so that their next messages need no question.
///
/// Only a shortcut: the append's transaction decides. Bounded; who was added first is forgotten first.
struct MemberCache {
    struct Key: Hashable {
        var conversation: ConversationID
        var user: UserID
    }

    private var known: Set<Key> = []
    /// How many questions about somebody the store has not answered; nobody stands here with none.
    private var questions: [Key: UInt32] = [:]
    private(set) var order: [Key] = []
    private(set) var oldest = 0
    let limit: Int

    init(limit: Int) { self.limit = limit }

    func holds(_ conversation: ConversationID, _ user: UserID) -> Bool {
        self.known.contains(Key(conversation: conversation, user: user))
    }

    mutating func add(_ conversation: ConversationID, _ user: UserID) {
        let key = Key(conversation: conversation, user: user)
        guard self.limit > 0, self.known.insert(key).inserted else { return }
        if self.order.count < self.limit {
            self.order.append(key)
        } else {
            self.known.remove(self.order[self.oldest])
            self.order[self.oldest] = key
            self.oldest = (self.oldest + 1) % self.limit
        }
    }

    /// Whether the store has yet to answer a question about somebody.
    func isAsked(_ conversation: ConversationID, _ user: UserID) -> Bool {
        self.questions[Key(conversation: conversation, user: user)] != nil
    }

    mutating func asked(_ conversation: ConversationID, _ user: UserID) {
        self.questions[Key(conversation: conversation, user: user), default: 0] += 1
    }

    mutating func answered(_ conversation: ConversationID, _ user: UserID) {
        let key = Key(conversation: conversation, user: user)
        guard let count = self.questions[key] else {
            preconditionFailure("an answer has its question")
        }
        self.questions[key] = count > 1 ? count - 1 : nil
    }

    /// Forgets somebody; the place in the order stays and is used up like any other.
    mutating func forget(_ conversation: ConversationID, _ user: UserID) {
        self.known.remove(Key(conversation: conversation, user: user))
    }
}

extension MemberCache {
    /// The places in the order in which they will be used up, and who is still known.
    func write(to writer: inout ByteWriter) {
        writer.word(UInt64(self.oldest))
        writer.word(UInt64(self.order.count))
        for key in self.order {
            writer.value(key.conversation)
            writer.value(key.user)
            writer.flag(self.known.contains(key))
        }
    }

    init(from reader: inout ByteReader, limit: Int) throws(ByteError) {
        self.init(limit: limit)
        self.oldest = try reader.integer()
        for _ in 0..<(try reader.count()) {
            let key = Key(conversation: try reader.value(), user: try reader.value())
            self.order.append(key)
            if try reader.flag() { self.known.insert(key) }
        }
        guard self.order.count <= limit, self.oldest == 0 || self.oldest < self.order.count else {
            throw reader.refusal("at most \(limit) members")
        }
    }
}
