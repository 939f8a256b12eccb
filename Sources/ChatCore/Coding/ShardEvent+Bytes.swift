package import Kernel

extension ShardEvent: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .wallClock(let unixMilliseconds):
            writer.byte(0)
            writer.word(unixMilliseconds)
        case .opened(let handle, let id):
            writer.byte(1)
            writer.value(handle)
            writer.value(id)
        case .closed(let handle):
            writer.byte(2)
            writer.value(handle)
        case .command(let handle, let id, let command):
            writer.byte(3)
            writer.value(handle)
            writer.value(id)
            writer.value(command)
        case .authenticated(let handle, let outcome):
            writer.byte(4)
            writer.value(handle)
            writer.value(outcome)
        case .pongs(let range):
            writer.byte(5)
            writer.value(range)
        case .violated(let handle, let code):
            writer.byte(6)
            writer.value(handle)
            writer.value(code)
        case .peer(let sender, let message):
            writer.byte(7)
            writer.value(sender)
            writer.value(message)
        case .stored(let token, let outcome):
            writer.byte(8)
            writer.value(token)
            writer.value(outcome)
        case .lease(let partition, let term, let owner):
            writer.byte(9)
            writer.value(partition)
            writer.value(term)
            writer.optional(owner)
        case .drain(let duration):
            writer.byte(10)
            writer.value(duration)
        case .grant(let handle, let reference, let since, let attendee):
            writer.byte(11)
            writer.value(handle)
            writer.value(reference)
            writer.optional(since)
            writer.value(attendee)
        case .asked(let id, let request):
            writer.byte(12)
            writer.value(id)
            writer.value(request)
        case .load, .revoked, .backlog, .dropped: self.writeLate(to: &writer)
        }
    }

    private func writeLate(to writer: inout ByteWriter) {
        switch self {
        case .load(let lag):
            writer.byte(13)
            writer.value(lag)
        case .revoked(let handle, let conversation):
            writer.byte(14)
            writer.value(handle)
            writer.value(conversation)
        case .backlog(let handle, let bytes):
            writer.byte(15)
            writer.value(handle)
            writer.word(bytes)
        case .dropped(let handle, let conversation, let offset):
            writer.byte(16)
            writer.value(handle)
            writer.value(conversation)
            writer.value(offset)
        case .wallClock, .opened, .closed, .command, .authenticated, .pongs, .violated, .peer,
            .stored, .lease, .drain, .grant, .asked:
            preconditionFailure("the other half of the cases")
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 17, of: "an event") {
        case 0: self = .wallClock(unixMilliseconds: try reader.integer())
        case 1: self = .opened(try reader.value(), try reader.value())
        case 2: self = .closed(try reader.value())
        case 3: self = .command(try reader.value(), try reader.value(), try reader.value())
        case 4: self = .authenticated(try reader.value(), try reader.value())
        case 5: self = .pongs(try reader.value())
        case 6: self = .violated(try reader.value(), try reader.value())
        case 7: self = .peer(try reader.value(), try reader.value())
        case 8: self = .stored(try reader.value(), try reader.value())
        case 9: self = .lease(try reader.value(), try reader.value(), owner: try reader.optional())
        case 10: self = .drain(over: try reader.value())
        case 11:
            self = .grant(
                try reader.value(),
                try reader.value(),
                since: try reader.optional(),
                as: try reader.value()
            )
        case 12: self = .asked(try reader.value(), try reader.value())
        case 13: self = .load(lag: try reader.value())
        case 14: self = .revoked(try reader.value(), try reader.value())
        case 15: self = .backlog(try reader.value(), bytes: try reader.integer())
        default:
            self = .dropped(try reader.value(), try reader.value(), after: try reader.value())
        }
    }
}

extension AuthenticationOutcome: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .accepted(let user, let timeToLive):
            writer.byte(0)
            writer.value(user)
            writer.optional(timeToLive)
        case .expired: writer.byte(1)
        case .invalid: writer.byte(2)
        case .missing: writer.byte(3)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 4, of: "the outcome of an authentication") {
        case 0: self = .accepted(try reader.value(), timeToLive: try reader.optional())
        case 1: self = .expired
        case 2: self = .invalid
        default: self = .missing
        }
    }
}

extension StoreOutcome: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .appended(let outcome):
            writer.byte(0)
            writer.value(outcome)
        case .head(let head, let members):
            writer.byte(1)
            writer.value(head)
            writer.word(members)
        case .found(let offset, let unixMilliseconds):
            writer.byte(2)
            writer.value(offset)
            writer.word(unixMilliseconds)
        case .notFound: writer.byte(3)
        case .page(let page):
            writer.byte(4)
            writer.value(page)
        case .unavailable: writer.byte(5)
        case .leased: writer.byte(6)
        case .ruling(let ruling, let head):
            writer.byte(7)
            writer.value(ruling)
            writer.value(head)
        case .marked(let reply):
            writer.byte(8)
            writer.value(reply)
        case .listed(let page):
            writer.byte(9)
            writer.value(page)
        case .denied: writer.byte(10)
        case .account(let answer):
            writer.byte(11)
            writer.value(answer)
        case .audience(let part):
            writer.byte(12)
            writer.value(part)
        case .plans(let part):
            writer.byte(13)
            writer.value(part)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 14, of: "the outcome of a store request") {
        case 0: self = .appended(try reader.value())
        case 1: self = .head(try reader.value(), members: try reader.integer())
        case 2: self = .found(try reader.value(), unixMilliseconds: try reader.integer())
        case 3: self = .notFound
        case 4: self = .page(try reader.value())
        case 5: self = .unavailable
        case 6: self = .leased
        case 7: self = .ruling(try reader.value(), try reader.value())
        case 8: self = .marked(try reader.value())
        case 9: self = .listed(try reader.value())
        case 10: self = .denied
        case 11: self = .account(try reader.value())
        case 12: self = .audience(try reader.value())
        default: self = .plans(try reader.value())
        }
    }
}

extension AppendOutcome: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .done: writer.byte(0)
        case .duplicate(let offset, let unixMilliseconds):
            writer.byte(1)
            writer.value(offset)
            writer.word(unixMilliseconds)
        case .fenced: writer.byte(2)
        case .failed: writer.byte(3)
        case .unknown: writer.byte(4)
        case .refused(let code):
            writer.byte(5)
            writer.value(code)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 6, of: "the outcome of an append") {
        case 0: self = .done
        case 1: self = .duplicate(try reader.value(), unixMilliseconds: try reader.integer())
        case 2: self = .fenced
        case 3: self = .failed
        case 4: self = .unknown
        default: self = .refused(try reader.value())
        }
    }
}

extension Page: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.handle)
        writer.value(self.first)
        writer.word(self.count)
        writer.word(self.byteCount)
        writer.flag(self.hasDepartures)
        writer.value(self.head)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            handle: try reader.value(),
            first: try reader.value(),
            count: try reader.integer(),
            byteCount: try reader.integer(),
            hasDepartures: try reader.flag(),
            head: try reader.value()
        )
    }
}
