package import ChatCore

extension RateLimit {
    /// Reads a rate, of which 0 is none, and how many may come at once: as many as in a second, if only the
    /// rate is given.
    package static func reading(
        perSecond: StrictNode?,
        burst: StrictNode?,
        usual: RateLimit?
    ) throws(ModelError) -> RateLimit? {
        let most = UInt64(Self.range.upperBound)
        var rate = usual?.perSecond ?? 0
        var atOnce = usual?.burst ?? 1
        if let perSecond {
            rate = UInt32(try perSecond.integer(in: 0...most))
            atOnce = rate
        }
        if let burst { atOnce = UInt32(try burst.integer(in: 1...most)) }
        return rate == 0 ? nil : RateLimit(perSecond: rate, burst: atOnce)
    }
}
