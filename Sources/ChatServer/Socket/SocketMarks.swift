import Kernel

/// What can revoke the tokens that one client came in by: the last for its connection, and the last for each
/// subscription that it made with one.
struct SocketMarks {
    /// More subscription tokens than a connection may have subscriptions, since some are refused.
    static let limit = 1_024

    private(set) var connection: TokenMark?
    private var subscriptions: [ConversationID: TokenMark] = [:]

    /// False if the client has shown tokens for too many conversations.
    mutating func keep(_ shown: ShownToken) -> Bool {
        switch shown {
        case .connection(let mark): self.connection = mark
        case .subscription(let conversation, let mark):
            self.subscriptions[conversation] = mark
        }
        return self.subscriptions.count <= Self.limit
    }

    mutating func forget(_ conversation: ConversationID) {
        self.subscriptions[conversation] = nil
    }

    /// The conversations whose tokens hold no more, which are forgotten.
    mutating func takeRevoked(_ isRevoked: (TokenMark) -> Bool) -> [ConversationID] {
        let revoked = self.subscriptions.filter { isRevoked($0.value) }.map(\.key).sorted()
        for conversation in revoked { self.subscriptions[conversation] = nil }
        return revoked
    }
}
