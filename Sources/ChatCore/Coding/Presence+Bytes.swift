package import Kernel

extension PresenceState: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.byte(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let value = Self(rawValue: try reader.byte()) else {
            throw reader.refusal("how a user appears")
        }
        self = value
    }
}

extension PresenceChoice: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.byte(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let value = Self(rawValue: try reader.byte()) else {
            throw reader.refusal("a chosen appearance")
        }
        self = value
    }
}

extension Announcement.Standing: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.byte(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let value = Self(rawValue: try reader.byte()) else {
            throw reader.refusal("a standing")
        }
        self = value
    }
}

extension UserReference: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.id)
        writer.value(self.name)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            id: try reader.value(),
            name: try reader.value()
        )
    }
}

extension Attendee: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.info)
        writer.flag(self.wantsJoinLeave)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            info: try reader.value(),
            wantsJoinLeave: try reader.flag()
        )
    }
}

extension PresenceCommand: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .members(let first):
            writer.byte(0)
            writer.value(first)
        case .counts(let first):
            writer.byte(1)
            writer.value(first)
        case .watch(let first, let remaining):
            writer.byte(2)
            writer.value(first)
            writer.word(remaining)
        case .unwatch(let first, let remaining):
            writer.byte(3)
            writer.value(first)
            writer.word(remaining)
        case .choose(let first):
            writer.byte(4)
            writer.value(first)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 5, of: "a command about presence") {
        case 0: self = .members(try reader.value())
        case 1: self = .counts(try reader.value())
        case 2: self = .watch(try reader.value(), remaining: try reader.integer())
        case 3: self = .unwatch(try reader.value(), remaining: try reader.integer())
        default: self = .choose(try reader.value())
        }
    }
}

extension PresenceSubject: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .user(let first):
            writer.byte(0)
            writer.value(first)
        case .member(let first, let second):
            writer.byte(1)
            writer.value(first)
            writer.value(second)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 2, of: "what a presence is of") {
        case 0: self = .user(try reader.value())
        default: self = .member(try reader.value(), try reader.value())
        }
    }
}

extension Announcement: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.subject)
        writer.value(self.user)
        writer.word(self.ordinal)
        writer.value(self.info)
        writer.byte(self.namespace)
        writer.value(self.standing)
        writer.value(self.answeredTerm)
        writer.value(self.choice)
        writer.word(self.chosenAt)
        writer.word(self.connections)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            subject: try reader.value(),
            user: try reader.value(),
            ordinal: try reader.integer(),
            info: try reader.value(),
            namespace: try reader.byte(),
            standing: try reader.value(),
            answeredTerm: try reader.value(),
            choice: try reader.value(),
            chosenAt: try reader.integer(),
            connections: try reader.integer()
        )
    }
}

extension UserStatus: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.user)
        writer.value(self.term)
        writer.word(self.version)
        writer.optional(self.state)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            user: try reader.value(),
            term: try reader.value(),
            version: try reader.integer(),
            state: try reader.optional()
        )
    }
}

extension Attendance: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.conversation)
        writer.flag(self.isJoin)
        writer.value(self.connection)
        writer.value(self.info)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            conversation: try reader.value(),
            isJoin: try reader.flag(),
            connection: try reader.value(),
            info: try reader.value()
        )
    }
}

extension GatheringEntry: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.connection)
        writer.value(self.info)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            connection: try reader.value(),
            info: try reader.value()
        )
    }
}

extension PresenceMessage: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .announce(let first):
            writer.byte(0)
            writer.value(first)
        case .announced(let first, let second, let ordinal, let excess):
            writer.byte(1)
            writer.value(first)
            writer.value(second)
            writer.word(ordinal)
            writer.word(excess)
        case .beacon(let incarnation):
            writer.byte(2)
            writer.word(incarnation)
        case .announceAgain: writer.byte(3)
        case .watch(let first, let incarnation):
            writer.byte(4)
            writer.value(first)
            writer.word(incarnation)
        case .unwatch(let first, let incarnation):
            writer.byte(5)
            writer.value(first)
            writer.word(incarnation)
        case .status(let first):
            writer.byte(6)
            writer.value(first)
        case .statusSeen(let first, let version):
            writer.byte(7)
            writer.value(first)
            writer.word(version)
        case .attendance(let first):
            writer.byte(8)
            writer.value(first)
        case .ask(let first, let second, let wantsMembers):
            writer.byte(9)
            writer.value(first)
            writer.value(second)
            writer.flag(wantsMembers)
        case .counted(let first, let clients, let users):
            writer.byte(10)
            writer.value(first)
            writer.word(clients)
            writer.word(users)
        case .member(let first, let index, let count, let fourth):
            writer.byte(11)
            writer.value(first)
            writer.word(index)
            writer.word(count)
            writer.value(fourth)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 12, of: "a message about presence") {
        case 0: self = .announce(try reader.value())
        case 1:
            self = .announced(
                try reader.value(),
                try reader.value(),
                ordinal: try reader.integer(),
                excess: try reader.integer()
            )
        case 2: self = .beacon(incarnation: try reader.integer())
        case 3: self = .announceAgain
        case 4: self = .watch(try reader.value(), incarnation: try reader.integer())
        case 5: self = .unwatch(try reader.value(), incarnation: try reader.integer())
        case 6: self = .status(try reader.value())
        case 7: self = .statusSeen(try reader.value(), version: try reader.integer())
        case 8: self = .attendance(try reader.value())
        case 9: self = .ask(try reader.value(), try reader.value(), wantsMembers: try reader.flag())
        case 10:
            self = .counted(
                try reader.value(),
                clients: try reader.integer(),
                users: try reader.integer()
            )
        default:
            self = .member(
                try reader.value(),
                index: try reader.integer(),
                count: try reader.integer(),
                try reader.value()
            )
        }
    }
}

extension PresenceConfiguration: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.flag(self.followsUsers)
        writer.value(self.grace)
        writer.value(self.lostGrace)
        writer.value(self.window)
        writer.word(self.budget)
        writer.value(self.transit)
        writer.value(self.batchInterval)
        writer.value(self.resendInterval)
        writer.value(self.beaconInterval)
        writer.value(self.beaconTimeout)
        writer.word(self.watchLimit)
        writer.word(self.memberLimit)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.followsUsers = try reader.flag()
        self.grace = try reader.value()
        self.lostGrace = try reader.value()
        self.window = try reader.value()
        self.budget = try reader.integer()
        self.transit = try reader.value()
        self.batchInterval = try reader.value()
        self.resendInterval = try reader.value()
        self.beaconInterval = try reader.value()
        self.beaconTimeout = try reader.value()
        self.watchLimit = try reader.integer()
        self.memberLimit = try reader.integer()
    }
}
