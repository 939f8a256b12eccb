/// What few messages have beside their data and their sender's ids.
package struct MessageExtra: Equatable, Sendable {
    /// What the sender's tokens say of it: JSON on one line, empty when they say nothing.
    package var connInfo: [UInt8]
    package var chanInfo: [UInt8]
    /// What an application server has tagged the message with.
    package var tags: [Publication.Tag]

    package init(
        connInfo: [UInt8] = [],
        chanInfo: [UInt8] = [],
        tags: [Publication.Tag] = []
    ) {
        self.connInfo = connInfo
        self.chanInfo = chanInfo
        self.tags = tags
    }

    package var isEmpty: Bool {
        self.connInfo.isEmpty && self.chanInfo.isEmpty && self.tags.isEmpty
    }

    /// What it takes on the wire, beside the names.
    package var byteCount: Int {
        self.tags.reduce(self.connInfo.count + self.chanInfo.count) {
            $0 + $1.name.utf8.count + $1.value.utf8.count
        }
    }

    /// One JSON object in the names of the wire, as a log keeps it.
    package var json: [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { fields, output in
            fields.append("conn_info", embedded: self.connInfo, into: &output)
            fields.append("chan_info", embedded: self.chanInfo, into: &output)
            fields.append(map: "tags", self.tags, into: &output) { tag, tags, output in
                tags.open(quoted: tag.name, into: &output)
                JSONText.append(quoted: tag.value, into: &output)
            }
        }
        return output
    }

    /// Reads what `json` wrote.
    package init(parsing bytes: Span<UInt8>) throws(FrameError) {
        self.init()
        var scanner = JSONScanner(0..<bytes.count)
        var walk = try scanner.enterObject(bytes)
        while let name = try scanner.nextMember(&walk, bytes) {
            switch name {
            case FieldName.connInfo: self.connInfo = try scanner.embedded(bytes)
            case FieldName.chanInfo: self.chanInfo = try scanner.embedded(bytes)
            case FieldName.tags: self.tags = try scanner.tags(bytes)
            default: _ = try scanner.skipValue(bytes)
            }
        }
    }
}
