package import Kernel

/// Decides from what clients, gateways and the store were seen to do whether promises 1 to 5 and
/// fencing held.
///
/// Knows no machine. Works online: memory grows with the log, with 8 bytes for each pair of device
/// and conversation, and with what is being sent, never with the number of deliveries. Each law
/// counts its checks, because a law that was never put to the test has not held.
package struct PromiseOracle {
    /// What is promised.
    package enum Law: Int, CaseIterable, Sendable {
        /// Offsets of a log are 1, 2, 3 … and every observer sees the same message at the same one.
        case agreement
        /// An acknowledgement leaves the server after the commit, and names the offset at which
        /// that very message stands.
        case durability
        /// A message stands once in the log.
        case uniqueness
        /// `duplicate` is said of messages that were sent before, and of no other.
        case truthfulness
        /// A device is given every offset after its first position, once and in order.
        case deviceOrder
        /// No position beyond the log is told; a return continues where the device stands.
        case subscription
        /// A loss is declared to every device that had a part in the stream, once, and only after one.
        case declaration
        /// The terms that write to a partition never fall.
        case singleWriter
        /// Queues and timers stay below their limits, and empty in the quiet.
        case bounds
        /// A command is answered in time, if only with an error, and also by a server that drains.
        case answers
        /// Who breaks the client protocol, or answers no pings, is sent away.
        case conduct
        /// After healing, every device stands at the head of all that it asked for and owes nothing.
        case convergence

        /// Whether a breach means that something good did not happen in time, not that something
        /// bad did.
        package var isLiveness: Bool { self == .convergence }

        /// Whether a run may leave it untried.
        ///
        /// Not every crowd has somebody who breaks the protocol, nor does every store lose what it has
        /// committed.
        package var isOptional: Bool { self == .conduct || self == .declaration }
    }

    /// A law that did not hold: the first counts, later ones may follow from it.
    package struct Violation: Equatable, Sendable {
        package var law: Law
        package var instant: Instant
        package var text: String
    }

    /// One conversation of one device: its number, and the offset up to which the device has it.
    struct Place: BitwiseCopyable {
        var conversation: UInt32
        var position: UInt32
    }

    /// Violations beyond this many are counted, not described.
    package static let describedLimit = 20
    /// So many of each law are described all the same: one law's must not hide another's.
    private static let describedOfEach: UInt64 = 3

    package private(set) var violations: [Violation] = []
    private var counts = [UInt64](repeating: 0, count: Law.allCases.count * 2)
    let networkRepeats: Bool
    var ordinals = ConversationOrdinals()
    var logs: [[MessageID]] = []
    var terms: [PartitionID: Term] = [:]
    var messages = MessageFates()
    /// The places of device *n* lie from `firstPlaces[n]` up to `firstPlaces[n + 1]`.
    var firstPlaces: [UInt32] = [0]
    var places: [Place] = []
    var losses = Losses()

    /// `networkRepeats` excuses a `duplicate` that nobody but the network caused.
    package init(networkRepeats: Bool) { self.networkRepeats = networkRepeats }

    package func checkCount(of law: Law) -> UInt64 { self.counts[law.rawValue * 2] }

    package func violationCount(of law: Law) -> UInt64 { self.counts[law.rawValue * 2 + 1] }

    package var violationCount: UInt64 {
        Law.allCases.reduce(0) { $0 + self.violationCount(of: $1) }
    }

    mutating func check(
        _ law: Law,
        _ holds: Bool,
        at now: Instant,
        _ text: @autoclosure () -> String
    ) {
        self.counts[law.rawValue * 2] += 1
        if !holds { self.violate(law, at: now, text()) }
    }

    private mutating func violate(_ law: Law, at now: Instant, _ text: String) {
        self.counts[law.rawValue * 2 + 1] += 1
        guard
            self.violations.count < Self.describedLimit
                || self.violationCount(of: law) <= Self.describedOfEach
        else { return }
        self.violations.append(Violation(law: law, instant: now, text: text))
    }

    func head(of conversation: ConversationID) -> UInt64 {
        self.ordinals.find(conversation).map { UInt64(self.logs[$0].count) } ?? 0
    }

    mutating func number(_ conversation: ConversationID) -> Int {
        let ordinal = self.ordinals.number(conversation)
        if ordinal == self.logs.count { self.logs.append([]) }
        return ordinal
    }

    /// What is known of a message of a conversation that was named before.
    private func fate(_ conversation: ConversationID, _ message: MessageID) -> Int? {
        self.ordinals.find(conversation).flatMap { self.messages.find(message, of: $0) }
    }

    /// The store made a message durable.
    ///
    /// `message` is the host's own name of it, which no two messages share, whatever ids their
    /// senders chose.
    package mutating func committed(
        _ conversation: ConversationID,
        _ message: MessageID,
        at offset: Offset,
        partition: PartitionID,
        term: Term,
        now: Instant
    ) {
        let ordinal = self.number(conversation)
        let count = UInt64(self.logs[ordinal].count)
        self.check(
            .agreement,
            offset.rawValue == count + 1,
            at: now,
            "conversation \(conversation.low): offset \(offset.rawValue) was written after \(count)"
        )
        let last = self.terms[partition] ?? .none
        self.check(
            .singleWriter,
            last <= term,
            at: now,
            "partition \(partition.rawValue): term \(term.rawValue) wrote after \(last.rawValue)"
        )
        self.terms[partition] = max(last, term)
        let fate = self.messages.number(message, of: ordinal)
        let isFirst = self.messages.rows[fate].offset == .start
        self.check(
            .uniqueness,
            isFirst,
            at: now,
            "conversation \(conversation.low): message \(message.low) stands twice in the log"
        )
        self.logs[ordinal].append(message)
        guard isFirst else { return }
        self.messages.rows[fate].offset = offset
        self.messages.rows[fate].committed = now
    }

    /// A device sends a message, for the first time or again.
    package mutating func sent(
        _ conversation: ConversationID,
        _ message: MessageID,
        now: Instant
    ) {
        let fate = self.messages.number(message, of: self.number(conversation))
        self.messages.rows[fate].attempts += 1
        self.messages.rows[fate].lastAttempt = now
    }

    /// A gateway lets an acknowledgement go.
    package mutating func answered(
        _ conversation: ConversationID,
        _ message: MessageID,
        at position: Position,
        now: Instant
    ) {
        self.checkAnswer(self.fate(conversation, message), conversation, message, position, now)
    }

    private mutating func checkAnswer(
        _ fate: Int?,
        _ conversation: ConversationID,
        _ message: MessageID,
        _ position: Position,
        _ now: Instant
    ) {
        let offset = position.offset
        let former = self.formerLog(of: conversation, position.epoch)
        var isThere = offset != .start && fate.map { self.messages.rows[$0].offset } == offset
        if let former {
            isThere = former.holds(message, at: offset) || !former.isNoticed && isThere
        }
        self.check(
            .durability,
            isThere,
            at: now,
            "conversation \(conversation.low): message \(message.low) was acknowledged at"
                + " \(offset.rawValue) and is not there in the log"
        )
    }

    /// A sender learns that its last attempt was good.
    package mutating func acknowledged(
        _ conversation: ConversationID,
        _ message: MessageID,
        at position: Position,
        isDuplicate: Bool,
        now: Instant
    ) {
        let fate = self.fate(conversation, message)
        self.checkAnswer(fate, conversation, message, position, now)
        guard let fate else { return }
        let row = self.messages.rows[fate]
        self.messages.rows[fate].attempts = 0
        guard row.attempts > 0, row.offset != .start,
            self.formerLog(of: conversation, position.epoch) == nil
        else { return }
        self.check(
            .truthfulness,
            isDuplicate
                ? row.attempts > 1 || self.networkRepeats : row.committed >= row.lastAttempt,
            at: now,
            "conversation \(conversation.low): message \(message.low) was acknowledged as"
                + " \(isDuplicate ? "a duplicate" : "new") after \(row.attempts) attempts"
        )
    }

    /// A gateway refuses a message; `isOwners` if it has an owner's word, and has not just lost patience.
    ///
    /// An owner that has read the log back knows what stands there: what was sent once, and is in the
    /// log, is not refused.
    package mutating func refused(
        _ conversation: ConversationID,
        _ message: MessageID,
        isOwners: Bool,
        now: Instant
    ) {
        guard isOwners, !self.networkRepeats, let fate = self.fate(conversation, message) else {
            return
        }
        let row = self.messages.rows[fate]
        guard row.attempts == 1 else { return }
        self.check(
            .truthfulness,
            row.offset == .start,
            at: now,
            "conversation \(conversation.low): message \(message.low) was refused, and stands at"
                + " \(row.offset.rawValue)"
        )
    }

    /// A command was answered, or will never be, that has waited `since` then.
    package mutating func waited(
        since: Instant,
        now: Instant,
        within limit: Interval,
        _ who: @autoclosure () -> String
    ) {
        self.check(
            .answers,
            since + limit >= now,
            at: now,
            "\(who()) has waited for an answer since \(since.nanoseconds / 1_000_000) ms"
        )
    }

    /// A server that drains sends a connection away to which it may owe an answer `since` an instant.
    package mutating func drained(
        since: Instant?,
        now: Instant,
        within limit: Interval,
        _ who: @autoclosure () -> String
    ) {
        self.check(
            .answers,
            since.map { $0 + limit <= now } ?? true,
            at: now,
            "\(who()) was sent away before it was answered"
        )
    }

    /// Something that has a limit was counted.
    package mutating func bounded(
        _ count: UInt64,
        by limit: UInt64,
        now: Instant,
        _ what: @autoclosure () -> String
    ) {
        self.check(.bounds, count <= limit, at: now, "\(what()): \(count), limit \(limit)")
    }

    /// How it ended.
    package enum Verdict: Equatable, Sendable {
        case held
        /// Something that must never happen did.
        case violated
        /// Nothing bad happened, but something good did not happen in time.
        case unconverged
        /// A law was never put to the test.
        case unproven
    }

    package var verdict: Verdict {
        let broken = Law.allCases.filter { self.violationCount(of: $0) > 0 }
        if broken.contains(where: { !$0.isLiveness }) { return .violated }
        if !broken.isEmpty { return .unconverged }
        return Law.allCases.allSatisfy { $0.isOptional || self.checkCount(of: $0) > 0 }
            ? .held : .unproven
    }
}
