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

extension NameAccess: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.byte(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        guard let access = Self(rawValue: try reader.byte()) else {
            throw reader.refusal("what a name says of access")
        }
        self = access
    }
}

extension Namespace: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.flag(self.hasLog)
        writer.flag(self.allowsSubscribe)
        writer.value(self.publishers)
        writer.value(self.historyReaders)
        writer.optional(self.historySize)
        writer.optional(self.historyAge)
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
            publishers: try reader.value(),
            historyReaders: try reader.value(),
            historySize: try reader.optional(),
            historyAge: try reader.optional(),
            isMembersOnly: try reader.flag(),
            presence: try reader.flag(),
            presenceReaders: try reader.value(),
            joinLeave: try reader.flag(),
            forcePushJoinLeave: try reader.flag()
        )
    }
}
