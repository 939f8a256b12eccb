package import Kernel

extension Audience: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.byte(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let audience = Self(rawValue: try reader.byte()) else {
            throw reader.refusal("an audience")
        }
        self = audience
    }
}

extension Namespace: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.flag(self.hasLog)
        writer.flag(self.allowsSubscribe)
        writer.flag(self.allowsPublish)
        writer.flag(self.allowsHistory)
        writer.flag(self.isMembersOnly)
        writer.flag(self.presence)
        writer.value(self.presenceReaders)
        writer.flag(self.joinLeave)
        writer.flag(self.forcePushJoinLeave)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            hasLog: try reader.flag(),
            allowsSubscribe: try reader.flag(),
            allowsPublish: try reader.flag(),
            allowsHistory: try reader.flag(),
            isMembersOnly: try reader.flag(),
            presence: try reader.flag(),
            presenceReaders: try reader.value(),
            joinLeave: try reader.flag(),
            forcePushJoinLeave: try reader.flag()
        )
    }
}
