import ChatCore
import ClientProtocol
import Kernel

/// Members, their markers and what mentions them: the part of the store that the rules of membership ask.
///
/// Used inside the transactions of the log's writer and readers.
final class MembershipTables {
    private let conversation: Statement
    private let role: Statement
    private let entry: Statement
    private let member: Statement
    private let mentionCount: Statement
    private let window: Statement
    private let audience: Statement
    private let blocks: BlockTable

    init(database: Database) throws(DatabaseError) {
        self.blocks = try BlockTable(database: database)
        self.conversation = try database.prepare(
            "SELECT visibility, members, owners FROM conversations WHERE id = ?"
        )
        self.role = try database.prepare(
            "SELECT role FROM members WHERE user = ? AND conversation = ?"
        )
        self.entry = try database.prepare(
            "SELECT kind, user, is_deleted FROM messages WHERE conversation = ? AND offset = ?"
        )
        self.member = try database.prepare(
            "SELECT read, received, read_count FROM members WHERE user = ? AND conversation = ?"
        )
        self.mentionCount = try database.prepare(
            "SELECT COUNT(*) FROM mentions WHERE user = ? AND conversation = ?"
        )
        self.audience = try database.prepare(
            """
            SELECT user, read, read_count FROM members WHERE conversation = ? AND user > ?
            ORDER BY user
            """
        )
        self.window = try database.prepare(
            """
            SELECT m.conversation, m.role, m.read, m.received, m.read_count,
                c.name, c.head, c.count, c.generation, c.members
            FROM members m JOIN conversations c ON c.id = m.conversation
            WHERE m.user = ? AND m.conversation > ? ORDER BY m.conversation LIMIT ?
            """
        )
    }

    func role(of user: UserID, in conversation: ConversationID) throws(DatabaseError) -> MemberRole?
    {
        self.role.bind(1, user.high, user.low)
        self.role.bind(2, conversation.high, conversation.low)
        defer { self.role.reset() }
        guard try self.role.step() else { return nil }
        return MemberRole(rawValue: UInt8(truncatingIfNeeded: self.role.integer(0)))
    }

    /// What the rules ask about an operation; `people` are those whom a creation makes members.
    func standing(_ inquiry: Inquiry, people: [String] = []) throws(DatabaseError) -> Standing {
        var standing = Standing()
        let id = inquiry.conversation
        self.conversation.bind(1, id.high, id.low)
        defer { self.conversation.reset() }
        if try self.conversation.step() {
            standing.exists = self.conversation.integer(0) > 0
            standing.isPublic = self.conversation.integer(0) == StoreSchema.publicVisibility
            standing.memberCount = self.conversation.integer(1)
            standing.ownerCount = self.conversation.integer(2)
        }
        standing.performer = try self.role(of: inquiry.user, in: id)
        if let subject = inquiry.operation.subject {
            standing.subject = try self.role(of: subject, in: id)
        }
        if let offset = inquiry.operation.entry {
            standing.entry = try self.entry(at: offset, in: id, of: inquiry.user)
        }
        if inquiry.operation.reachesOthers {
            standing.isUnwelcome = try self.isUnwelcome(inquiry, people, standing)
        }
        return standing
    }

    private func isUnwelcome(
        _ inquiry: Inquiry,
        _ people: [String],
        _ standing: Standing
    ) throws(DatabaseError) -> Bool {
        if let subject = inquiry.operation.subject, try self.blocks.holds(subject, inquiry.user) {
            return true
        }
        if case .create = inquiry.operation {
            for person in people where try self.isBlocked(inquiry.user, by: person) { return true }
            return false
        }
        return standing.isDirect
            ? try self.blocks.isBlocked(inquiry.user, in: inquiry.conversation) : false
    }

    func isBlocked(_ user: UserID, by person: String) throws(DatabaseError) -> Bool {
        try self.blocks.holds(UserID(named: person), user)
    }

    private func entry(
        at offset: Offset,
        in conversation: ConversationID,
        of user: UserID
    ) throws(DatabaseError) -> Standing.NamedEntry? {
        guard offset.rawValue <= UInt64(Int64.max) else { return nil }
        self.entry.bind(1, conversation.high, conversation.low)
        self.entry.bind(2, offset.rawValue)
        defer { self.entry.reset() }
        guard try self.entry.step(), let kind = EntryNote.Kind(rawValue: self.entry.integer(0))
        else { return nil }
        return Standing.NamedEntry(
            isMessage: kind.isMessage,
            isDeleted: self.entry.integer(2) != 0,
            isOwn: UserID(named: self.entry.string(1)) == user
        )
    }

