package import Kernel

/// Decides where one conversation's messages go: once to each gateway shard that asked for them.
///
/// Interest is leased, because a gateway that dies cannot take its interest back. A withdrawal names
/// the incarnation that it ends, because the bus may deliver it after a newer registration.
package struct FanOutPlanner {
    /// A gateway shard that has subscribers of the conversation.
    package struct Recipient: Equatable, Sendable, BitwiseCopyable {
        // 16 bytes, because there is one for each conversation and gateway shard.
        package var incarnation: UInt64
        package var shard: ShardID
        /// In tenths of a second, rounded up; the lowest bit says whether it is confirmed.
        private(set) var lease: UInt32

        package init(shard: ShardID, incarnation: UInt64, expiry: Instant, isConfirmed: Bool) {
            self.shard = shard
            self.incarnation = incarnation
            self.lease = isConfirmed ? 1 : 0
            self.expiry = expiry
        }

        init(shard: ShardID, incarnation: UInt64, lease: UInt32) {
            self.shard = shard
            self.incarnation = incarnation
            self.lease = lease
        }

        private static let unit: UInt64 = 100_000_000

        /// Rounded up to a tenth of a second; at most six years after the shard's start.
        package var expiry: Instant {
            get { Instant(nanoseconds: UInt64(self.lease >> 1) * Self.unit) }
            set {
                let tenths = newValue.nanoseconds / Self.unit
                let isWhole = newValue.nanoseconds % Self.unit == 0
                let rounded = min(isWhole ? tenths : tenths + 1, UInt64(UInt32.max >> 1))
                self.lease = UInt32(truncatingIfNeeded: rounded << 1) | self.lease & 1
            }
        }

        /// Whether it was told the head from which deliveries are complete.
        package var isConfirmed: Bool {
            get { self.lease & 1 == 1 }
            set { self.lease = newValue ? self.lease | 1 : self.lease & ~1 }
        }

        static var blank: Self {
            Self(shard: ShardID(rawValue: 0), incarnation: 0, expiry: .zero, isConfirmed: false)
        }
    }

    var list = ShortList(blank: Recipient.blank)

    package init() {}

    /// In the order in which they registered.
    package var recipients: [Recipient] { self.list.elements }

    /// Registers or renews; the registration stands unconfirmed until `confirm`.
    package mutating func register(_ shard: ShardID, incarnation: UInt64, until expiry: Instant) {
        for index in 0..<self.list.count where self.list[index].shard == shard {
            guard incarnation >= self.list[index].incarnation else { return }
            self.list[index] = Recipient(
                shard: shard,
                incarnation: incarnation,
                expiry: expiry,
                isConfirmed: false
            )
            return
        }
        self.list.append(
            Recipient(shard: shard, incarnation: incarnation, expiry: expiry, isConfirmed: false)
        )
    }

    package mutating func withdraw(_ shard: ShardID, incarnation: UInt64) {
        self.list.removeAll { $0.shard == shard && $0.incarnation <= incarnation }
    }

    package mutating func expire(at now: Instant) {
        self.list.removeAll { $0.expiry <= now }
    }

    /// Marks everybody as told, and calls `body` with those who were not and their incarnations.
    package mutating func confirm(_ body: (ShardID, UInt64) -> Void) {
        for index in 0..<self.list.count where !self.list[index].isConfirmed {
            self.list[index].isConfirmed = true
            body(self.list[index].shard, self.list[index].incarnation)
        }
    }

    /// Forgets what everybody was told, because the stream's past has changed.
    package mutating func unconfirm() {
        for index in 0..<self.list.count { self.list[index].isConfirmed = false }
    }
}
