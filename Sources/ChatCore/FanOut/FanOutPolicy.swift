/// What the fan-out planner decides for one message.
package struct Plan: Equatable, Sendable, BitwiseCopyable {
    /// How members hear of a message who do not look at its conversation.
    package enum Hinting: UInt8, Equatable, Sendable, BitwiseCopyable, CaseIterable {
        /// Each by a hint of its own.
        case direct
        /// By hints that are gathered for each user shard.
        case grouped
        /// Not at all: what they have not read is counted from the head when they ask.
        case broadcast
    }

    package var hinting: Hinting
    /// Whether deliveries go by a tree of relays.
    package var isRelayed: Bool

    package init(hinting: Hinting, isRelayed: Bool) {
        self.hinting = hinting
        self.isRelayed = isRelayed
    }
}

/// From which sizes on a message gets which plan; every shard of a fleet has the same.
package struct FanOutPolicy: Equatable, Sendable, BitwiseCopyable {
    /// The most members of a conversation who are hinted one by one.
    package var directMembers: UInt32 = 32
    /// The most members who are hinted at all; not below `directMembers`.
    package var groupedMembers: UInt32 = 10_000
    /// The most gateway shards to which an owner or a relay sends a delivery itself; at least 2.
    package var relayDegree: UInt16 = 16

    package init() {}

    /// Whether a shard can run with it.
    package var isSound: Bool {
        self.directMembers <= self.groupedMembers && self.relayDegree >= 2
    }

    /// The plan of a message of a conversation with so many members, which so many gateway shards
    /// look at; a conversation that belongs to nobody has no members.
    package func plan(members: UInt32, gateways: Int) -> Plan {
        let hinting: Plan.Hinting
        if members <= self.directMembers {
            hinting = .direct
        } else if members <= self.groupedMembers {
            hinting = .grouped
        } else {
            hinting = .broadcast
        }
        return Plan(hinting: hinting, isRelayed: gateways > Int(self.relayDegree))
    }
}
