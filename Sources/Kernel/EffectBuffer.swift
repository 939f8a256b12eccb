public import BasicContainers

/// A run of entries in the target list of the step that emitted it.
@frozen @usableFromInline package struct TargetRange: Hashable, Sendable, BitwiseCopyable {
    @usableFromInline package var start: UInt32
    @usableFromInline package var count: UInt32

    @inlinable package init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }
}

/// The ordered effects of one step, and the targets they range over, in storage that the host owns
/// and reuses.
///
/// The capacity of effects is fixed: a machine that emits more than the host granted has a bug, and
/// traps. Targets grow up to the largest fan-out, because that many connections there are anyway.
@frozen @usableFromInline package struct EffectBuffer<Effect>: ~Copyable {
    @usableFromInline var storage: RigidArray<Effect>
    @usableFromInline var targetStorage: UniqueArray<ConnectionHandle>

    /// Makes room for `capacity` effects between two drains, and for `targetCapacity` targets at first.
    @inlinable package init(capacity: Int, targetCapacity: Int = 0) {
        self.storage = RigidArray(capacity: capacity)
        self.targetStorage = UniqueArray(minimumCapacity: targetCapacity)
    }

    @inlinable package var isEmpty: Bool { self.storage.isEmpty }
    @inlinable package var count: Int { self.storage.count }
    @inlinable package var freeCapacity: Int { self.storage.freeCapacity }

    @inlinable package mutating func emit(_ effect: consuming Effect) {
        self.storage.append(effect)
    }

    /// The start of a range of targets that the caller is about to append.
    @inlinable package var targetCount: UInt32 {
        UInt32(truncatingIfNeeded: self.targetStorage.count)
    }

    @inlinable package mutating func appendTarget(_ target: ConnectionHandle) {
        self.targetStorage.append(target)
    }

    @inlinable package subscript(effect index: Int) -> Effect {
        @inlinable get { self.storage[index] }
    }

    @inlinable package subscript(target index: UInt32) -> ConnectionHandle {
        @inlinable get { self.targetStorage[Int(index)] }
    }

    /// Forgets all effects and targets; keeps the storage.
    @inlinable package mutating func removeAll() {
        self.storage.removeAll()
        self.targetStorage.removeAll(keepingCapacity: true)
    }
}
