/// A deterministic transition function: the same events at the same instants give the same effects.
///
/// A machine does no I/O, reads no clock, draws randomness only from a keyed generator that it was
/// given, and runs each step to completion. Machines do not throw: a peer's fault is an effect, the
/// environment's fault is an event, and our own fault is a failed `precondition`.
package protocol StateMachine: ~Copyable {
    associatedtype Event: Equatable & Sendable
    associatedtype Effect: Equatable & Sendable

    /// When the machine next needs `handleDeadline`, or `nil` if it waits for events alone.
    var nextDeadline: Instant? { get }

    mutating func handle(_ event: Event, at now: Instant, into effects: inout EffectBuffer<Effect>)

    /// Runs what is due at `now`; a call before `nextDeadline` changes nothing.
    mutating func handleDeadline(at now: Instant, into effects: inout EffectBuffer<Effect>)
}
