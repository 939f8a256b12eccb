package import Kernel

extension Connection.Phase: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .vacant: writer.byte(0)
        case .opened: writer.byte(1)
        case .authenticating(let id):
            writer.byte(2)
            writer.value(id)
        case .rejected: writer.byte(3)
        case .connected: writer.byte(4)
        case .closing: writer.byte(5)
        case .leaving: writer.byte(6)
        case .joining(let id):
            writer.byte(7)
            writer.value(id)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 8, of: "the phase of a connection") {
        case 0: self = .vacant
        case 1: self = .opened
        case 2: self = .authenticating(try reader.value())
        case 3: self = .rejected
        case 4: self = .connected
        case 5: self = .closing
        case 6: self = .leaving
        default: self = .joining(try reader.value())
        }
    }
}

extension Connection: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.phase)
        writer.flag(self.awaitsPong)
        writer.byte(self.pace.rawValue)
        writer.value(self.id)
        writer.word(self.generation)
        writer.word(self.firstLag)
        writer.value(self.user)
        writer.word(self.subscriptionCount)
        writer.value(self.expiry)
        writer.word(self.pendingSubscriptions)
        writer.optional(self.timeToLive)
        writer.word(self.openHistories)
        writer.word(self.openBytes)
        writer.value(self.commands)
        writer.value(self.refusals)
        writer.word(self.arrival)
        writer.word(self.firstSubscription)
        writer.word(self.firstGated)
        writer.word(self.gatedCount)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.phase = try reader.value()
        self.awaitsPong = try reader.flag()
        guard let pace = Pace(rawValue: try reader.byte()) else {
            throw reader.refusal("how a connection takes what it is sent")
        }
        self.pace = pace
        self.id = try reader.value()
        self.generation = try reader.integer()
        self.firstLag = try reader.integer()
        self.user = try reader.value()
        self.subscriptionCount = try reader.integer()
        self.expiry = try reader.value()
        self.pendingSubscriptions = try reader.integer()
        self.timeToLive = try reader.optional()
        self.openHistories = try reader.integer()
        self.openBytes = try reader.integer()
        self.commands = try reader.value()
        self.refusals = try reader.value()
        self.arrival = try reader.integer()
        self.firstSubscription = try reader.integer()
        self.firstGated = try reader.integer()
        self.gatedCount = try reader.integer()
    }
}

extension Sequencer.Phase: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .loading: writer.byte(0)
        case .open: writer.byte(1)
        case .settling: writer.byte(2)
        case .readingBack: writer.byte(3)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 4, of: "the phase of a sequencer") {
        case 0: self = .loading
        case 1: self = .open
        case 2: self = .settling
        default: self = .readingBack
        }
    }
}

extension Sequencer: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.phase)
        writer.value(self.epoch)
        writer.value(self.head)
        writer.word(self.count)
        writer.word(self.inFlight)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.phase = try reader.value()
        self.epoch = try reader.value()
        self.head = try reader.value()
        self.count = try reader.integer()
        self.inFlight = try reader.integer()
    }
}

extension FeedPosition.Phase: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .registering: writer.byte(0)
        case .live: writer.byte(1)
        case .closingHole: writer.byte(2)
        case .ending: writer.byte(3)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 4, of: "the phase of a feed") {
        case 0: self = .registering
        case 1: self = .live
        case 2: self = .closingHole
        default: self = .ending
        }
    }
}

extension ByteReader {
    /// A term as rows keep it.
    mutating func term() throws(ByteError) -> Term {
        let term: Term = try self.value()
        guard term.rawValue <= UInt64(UInt32.max) else { throw self.refusal("a term below 2^32") }
        return term
    }
}

extension FeedPosition: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.phase)
        writer.value(self.term)
        writer.optional(self.delivered)
        writer.optional(self.named)
        writer.value(self.known)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.phase = try reader.value()
        self.term = try reader.term()
        self.delivered = try reader.optional()
        self.named = try reader.optional()
        self.known = try reader.value()
    }
}

extension FanOutPlanner.Recipient: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.shard)
        writer.word(self.incarnation)
        writer.word(self.lease)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            shard: try reader.value(),
            incarnation: try reader.integer(),
            lease: try reader.integer()
        )
    }
}

extension FanOutPlanner: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.list(self.recipients)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        let recipients: [Recipient] = try reader.list()
        for recipient in recipients { self.list.append(recipient) }
    }
}

extension RecentMessages.Key: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.conversation)
        writer.value(self.user)
        writer.value(self.message)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            conversation: try reader.value(),
            user: try reader.value(),
            message: try reader.value()
        )
    }
}

extension Drain: ByteCoded {
    func write(to writer: inout ByteWriter) {
        switch self {
        case .serving: writer.byte(0)
        case .draining(let batch, let next):
            writer.byte(1)
            writer.word(UInt64(batch))
            writer.word(next)
        case .drained: writer.byte(2)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 3, of: "the phase of a drain") {
        case 0: self = .serving
        case 1: self = .draining(batch: try reader.integer(), next: try reader.integer())
        default: self = .drained
        }
    }
}
