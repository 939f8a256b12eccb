package import Kernel

extension AccountAction: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .block(let user):
            writer.byte(0)
            writer.value(user)
        case .unblock(let user):
            writer.byte(1)
            writer.value(user)
        case .blocks(let after, let limit):
            writer.byte(2)
            writer.optional(after)
            writer.word(limit)
        case .publishKeys: writer.byte(3)
        case .countKeys: writer.byte(4)
        case .claimKeys(let user):
            writer.byte(5)
            writer.value(user)
        case .dropKeys: writer.byte(6)
        case .media(let action, let conversation, let namespace):
            writer.byte(7)
            writer.value(action)
            writer.value(conversation)
            writer.byte(namespace)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 8, of: "an account's action") {
        case 0: self = .block(try reader.value())
        case 1: self = .unblock(try reader.value())
        case 2: self = .blocks(after: try reader.optional(), limit: try reader.integer())
        case 3: self = .publishKeys
        case 4: self = .countKeys
        case 5: self = .claimKeys(try reader.value())
        case 6: self = .dropKeys
        default:
            self = .media(
                try reader.value(),
                try reader.value(),
                namespace: try reader.byte()
            )
        }
    }
}

extension AccountAnswer: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .done: writer.byte(0)
        case .refused(let code):
            writer.byte(1)
            writer.value(code)
        case .told(let handle):
            writer.byte(2)
            writer.value(handle)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 3, of: "an account's answer") {
        case 0: self = .done
        case 1: self = .refused(try reader.value())
        default: self = .told(try reader.value())
        }
    }
}

extension MediaAction: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.byte(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let action = Self(rawValue: try reader.byte()) else {
            throw reader.refusal("what is done with media")
        }
        self = action
    }
}
