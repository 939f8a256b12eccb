package import Kernel

extension PresenceDebouncer.Phase: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .unknown: writer.byte(0)
        case .present: writer.byte(1)
        case .leaving(let until, let wasKnown):
            writer.byte(2)
            writer.value(until)
            writer.flag(wasKnown)
        case .absent: writer.byte(3)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 4, of: "the phase of a presence") {
        case 0: self = .unknown
        case 1: self = .present
        case 2: self = .leaving(until: try reader.value(), wasKnown: try reader.flag())
        default: self = .absent
        }
    }
}

extension PresenceDebouncer: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.value(self.phase) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(try reader.value())
    }
}

extension RowReference: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.word(self.slot)
        writer.word(self.generation)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            slot: try reader.integer(),
            generation: try reader.integer()
        )
    }
}

extension LocalPresence: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.subject)
        writer.value(self.user)
        writer.value(self.partition)
        writer.byte(self.namespace)
        writer.value(self.info)
        writer.word(self.ordinal)
        writer.value(self.standing)
        writer.value(self.choice)
        writer.word(self.chosenAt)
        writer.word(self.connectionCount)
        writer.value(self.connection)
        writer.value(self.answeredTerm)
        writer.flag(self.isAnswered)
        writer.flag(self.isListed)
        writer.value(self.sentAt)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            subject: try reader.value(),
            user: try reader.value(),
            partition: try reader.value(),
            namespace: try reader.byte(),
            info: try reader.value(),
            ordinal: try reader.integer(),
            standing: try reader.value(),
            choice: try reader.value(),
            chosenAt: try reader.integer(),
            connectionCount: try reader.integer(),
            connection: try reader.value(),
            answeredTerm: try reader.value(),
            isAnswered: try reader.flag(),
            isListed: try reader.flag(),
            sentAt: try reader.value()
        )
    }
}

extension WatchedUser: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.user)
        writer.value(self.partition)
        writer.word(self.incarnation)
        writer.value(self.term)
        writer.word(self.version)
        writer.optional(self.state)
        writer.word(self.firstWatch)
        writer.flag(self.isAnswered)
        writer.flag(self.isListed)
        writer.value(self.sentAt)
        writer.flag(self.isSpreading)
        writer.word(self.nextSpread)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            user: try reader.value(),
            partition: try reader.value(),
            incarnation: try reader.integer(),
            term: try reader.value(),
            version: try reader.integer(),
            state: try reader.optional(),
            firstWatch: try reader.integer(),
            isAnswered: try reader.flag(),
            isListed: try reader.flag(),
            sentAt: try reader.value(),
            isSpreading: try reader.flag(),
            nextSpread: try reader.integer()
        )
    }
}

extension Watch: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.word(self.user)
        writer.word(self.watcher)
        writer.word(self.nextOfWatcher)
        writer.word(self.nextOfUser)
        writer.word(self.previousOfUser)
        writer.optional(self.shown)
        writer.value(self.shownAt)
        writer.flag(self.isAwaited)
        writer.flag(self.isMissing)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            user: try reader.integer(),
            watcher: try reader.integer(),
            nextOfWatcher: try reader.integer(),
            nextOfUser: try reader.integer(),
            previousOfUser: try reader.integer(),
            shown: try reader.optional(),
            shownAt: try reader.value(),
            isAwaited: try reader.flag(),
            isMissing: try reader.flag()
        )
    }
}

extension Watcher: ByteCoded {
    func write(to writer: inout ByteWriter) {
        writer.value(self.connection)
        writer.word(self.firstWatch)
        writer.word(self.count)
        writer.flag(self.isWaiting)
        writer.optional(self.request)
        writer.word(self.awaited)
        writer.value(self.requestDue)
        writer.flag(self.isRequestWhole)
        writer.flag(self.isRefused)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            connection: try reader.value(),
            firstWatch: try reader.integer(),
            count: try reader.integer(),
            isWaiting: try reader.flag(),
            request: try reader.optional(),
            awaited: try reader.integer(),
            requestDue: try reader.value(),
            isRequestWhole: try reader.flag(),
            isRefused: try reader.flag()
        )
    }
}

extension PresenceBudget.Place: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.word(self.watcher)
        writer.word(self.generation)
        writer.value(self.since)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            watcher: try reader.integer(),
            generation: try reader.integer(),
            since: try reader.value()
        )
    }
}
