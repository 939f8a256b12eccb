import ChatCore
package import Kernel
import NIOCore

/// What goes wrong around live shards: a bus that loses, repeats and delays, a store that refuses, keeps
/// silent and is slow, and spells in which a shard's lease is not renewed.
///
/// For tests, which hold the live host to the promises under it. Draws are keyed as in the simulated
/// world, so that the n-th message between two shards meets the same fate again; which message is the
/// n-th is for threads and sockets to decide. All parts are in millionths.
package struct Weather: Sendable {
    package var seed: UInt64
    /// It is fair after so long since the server's start.
    package var lasts: Interval
    /// Of messages between shards, and of those of a shard to itself.
    package var lossMillionths: UInt64 = 0
    package var repeatMillionths: UInt64 = 0
    /// Of those messages, what is late, so that others overtake it.
    package var delayMillionths: UInt64 = 0
    package var longestDelay = Interval.milliseconds(40)
    /// Of appends: certainly not applied.
    package var failedMillionths: UInt64 = 0
    /// Of appends: the answer is lost; half of them are applied.
    package var unknownMillionths: UInt64 = 0
    /// Of reads of pages, of log ends and of message ids.
    package var unreadableMillionths: UInt64 = 0
    /// Of the store's requests, before which it does nothing for `pause`.
    package var pauseMillionths: UInt64 = 0
    package var pause = Interval.milliseconds(50)
    /// Of spells of `leaseSpell` lease rounds of a shard, in which none succeeds.
    package var leaselessMillionths: UInt64 = 0
    package var leaseSpell: UInt64 = 12
    /// Once, so long after the server's start, the end of the longest log is gone, and nobody is told.
    package var losesAfter: Interval?
    /// How many messages are gone then.
    package var lostMessages: UInt64 = 8
    private let start = NIODeadline.now()

    package init(seed: UInt64, lasts: Interval) {
        self.seed = seed
        self.lasts = lasts
    }

    private var isFoul: Bool {
        NIODeadline.now() < self.start + .nanoseconds(Int64(clamping: self.lasts.nanoseconds))
    }

    private func draw(
        _ purpose: RandomPurpose,
        _ entity: UInt64,
        _ n: UInt64,
        _ m: UInt64
    ) -> UInt64 {
        KeyedRandom(seed: self.seed).draw(purpose, entity, n, m)
    }

    private func happens(
        _ millionths: UInt64,
        _ purpose: RandomPurpose,
        _ entity: UInt64,
        _ n: UInt64,
        _ m: UInt64 = 0
    ) -> Bool {
        guard millionths > 0, self.isFoul else { return false }
        return KeyedRandom.below(1_000_000, self.draw(purpose, entity, n, m)) < millionths
    }

    /// Whether the store is to have lost the end of a log by now.
    var hasLoss: Bool {
        guard let after = self.losesAfter else { return false }
        let due = self.start + .nanoseconds(Int64(clamping: after.nanoseconds))
        return NIODeadline.now() >= due
    }

    // MARK: The bus

    /// How often message `n` of a link arrives.
    func copies(_ link: UInt64, _ n: UInt64) -> UInt64 {
        if self.happens(self.lossMillionths, .weatherLoss, link, n) { return 0 }
        return self.happens(self.repeatMillionths, .weatherRepeat, link, n) ? 2 : 1
    }

    /// How late a copy of message `n` of a link is; zero keeps its place.
    func delay(_ link: UInt64, _ n: UInt64, copy: UInt64) -> Interval {
        guard self.happens(self.delayMillionths, .weatherDelay, link, n, copy) else { return .zero }
        let bits = self.draw(.weatherDelayLength, link, n, copy)
        return Interval(nanoseconds: KeyedRandom.below(self.longestDelay.nanoseconds, bits))
    }

    // MARK: The store

    /// What befalls an append.
    enum Blow: Equatable {
        case none
        /// Not applied, and said so.
        case failed
        /// Nobody hears whether it was applied.
        case unknown(isApplied: Bool)
    }

    func blow(to token: RequestToken, of shard: ShardID) -> Blow {
        let (entity, n) = (UInt64(shard.rawValue), token.rawValue)
        if self.happens(self.failedMillionths, .weatherFailed, entity, n) { return .failed }
        guard self.happens(self.unknownMillionths, .weatherUnknown, entity, n) else { return .none }
        return .unknown(isApplied: self.happens(500_000, .weatherApplied, entity, n))
    }

    func isUnreadable(_ token: RequestToken, of shard: ShardID) -> Bool {
        let entity = UInt64(shard.rawValue)
        return self.happens(self.unreadableMillionths, .weatherUnread, entity, token.rawValue)
    }

    func pauses(before token: RequestToken, of shard: ShardID) -> Bool {
        let entity = UInt64(shard.rawValue)
        return self.happens(self.pauseMillionths, .weatherPause, entity, token.rawValue)
    }

    /// Whether the `round`-th lease round of a shard comes to nothing.
    func isLeaseless(_ shard: ShardID, round: UInt64) -> Bool {
        let spell = round / self.leaseSpell
        return self.happens(
            self.leaselessMillionths,
            .weatherLease,
            UInt64(shard.rawValue),
            spell
        )
    }
}

extension RandomPurpose {
    fileprivate static let weatherLoss = Self(0x7765_0001)
    fileprivate static let weatherRepeat = Self(0x7765_0002)
    fileprivate static let weatherDelay = Self(0x7765_0003)
    fileprivate static let weatherDelayLength = Self(0x7765_0004)
    fileprivate static let weatherFailed = Self(0x7765_0005)
    fileprivate static let weatherUnknown = Self(0x7765_0006)
    fileprivate static let weatherApplied = Self(0x7765_0007)
    fileprivate static let weatherUnread = Self(0x7765_0008)
    fileprivate static let weatherPause = Self(0x7765_0009)
    fileprivate static let weatherLease = Self(0x7765_000a)
}
