package import Kernel

extension MemberStanding: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.user)
        writer.value(self.read)
        writer.word(self.unread)
        writer.word(self.mentions)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            user: try reader.value(),
            read: try reader.value(),
            unread: try reader.integer(),
            mentions: try reader.integer()
        )
    }
}

extension Hint: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.conversation)
        writer.value(self.name)
        writer.value(self.head)
        writer.value(self.standing)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            conversation: try reader.value(),
            name: try reader.value(),
            head: try reader.value(),
            standing: try reader.value()
        )
    }
}

extension InboxMessage: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .moved(let conversation, let head):
            writer.byte(0)
            writer.value(conversation)
            writer.value(head)
        case .marked(let user, let conversation, let hasOthers):
            writer.byte(1)
            writer.value(user)
            writer.value(conversation)
            writer.flag(hasOthers)
        case .hint(let hint, let receipt):
            writer.byte(2)
            writer.value(hint)
            writer.value(receipt)
        case .received(let user, let conversation, let receipt):
            writer.byte(3)
            writer.value(user)
            writer.value(conversation)
            writer.value(receipt)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 4, of: "a message for an inbox") {
        case 0: self = .moved(try reader.value(), try reader.value())
        case 1:
            self = .marked(
                try reader.value(),
                try reader.value(),
                hasOthers: try reader.flag()
            )
        case 2: self = .hint(try reader.value(), try reader.value())
        default: self = .received(try reader.value(), try reader.value(), try reader.value())
        }
    }
}

extension HintReceipt: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.flag(self.isOwn)
        writer.word(self.attempt)
        writer.word(self.mark)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            isOwn: try reader.flag(),
            attempt: try reader.integer(),
            mark: try reader.integer()
        )
    }
}

extension AudiencePart: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .begins(let name, let head):
            writer.byte(0)
            writer.value(name)
            writer.value(head)
        case .member(let standing):
            writer.byte(1)
            writer.value(standing)
        case .ends(let next):
            writer.byte(2)
            writer.optional(next)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 3, of: "a part of an audience") {
        case 0: self = .begins(name: try reader.value(), try reader.value())
        case 1: self = .member(try reader.value())
        default: self = .ends(next: try reader.optional())
        }
    }
}

extension PlanPart: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .commits(let commits):
            writer.byte(0)
            writer.word(commits)
        case .owed(let conversation):
            writer.byte(1)
            writer.value(conversation)
        case .ends(let next):
            writer.byte(2)
            writer.flag(next != nil)
            writer.word(next ?? 0)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 3, of: "a part of an answer about plans") {
        case 0: self = .commits(try reader.integer())
        case 1: self = .owed(try reader.value())
        default:
            let hasNext = try reader.flag()
            let next: UInt64 = try reader.integer()
            guard hasNext || next == 0 else { throw reader.refusal("a commit that is meant") }
            self = .ends(next: hasNext ? next : nil)
        }
    }
}

extension Notice: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.conversation)
        writer.optional(self.user)
        writer.value(self.head)
        writer.value(self.askedAt)
        writer.flag(self.isReading)
        writer.flag(self.isNews)
        writer.flag(self.waits)
        writer.word(self.attempt)
        writer.byte(self.repeats)
        writer.word(self.open)
        writer.word(self.window)
        writer.value(self.name)
        writer.value(self.answered)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            conversation: try reader.value(),
            user: try reader.optional(),
            head: try reader.value(),
            askedAt: try reader.value(),
            isReading: try reader.flag(),
            isNews: try reader.flag(),
            waits: try reader.flag(),
            attempt: try reader.integer(),
            repeats: try reader.byte(),
            open: try reader.integer(),
            window: try reader.integer(),
            name: try reader.value(),
            answered: try reader.value()
        )
    }
}

extension ToldHint: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.user)
        writer.value(self.hint)
        writer.value(self.toldAt)
        writer.flag(self.isOwed)
        writer.flag(self.isTimed)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            user: try reader.value(),
            hint: try reader.value(),
            toldAt: try reader.value(),
            isOwed: try reader.flag(),
            isTimed: try reader.flag()
        )
    }
}

