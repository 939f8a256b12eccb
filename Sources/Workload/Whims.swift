package import ClientModel
package import Kernel

/// When users go out of reach or break the protocol, computed from the seed on demand.
///
/// The *n*-th of a user falls into the *n*-th stretch of its kind's length after the ramp-up, so that
/// no user needs a table. Open loop: nothing that a server does moves one.
package struct Whims: Sendable {
    private let absences: Workload.Absences?
    private let trespassEvery: Interval?
    private let start: Instant
    private let end: Instant
    private let random: KeyedRandom

    /// A time out of reach.
    package struct Absence: Equatable, Sendable {
        package var start: Instant
        package var end: Instant
        /// Whether no closed socket tells the server.
        package var isSilent: Bool
    }

    package init(_ workload: Workload, seed: UInt64) {
        self.absences = workload.absences
        self.trespassEvery = workload.trespassEvery
        self.start = .zero + workload.rampUp
        self.end = .zero + workload.rampUp + workload.duration
        self.random = KeyedRandom(seed: seed)
    }

    /// The user's absence `n`, from 0 on; `nil` when users have stopped sending.
    package func absence(_ n: UInt32, of user: ClientNumber) -> Absence? {
        guard let absences = self.absences,
            let start = self.instant(n, of: user, every: absences.every, Draw.absence)
        else { return nil }
        let length = KeyedRandom.below(
            absences.longest.nanoseconds - absences.shortest.nanoseconds + 1,
            self.random.draw(Draw.absenceLength, UInt64(user.rawValue), UInt64(n))
        )
        let silence = KeyedRandom.below(
            1_000_000,
            self.random.draw(Draw.absenceSilence, UInt64(user.rawValue), UInt64(n))
        )
        return Absence(
            start: start,
            end: start + absences.shortest + Interval(nanoseconds: length),
            isSilent: silence < absences.silentMillionths
        )
    }

    /// The user's breach `n` of the protocol, from 0 on; `nil` when users have stopped sending.
    package func trespass(
        _ n: UInt32,
        of user: ClientNumber
    ) -> (start: Instant, trespass: Trespass)? {
        guard let every = self.trespassEvery,
            let start = self.instant(n, of: user, every: every, Draw.trespass)
        else { return nil }
        let kinds = Trespass.allCases
        let kind = KeyedRandom.below(
            UInt64(kinds.count),
            self.random.draw(Draw.trespassKind, UInt64(user.rawValue), UInt64(n))
        )
        return (start, kinds[Int(kind)])
    }

    private func instant(
        _ n: UInt32,
        of user: ClientNumber,
        every: Interval,
        _ purpose: RandomPurpose
    ) -> Instant? {
        let bits = self.random.draw(purpose, UInt64(user.rawValue), UInt64(n))
        let offset = Interval(nanoseconds: KeyedRandom.below(every.nanoseconds, bits))
        let instant = self.start + every * UInt64(n) + offset
        return instant < self.end ? instant : nil
    }
}
