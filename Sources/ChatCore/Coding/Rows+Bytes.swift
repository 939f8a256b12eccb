import Kernel

extension PendingRequest: ByteCoded {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .vacant: writer.byte(0)
        case .publish(let handle, let id, let isSend, let cost):
            writer.byte(1)
            writer.value(handle)
            writer.value(id)
            writer.flag(isSend)
            writer.word(cost)
        case .subscribePage(let subscription, let generation):
            writer.byte(2)
            writer.word(subscription)
            writer.word(generation)
        case .holePage(let feed, let generation):
            writer.byte(3)
            writer.word(feed)
            writer.word(generation)
        case .history(let handle, let id, let request):
            writer.byte(4)
            writer.value(handle)
            writer.value(id)
            writer.value(request)
        case .load(let conversation):
            writer.byte(5)
            writer.word(conversation)
        case .append(let message):
            writer.byte(6)
            writer.word(message)
        case .lookUp(let message):
            writer.byte(7)
            writer.word(message)
        case .readBack(let conversation):
            writer.byte(8)
            writer.word(conversation)
        case .leases: writer.byte(9)
        case .lateHistory(let handle):
            writer.byte(10)
            writer.value(handle)
        case .roster(let question):
            writer.byte(11)
            writer.word(question)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 12, of: "the purpose of a request") {
        case 0: self = .vacant
        case 1:
            self = .publish(
                try reader.value(),
                try reader.value(),
                isSend: try reader.flag(),
                cost: try reader.integer()
            )
        case 2:
            self = .subscribePage(
                subscription: try reader.integer(),
                generation: try reader.integer()
            )
        case 3: self = .holePage(feed: try reader.integer(), generation: try reader.integer())
        case 4: self = .history(try reader.value(), try reader.value(), try reader.value())
        case 5: self = .load(conversation: try reader.integer())
        case 6: self = .append(message: try reader.integer())
        case 7: self = .lookUp(message: try reader.integer())
        case 8: self = .readBack(conversation: try reader.integer())
        case 9: self = .leases
        case 10: self = .lateHistory(try reader.value())
        default: self = .roster(question: try reader.integer())
        }
    }
}

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
        case .interest(let feed, let generation):
            writer.byte(3)
            writer.word(feed)
            writer.word(generation)
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
        case .presence(let deadline):
            writer.byte(14)
            writer.value(deadline)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 15, of: "a deadline") {
        case 0: self = .connect(try reader.value())
        case 1: self = .expire(try reader.value())
        case 2: self = .request(try reader.value())
        case 3: self = .interest(feed: try reader.integer(), generation: try reader.integer())
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
        default: self = .presence(try reader.value())
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

extension Subscription.Phase: ByteCoded {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .vacant: writer.byte(0)
        case .waiting(let id, let since):
            writer.byte(1)
            writer.value(id)
            writer.optional(since)
        case .recovering(let id, let since):
            writer.byte(2)
            writer.value(id)
            writer.value(since)
        case .live(let target):
            writer.byte(3)
            writer.word(target)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 4, of: "the phase of a subscription") {
        case 0: self = .vacant
        case 1: self = .waiting(try reader.value(), try reader.optional())
        case 2: self = .recovering(try reader.value(), try reader.value())
        default: self = .live(target: try reader.integer())
        }
    }
}

extension Subscription: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.connection)
        writer.word(self.feed)
        writer.word(self.nextInConnection)
        writer.word(self.nextInFeed)
        writer.word(self.previousInFeed)
        writer.value(self.phase)
        writer.value(self.info)
        writer.flag(self.hearsAttendance)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            connection: try reader.value(),
            feed: try reader.integer(),
            nextInConnection: try reader.integer(),
            nextInFeed: try reader.integer(),
            previousInFeed: try reader.integer(),
            phase: try reader.value(),
            info: try reader.value(),
            hearsAttendance: try reader.flag()
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
        writer.value(self.partition)
        writer.byte(self.namespace)
        writer.value(self.name)
        writer.word(self.incarnation)
        writer.value(self.position)
        writer.word(self.firstJoining)
        writer.word(self.lastJoining)
        writer.flag(self.isRegistering)
        writer.list(self.targets)
        writer.list(self.targetSubscriptions)
        writer.word(self.firstHeld)
        writer.word(self.heldCount)
        writer.word(self.recovering)
        writer.word(self.nextInPartition)
        writer.word(self.previousInPartition)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            id: try reader.value(),
            partition: try reader.value(),
            namespace: try reader.byte(),
            name: try reader.value(),
            incarnation: try reader.integer(),
            position: try reader.value(),
            firstJoining: try reader.integer(),
            lastJoining: try reader.integer(),
            isRegistering: try reader.flag(),
            targets: try reader.list(),
            targetSubscriptions: try reader.list(),
            firstHeld: try reader.integer(),
            heldCount: try reader.integer(),
            recovering: try reader.integer(),
            nextInPartition: try reader.integer(),
            previousInPartition: try reader.integer()
        )
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
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 5, of: "the fate of a message") {
        case 0: self = .waiting
        case 1: self = .appending(try reader.value())
        case 2: self = .parked(try reader.value(), try reader.value())
        case 3:
            self = .found(
                try reader.value(),
                unixMilliseconds: try reader.integer(),
                isDuplicate: try reader.flag()
            )
        default: self = .absent
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
        writer.value(self.partition)
        writer.byte(self.namespace)
        writer.value(self.term)
        writer.value(self.sequencer)
        writer.value(self.planner)
        writer.word(self.firstMessage)
        writer.word(self.lastMessage)
        writer.word(self.messageCount)
        writer.word(self.repeatCount)
        writer.word(self.openReads)
        writer.flag(self.readFailed)
        writer.byte(self.roundsToAnnounce)
        writer.word(self.nextInPartition)
        writer.word(self.previousInPartition)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            id: try reader.value(),
            partition: try reader.value(),
            namespace: try reader.byte(),
            term: try reader.value(),
            sequencer: try reader.value(),
            planner: try reader.value(),
            firstMessage: try reader.integer(),
            lastMessage: try reader.integer(),
            messageCount: try reader.integer(),
            repeatCount: try reader.integer(),
            openReads: try reader.integer(),
            readFailed: try reader.flag(),
            roundsToAnnounce: try reader.byte(),
            nextInPartition: try reader.integer(),
            previousInPartition: try reader.integer()
        )
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