    /// Where a member stands; `nil` for a stranger.
    func state(
        of user: UserID,
        in conversation: ConversationID,
        count: UInt64
    ) throws(DatabaseError) -> MarkReply? {
        self.member.bind(1, user.high, user.low)
        self.member.bind(2, conversation.high, conversation.low)
        defer { self.member.reset() }
        guard try self.member.step() else { return nil }
        return MarkReply(
            markers: Markers(
                read: Offset(self.member.integer(0)),
                received: Offset(self.member.integer(1))
            ),
            unread: count - self.member.integer(2),
            mentions: try self.mentions(of: user, in: conversation)
        )
    }

    private func mentions(
        of user: UserID,
        in conversation: ConversationID
    ) throws(DatabaseError) -> UInt64 {
        self.mentionCount.bind(1, user.high, user.low)
        self.mentionCount.bind(2, conversation.high, conversation.low)
        defer { self.mentionCount.reset() }
        return try self.mentionCount.step() ? self.mentionCount.integer(0) : 0
    }

    /// The parts of the answer to who the members are, but for the first; `count` is what the
    /// conversation counts up to its head.
    func audience(
        _ request: AudienceRequest,
        count: UInt64
    ) throws(DatabaseError) -> [AudiencePart] {
        let id = request.conversation
        if let user = request.user {
            guard let state = try self.state(of: user, in: id, count: count) else {
                return [.ends(next: nil)]
            }
            let standing = MemberStanding(
                user: user,
                read: state.markers.read,
                unread: state.unread,
                mentions: state.mentions
            )
            return [.member(standing), .ends(next: nil)]
        }
        var parts: [AudiencePart] = []
        var looked: UInt32 = 0
        var last: UserID?
        self.audience.bind(1, id.high, id.low)
        if let after = request.after {
            self.audience.bind(2, after.high, after.low)
        } else {
            self.audience.bind(2, [])
        }
        defer { self.audience.reset() }
        while try self.audience.step() {
            guard looked < request.limit else { return parts + [.ends(next: last)] }
            looked += 1
            let user = self.audience.userID(0)
            last = user
            guard request.wants(user) else { continue }
            let standing = MemberStanding(
                user: user,
                read: Offset(self.audience.integer(1)),
                unread: count - self.audience.integer(2),
                mentions: try self.mentions(of: user, in: id)
            )
            parts.append(.member(standing))
        }
        return parts + [.ends(next: nil)]
    }

    /// Conversations that one request looks at, however few of them have changed.
    static let scanLimit: UInt32 = 5_000

    /// A window of a user's conversations: those that differ from what is known, and where to go on.
    func window(
        _ request: ListRequest,
        known: KnownConversations,
        epochs: EpochSource
    ) throws(DatabaseError) -> (window: ConversationWindow, next: ConversationID?) {
        var changed: [ListedChannel] = []
        var scanned: UInt32 = 0
        var last: ConversationID?
        let after = request.after
        self.window.bind(1, request.user.high, request.user.low)
        if let after { self.window.bind(2, after.high, after.low) } else { self.window.bind(2, []) }
        self.window.bind(3, UInt64(Self.scanLimit))
        defer { self.window.reset() }
        var isFull = false
        while try self.window.step() {
            guard changed.count < Int(request.limit) else {
                isFull = true
                break
            }
            let id = self.window.conversationID(0)
            scanned += 1
            last = id
            let listed = try self.listed(id, of: request.user, epochs)
            if !Self.isKnown(listed, known.places[id]) { changed.append(listed) }
        }
        var gone: [String] = []
        for id in known.order where request.after == nil {
            guard try self.role(of: request.user, in: id) == nil, let place = known.places[id]
            else { continue }
            gone.append(place.name)
        }
        let window = ConversationWindow(changed: changed, gone: gone)
        return (window, isFull || scanned == Self.scanLimit ? last : nil)
    }

