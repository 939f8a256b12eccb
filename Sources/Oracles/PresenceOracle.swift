package import Kernel

/// Decides from when sessions began and ended, and from what watching connections were told, whether
/// the guarantee of presence held.
///
/// Knows no machine: a state is a number, 0 for a user who is not there. Memory grows with the users
/// and with the pairs of connection and user that watch.
package struct PresenceOracle {
    /// What is promised.
    package enum Law: Int, CaseIterable, Sendable {
        /// A drop that is shorter than its grace is never seen.
        case shortDropUnseen
        /// That a user has left is told when the grace is over, within the W in force.
        case offlineInTime
        /// That a user is there is told within the W in force.
        case onlineInTime
        /// A connection hears about a user at most once in W, and only what it does not know.
        case onceInWindow
        /// A gateway shard tells at most B in a second, each user and connection counted.
        case withinBudget
        /// After quiet, every connection knows how those are whom it watches.
        case convergence

        package var isLiveness: Bool { self == .convergence }
    }

    package struct Violation: Equatable, Sendable {
        package var law: Law
        package var instant: Instant
        package var text: String
    }

    /// What was promised, and what a message may take on its way.
    package struct Terms: Sendable {
        package var grace: Interval
        package var lostGrace: Interval
        package var window: Interval
        package var budget: UInt32
        /// For the ways between shards, and for messages that are sent again.
        package var allowance: Interval

        package init(
            grace: Interval,
            lostGrace: Interval,
            window: Interval,
            budget: UInt32,
            allowance: Interval
        ) {
            self.grace = grace
            self.lostGrace = lostGrace
            self.window = window
            self.budget = budget
            self.allowance = allowance
        }
    }

    /// A user, as the server knows sessions.
    private struct User {
        var sessions: UInt32 = 0
        /// When the first of the present sessions began.
        var since = Instant.zero
        /// When the present or the last absence may be told.
        var due = Instant.zero
        /// Until when a session of a lost gateway may be held to be there.
        var lostDue = Instant.zero
        /// When the last absence ended; `.never` before the first.
        var returned = Instant.never
        var hasBeenThere = false
    }

    private struct Pair: Hashable {
        var watcher: UInt64
        var user: UInt64
    }

    private struct Shown {
        var pair: Pair
        var isOpen = true
        var since: Instant
        var state: UInt8?
        var toldAt: Instant?
    }

    private struct Told {
        var instant: Instant
        var count: UInt64
    }

    package static let describedLimit = 20
    /// So many of each law are described all the same: one law's must not hide another's.
    private static let describedOfEach: UInt64 = 3

    package private(set) var violations: [Violation] = []
    /// How much watchers were told.
    package private(set) var toldCount: UInt64 = 0
    /// How much of that was that somebody has gone.
    package private(set) var goneCount: UInt64 = 0
    /// The widest W that a gateway reported.
    package private(set) var widestWindow = Interval.zero
    private var counts = [UInt64](repeating: 0, count: Law.allCases.count * 2)
    private let terms: Terms
    private var users: [UInt64: User] = [:]
    private var places: [Pair: Int] = [:]
    private var shown: [Shown] = []
    /// By gateway shard, what was told in the last second.
    private var recent: [Int: [Told]] = [:]
    private var quietUntil = Instant.zero

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

    // MARK: What is true

    /// The server has let a session of a user in.
    package mutating func began(_ user: UInt64, now: Instant) {
        var row = self.users[user] ?? User()
        if row.sessions == 0 {
            row.since = now
            if row.hasBeenThere { row.returned = now }
        }
        row.sessions += 1
        row.hasBeenThere = true
        self.users[user] = row
    }

    /// The server has seen a session end, or `isLost`, its gateway has died or drains.
    package mutating func ended(_ user: UInt64, isLost: Bool, now: Instant) {
        guard var row = self.users[user], row.sessions > 0 else { return }
        row.sessions -= 1
        let due = now + (isLost ? self.terms.lostGrace : self.terms.grace)
        if row.sessions == 0 { row.due = due }
        if isLost { row.lostDue = due }
        self.users[user] = row
    }

    /// Users may have another owner, who says nothing of those who are gone until then.
    package mutating func unsettled(until instant: Instant) {
        self.quietUntil = max(self.quietUntil, instant)
    }

    // MARK: What is told

    /// A connection wants to know how a user is.
    package mutating func asked(_ watcher: UInt64, _ user: UInt64, now: Instant) {
        let pair = Pair(watcher: watcher, user: user)
        guard self.places[pair] == nil else { return }
        self.places[pair] = self.shown.count
        self.shown.append(Shown(pair: pair, since: now))
    }

    /// The connection is gone: nothing is owed to it.
    package mutating func gone(_ watcher: UInt64, _ user: UInt64) {
        guard let place = self.places.removeValue(forKey: Pair(watcher: watcher, user: user)) else {
            return
        }
        self.shown[place].isOpen = false
    }

    /// What the answer to the question says.
    package mutating func answered(
        _ watcher: UInt64,
        _ user: UInt64,
        state: UInt8,
        now: Instant
    ) {
        guard let place = self.places[Pair(watcher: watcher, user: user)] else { return }
        self.judge(user, isThere: state != 0, window: self.terms.window, isNews: false, now)
        self.shown[place].state = state
        self.shown[place].toldAt = now
    }

    /// A push to one connection about one user.
    package mutating func told(
        _ watcher: UInt64,
        _ user: UInt64,
        state: UInt8,
        window: Interval,
        gateway: Int,
        now: Instant
    ) {
        self.toldCount += 1
        if state == 0 { self.goneCount += 1 }
        self.widestWindow = max(self.widestWindow, window)
        self.spend(1, of: gateway, now)
        guard let place = self.places[Pair(watcher: watcher, user: user)] else { return }
        let former = self.shown[place]
        let isSpaced = former.toldAt.map { $0 + self.terms.window <= now } ?? true
        self.check(
            .onceInWindow,
            isSpaced && former.state != state,
            at: now,
            "connection \(watcher) heard about user \(user) twice in a window, or the same twice"
        )
        let wasThere = former.state.map { $0 != 0 }
        if wasThere != (state != 0) {
            // Whoever asked late cannot have been told before.
            let isNews = former.state != nil
            self.judge(user, isThere: state != 0, window: window, isNews: isNews, now)
        }
        self.shown[place].state = state
        self.shown[place].toldAt = now
    }

    private mutating func judge(
        _ user: UInt64,
        isThere: Bool,
        window: Interval,
        isNews: Bool,
        _ now: Instant
    ) {
        let row = self.users[user] ?? User()
        let late = window + self.terms.allowance
        let end = max(row.due, row.lostDue, self.quietUntil)
        if isThere {
            self.check(
                .onlineInTime,
                row.hasBeenThere && (row.sessions > 0 || now <= end + late),
                at: now,
                "user \(user) was told to be there, and is not"
            )
            guard isNews, row.sessions > 0 else { return }
            self.check(
                .onlineInTime,
                now <= max(row.since, self.quietUntil) + late,
                at: now,
                "user \(user) came at \(row.since.nanoseconds / 1_000_000) ms"
            )
            return
        }
        guard row.hasBeenThere else { return }
        let isTrue =
            row.sessions == 0
            ? now >= row.due : row.due <= row.since && now <= row.since + late
        self.check(
            .shortDropUnseen,
            isTrue || (!isNews && row.sessions > 0 && now <= row.since + late),
            at: now,
            "user \(user) was told to be gone, due \(row.due.nanoseconds / 1_000_000) ms,"
                + " \(row.sessions) sessions"
        )
        guard isNews else { return }
        self.check(
            .offlineInTime,
            now <= end + late,
            at: now,
            "user \(user) could be told to be gone at \(row.due.nanoseconds / 1_000_000) ms"
        )
    }

    private mutating func spend(_ count: UInt64, of gateway: Int, _ now: Instant) {
        var told = self.recent[gateway] ?? []
        if let last = told.last, last.instant == now {
            told[told.count - 1].count += count
        } else {
            told.append(Told(instant: now, count: count))
        }
        told.removeAll { $0.instant + .seconds(1) <= now }
        let sum = told.reduce(0) { $0 + $1.count }
        self.recent[gateway] = told
        self.check(
            .withinBudget,
            sum <= UInt64(self.terms.budget),
            at: now,
            "gateway \(gateway) told \(sum) within a second"
        )
    }

    /// The run is over, after a quiet that is long enough for everything to be known.
    package mutating func settle(now: Instant) {
        for shown in self.shown where shown.isOpen {
            let row = self.users[shown.pair.user] ?? User()
            let isThere = row.sessions > 0
            let isOpen =
                !isThere && row.hasBeenThere
                && now < max(row.due, row.lostDue) + self.terms.window + self.terms.allowance
            guard !isOpen else { continue }
            self.check(
                .convergence,
                shown.state.map { ($0 != 0) == isThere } ?? false,
                at: now,
                "connection \(shown.pair.watcher) believes of user \(shown.pair.user) that the"
                    + " state is \(shown.state.map { "\($0)" } ?? "unknown")"
            )
        }
    }
}
