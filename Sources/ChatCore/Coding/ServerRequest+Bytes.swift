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
        case .subscribe(let user, let reference):
            writer.byte(2)
            writer.value(user)
            writer.value(reference)
        case .unsubscribe(let user, let conversation):
            writer.byte(3)
            writer.value(user)
            writer.value(conversation)
        case .disconnect(let user, let code):
            writer.byte(4)
            writer.value(user)
            writer.value(code)
        }
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.tag(below: 5, of: "a server's request") {
        case 0:
            self = .publish(try reader.value(), try reader.optional(), try reader.value())
        case 1: self = .history(try reader.value(), try reader.value())
        case 2: self = .subscribe(try reader.value(), try reader.value())
        case 3: self = .unsubscribe(try reader.value(), try reader.value())
        default: self = .disconnect(try reader.value(), try reader.value())
        }
    }
}
