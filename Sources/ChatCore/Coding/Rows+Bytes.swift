import Kernel

extension Deadline: ByteCoded {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .connect(let handle):
            writer.byte(0)
            writer.value(handle)
        case .expire(let handle):
            writer.byte(1)
            writer.value(handle)
        case .request(let token):
            writer.byte(2)
            writer.value(token)
        case .renewals: writer.byte(3)
        case .hole(let feed, let generation):
            writer.byte(4)
            writer.word(feed)
            writer.word(generation)
        case .storeRetry(let conversation, let generation):
            writer.byte(5)
            writer.word(conversation)
            writer.word(generation)
        case .pings: writer.byte(6)
        case .heads: writer.byte(7)
        case .leases: writer.byte(8)
        case .drain: writer.byte(9)
        case .registration(let feed, let generation):
            writer.byte(10)
            writer.word(feed)
            writer.word(generation)
        case .joining(let feed, let generation):
            writer.byte(11)
            writer.word(feed)
            writer.word(generation)
        case .ending(let feed, let generation):
            writer.byte(12)
            writer.word(feed)
            writer.word(generation)
        case .subscription(let subscription, let generation):
            writer.byte(13)
            writer.word(subscription)
            writer.word(generation)
        case .subscriptionExpiry(let subscription, let generation):
            writer.byte(14)
            writer.word(subscription)
            writer.word(generation)
        case .presence(let deadline):
            writer.byte(15)
            writer.value(deadline)
        case .feeding(let handle):
            writer.byte(16)
            writer.value(handle)
        case .hints(let deadline):
            writer.byte(17)
            writer.value(deadline)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 18, of: "a deadline") {
        case 0: self = .connect(try reader.value())
        case 1: self = .expire(try reader.value())
        case 2: self = .request(try reader.value())
        case 3: self = .renewals
        case 4: self = .hole(feed: try reader.integer(), generation: try reader.integer())
        case 5:
            self = .storeRetry(conversation: try reader.integer(), generation: try reader.integer())
        case 6: self = .pings
        case 7: self = .heads
        case 8: self = .leases
        case 9: self = .drain
        case 10:
            self = .registration(feed: try reader.integer(), generation: try reader.integer())
        case 11: self = .joining(feed: try reader.integer(), generation: try reader.integer())
        case 12: self = .ending(feed: try reader.integer(), generation: try reader.integer())
        case 13:
            self = .subscription(
                subscription: try reader.integer(),
                generation: try reader.integer()
            )
        case 14:
            self = .subscriptionExpiry(
                subscription: try reader.integer(),
                generation: try reader.integer()
            )
        case 15: self = .presence(try reader.value())
        case 16: self = .feeding(try reader.value())
        default: self = .hints(try reader.value())
        }
    }
}

extension GatedCommand: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.id)
        writer.value(self.command)
        writer.word(self.next)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            id: try reader.value(),
            command: try reader.value(),
            next: try reader.integer()
        )
    }
}

extension Join: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.command)
        writer.optional(self.timeToLive)
        switch self.phase {
        case .waiting(let since):
            writer.byte(0)
            writer.optional(since)
        case .recovering(let since):
            writer.byte(1)
            writer.value(since)
        case .checking(let since):
            writer.byte(2)
            writer.optional(since)
        case .covered(let position):
            writer.byte(3)
            writer.value(position)
        case .catchingUp(let position):
            writer.byte(4)
            writer.value(position)
        }
        writer.word(self.next)
        writer.word(self.previous)
        writer.value(self.info)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        let command: CommandID = try reader.value()
        let timeToLive: Interval? = try reader.optional()
        let phase: Phase
        switch try reader.tag(below: 5, of: "the phase of who joins") {
        case 0: phase = .waiting(try reader.optional())
        case 1: phase = .recovering(try reader.value())
        case 2: phase = .checking(try reader.optional())
        case 3: phase = .covered(try reader.value())
        default: phase = .catchingUp(try reader.value())
        }
        self.init(
            command: command,
            phase: phase,
            timeToLive: timeToLive,
            next: try reader.integer(),
            previous: try reader.integer(),
            info: try reader.value()
        )
    }
}

extension Subscription: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.connection)
        writer.word(self.feed)
        writer.word(self.nextInConnection)
        writer.word(self.place)
        writer.value(self.vouched)
        writer.value(self.mayTypeFrom)
        writer.word(self.expiry)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            connection: try reader.value(),
            feed: try reader.integer(),
            nextInConnection: try reader.integer(),
            place: try reader.integer(),
            vouched: try reader.value(),
            mayTypeFrom: try reader.value(),
            expiry: try reader.integer()
        )
    }
}

extension Target: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.connection)
        writer.word(self.subscription)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(connection: try reader.value(), subscription: try reader.integer())
    }
}

extension Lag: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.word(self.subscription)
        writer.word(self.next)
        writer.value(self.offset)
        writer.flag(self.mayHaveDropped)
        writer.flag(self.isReading)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            subscription: try reader.integer(),
            next: try reader.integer(),
            offset: try reader.value(),
            mayHaveDropped: try reader.flag(),
            isReading: try reader.flag()
        )
    }
}

