package import ChatCore
package import Kernel

/// One step of a shard, as a host shows it to an observer before its effects leave.
package struct ShardStep: Sendable {
    package var shard: ShardID
    /// What the shard was told; `nil` if a deadline came.
    package var event: ShardEvent?
    /// In the order in which they leave.
    package private(set) var effects: [ShardEffect] = []
    private var targets: [ConnectionHandle] = []

    /// A step without effects yet; `effects` lends the connections that their ranges name.
    package init(
        _ event: ShardEvent?,
        of shard: ShardID,
        targetsIn effects: borrowing EffectBuffer<ShardEffect>
    ) {
        self.shard = shard
        self.event = event
        for index in 0..<effects.targetCount { self.targets.append(effects[target: index]) }
    }

    package mutating func add(_ effect: ShardEffect) { self.effects.append(effect) }

    /// The connections of a range that stands in one of the step's effects.
    package func targets(_ range: TargetRange) -> ArraySlice<ConnectionHandle> {
        self.targets[Int(range.start)..<Int(range.start) + Int(range.count)]
    }
}
