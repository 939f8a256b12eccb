package import Kernel

/// Decides from what the store wrote and what gateways pushed whether members who do not look were hinted
/// as they must be.
///
/// Knows no machine: it keeps members, markers and counts by rules of its own, from the entries alone.
package struct HintOracle {
    /// What is promised.
    package enum Law: Int, CaseIterable, Sendable {
        /// A connection is hinted of a conversation at most once in a window.
        case onceInHintWindow
        /// A hint says no less than an earlier one of the same epoch on the same connection.
        case hintOrder
        /// What a hint calls unread and mentioned is so at its offset and the member's marker.
        case hintTruth
        /// Nobody is hinted of what was written while they were no members.
        case hintPrivacy
        /// Nobody is hinted of conversations with more members than hints are for.
        case broadcastSilence
        /// After quiet each connection knows, by its hints or since it began, where the conversations end
        /// that it does not look at.
        case hintConvergence

        /// Whether a breach means that something good did not happen in time.
        package var isLiveness: Bool { self == .hintConvergence }
    }

    /// A law that did not hold.
    package struct Violation: Equatable, Sendable {
        package var law: Law
        package var instant: Instant
        package var text: String
    }

    /// What a connection was told of a conversation.
    package struct Told: Equatable, Sendable {
        package var head: Position
        package var read: Offset
        package var unread: UInt64
        package var mentions: UInt64

        package init(head: Position, read: Offset, unread: UInt64, mentions: UInt64) {
            self.head = head
            self.read = read
            self.unread = unread
            self.mentions = mentions
        }
    }

    private struct Place: Hashable {
        var connection: UInt64
        var conversation: ConversationID
    }

    private struct Conversation {
        /// By offset, the messages up to there.
        var counts: [UInt64] = []
        /// Members' read markers.
        var members: [UInt64: Offset] = [:]
        var mentions: [UInt64: [Offset]] = [:]
        /// Where a former member's last membership ended.
        var departures: [UInt64: Offset] = [:]
        var fewestMembers = 0
        var headAt = Instant.zero

        func count(upTo offset: Offset) -> UInt64 {
            guard offset > .start, offset.rawValue <= UInt64(self.counts.count) else { return 0 }
            return self.counts[Int(offset.rawValue - 1)]
        }
    }

    private static let describedLimit = 20
    /// So many of each law are described all the same: one law's must not hide another's.
    private static let describedOfEach: UInt64 = 3
    private let window: Interval
    private let mostMembers: Int
    package private(set) var violations: [Violation] = []
    package private(set) var toldCount: UInt64 = 0
    private var counts = [UInt64](repeating: 0, count: Law.allCases.count * 2)
    private var conversations: [ConversationID: Conversation] = [:]
    private var began: [UInt64: Instant] = [:]
    private var last: [Place: (told: Told, at: Instant)] = [:]

    /// `mostMembers` is how many a conversation may have whose members are hinted.
    package init(window: Interval, mostMembers: Int) {
        self.window = window
        self.mostMembers = mostMembers
    }

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

    /// A conversation that was there before the run.
    package mutating func founded(_ id: ConversationID, by users: [UInt64]) {
        var conversation = Conversation()
        for user in users { conversation.members[user] = .start }
        conversation.fewestMembers = users.count
        self.conversations[id] = conversation
    }

    /// The store has written an entry.
    package mutating func committed(
        _ id: ConversationID,
        _ entry: MembershipOracle.Entry,
        by user: UInt64,
        mentioning people: [UInt64],
        at offset: Offset,
        now: Instant
    ) {
        guard var conversation = self.conversations.removeValue(forKey: id) else { return }
        var isMessage = false
        switch entry {
        case .message: isMessage = true
        case .join: conversation.members[user] = offset
        case .invite(let other): conversation.members[other] = offset
        case .leave:
            conversation.members[user] = nil
            conversation.departures[user] = offset
        case .remove(let other):
            conversation.members[other] = nil
            conversation.departures[other] = offset
        case .role, .edit, .delete, .react, .other: break
        }
        conversation.counts.append((conversation.counts.last ?? 0) + (isMessage ? 1 : 0))
        conversation.headAt = now
        if isMessage {
            for person in people where person != user && conversation.members[person] != nil {
                conversation.mentions[person, default: []].append(offset)
            }
            conversation.members[user] = offset
        }
        conversation.fewestMembers = min(conversation.fewestMembers, conversation.members.count)
        self.conversations[id] = conversation
    }

    /// The store has moved a member's read marker.
    package mutating func marked(_ id: ConversationID, _ user: UInt64, read: Offset) {
        guard let conversation = self.conversations[id], let known = conversation.members[user]
        else { return }
        let head = Offset(UInt64(conversation.counts.count))
        self.conversations[id]?.members[user] = max(known, min(read, head))
    }

    /// A gateway has answered a connection's `connect`: what stands in the log by now, it can ask for.
    package mutating func connected(_ connection: UInt64, now: Instant) {
        self.began[connection] = now
    }

    /// A gateway has pushed a hint.
    package mutating func told(
        _ connection: UInt64,
        _ user: UInt64,
        _ id: ConversationID,
        _ told: Told,
        now: Instant
    ) {
        guard let conversation = self.conversations[id] else { return }
        self.toldCount += 1
        let offset = told.head.offset
        let text = "conversation \(id.low): user \(user) was hinted \(told)"
        let place = Place(connection: connection, conversation: id)
        if let last = self.last[place] {
            self.check(
                .onceInHintWindow,
                last.at + self.window <= now,
                at: now,
                "\(text), and before at \(last.at.nanoseconds / 1_000_000) ms"
            )
            self.check(
                .hintOrder,
                last.told.head.epoch != told.head.epoch
                    || last.told.head.offset <= offset && last.told.read <= told.read,
                at: now,
                "\(text) after \(last.told)"
            )
        }
        self.last[place] = (told, now)
        self.check(
            .broadcastSilence,
            conversation.fewestMembers <= self.mostMembers,
            at: now,
            "\(text), of at least \(conversation.fewestMembers) members"
        )
        let end = conversation.departures[user] ?? .start
        let isMember = conversation.members[user] != nil
        self.check(.hintPrivacy, isMember || offset < end, at: now, "\(text), and was no member")
        guard let read = conversation.members[user] else { return }
        let mentions = (conversation.mentions[user] ?? []).count { $0 > told.read && $0 <= offset }
        let unread =
            conversation.count(upTo: offset) - conversation.count(upTo: min(told.read, offset))
        self.check(
            .hintTruth,
            told.read <= read && told.unread == unread && told.mentions == UInt64(mentions),
            at: now,
            "\(text), and the log says read \(read.rawValue), unread \(unread), \(mentions)"
        )
    }

    /// At the end, after quiet: a connection that does not look at a conversation of its user's.
    package mutating func settled(
        _ connection: UInt64,
        _ user: UInt64,
        _ id: ConversationID,
        now: Instant
    ) {
        guard let conversation = self.conversations[id], let began = self.began[connection],
            conversation.members[user] != nil, conversation.members.count <= self.mostMembers,
            conversation.headAt > began
        else { return }
        let head = UInt64(conversation.counts.count)
        let place = Place(connection: connection, conversation: id)
        let told = self.last[place]?.told.head.offset.rawValue ?? 0
        self.check(
            .hintConvergence,
            told == head,
            at: now,
            "conversation \(id.low): user \(user) was hinted up to \(told) of \(head)"
        )
    }

    /// Whether each law held and was put to the test.
    package var verdict: PromiseOracle.Verdict {
        let broken = Law.allCases.filter { self.violationCount(of: $0) > 0 }
        if broken.contains(where: { !$0.isLiveness }) { return .violated }
        if !broken.isEmpty { return .unconverged }
        return Law.allCases.allSatisfy { self.checkCount(of: $0) > 0 } ? .held : .unproven
    }
}
