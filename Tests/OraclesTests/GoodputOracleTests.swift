import Kernel
import Oracles
import Testing

/// Live traffic beside a trigger from 20 s to 21 s, which it must have recovered from by 26 s.
struct GoodputOracleTests {
    private static let terms = GoodputOracle.Terms(
        triggerBegins: .zero + .seconds(20),
        triggerEnds: .zero + .seconds(21),
        sendingEnds: .zero + .seconds(60),
        within: .seconds(5),
        patience: .seconds(1),
        goodputMillionths: 950_000,
        latencyFactor: 3
    )

    /// Fifty messages a second, each acknowledged and delivered after what `wait` says; `nil` is never.
    private static func run(
        reconnects: Bool = false,
        _ wait: (UInt64) -> Interval?
    ) -> GoodputOracle {
        var oracle = GoodputOracle(Self.terms)
        for device in 0..<10 as Range<UInt64> {
            oracle.noted(device, isConnected: true, now: .zero)
        }
        var acknowledged: [(Instant, Int, Instant)] = []
        for message in 0..<3_000 as Range<UInt64> {
            let intended = Instant.zero + .milliseconds(message * 20)
            if reconnects, message % 100 == 0 {
                oracle.noted(message / 100 % 10, isConnected: false, now: intended)
                oracle.noted(message / 100 % 10, isConnected: true, now: intended)
            }
            oracle.intended(by: message % 10, now: intended)
            guard let wait = wait(message * 20) else { continue }
            acknowledged.append((intended + wait, Int(message), intended))
        }
        for (instant, message, intended) in acknowledged.sorted(by: { $0.0 < $1.0 }) {
            oracle.acknowledged(message, now: instant)
            oracle.delivered(intended: intended, now: instant)
        }
        oracle.settle(now: .zero + .seconds(70))
        return oracle
    }

    private static func broken(_ oracle: GoodputOracle) -> Set<GoodputOracle.Law> {
        Set(GoodputOracle.Law.allCases.filter { oracle.violationCount(of: $0) > 0 })
    }

    @Test func `traffic that is slow during the trigger and for a while after it holds`() {
        let oracle = Self.run {
            (20_000..<26_000).contains($0) ? .milliseconds(2_500) : .milliseconds(30)
        }
        #expect(Self.broken(oracle) == [], "\(oracle.violations)")
        for law in GoodputOracle.Law.allCases { #expect(oracle.checkCount(of: law) > 10) }
    }

    @Test func `goodput that stays away is caught`() {
        let oracle = Self.run {
            $0 > 20_000 && $0 % 100 == 0 ? .milliseconds(1_100) : .milliseconds(30)
        }
        #expect(Self.broken(oracle).contains(.goodput))
    }

    @Test func `latency that stays high is caught`() {
        let oracle = Self.run { $0 > 20_000 ? .milliseconds(100) : .milliseconds(30) }
        #expect(Self.broken(oracle) == [.latency])
    }

    @Test func `whoever stays connected and is never answered is starved, whoever left is not`() {
        let starved = Self.run { $0 == 22_000 ? nil : .milliseconds(30) }
        #expect(Self.broken(starved) == [.starvation])
        let left = Self.run(reconnects: true) { $0 == 22_000 ? nil : .milliseconds(30) }
        #expect(Self.broken(left) == [])
    }

    @Test func `without traffic before the trigger nothing is judged`() {
        var oracle = GoodputOracle(Self.terms)
        oracle.intended(by: 0, now: .zero + .seconds(30))
        oracle.settle(now: .zero + .seconds(70))
        #expect(oracle.checkCount(of: .goodput) == 0)
    }
}
