import Kernel

extension GatewayWatch: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.gateway)
        writer.word(self.incarnation)
        writer.flag(self.hasSeen)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            gateway: try reader.value(),
            incarnation: try reader.integer(),
            hasSeen: try reader.flag()
        )
    }
}

extension Person: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.id)
        writer.value(self.partition)
        writer.value(self.debouncer)
        writer.word(self.firstSession)
        writer.word(self.presentCount)
        writer.value(self.choice)
        writer.word(self.chosenAt)
        writer.optional(self.told)
        writer.word(self.version)
        writer.optional(self.toldAt)
        writer.list(self.watches)
        writer.flag(self.isListed)
        writer.value(self.timer)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            id: try reader.value(),
            partition: try reader.value(),
            debouncer: try reader.value(),
            firstSession: try reader.integer(),
            presentCount: try reader.integer(),
            choice: try reader.value(),
            chosenAt: try reader.integer(),
            told: try reader.optional(),
            version: try reader.integer(),
            toldAt: try reader.optional(),
            watches: try reader.list(),
            isListed: try reader.flag(),
            timer: try reader.value()
        )
    }
}

extension PersonSession: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.gateway)
        writer.word(self.ordinal)
        writer.flag(self.isPresent)
        writer.word(self.connections)
        writer.word(self.next)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            gateway: try reader.value(),
            ordinal: try reader.integer(),
            isPresent: try reader.flag(),
            connections: try reader.integer(),
            next: try reader.integer()
        )
    }
}

extension Gathering: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.id)
        writer.value(self.partition)
        writer.value(self.term)
        writer.byte(self.namespace)
        writer.word(self.firstMember)
        writer.word(self.memberCount)
        writer.word(self.userCount)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            id: try reader.value(),
            partition: try reader.value(),
            term: try reader.value(),
            namespace: try reader.byte(),
            firstMember: try reader.integer(),
            memberCount: try reader.integer(),
            userCount: try reader.integer()
        )
    }
}

extension Member: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.word(self.gathering)
        writer.value(self.user)
        writer.value(self.connection)
        writer.value(self.gateway)
        writer.word(self.ordinal)
        writer.value(self.info)
        writer.value(self.debouncer)
        writer.word(self.attendance)
        writer.word(self.nextOfUser)
        writer.word(self.nextInGathering)
        writer.word(self.previousInGathering)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            gathering: try reader.integer(),
            user: try reader.value(),
            connection: try reader.value(),
            gateway: try reader.value(),
            ordinal: try reader.integer(),
            info: try reader.value(),
            debouncer: try reader.value(),
            attendance: try reader.integer(),
            nextOfUser: try reader.integer(),
            nextInGathering: try reader.integer(),
            previousInGathering: try reader.integer()
        )
    }
}

extension UserAttendance: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.word(self.gathering)
        writer.value(self.user)
        writer.word(self.firstMember)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            gathering: try reader.integer(),
            user: try reader.value(),
            firstMember: try reader.integer()
        )
    }
}

extension KnownGateway: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.shard)
        writer.word(self.incarnation)
        writer.value(self.heard)
        writer.flag(self.isLost)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            shard: try reader.value(),
            incarnation: try reader.integer(),
            heard: try reader.value(),
            isLost: try reader.flag()
        )
    }
}

extension LostSweep: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.shard)
        writer.word(self.incarnation)
        writer.value(self.until)
        writer.word(self.nextPerson)
        writer.word(self.nextMember)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            shard: try reader.value(),
            incarnation: try reader.integer(),
            until: try reader.value(),
            nextPerson: try reader.integer(),
            nextMember: try reader.integer()
        )
    }
}

extension PresenceDeadline: ByteCoded {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .beacon: writer.byte(0)
        case .resend: writer.byte(1)
        case .reannounce: writer.byte(2)
        case .watchReply(let watcher, let generation):
            writer.byte(3)
            writer.word(watcher)
            writer.word(generation)
        case .batch: writer.byte(4)
        case .gateways: writer.byte(5)
        case .lost: writer.byte(6)
        case .gatherings: writer.byte(7)
        case .person(let first, let generation):
            writer.byte(8)
            writer.word(first)
            writer.word(generation)
        case .member(let first, let generation):
            writer.byte(9)
            writer.word(first)
            writer.word(generation)
        case .statuses: writer.byte(10)
        case .watcher(let first, let generation):
            writer.byte(11)
            writer.word(first)
            writer.word(generation)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 12, of: "a deadline of presence") {
        case 0: self = .beacon
        case 1: self = .resend
        case 2: self = .reannounce
        case 3: self = .watchReply(watcher: try reader.integer(), generation: try reader.integer())
        case 4: self = .batch
        case 5: self = .gateways
        case 6: self = .lost
        case 7: self = .gatherings
        case 8: self = .person(try reader.integer(), generation: try reader.integer())
        case 9: self = .member(try reader.integer(), generation: try reader.integer())
        case 10: self = .statuses
        default: self = .watcher(try reader.integer(), generation: try reader.integer())
        }
    }
}

extension GatheringQuestion: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.asker)
        writer.value(self.conversation)
        writer.flag(self.wantsMembers)
        writer.word(UInt64(self.entries.count))
        for entry in self.entries { writer.optional(entry) }
        writer.word(self.missing)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            asker: try reader.value(),
            conversation: try reader.value(),
            wantsMembers: try reader.flag()
        )
        for _ in 0..<(try reader.count()) { self.entries.append(try reader.optional()) }
        self.missing = try reader.integer()
    }
}

extension GatheringQuestion.Asker: ByteCoded {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .client(let handle, let command):
            writer.byte(0)
            writer.value(handle)
            writer.value(command)
        case .server(let id):
            writer.byte(1)
            writer.value(id)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 2, of: "who asks") {
        case 0: self = .client(try reader.value(), try reader.value())
        default: self = .server(try reader.value())
        }
    }
}
