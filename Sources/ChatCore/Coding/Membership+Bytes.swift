package import Kernel

extension MemberRole: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.byte(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let role = Self(rawValue: try reader.byte()) else {
            throw reader.refusal("a member's role")
        }
        self = role
    }
}

extension ChatAction: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .message: writer.byte(0)
        case .reply(let offset):
            writer.byte(1)
            writer.value(offset)
        case .create(let isPublic):
            writer.byte(2)
            writer.flag(isPublic)
        case .join: writer.byte(3)
        case .leave: writer.byte(4)
        case .invite(let user):
            writer.byte(5)
            writer.value(user)
        case .remove(let user):
            writer.byte(6)
            writer.value(user)
        case .role(let user, let role):
            writer.byte(7)
            writer.value(user)
            writer.value(role)
        case .edit(let offset):
            writer.byte(8)
            writer.value(offset)
        case .delete(let offset):
            writer.byte(9)
            writer.value(offset)
        case .react(let offset):
            writer.byte(10)
            writer.value(offset)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 11, of: "an operation") {
        case 0: self = .message
        case 1: self = .reply(try reader.value())
        case 2: self = .create(isPublic: try reader.flag())
        case 3: self = .join
        case 4: self = .leave
        case 5: self = .invite(try reader.value())
        case 6: self = .remove(try reader.value())
        case 7: self = .role(try reader.value(), try reader.value())
        case 8: self = .edit(try reader.value())
        case 9: self = .delete(try reader.value())
        default: self = .react(try reader.value())
        }
    }
}

extension Ruling: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .allowed: writer.byte(0)
        case .refused(let code):
            writer.byte(1)
            writer.value(code)
        case .repeated(let offset, let unixMilliseconds):
            writer.byte(2)
            writer.value(offset)
            writer.word(unixMilliseconds)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 3, of: "a ruling") {
        case 0: self = .allowed
        case 1: self = .refused(try reader.value())
        default: self = .repeated(try reader.value(), unixMilliseconds: try reader.integer())
        }
    }
}

extension Markers: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.read)
        writer.value(self.received)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(read: try reader.value(), received: try reader.value())
    }
}

extension MarkReply: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.markers)
        writer.word(self.unread)
        writer.word(self.mentions)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            markers: try reader.value(),
            unread: try reader.integer(),
            mentions: try reader.integer()
        )
    }
}

extension ListPage: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.handle)
        writer.word(self.count)
        writer.optional(self.next)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            handle: try reader.value(),
            count: try reader.integer(),
            next: try reader.optional()
        )
    }
}
