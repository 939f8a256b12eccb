package import Kernel

extension PeerMessage: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .publish(let request):
            writer.byte(0)
            writer.value(request)
        case .published(let token, let outcome):
            writer.byte(1)
            writer.value(token)
            writer.value(outcome)
        case .interest(let interest):
            writer.byte(2)
            writer.value(interest)
        case .interested(let conversation, let term, let head, let incarnation):
            writer.byte(3)
            writer.value(conversation)
            writer.value(term)
            writer.value(head)
            writer.word(incarnation)
        case .withdraw(let conversation, let incarnation):
            writer.byte(4)
            writer.value(conversation)
            writer.word(incarnation)
        case .delivery(let delivery):
            writer.byte(5)
            writer.value(delivery)
        case .signal(let signal):
            writer.byte(7)
            writer.value(signal)
        case .signalled(let signal):
            writer.byte(8)
            writer.value(signal)
        case .head(let conversation, let term, let head):
            writer.byte(6)
            writer.value(conversation)
            writer.value(term)
            writer.value(head)
        case .presence(let message):
            writer.byte(9)
            writer.value(message)
        case .relayed(let delivery, let route):
            writer.byte(10)
            writer.value(delivery)
            writer.value(route)
        case .inbox(let message):
            writer.byte(11)
            writer.value(message)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 12, of: "a peer message") {
        case 0: self = .publish(try reader.value())
        case 1: self = .published(try reader.value(), try reader.value())
        case 2: self = .interest(try reader.value())
        case 3:
            self = .interested(
                try reader.value(),
                try reader.value(),
                try reader.value(),
                incarnation: try reader.integer()
            )
        case 4: self = .withdraw(try reader.value(), incarnation: try reader.integer())
        case 5: self = .delivery(try reader.value())
        case 6: self = .head(try reader.value(), try reader.value(), try reader.value())
        case 7: self = .signal(try reader.value())
        case 8: self = .signalled(try reader.value())
        case 9: self = .presence(try reader.value())
        case 10: self = .relayed(try reader.value(), try reader.value())
        default: self = .inbox(try reader.value())
        }
    }
}

extension PublishRequest: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.token)
        writer.value(self.conversation)
        writer.byte(self.namespace)
        writer.value(self.user)
        writer.optional(self.message)
        writer.value(self.operation)
        writer.value(self.body)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            token: try reader.value(),
            conversation: try reader.value(),
            namespace: try reader.byte(),
            user: try reader.value(),
            message: try reader.optional(),
            operation: try reader.value(),
            body: try reader.value()
        )
    }
}

extension PublishOutcome: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .accepted(let reply):
            writer.byte(0)
            writer.value(reply)
        case .refused(let code):
            writer.byte(1)
            writer.value(code)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 2, of: "the outcome of a publish") {
        case 0: self = .accepted(try reader.value())
        default: self = .refused(try reader.value())
        }
    }
}

extension SendReply: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.epoch)
        writer.value(self.offset)
        writer.word(self.unixMilliseconds)
        writer.flag(self.isDuplicate)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            epoch: try reader.value(),
            offset: try reader.value(),
            unixMilliseconds: try reader.integer(),
            isDuplicate: try reader.flag()
        )
    }
}

extension Interest: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.conversation)
        writer.word(self.incarnation)
        writer.optional(self.delivered)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            conversation: try reader.value(),
            incarnation: try reader.integer(),
            delivered: try reader.optional()
        )
    }
}

extension StreamHead: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.epoch)
        writer.value(self.offset)
        writer.word(self.count)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            epoch: try reader.value(),
            offset: try reader.value(),
            count: try reader.integer()
        )
    }
}

extension Delivery: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.conversation)
        writer.value(self.term)
        writer.value(self.epoch)
        writer.value(self.offset)
        writer.word(self.unixMilliseconds)
        writer.word(self.count)
        writer.optional(self.departing)
        writer.value(self.body)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            conversation: try reader.value(),
            term: try reader.value(),
            epoch: try reader.value(),
            offset: try reader.value(),
            unixMilliseconds: try reader.integer(),
            count: try reader.integer(),
            departing: try reader.optional(),
            body: try reader.value()
        )
    }
}

extension Route: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.word(self.base)
        writer.byte(self.indexBits)
        writer.fixed(self.low)
        writer.fixed(self.high)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        let route = Self(
            base: try reader.integer(),
            indexBits: try reader.byte(),
            low: try reader.fixed(),
            high: try reader.fixed()
        )
        guard let route else { throw reader.refusal("a route to shards that there may be") }
        self = route
    }
}
