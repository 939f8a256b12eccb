extension ConversationID: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.fixed(self.high)
        writer.fixed(self.low)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(high: try reader.fixed(), low: try reader.fixed())
    }
}

extension UserID: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.fixed(self.high)
        writer.fixed(self.low)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(high: try reader.fixed(), low: try reader.fixed())
    }
}

extension MessageID: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.fixed(self.high)
        writer.fixed(self.low)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(high: try reader.fixed(), low: try reader.fixed())
    }
}

extension PartitionID: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(try reader.integer())
    }
}

extension Term: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(try reader.integer())
    }
}

extension Offset: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(try reader.integer())
    }
}

extension Epoch: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(try reader.integer())
    }
}

extension ShardID: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(rawValue: try reader.integer())
    }
}

extension ConnectionID: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.fixed(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(try reader.fixed())
    }
}

extension RequestToken: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.rawValue) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(rawValue: try reader.integer())
    }
}

extension Instant: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.nanoseconds) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(nanoseconds: try reader.integer())
    }
}

extension Interval: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self.nanoseconds) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(nanoseconds: try reader.integer())
    }
}

extension UInt32: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.word(self) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self = try reader.integer(UInt32.self)
    }
}

extension Position: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.value(self.epoch)
        writer.value(self.offset)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(epoch: try reader.value(), offset: try reader.value())
    }
}

extension ConnectionHandle: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.word(self.slot)
        writer.word(self.generation)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(slot: try reader.integer(), generation: try reader.integer())
    }
}

/// Only whether there are bytes: their place in the host's memory means nothing on another day, and
/// the core does not look at it.
extension PayloadHandle: ByteCoded {
    package func write(to writer: inout ByteWriter) { writer.flag(self != .none) }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self = try reader.flag() ? Self(rawValue: 1) : .none
    }
}

extension TargetRange: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.word(self.start)
        writer.word(self.count)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init(
            start: try reader.integer(),
            count: try reader.integer()
        )
    }
}
