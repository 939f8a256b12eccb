package import Kernel

/// Decides from what was sent and what came whether live traffic came back after a trigger was gone.
///
/// Knows no machine: a device and a message are numbers. A message is good when it is acknowledged within
/// a client's patience. What was usual is measured in the time before the trigger. Memory grows with the
/// messages.
package struct GoodputOracle {
    /// What is promised.
    package enum Law: Int, CaseIterable, Sendable {
        /// In bounded time after the trigger, as large a part of what is sent is good as before.
        case goodput
        /// In bounded time after the trigger, deliveries come about as soon as before.
        case latency
        /// Whoever stays connected is answered, also while others return.
        case starvation
    }

    package struct Violation: Equatable, Sendable {
        package var law: Law
        package var instant: Instant
        package var text: String
    }

    /// What live traffic must come back to.
    package struct Terms: Equatable, Sendable {
        /// When the first trigger begins, and when the last is gone.
        package var triggerBegins: Instant
        package var triggerEnds: Instant
        /// From when on nobody sends.
        package var sendingEnds: Instant
        /// How long recovery may take once the trigger is gone.
        package var within: Interval
        /// A message that is acknowledged later than this is not good; nobody connected waits longer
        /// than three times this.
        package var patience: Interval
        /// The part of the goodput of before, in millionths.
        package var goodputMillionths: UInt64
        /// How many times the latency of before, at its 99th percentile, is as soon as before.
        package var latencyFactor: UInt64

        package init(
            triggerBegins: Instant,
            triggerEnds: Instant,
            sendingEnds: Instant,
            within: Interval,
            patience: Interval,
            goodputMillionths: UInt64,
            latencyFactor: UInt64
        ) {
            self.triggerBegins = triggerBegins
            self.triggerEnds = triggerEnds
            self.sendingEnds = sendingEnds
            self.within = within
            self.patience = patience
            self.goodputMillionths = goodputMillionths
            self.latencyFactor = latencyFactor
        }
    }

    private struct Message {
        var device: UInt64
        var intended: Instant
        var acknowledged = Instant.never
        /// Whether its device was connected when it was sent, and has been ever since.
        var isHeld = false
    }

    /// Messages, and deliveries of messages, that were meant to be sent within one window.
    private struct Window {
        var sent: UInt64 = 0
        var good: UInt64 = 0
        /// In microseconds.
        var latencies: [UInt32] = []
    }

    package static let describedLimit = 20
    /// So many of each law are described all the same: one law's must not hide another's.
    private static let describedOfEach: UInt64 = 3
    /// How long a window is; fewer messages in one tell nothing.
    private static let window = Interval.seconds(2)
    private static let leastSent: UInt64 = 20

    package private(set) var violations: [Violation] = []
    private var counts = [UInt64](repeating: 0, count: Law.allCases.count * 2)
    private let terms: Terms
    /// By device, since when it has been connected; `.never` while it is not.
    private var connectedSince: [Instant] = []
    private var messages: [Message] = []
    private var windows: [Window] = []

    package init(_ terms: Terms) { self.terms = terms }

    package func checkCount(of law: Law) -> UInt64 { self.counts[law.rawValue * 2] }

    package func violationCount(of law: Law) -> UInt64 { self.counts[law.rawValue * 2 + 1] }

    package var violationCount: UInt64 {
        Law.allCases.reduce(0) { $0 + self.violationCount(of: $1) }
    }

    private mutating func check(
        _ law: Law,
        _ holds: Bool,
        at now: Instant,
        _ text: @autoclosure () -> String
    ) {
        self.counts[law.rawValue * 2] += 1
        guard !holds else { return }
        self.counts[law.rawValue * 2 + 1] += 1
        guard
            self.violations.count < Self.describedLimit
                || self.violationCount(of: law) <= Self.describedOfEach
        else { return }
        self.violations.append(Violation(law: law, instant: now, text: text()))
    }

    private mutating func windowIndex(of instant: Instant) -> Int {
        let index = Int(instant.nanoseconds / Self.window.nanoseconds)
        while self.windows.count <= index { self.windows.append(Window()) }
        return index
    }

    /// A device has become, or is no longer, connected.
    package mutating func noted(_ device: UInt64, isConnected: Bool, now: Instant) {
        while self.connectedSince.count <= Int(device) { self.connectedSince.append(.never) }
        self.connectedSince[Int(device)] = isConnected ? now : .never
    }

    private func start(of device: UInt64) -> Instant {
        Int(device) < self.connectedSince.count ? self.connectedSince[Int(device)] : .never
    }

    /// A user wants a message sent; messages are numbered from 0 in this order.
    package mutating func intended(by device: UInt64, now: Instant) {
        let since = self.start(of: device)
        self.messages.append(Message(device: device, intended: now, isHeld: since <= now))
        self.windows[self.windowIndex(of: now)].sent += 1
    }

    /// A device has been told that a message is in the log.
    package mutating func acknowledged(_ message: Int, now: Instant) {
        let row = self.messages[message]
        guard row.acknowledged == .never else { return }
        self.messages[message].acknowledged = now
        if row.intended + self.terms.patience >= now {
            self.windows[self.windowIndex(of: row.intended)].good += 1
        }
        self.judgeWait(of: row, until: now)
    }

    /// A message was refused for good, or given up: its device knows.
    package mutating func refused(_ message: Int, now: Instant) {
        let row = self.messages[message]
        guard row.acknowledged == .never else { return }
        self.messages[message].acknowledged = now
        self.judgeWait(of: row, until: now)
    }

    /// A message that was meant to be sent at `intended` reached a device that looked on.
    package mutating func delivered(intended: Instant, now: Instant) {
        let microseconds = (now - intended).nanoseconds / 1_000
        self.windows[self.windowIndex(of: intended)].latencies
            .append(UInt32(min(microseconds, UInt64(UInt32.max))))
    }

    private mutating func judgeWait(of row: Message, until now: Instant) {
        guard row.isHeld, self.start(of: row.device) <= row.intended else { return }
        let limit = self.terms.patience * 3
        self.check(
            .starvation,
            now <= row.intended + limit,
            at: now,
            "device \(row.device) stayed connected and waited"
                + " \((now - row.intended).nanoseconds / 1_000_000) ms for an answer"
        )
    }

    /// The run is over.
    package mutating func settle(now: Instant) {
        for row in self.messages where row.acknowledged == .never {
            self.judgeWait(of: row, until: now)
        }
        let length = Self.window.nanoseconds
        let before = self.windows.prefix(Int(self.terms.triggerBegins.nanoseconds / length))
        let sent = before.reduce(0) { $0 + $1.sent }
        let good = before.reduce(0) { $0 + $1.good }
        let usual = Self.slowest(Array(before.map(\.latencies).joined()))
        // Without a time before the trigger nothing is known to come back to.
        guard sent >= Self.leastSent, let usual else { return }
        let recovered = self.terms.triggerEnds + self.terms.within
        let first = Int(recovered.nanoseconds / length) + 1
        let last = Int(self.terms.sendingEnds.nanoseconds / length)
        guard first < min(last, self.windows.count) else { return }
        for index in first..<min(last, self.windows.count) {
            let window = self.windows[index]
            guard window.sent >= Self.leastSent else { continue }
            let instant = Instant(nanoseconds: UInt64(index) * length)
            // good ÷ sent of now, beside a part of good ÷ sent of before.
            self.check(
                .goodput,
                window.good * sent * 1_000_000 >= good * window.sent * self.terms.goodputMillionths,
                at: instant,
                "\(window.good) of \(window.sent) messages were acknowledged in time, before"
                    + " \(good) of \(sent)"
            )
            let slowest = Self.slowest(window.latencies) ?? .max
            self.check(
                .latency,
                UInt64(slowest) <= UInt64(usual) * self.terms.latencyFactor,
                at: instant,
                "a hundredth of the deliveries took more than \(slowest) us, before \(usual) us"
            )
        }
    }

    /// The 99th percentile; `nil` of nothing.
    private static func slowest(_ latencies: [UInt32]) -> UInt32? {
        guard !latencies.isEmpty else { return nil }
        return latencies.sorted()[(latencies.count * 99 + 99) / 100 - 1]
    }
}
