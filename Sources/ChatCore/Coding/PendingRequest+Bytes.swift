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
        case .load(let conversation): writer.row(conversation, tagged: 5)
        case .append(let message): writer.row(message, tagged: 6)
        case .lookUp(let message): writer.row(message, tagged: 7)
        case .readBack(let conversation): writer.row(conversation, tagged: 8)
        case .leases: writer.byte(9)
        case .create, .admission, .standing, .mark, .list, .lateHistory, .serverPublish,
            .serverHistory, .account, .typing, .gathering, .lateServerHistory, .census, .lagPage,
            .audience, .plans:
            self.writeLate(to: &writer)
        }
    }

    private func writeLate(to writer: inout ByteWriter) {
        switch self {
        case .vacant, .publish, .subscribePage, .holePage, .history, .load, .append, .lookUp,
            .readBack, .leases:
            preconditionFailure("the other half of the cases")
        case .create(let reference, let handle, let id, let cost):
            writer.byte(10)
            writer.value(reference)
            writer.value(handle)
            writer.value(id)
            writer.word(cost)
        case .admission(let subscription, let generation):
            writer.byte(11)
            writer.word(subscription)
            writer.word(generation)
        case .standing(let inquiry): writer.row(inquiry, tagged: 12)
        case .mark(let handle, let id, let conversation):
            writer.byte(13)
            writer.value(handle)
            writer.value(id)
            writer.value(conversation)
        case .list(let handle, let id):
            writer.byte(14)
            writer.value(handle)
            writer.value(id)
        case .lateHistory(let handle):
            writer.byte(15)
            writer.value(handle)
        case .serverPublish(let id, let cost):
            writer.byte(16)
            writer.value(id)
            writer.word(cost)
        case .account(let handle, let id):
            writer.byte(18)
            writer.value(handle)
            writer.value(id)
        case .typing(let handle, let conversation, let body):
            writer.byte(19)
            writer.value(handle)
            writer.value(conversation)
            writer.value(body)
        case .serverHistory(let id, let request):
            writer.byte(17)
            writer.value(id)
            writer.value(request)
        case .gathering(let question): writer.row(question, tagged: 20)
        case .lateServerHistory: writer.byte(21)
        case .census(let conversation, let generation):
            writer.row(conversation, tagged: 22)
            writer.word(generation)
        case .lagPage(let subscription, let generation):
            writer.byte(23)
            writer.word(subscription)
            writer.word(generation)
        case .audience(let notice, let generation):
            writer.row(notice, tagged: 24)
            writer.word(generation)
        case .plans: writer.byte(25)
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        let tag = try reader.tag(below: 26, of: "the purpose of a request")
        switch tag {
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
        default: self = try Self.late(tag, from: &reader)
        }
    }

    private static func late(
        _ tag: UInt8,
        from reader: inout ByteReader
    ) throws(ByteError) -> Self {
        switch tag {
        case 10:
            return .create(
                try reader.value(),
                try reader.value(),
                try reader.value(),
                cost: try reader.integer()
            )
        case 11:
            return .admission(
                subscription: try reader.integer(),
                generation: try reader.integer()
            )
        case 12: return .standing(inquiry: try reader.integer())
        case 13: return .mark(try reader.value(), try reader.value(), try reader.value())
        case 14: return .list(try reader.value(), try reader.value())
        case 15: return .lateHistory(try reader.value())
        case 16:
            return .serverPublish(try reader.value(), cost: try reader.integer())
        case 17: return .serverHistory(try reader.value(), try reader.value())
        case 18: return .account(try reader.value(), try reader.value())
        case 19: return .typing(try reader.value(), try reader.value(), try reader.value())
        case 20: return .gathering(question: try reader.integer())
        case 21: return .lateServerHistory
        case 22:
            return .census(
                conversation: try reader.integer(),
                generation: try reader.integer()
            )
        case 23:
            return .lagPage(
                subscription: try reader.integer(),
                generation: try reader.integer()
            )
        case 24:
            return .audience(notice: try reader.integer(), generation: try reader.integer())
        default: return .plans
        }
    }
}

extension ByteWriter {
    /// A purpose that names a row and nothing else.
    fileprivate mutating func row(_ slot: UInt32, tagged tag: UInt8) {
        self.byte(tag)
        self.word(slot)
    }
}
