package import Kernel

extension ServerRequestID: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(try reader.word())
    }
}

extension ServerRequest: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .publish(let reference, let message, let body):
            writer.byte(0)
            writer.value(reference)
            writer.optional(message)
            writer.value(body)
        case .history(let reference, let request):
            writer.byte(1)
            writer.value(reference)
            writer.value(request)
        case .subscribe(let handle, let reference, let since, let attendee):
            writer.byte(2)
            writer.value(handle)
            writer.value(reference)
            writer.optional(since)
            writer.value(attendee)
        case .unsubscribe(let handle, let conversation):
            writer.byte(3)
            writer.value(handle)
            writer.value(conversation)
        case .disconnect(let handle, let code):
            writer.byte(4)
            writer.value(handle)
            writer.value(code)
        case .refresh(let handle, let timeToLive):
            writer.byte(5)
            writer.value(handle)
            writer.optional(timeToLive)
        case .pass(let reference, let body):
            writer.byte(6)
            writer.value(reference)
            writer.value(body)
        case .members(let reference):
            writer.byte(7)
            writer.value(reference)
        case .counts(let reference):
            writer.byte(8)
            writer.value(reference)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 9, of: "a server's request") {
        case 0:
            self = .publish(try reader.value(), try reader.optional(), try reader.value())
        case 1: self = .history(try reader.value(), try reader.value())
        case 2:
            self = .subscribe(
                try reader.value(),
                try reader.value(),
                since: try reader.optional(),
                as: try reader.value()
            )
        case 3: self = .unsubscribe(try reader.value(), try reader.value())
        case 4: self = .disconnect(try reader.value(), try reader.value())
        case 5: self = .refresh(try reader.value(), timeToLive: try reader.optional())
        case 6: self = .pass(try reader.value(), try reader.value())
        case 7: self = .members(try reader.value())
        default: self = .counts(try reader.value())
        }
    }
}
