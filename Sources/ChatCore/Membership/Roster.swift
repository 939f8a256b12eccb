package import Kernel

/// One conversation's members and their markers, as a store in memory keeps them beside its log.
///
/// The same transitions as the tables of the embedded store, for the hosts that simulate one.
package struct Roster: Sendable {
    /// What is kept of one member.
    package struct Member: Equatable, Sendable {
        package var role: MemberRole
        package var markers = Markers(read: .start, received: .start)
        /// Countable entries up to the read marker.
        package var readCount: UInt64 = 0
        /// Entries that mention the member, in ascending order.
        package var mentions: [Offset] = []
    }

    package private(set) var exists = false
    package private(set) var isPublic = false
    package private(set) var members: [UserID: Member] = [:]
    package private(set) var ownerCount: UInt64 = 0
    /// Who has become a member, some of them several times, and some no more: in the order of their ids
    /// once somebody has asked for that.
    private var joined: [UserID] = []
    private var isInOrder = true

    package init() {}

    package func holds(_ user: UserID) -> Bool { self.members[user] != nil }

    /// What the rules ask, but for the entry that an operation names; `people` are those whom a creation
    /// makes members, `blockers` those who block the performer.
    package func standing(
        of performer: UserID,
        for operation: ChatAction,
        people: [UserID] = [],
        blockers: [UserID]
    ) -> Standing {
        var standing = Standing()
        standing.exists = self.exists
        standing.isPublic = self.isPublic
        standing.memberCount = UInt64(self.members.count)
        standing.ownerCount = self.ownerCount
        standing.performer = self.members[performer]?.role
        standing.subject = operation.subject.flatMap { self.members[$0]?.role }
        standing.isUnwelcome = blockers.contains { blocker in
            let isMade = operation.subject == blocker || people.contains(blocker)
            return isMade || standing.isDirect && self.holds(blocker)
        }
        return standing
    }

    /// Takes an entry of the log at `offset`, where `count` countable ones stand up to it; `people` are
    /// the members that a creation makes, or whom a message mentions; `blockers` take no mention.
    package mutating func apply(
        _ operation: ChatAction,
        by performer: UserID,
        people: [UserID],
        blockers: [UserID] = [],
        at offset: Offset,
        count: UInt64
    ) {
        if let change = operation.roleChange(by: performer) {
            self.set(change.role, of: change.user, at: offset, count: count)
        }
        if case .create(let isPublic) = operation {
            self.exists = true
            self.isPublic = isPublic
            for user in people where !self.holds(user) {
                self.set(.member, of: user, at: offset, count: count)
            }
        } else {
            for user in people where user != performer && !blockers.contains(user) {
                self.members[user]?.mentions.append(offset)
            }
        }
        guard operation.isCountable else { return }
        // What one says one has read.
        self.members[performer]?.markers = Markers(read: offset, received: offset)
        self.members[performer]?.readCount = count
        self.members[performer]?.mentions = []
    }

    /// A new member has read what was there before.
    private mutating func set(
        _ role: MemberRole?,
        of user: UserID,
        at offset: Offset,
        count: UInt64
    ) {
        if self.members[user]?.role == .owner { self.ownerCount -= 1 }
        if role == .owner { self.ownerCount += 1 }
        guard let role else {
            self.members[user] = nil
            return
        }
        guard self.members[user] == nil else {
            self.members[user]?.role = role
            return
        }
        var member = Member(role: role)
        member.markers = Markers(read: offset, received: offset)
        member.readCount = count
        self.members[user] = member
        if let last = self.joined.last, user <= last { self.isInOrder = false }
        self.joined.append(user)
    }

    /// The parts of the answer to who the members are, but for the first; `head` is the conversation's.
    package mutating func audience(_ request: AudienceRequest, head: StreamHead) -> [AudiencePart] {
        if let user = request.user {
            let standing = self.standing(of: user, head: head)
            return (standing.map { [.member($0)] } ?? []) + [.ends(next: nil)]
        }
        if !self.isInOrder {
            self.joined.sort()
            var kept: [UserID] = []
            for user in self.joined where user != kept.last { kept.append(user) }
            self.joined = kept
            self.isInOrder = true
        }
        var parts: [AudiencePart] = []
        var looked: UInt32 = 0
        var last: UserID?
        for user in self.joined[self.place(after: request.after)...] {
            guard looked < request.limit else { return parts + [.ends(next: last)] }
            looked += 1
            last = user
            guard request.wants(user), let standing = self.standing(of: user, head: head) else {
                continue
            }
            parts.append(.member(standing))
        }
        return parts + [.ends(next: nil)]
    }

    /// Where those begin who come after somebody.
    private func place(after user: UserID?) -> Int {
        guard let user else { return 0 }
        var (low, high) = (0, self.joined.count)
        while low < high {
            let middle = (low + high) / 2
            if self.joined[middle] <= user { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func standing(of user: UserID, head: StreamHead) -> MemberStanding? {
        guard let state = self.state(of: user, head: head) else { return nil }
        return MemberStanding(
            user: user,
            read: state.markers.read,
            unread: state.unread,
            mentions: state.mentions
        )
    }

    /// Moves the markers up, never beyond `head`.
    ///
    /// `count` says how many countable entries stand up to an offset. `nil` for a stranger.
    package mutating func mark(
        _ user: UserID,
        _ wanted: Markers,
        head: StreamHead,
        count: (Offset) -> UInt64
    ) -> MarkReply? {
        guard var member = self.members[user] else { return nil }
        let read = min(wanted.read, head.offset)
        if read > member.markers.read {
            member.markers.read = read
            member.readCount = count(read)
            member.mentions.removeAll { $0 <= read }
        }
        let received = max(min(wanted.received, head.offset), member.markers.read)
        member.markers.received = max(member.markers.received, received)
        self.members[user] = member
        return self.state(of: user, head: head)
    }

    /// Where a member stands; `nil` for a stranger.
    package func state(of user: UserID, head: StreamHead) -> MarkReply? {
        guard let member = self.members[user] else { return nil }
        return MarkReply(
            markers: member.markers,
            unread: head.count - member.readCount,
            mentions: UInt64(member.mentions.count)
        )
    }
}
