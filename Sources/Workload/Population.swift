package import ClientModel
package import Kernel

/// Who is in which conversation, computed from the seed on demand: no tables, whatever the size.
///
/// Each class lays its users out in `perUser` random orders and cuts every order into conversations;
/// so a user has exactly `perUser` of them, and only the last of an order can be short of members.
package struct Population: Sendable {
    private struct Layer {
        var members: UInt32
        var firstConversation: UInt32
        var order: Permutation
    }

    package let users: UInt32
    package let conversationCount: UInt32
    private let layers: [Layer]
    private let looks: UInt32?
    private let cohorts: [Workload.WeightedCohort]
    /// Whether a device of somebody reads slowly.
    private let hasSlowCohorts: Bool
    private let rampUp: Interval
    private let random: KeyedRandom

    package init(_ workload: Workload, seed: UInt64) {
        self.users = workload.users
        self.looks = workload.looks
        self.cohorts = workload.cohorts
        self.hasSlowCohorts = workload.cohorts.contains { $0.bytesPerSecond != nil }
        self.rampUp = workload.rampUp
        self.random = KeyedRandom(seed: seed)
        var layers: [Layer] = []
        var next: UInt32 = 0
        for conversations in workload.conversations {
            for _ in 0..<conversations.perUser {
                let order = Permutation(
                    count: workload.users,
                    random: self.random,
                    key: UInt64(layers.count)
                )
                layers.append(
                    Layer(
                        members: conversations.members,
                        firstConversation: next,
                        order: order
                    )
                )
                next += (workload.users + conversations.members - 1) / conversations.members
            }
        }
        self.layers = layers
        self.conversationCount = next
    }

    package var conversationsPerUser: UInt32 { UInt32(self.layers.count) }

    /// The user's `index`-th conversation.
    package func conversation(_ index: UInt32, of user: ClientNumber) -> ConversationNumber {
        let layer = self.layers[Int(index)]
        return ConversationNumber(
            layer.firstConversation + layer.order[user.rawValue] / layer.members
        )
    }

    /// In the order in which the user's device subscribes.
    package func conversations(of user: ClientNumber) -> [ConversationNumber] {
        (0..<self.conversationsPerUser).map { self.conversation($0, of: user) }
    }

    /// Those of them at which the device looks.
    package func lookedAt(by user: ClientNumber) -> [ConversationNumber] {
        let count = min(self.looks ?? .max, self.conversationsPerUser)
        return (0..<count).map { self.conversation($0, of: user) }
    }

    /// Every user of a conversation, in the order of its layer.
    package func members(of conversation: ConversationNumber) -> [ClientNumber] {
        let layer = self.layer(of: conversation)
        return self.places(of: conversation, in: layer).map {
            ClientNumber(layer.order.preimage(of: $0))
        }
    }

    package func memberCount(of conversation: ConversationNumber) -> Int {
        self.places(of: conversation, in: self.layer(of: conversation)).count
    }

    private func layer(of conversation: ConversationNumber) -> Layer {
        precondition(conversation.rawValue < self.conversationCount, "no such conversation")
        var index = self.layers.count - 1
        while self.layers[index].firstConversation > conversation.rawValue { index -= 1 }
        return self.layers[index]
    }

    private func places(of conversation: ConversationNumber, in layer: Layer) -> Range<UInt32> {
        let start =
            UInt64(conversation.rawValue - layer.firstConversation) * UInt64(layer.members)
        let end = min(start + UInt64(layer.members), UInt64(self.users))
        return UInt32(truncatingIfNeeded: start)..<UInt32(truncatingIfNeeded: end)
    }

    package func cohort(of user: ClientNumber) -> Cohort { self.weightedCohort(of: user).cohort }

    /// How fast the user's device reads; `nil` if nothing bounds it.
    package func bytesPerSecond(of user: ClientNumber) -> UInt64? {
        guard self.hasSlowCohorts else { return nil }
        return self.weightedCohort(of: user).bytesPerSecond
    }

    private func weightedCohort(of user: ClientNumber) -> Workload.WeightedCohort {
        let total = self.cohorts.reduce(UInt64(0)) { $0 + UInt64($1.share) }
        var draw = KeyedRandom.below(
            total,
            self.random.draw(Draw.cohort, UInt64(user.rawValue))
        )
        for weighted in self.cohorts {
            if draw < UInt64(weighted.share) { return weighted }
            draw -= UInt64(weighted.share)
        }
        preconditionFailure("a draw below the sum of shares falls into one of them")
    }

    /// When the user's device is switched on.
    package func start(of user: ClientNumber) -> Instant {
        let bits = self.random.draw(Draw.start, UInt64(user.rawValue))
        return Instant(
            nanoseconds: KeyedRandom.below(max(self.rampUp.nanoseconds, 1), bits)
        )
    }
}

/// What a workload draws at random.
enum Draw {
    static let cohort = RandomPurpose(0x776c_0001)
    static let start = RandomPurpose(0x776c_0002)
    static let gap = RandomPurpose(0x776c_0003)
    static let sender = RandomPurpose(0x776c_0004)
    static let conversation = RandomPurpose(0x776c_0005)
    static let operation = RandomPurpose(0x776c_0007)
    static let churn = RandomPurpose(0x776c_0008)
    static let mark = RandomPurpose(0x776c_0009)
    static let order = RandomPurpose(0x776c_0006)
    static let absence = RandomPurpose(0x776c_0007)
    static let absenceLength = RandomPurpose(0x776c_0008)
    static let absenceSilence = RandomPurpose(0x776c_0009)
    static let trespass = RandomPurpose(0x776c_000a)
    static let trespassKind = RandomPurpose(0x776c_000b)
}