extension HintDeadline: ByteCoded {
    func write(to writer: inout ByteWriter) {
        func row(_ tag: UInt8, _ slot: UInt32, _ generation: UInt32) {
            writer.byte(tag)
            writer.word(slot)
            writer.word(generation)
        }
        switch self {
        case .gathered: writer.byte(0)
        case .plans: writer.byte(1)
        case .notice(let slot, let generation): row(2, slot, generation)
        case .owed(let slot, let generation): row(3, slot, generation)
        case .told(let slot, let generation): row(4, slot, generation)
        case .heard(let slot, let generation): row(5, slot, generation)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 6, of: "a deadline of hints") {
        case 0: self = .gathered
        case 1: self = .plans
        case 2: self = .notice(try reader.integer(), generation: try reader.integer())
        case 3: self = .owed(try reader.integer(), generation: try reader.integer())
        case 4: self = .told(try reader.integer(), generation: try reader.integer())
        default: self = .heard(try reader.integer(), generation: try reader.integer())
        }
    }
}

/// The part of a snapshot that is about members who do not look.
extension Shard {
    borrowing func writeInbox(to writer: inout ByteWriter) {
        writer.list(self.inbox.gathered)
        writer.flag(self.inbox.owesPlans)
        writer.flag(self.inbox.isReadingPlans)
        writer.flag(self.inbox.isPlanTimed)
        writer.word(self.inbox.heard)
        writer.word(self.inbox.planned)
        writer.flag(self.inbox.isNoting)
        writer.value(self.inbox.arrivedAt)
        self.inbox.notices.write(to: &writer)
        self.inbox.told.write(to: &writer)
    }

    mutating func readInbox(from reader: inout ByteReader) throws(ByteError) {
        self.findUserShards()
        self.inbox.gathered = try reader.list()
        self.inbox.owesPlans = try reader.flag()
        self.inbox.isReadingPlans = try reader.flag()
        self.inbox.isPlanTimed = try reader.flag()
        self.inbox.heard = try reader.integer()
        self.inbox.planned = try reader.integer()
        self.inbox.isNoting = try reader.flag()
        self.inbox.arrivedAt = try reader.value()
        self.inbox.notices = try Slab(from: &reader, blank: .blank)
        self.inbox.told = try Slab(from: &reader, blank: .blank)
        for slot in 0..<self.inbox.notices.slotCount where self.inbox.notices.isOccupied(slot) {
            self.indexNotice(slot)
        }
        for slot in 0..<self.inbox.told.slotCount where self.inbox.told.isOccupied(slot) {
            let row = self.inbox.told[slot]
            self.inbox.toldIndex.insert(slot, self.hash(row.hint.conversation, row.user))
        }
    }
}

extension Digest128 {
    mutating func combine(_ standing: MemberStanding) {
        self.combine(standing.user)
        self.combine(standing.read.rawValue)
        self.combine(standing.unread)
        self.combine(standing.mentions)
    }

    mutating func combine(_ deadline: HintDeadline) {
        switch deadline {
        case .gathered: self.combine(200)
        case .plans: self.combine(201)
        case .notice: self.combine(202)
        case .owed: self.combine(203)
        case .told: self.combine(204)
        case .heard: self.combine(205)
        }
    }
}

extension Shard {
    borrowing func sumInbox(into rows: inout RowSum) {
        self.inbox.notices.forEachRow { row in
            rows.add(200) {
                $0.combine(row.conversation)
                $0.combine(row.user ?? UserID(high: 0, low: 0))
                $0.combine(row.head)
                $0.combine(row.askedAt.nanoseconds)
                $0.combine(row.isReading ? 1 : 0)
                $0.combine(row.isNews ? 1 : 0)
                $0.combine(row.waits ? 1 : 0)
                $0.combine(UInt64(row.attempt))
                $0.combine(row.open)
                $0.combine(UInt64(row.window))
                $0.combine(row.answered)
            }
        }
        self.inbox.told.forEachRow { row in
            rows.add(201) {
                $0.combine(row.hint.conversation)
                $0.combine(row.hint.head)
                $0.combine(row.hint.standing)
                $0.combine(row.toldAt.nanoseconds)
                $0.combine(row.isOwed ? 1 : 0)
                $0.combine(row.isTimed ? 1 : 0)
            }
        }
        let flags = (self.inbox.owesPlans, self.inbox.isReadingPlans, self.inbox.isNoting)
        let commits = (self.inbox.heard, self.inbox.planned)
        let gathered = UInt64(self.inbox.gathered.count)
        let arrivedAt = self.inbox.arrivedAt.nanoseconds
        guard self.configuration.hintsMembers else { return }
        rows.add(202) {
            $0.combine(flags.0 ? 1 : 0)
            $0.combine(flags.1 ? 1 : 0)
            $0.combine(flags.2 ? 1 : 0)
            $0.combine(commits.0)
            $0.combine(commits.1)
            $0.combine(gathered)
            $0.combine(arrivedAt)
        }
    }
}
