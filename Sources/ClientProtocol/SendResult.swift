package import ChatCore
import Kernel

/// The data that answers a `chat.send` rpc.
package struct SendResult: Equatable, Sendable {
    package var offset: UInt64 = 0
    package var epoch = ""
    /// When the message was first sequenced, in milliseconds since 1970.
    package var unixMilliseconds: UInt64 = 0
    package var duplicate = false

    package init(_ reply: SendReply) {
        self.offset = reply.offset.rawValue
        self.epoch = EpochText.text(of: reply.epoch)
        self.unixMilliseconds = reply.unixMilliseconds
        self.duplicate = reply.isDuplicate
    }

    /// Reads the data of an rpc's reply; positions in errors count from its start.
    package init(parsing data: Span<UInt8>) throws(FrameError) {
        var scanner = JSONScanner(0..<data.count)
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        while let name = try scanner.nextMember(&walk, data) {
            switch name {
            case FieldName.offset: self.offset = try scanner.integer(data, as: UInt64.self)
            case FieldName.epoch: self.epoch = try scanner.text(data)
            case FieldName.time: self.unixMilliseconds = try scanner.integer(data, as: UInt64.self)
            case FieldName.duplicate: self.duplicate = try scanner.boolean(data)
            default: _ = try scanner.skipValue(data)
            }
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
    }

    /// The rpc's data, with all four fields.
    package var data: [UInt8] {
        var data: [UInt8] = []
        data.reserveCapacity(112)
        JSONText.append("{\"offset\":", into: &data)
        JSONText.append(self.offset, into: &data)
        JSONText.append(",\"epoch\":", into: &data)
        JSONText.append(quoted: self.epoch, into: &data)
        JSONText.append(",\"time\":", into: &data)
        JSONText.append(self.unixMilliseconds, into: &data)
        JSONText.append(",\"duplicate\":", into: &data)
        JSONText.append(self.duplicate ? "true}" : "false}", into: &data)
        return data
    }
}