extension HeldDelivery: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.delivery)
        writer.word(self.next)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            delivery: try reader.value(),
            next: try reader.integer()
        )
    }
}

extension Feed: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.id)
        writer.byte(self.namespace)
        writer.value(self.name)
        writer.word(self.incarnation)
        writer.value(self.position)
        writer.word(self.firstJoining)
        writer.word(self.lastJoining)
        writer.flag(self.isRegistering)
        writer.list(self.targets.elements)
        writer.word(self.firstHeld)
        writer.word(self.heldCount)
        writer.word(self.recovering)
        writer.word(self.lagging)
        writer.value(self.departed)
        writer.word(self.nextInPartition)
        writer.word(self.previousInPartition)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            id: try reader.value(),
            namespace: try reader.byte(),
            name: try reader.value(),
            incarnation: try reader.integer()
        )
        self.position = try reader.value()
        self.firstJoining = try reader.integer()
        self.lastJoining = try reader.integer()
        self.isRegistering = try reader.flag()
        let targets: [Target] = try reader.list()
        for target in targets { self.targets.append(target) }
        self.firstHeld = try reader.integer()
        self.heldCount = try reader.integer()
        self.recovering = try reader.integer()
        self.lagging = try reader.integer()
        self.departed = try reader.value()
        self.nextInPartition = try reader.integer()
        self.previousInPartition = try reader.integer()
    }
}

extension OwnedMessage.Fate: ByteCoded {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .waiting: writer.byte(0)
        case .appending(let offset):
            writer.byte(1)
            writer.value(offset)
        case .parked(let offset, let outcome):
            writer.byte(2)
            writer.value(offset)
            writer.value(outcome)
        case .found(let offset, let unixMilliseconds, let isDuplicate):
            writer.byte(3)
            writer.value(offset)
            writer.word(unixMilliseconds)
            writer.flag(isDuplicate)
        case .absent: writer.byte(4)
        case .refused(let code):
            writer.byte(5)
            writer.value(code)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 6, of: "the fate of a message") {
        case 0: self = .waiting
        case 1: self = .appending(try reader.value())
        case 2: self = .parked(try reader.value(), try reader.value())
        case 3:
            self = .found(
                try reader.value(),
                unixMilliseconds: try reader.integer(),
                isDuplicate: try reader.flag()
            )
        case 4: self = .absent
        default: self = .refused(try reader.value())
        }
    }
}

extension OwnedMessage: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.request)
        writer.value(self.gateway)
        writer.word(self.unixMilliseconds)
        writer.value(self.fate)
        writer.word(self.next)
        writer.word(self.previous)
        writer.word(self.firstRepeat)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            request: try reader.value(),
            gateway: try reader.value(),
            unixMilliseconds: try reader.integer(),
            fate: try reader.value(),
            next: try reader.integer(),
            previous: try reader.integer(),
            firstRepeat: try reader.integer()
        )
    }
}

extension AskedOperation: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.request)
        writer.value(self.gateway)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(request: try reader.value(), gateway: try reader.value())
    }
}

extension RepeatedMessage: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.token)
        writer.value(self.gateway)
        writer.word(self.next)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            token: try reader.value(),
            gateway: try reader.value(),
            next: try reader.integer()
        )
    }
}

extension OwnedConversation: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.id)
        writer.byte(self.namespace)
        writer.value(self.term)
        writer.value(self.sequencer)
        writer.value(self.planner)
        writer.word(self.firstMessage)
        writer.word(self.lastMessage)
        writer.word(self.messageCount)
        writer.word(self.repeatCount)
        writer.word(self.askedCount)
        writer.word(self.openReads)
        writer.word(self.memberCount)
        writer.flag(self.readFailed)
        writer.byte(self.roundsToAnnounce)
        writer.flag(self.isGathered)
        writer.flag(self.owesHints)
        writer.word(self.nextInPartition)
        writer.word(self.previousInPartition)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            id: try reader.value(),
            namespace: try reader.byte(),
            term: try reader.term()
        )
        self.sequencer = try reader.value()
        self.planner = try reader.value()
        self.firstMessage = try reader.integer()
        self.lastMessage = try reader.integer()
        self.messageCount = try reader.integer()
        self.repeatCount = try reader.integer()
        self.askedCount = try reader.integer()
        self.openReads = try reader.integer()
        self.memberCount = try reader.integer()
        self.readFailed = try reader.flag()
        self.roundsToAnnounce = try reader.byte()
        self.isGathered = try reader.flag()
        self.owesHints = try reader.flag()
        self.nextInPartition = try reader.integer()
        self.previousInPartition = try reader.integer()
    }
}

extension MovedHead: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.word(self.slot)
        writer.word(self.generation)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(slot: try reader.integer(), generation: try reader.integer())
    }
}

extension Leaving: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.connection)
        writer.value(self.due)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(connection: try reader.value(), due: try reader.value())
    }
}
