package import Kernel

/// The counters; rows in use are counted from the rows.
extension ShardStatistics: ByteCoded {
    package func write(to writer: inout ByteWriter) {
        writer.word(self.events)
        writer.word(self.connectionsOpened)
        writer.word(self.connectionsClosed)
        writer.word(self.commands)
        writer.word(self.errors)
        writer.word(self.shed)
        writer.word(self.appends)
        writer.word(self.appendsDone)
        writer.word(self.appendsDuplicate)
        writer.word(self.appendsFailed)
        writer.word(self.appendsUnknown)
        writer.word(self.recoveriesOfSequence)
        writer.word(self.deliveries)
        writer.word(self.deliveriesStale)
        writer.word(self.holes)
        writer.word(self.recovered)
        writer.word(self.unrecovered)
        writer.word(self.epochsRenewed)
        writer.word(self.pings)
        writer.word(self.pongs)
        writer.word(self.statuses)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        self.init()
        self.events = try reader.integer()
        self.connectionsOpened = try reader.integer()
        self.connectionsClosed = try reader.integer()
        self.commands = try reader.integer()
        self.errors = try reader.integer()
        self.shed = try reader.integer()
        self.appends = try reader.integer()
        self.appendsDone = try reader.integer()
        self.appendsDuplicate = try reader.integer()
        self.appendsFailed = try reader.integer()
        self.appendsUnknown = try reader.integer()
        self.recoveriesOfSequence = try reader.integer()
        self.deliveries = try reader.integer()
        self.deliveriesStale = try reader.integer()
        self.holes = try reader.integer()
        self.recovered = try reader.integer()
        self.unrecovered = try reader.integer()
        self.epochsRenewed = try reader.integer()
        self.pings = try reader.integer()
        self.pongs = try reader.integer()
        self.statuses = try reader.integer()
    }
}