    /// The row at which the window's statement stands.
    private func listed(
        _ id: ConversationID,
        of user: UserID,
        _ epochs: EpochSource
    ) throws(DatabaseError) -> ListedChannel {
        let count = self.window.integer(7)
        return ListedChannel(
            channel: self.window.string(5),
            head: StreamHead(
                epoch: epochs.epoch(of: id, generation: self.window.integer(8)),
                offset: Offset(self.window.integer(6)),
                count: count
            ),
            members: self.window.integer(9),
            role: MemberRole(rawValue: UInt8(truncatingIfNeeded: self.window.integer(1)))
                ?? .member,
            state: MarkReply(
                markers: Markers(
                    read: Offset(self.window.integer(2)),
                    received: Offset(self.window.integer(3))
                ),
                unread: count - self.window.integer(4),
                mentions: try self.mentions(of: user, in: id)
            )
        )
    }

    private static func isKnown(
        _ listed: ListedChannel,
        _ place: KnownConversations.Place?
    ) -> Bool {
        guard let place else { return false }
        return place.offset == listed.head.offset && place.epoch == listed.head.epoch
            && place.read == listed.state.markers.read
    }
}

/// Changes the tables of membership, inside the transaction of an append or of a group of marks.
final class MembershipWriter {
    let tables: MembershipTables
    private let setRole: Statement
    private let removeMember: Statement
    private let forgetMentions: Statement
    private let countMembers: Statement
    private let create: Statement
    private let blank: Statement
    private let blankEdits: Statement
    private let moveOwn: Statement
    private let mention: Statement
    private let countAt: Statement
    private let mark: Statement

    init(database: Database) throws(DatabaseError) {
        self.tables = try MembershipTables(database: database)
        self.setRole = try database.prepare(
            """
            INSERT INTO members VALUES(?, ?, ?, ?, ?, ?)
            ON CONFLICT(user, conversation) DO UPDATE SET role = excluded.role
            """
        )
        self.removeMember = try database.prepare(
            "DELETE FROM members WHERE user = ? AND conversation = ?"
        )
        self.forgetMentions = try database.prepare(
            "DELETE FROM mentions WHERE user = ? AND conversation = ? AND offset <= ?"
        )
        self.countMembers = try database.prepare(
            "UPDATE conversations SET members = members + ?, owners = owners + ? WHERE id = ?"
        )
        self.create = try database.prepare(
            "UPDATE conversations SET visibility = ? WHERE id = ?"
        )
        self.blank = try database.prepare(
            """
            UPDATE messages SET body = CAST('null' AS BLOB), is_deleted = 1
            WHERE conversation = ? AND offset = ?
            """
        )
        self.blankEdits = try database.prepare(
            """
            UPDATE messages SET body = CAST('null' AS BLOB), is_deleted = 1
            WHERE conversation = ? AND detail = ? AND kind = \(EntryNote.Kind.edit.rawValue)
            """
        )
        self.moveOwn = try database.prepare(
            """
            UPDATE members SET read = ?, read_count = ?, received = ?
            WHERE user = ? AND conversation = ?
            """
        )
        self.mention = try database.prepare("INSERT OR IGNORE INTO mentions VALUES(?, ?, ?)")
        self.countAt = try database.prepare(
            "SELECT count FROM messages WHERE conversation = ? AND offset = ?"
        )
        self.mark = try database.prepare(
            """
            UPDATE members SET read = ?, read_count = ?, received = ?
            WHERE user = ? AND conversation = ?
            """
        )
    }

    /// Takes an entry that has just been written, `count` countable ones standing up to it.
    func apply(_ append: Append, people: [String], count: UInt64) throws(DatabaseError) {
        let id = append.conversation
        if case .create(let isPublic) = append.operation {
            self.create.bind(
                1,
                isPublic ? StoreSchema.publicVisibility : StoreSchema.privateVisibility
            )
            self.create.bind(2, id.high, id.low)
            try self.create.run()
        }
        if let change = append.operation.roleChange(by: append.user) {
            try self.set(change.role, of: change.user, in: id, at: append.offset, count)
        }
        switch append.operation {
        case .create:
            for person in people {
                let user = UserID(named: person)
                guard try self.tables.role(of: user, in: id) == nil else { continue }
                try self.set(.member, of: user, in: id, at: append.offset, count)
            }
        case .delete(let offset):
            self.blank.bind(1, id.high, id.low)
            self.blank.bind(2, offset.rawValue)
            try self.blank.run()
            // What the message came to say is what its edits have brought.
            self.blankEdits.bind(1, id.high, id.low)
            self.blankEdits.bind(2, offset.rawValue)
            try self.blankEdits.run()
        case .message, .reply:
            try self.note(people, append)
            try self.moveOwnMarker(append, count)
        case .join, .leave, .invite, .remove, .role, .edit, .react: break
        }
    }

