package import Kernel

extension CommandID: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(try reader.integer())
    }
}

extension ConversationReference: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.id)
        writer.byte(self.namespace)
        writer.value(self.name)
        writer.value(self.access)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            id: try reader.value(),
            namespace: try reader.byte(),
            name: try reader.value(),
            access: try reader.value()
        )
    }
}

extension Body: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.handle)
        writer.word(self.byteCount)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            handle: try reader.value(),
            byteCount: try reader.integer()
        )
    }
}

extension Command: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .connect: writer.byte(0)
        case .subscribe(let reference, let since):
            writer.byte(1)
            writer.value(reference)
            writer.optional(since)
        case .unsubscribe(let conversation):
            writer.byte(2)
            writer.value(conversation)
        case .publish(let reference, let body):
            writer.byte(3)
            writer.value(reference)
            writer.value(body)
        case .send(let reference, let message, let body):
            writer.byte(4)
            writer.value(reference)
            writer.value(message)
            writer.value(body)
        case .history(let reference, let request):
            writer.byte(5)
            writer.value(reference)
            writer.value(request)
        case .refused(let code):
            writer.byte(6)
            writer.value(code)
        case .operate(let reference, let message, let operation, let body):
            writer.byte(7)
            writer.value(reference)
            writer.value(message)
            writer.value(operation)
            writer.value(body)
        case .mark(let reference, let markers):
            writer.byte(8)
            writer.value(reference)
            writer.value(markers)
        case .list(let known, let after, let limit):
            writer.byte(9)
            writer.value(known)
            writer.optional(after)
            writer.word(limit)
        case .typing(let reference, let body):
            writer.byte(10)
            writer.value(reference)
            writer.value(body)
        case .subscribeByToken(let reference, let since, let grant):
            writer.byte(11)
            writer.value(reference)
            writer.optional(since)
            writer.value(grant)
        case .refresh(let outcome):
            writer.byte(12)
            writer.value(outcome)
        case .subRefresh(let conversation, let grant):
            writer.byte(13)
            writer.value(conversation)
            writer.value(grant)
        case .account(let action, let note):
            writer.byte(14)
            writer.value(action)
            writer.value(note)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 15, of: "a command") {
        case 0: self = .connect
        case 1: self = .subscribe(try reader.value(), since: try reader.optional())
        case 2: self = .unsubscribe(try reader.value())
        case 3: self = .publish(try reader.value(), try reader.value())
        case 4: self = .send(try reader.value(), try reader.value(), try reader.value())
        case 5: self = .history(try reader.value(), try reader.value())
        case 6: self = .refused(try reader.value())
        case 7:
            self = .operate(
                try reader.value(),
                try reader.value(),
                try reader.value(),
                try reader.value()
            )
        case 8: self = .mark(try reader.value(), try reader.value())
        case 9:
            self = .list(
                known: try reader.value(),
                after: try reader.optional(),
                limit: try reader.integer()
            )
        case 10: self = .typing(try reader.value(), try reader.value())
        case 11:
            self = .subscribeByToken(
                try reader.value(),
                since: try reader.optional(),
                try reader.value()
            )
        case 12: self = .refresh(try reader.value())
        case 13: self = .subRefresh(try reader.value(), try reader.value())
        default: self = .account(try reader.value(), note: try reader.value())
        }
    }
}

extension SubscriptionGrant: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .accepted(let timeToLive):
            writer.byte(0)
            writer.optional(timeToLive)
        case .expired: writer.byte(1)
        case .invalid: writer.byte(2)
        case .foreign: writer.byte(3)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 4, of: "what became of a subscription token") {
        case 0: self = .accepted(timeToLive: try reader.optional())
        case 1: self = .expired
        case 2: self = .invalid
        default: self = .foreign
        }
    }
}

extension RecoveryRequest: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.optional(self.epoch)
        writer.value(self.offset)
        writer.flag(self.refusesUnrecovered)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            epoch: try reader.optional(),
            offset: try reader.value(),
            refusesUnrecovered: try reader.flag()
        )
    }
}

extension HistoryRequest: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.optional(self.since)
        writer.optional(self.epoch)
        writer.word(self.limit)
        writer.flag(self.isReversed)
        writer.flag(self.isChat)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            since: try reader.optional(),
            epoch: try reader.optional(),
            limit: try reader.integer(),
            isReversed: try reader.flag(),
            isChat: try reader.flag()
        )
    }
}

extension ErrorCode: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let code = Self(rawValue: try reader.integer()) else {
            throw reader.refusal("an error code")
        }
        self = code
    }
}

extension CloseCode: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let code = Self(rawValue: try reader.integer()) else {
            throw reader.refusal("a close code")
        }
        self = code
    }
}
