package import Kernel

/// Decides from what the store wrote and what devices were shown whether conversations belonged to
/// their members, and whether everybody's markers and counts came out right.
///
/// Knows no machine: it keeps members, roles and counts by rules of its own, from the entries alone.
package struct MembershipOracle {
    /// What is promised.
    package enum Law: Int, CaseIterable, Sendable {
        /// Every entry was written by a member whose role allows it.
        case authority
        /// Nobody is shown an entry that was written after the end of the own membership.
        case privacy
        /// The running count of an entry is how many messages stand up to it.
        case count
        /// After quiet each device's membership, markers and unread counts are what the log says.
        case view

        /// Whether a breach means that something good did not happen in time.
        package var isLiveness: Bool { self == .view }
    }

    /// A law that did not hold.
    package struct Violation: Equatable, Sendable {
        package var law: Law
        package var instant: Instant
        package var text: String
    }

    /// What an entry does; users are named by their numbers.
    package enum Entry: Equatable, Sendable {
        case message(answering: Offset?)
        case join
        case leave
        case invite(UInt64)
        case remove(UInt64)
        /// 1 is a member, 2 an admin, 3 an owner.
        case role(UInt64, rank: UInt8)
        case edit(Offset)
        case delete(Offset)
        case react(Offset)
        /// What no workload does.
        case other
    }

    /// What a device shows of a conversation.
    package struct View: Equatable, Sendable {
        package var isMember: Bool
        package var read: Offset
        package var unread: UInt64
        package var mentions: UInt64

        package init(isMember: Bool, read: Offset, unread: UInt64, mentions: UInt64) {
            self.isMember = isMember
            self.read = read
            self.unread = unread
            self.mentions = mentions
        }
    }

    private struct Member {
        var rank: UInt8
        var read: Offset
        var mentions: [Offset] = []
    }

    private struct Written {
        var author: UInt64
        var isMessage: Bool
        var isDeleted = false
        /// Messages up to here.
        var count: UInt64
    }

    private struct Conversation {
        var entries: [Written] = []
        var members: [UInt64: Member] = [:]
        var owners = 0
        /// Where a former member's last membership ended.
        var departures: [UInt64: Offset] = [:]

        func count(upTo offset: Offset) -> UInt64 {
            offset > .start ? self.entries[Int(offset.rawValue - 1)].count : 0
        }

        func message(at offset: Offset) -> Written? {
            guard offset > .start, offset.rawValue <= UInt64(self.entries.count) else {
                return nil
            }
            let entry = self.entries[Int(offset.rawValue - 1)]
            return entry.isMessage && !entry.isDeleted ? entry : nil
        }
    }

    private static let describedLimit = 20
    /// So many of each law are described all the same: one law's must not hide another's.
    private static let describedOfEach: UInt64 = 3
    package private(set) var violations: [Violation] = []
    private var counts = [UInt64](repeating: 0, count: Law.allCases.count * 2)
    private var conversations: [ConversationID: Conversation] = [:]

    package init() {}

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

    /// A conversation that was there before the run; the first of `users` owns it.
    package mutating func founded(_ id: ConversationID, by users: [UInt64]) {
        var conversation = Conversation()
        for user in users {
            conversation.members[user] = Member(
                rank: conversation.members.isEmpty ? 3 : 1,
                read: .start
            )
        }
        conversation.owners = min(1, users.count)
        self.conversations[id] = conversation
    }

    /// The store has written an entry.
    package mutating func committed(
        _ id: ConversationID,
        _ entry: Entry,
        by user: UInt64,
        mentioning people: [UInt64],
        at offset: Offset,
        now: Instant
    ) {
        guard var conversation = self.conversations[id] else { return }
        self.check(
            .authority,
            Self.isAllowed(entry, by: user, in: conversation),
            at: now,
            "conversation \(id.low): user \(user) wrote \(entry) at \(offset.rawValue)"
        )
        let former = conversation.entries.last?.count ?? 0
        var isMessage = false
        if case .message = entry { isMessage = true }
        conversation.entries.append(
            Written(author: user, isMessage: isMessage, count: former + (isMessage ? 1 : 0))
        )
        Self.apply(entry, by: user, at: offset, to: &conversation)
        if isMessage {
            for person in people where person != user {
                conversation.members[person]?.mentions.append(offset)
            }
            conversation.members[user]?.read = offset
            conversation.members[user]?.mentions = []
        }
        self.conversations[id] = conversation
    }

    private static func isAllowed(
        _ entry: Entry,
        by user: UInt64,
        in conversation: Conversation
    ) -> Bool {
        guard let member = conversation.members[user] else { return false }
        let owners = conversation.owners
        switch entry {
        case .message(let answered):
            return answered.map { conversation.message(at: $0) != nil } ?? true
        case .react(let offset): return conversation.message(at: offset) != nil
        case .edit(let offset): return conversation.message(at: offset)?.author == user
        case .delete(let offset):
            guard let message = conversation.message(at: offset) else { return false }
            return message.author == user || member.rank >= 2
        case .invite(let other): return member.rank >= 2 && conversation.members[other] == nil
        case .remove(let other):
            guard let rank = conversation.members[other]?.rank else { return false }
            return member.rank >= 2 && rank < member.rank
        case .role(let other, let rank):
            guard let former = conversation.members[other]?.rank, former != rank else {
                return false
            }
            return member.rank == 3 && (former < 3 || (other == user && owners > 1))
        case .leave: return member.rank < 3 || owners > 1 || conversation.members.count == 1
        case .join, .other: return false
        }
    }

    private static func apply(
        _ entry: Entry,
        by user: UInt64,
        at offset: Offset,
        to conversation: inout Conversation
    ) {
        switch entry {
        case .leave: Self.end(user, at: offset, in: &conversation)
        case .remove(let other): Self.end(other, at: offset, in: &conversation)
        case .invite(let other):
            conversation.members[other] = Member(rank: 1, read: offset)
        case .role(let other, let rank):
            if conversation.members[other]?.rank == 3 { conversation.owners -= 1 }
            if rank == 3, conversation.members[other] != nil { conversation.owners += 1 }
            conversation.members[other]?.rank = rank
        case .delete(let named):
            guard named > .start, named.rawValue < UInt64(conversation.entries.count) else {
                return
            }
            conversation.entries[Int(named.rawValue - 1)].isDeleted = true
        case .message, .edit, .react, .join, .other: return
        }
    }

    private static func end(
        _ user: UInt64,
        at offset: Offset,
        in conversation: inout Conversation
    ) {
        if conversation.members[user]?.rank == 3 { conversation.owners -= 1 }
        conversation.members[user] = nil
        conversation.departures[user] = offset
    }

    /// The store has moved a member's read marker.
    package mutating func marked(_ id: ConversationID, _ user: UInt64, read: Offset) {
        guard var conversation = self.conversations[id], var member = conversation.members[user]
        else { return }
        member.read = max(member.read, min(read, Offset(UInt64(conversation.entries.count))))
        member.mentions.removeAll { $0 <= member.read }
        conversation.members[user] = member
        self.conversations[id] = conversation
    }

    /// An owner has given an entry to a gateway.
    package mutating func counted(
        _ id: ConversationID,
        _ count: UInt64,
        at offset: Offset,
        now: Instant
    ) {
        guard let conversation = self.conversations[id], offset > .start,
            offset.rawValue <= UInt64(conversation.entries.count)
        else { return }
        let expected = conversation.count(upTo: offset)
        self.check(
            .count,
            count == expected,
            at: now,
            "conversation \(id.low): offset \(offset.rawValue) came with the count \(count), not"
                + " \(expected)"
        )
    }

    /// A user was shown an entry.
    package mutating func delivered(
        _ user: UInt64,
        _ id: ConversationID,
        at offset: Offset,
        now: Instant
    ) {
        guard let conversation = self.conversations[id] else { return }
        let end = conversation.departures[user] ?? .start
        self.check(
            .privacy,
            conversation.members[user] != nil || offset <= end,
            at: now,
            "conversation \(id.low): user \(user) saw \(offset.rawValue), and was no member after"
                + " \(end.rawValue)"
        )
    }

    /// At the end, after quiet: what a user's device shows.
    package mutating func settled(
        _ user: UInt64,
        _ id: ConversationID,
        _ view: View,
        now: Instant
    ) {
        guard let conversation = self.conversations[id] else { return }
        guard let member = conversation.members[user] else {
            self.check(
                .view,
                !view.isMember,
                at: now,
                "conversation \(id.low): user \(user) believes to be a member"
            )
            return
        }
        let count = conversation.entries.last?.count ?? 0
        let expected = View(
            isMember: true,
            read: member.read,
            unread: count - conversation.count(upTo: member.read),
            mentions: UInt64(member.mentions.count)
        )
        self.check(
            .view,
            view == expected,
            at: now,
            "conversation \(id.low): user \(user) shows \(view), and the log says \(expected)"
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