    private func note(_ people: [String], _ append: Append) throws(DatabaseError) {
        let id = append.conversation
        for person in people {
            let user = UserID(named: person)
            if try self.tables.isBlocked(append.user, by: person) { continue }
            guard user != append.user, try self.tables.role(of: user, in: id) != nil else {
                continue
            }
            self.mention.bind(1, user.high, user.low)
            self.mention.bind(2, id.high, id.low)
            self.mention.bind(3, append.offset.rawValue)
            try self.mention.run()
        }
    }

    /// What one says one has read.
    private func moveOwnMarker(_ append: Append, _ count: UInt64) throws(DatabaseError) {
        self.moveOwn.bind(1, append.offset.rawValue)
        self.moveOwn.bind(2, count)
        self.moveOwn.bind(3, append.offset.rawValue)
        self.moveOwn.bind(4, append.user.high, append.user.low)
        self.moveOwn.bind(5, append.conversation.high, append.conversation.low)
        try self.moveOwn.run()
        try self.forget(append.user, append.conversation, through: append.offset)
    }

    private func forget(
        _ user: UserID,
        _ conversation: ConversationID,
        through offset: Offset
    ) throws(DatabaseError) {
        self.forgetMentions.bind(1, user.high, user.low)
        self.forgetMentions.bind(2, conversation.high, conversation.low)
        self.forgetMentions.bind(3, offset.rawValue)
        try self.forgetMentions.run()
    }

    /// A new member has read what was there before.
    private func set(
        _ role: MemberRole?,
        of user: UserID,
        in id: ConversationID,
        at offset: Offset,
        _ count: UInt64
    ) throws(DatabaseError) {
        let former = try self.tables.role(of: user, in: id)
        let members = (role == nil ? 0 : 1) - (former == nil ? 0 : 1)
        let owners = (role == .owner ? 1 : 0) - (former == .owner ? 1 : 0)
        self.countMembers.bind(1, UInt64(bitPattern: Int64(members)))
        self.countMembers.bind(2, UInt64(bitPattern: Int64(owners)))
        self.countMembers.bind(3, id.high, id.low)
        try self.countMembers.run()
        guard let role else {
            self.removeMember.bind(1, user.high, user.low)
            self.removeMember.bind(2, id.high, id.low)
            try self.removeMember.run()
            try self.forget(user, id, through: offset)
            return
        }
        self.setRole.bind(1, user.high, user.low)
        self.setRole.bind(2, id.high, id.low)
        self.setRole.bind(3, UInt64(role.rawValue))
        self.setRole.bind(4, offset.rawValue)
        self.setRole.bind(5, offset.rawValue)
        self.setRole.bind(6, count)
        try self.setRole.run()
    }

    /// Moves a member's markers up, never beyond the head; `nil` for a stranger.
    func mark(_ request: MarkRequest, head: StreamHead) throws(DatabaseError) -> MarkReply? {
        let (user, id) = (request.user, request.conversation)
        guard let state = try self.tables.state(of: user, in: id, count: head.count) else {
            return nil
        }
        var markers = state.markers
        var readCount = head.count - state.unread
        let read = min(request.markers.read, head.offset)
        if read > markers.read {
            self.countAt.bind(1, id.high, id.low)
            self.countAt.bind(2, read.rawValue)
            defer { self.countAt.reset() }
            guard try self.countAt.step() else { return state }
            readCount = self.countAt.integer(0)
            markers.read = read
            try self.forget(user, id, through: read)
        }
        let received = max(min(request.markers.received, head.offset), markers.read)
        markers.received = max(markers.received, received)
        guard markers != state.markers else { return state }
        self.mark.bind(1, markers.read.rawValue)
        self.mark.bind(2, readCount)
        self.mark.bind(3, markers.received.rawValue)
        self.mark.bind(4, user.high, user.low)
        self.mark.bind(5, id.high, id.low)
        try self.mark.run()
        return try self.tables.state(of: user, in: id, count: head.count)
    }
}
