package import Kernel

/// Decides where one conversation's messages go: once to each gateway shard that asked for them.
///
/// Interest is leased, because a gateway that dies cannot take its interest back. A withdrawal names
/// the incarnation that it ends, because the bus may deliver it after a newer registration.
package struct FanOutPlanner {
    /// A gateway shard that has subscribers of the conversation.
    package struct Recipient: Equatable, Sendable, BitwiseCopyable {
        package var shard: ShardID
        package var incarnation: UInt64
        package var expiry: Instant
        /// Whether it was told the head from which deliveries are complete.
        package var isConfirmed: Bool
    }

    package internal(set) var recipients: [Recipient] = []

    package init() {}

    /// Registers or renews; the registration stands unconfirmed until `confirm`.
    package mutating func register(_ shard: ShardID, incarnation: UInt64, until expiry: Instant) {
        guard let index = self.recipients.firstIndex(where: { $0.shard == shard }) else {
            self.recipients.append(
                Recipient(
                    shard: shard,
                    incarnation: incarnation,
                    expiry: expiry,
                    isConfirmed: false
                )
            )
            return
        }
        guard incarnation >= self.recipients[index].incarnation else { return }
        self.recipients[index].incarnation = incarnation
        self.recipients[index].expiry = expiry
        self.recipients[index].isConfirmed = false
    }

    package mutating func withdraw(_ shard: ShardID, incarnation: UInt64) {
        self.recipients.removeAll { $0.shard == shard && $0.incarnation <= incarnation }
    }

    package mutating func expire(at now: Instant) {
        self.recipients.removeAll { $0.expiry <= now }
    }

    /// Marks everybody as told, and calls `body` with those who were not.
    package mutating func confirm(_ body: (ShardID) -> Void) {
        for index in self.recipients.indices where !self.recipients[index].isConfirmed {
            self.recipients[index].isConfirmed = true
            body(self.recipients[index].shard)
        }
    }

    /// Forgets what everybody was told, because the stream's past has changed.
    package mutating func unconfirm() {
        for index in self.recipients.indices { self.recipients[index].isConfirmed = false }
    }
}
