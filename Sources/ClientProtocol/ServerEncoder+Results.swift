import Kernel

extension Publication {
    /// Appends the object, as it stands in a push and in the array of a reply.
    func append(into output: inout [UInt8]) {
        output.reserveCapacity(output.count + self.data.count + 192)
        JSONText.append("{\"data\":", into: &output)
        output.append(contentsOf: self.data)
        if let info = self.info {
            JSONText.append(",\"info\":", into: &output)
            info.append(into: &output)
        }
        if self.offset != .start {
            JSONText.append(",\"offset\":", into: &output)
            JSONText.append(self.offset.rawValue, into: &output)
        }
        self.appendTags(into: &output)
        if self.unixMilliseconds != 0 {
            JSONText.append(",\"time\":", into: &output)
            JSONText.append(self.unixMilliseconds, into: &output)
        }
        output.append(UInt8(ascii: "}"))
    }

    private func appendTags(into output: inout [UInt8]) {
        guard self.messageID != nil || !self.tags.isEmpty else { return }
        JSONText.append(",\"tags\":", into: &output)
        JSONFields.object(into: &output) { fields, output in
            if let messageID = self.messageID {
                fields.append(required: "id", messageID, into: &output)
            }
            for tag in self.tags {
                fields.open(quoted: tag.name, into: &output)
                JSONText.append(quoted: tag.value, into: &output)
            }
        }
    }
}

extension ClientInfo {
    func append(into output: inout [UInt8]) {
        JSONText.append("{\"user\":", into: &output)
        JSONText.append(quoted: self.user, into: &output)
        JSONText.append(",\"client\":", into: &output)
        JSONText.append(quoted: self.client, into: &output)
        if !self.connInfo.isEmpty {
            JSONText.append(",\"conn_info\":", into: &output)
            output.append(contentsOf: self.connInfo)
        }
        if !self.chanInfo.isEmpty {
            JSONText.append(",\"chan_info\":", into: &output)
            output.append(contentsOf: self.chanInfo)
        }
        output.append(UInt8(ascii: "}"))
    }
}

extension JSONFields {
    mutating func append(
        expires: Bool,
        _ timeToLive: UInt32,
        into output: inout [UInt8]
    ) {
        self.append("expires", expires, into: &output)
        self.append("ttl", UInt64(timeToLive), into: &output)
    }

    mutating func append(
        _ name: StaticString,
        _ info: ClientInfo,
        into output: inout [UInt8]
    ) {
        self.open(name, into: &output)
        info.append(into: &output)
    }

    /// Appends the array, also when it is empty.
    mutating func append(
        required name: StaticString,
        _ publications: [Publication],
        into output: inout [UInt8]
    ) {
        self.open(name, into: &output)
        output.append(UInt8(ascii: "["))
        for (index, publication) in publications.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            publication.append(into: &output)
        }
        output.append(UInt8(ascii: "]"))
    }
}

extension ConnectResult {
    func append(as fields: inout JSONFields, into output: inout [UInt8]) {
        fields.append("client", self.client, into: &output)
        fields.append("version", self.version, into: &output)
        fields.append(expires: self.expires, self.timeToLive, into: &output)
        fields.append("data", embedded: self.data, into: &output)
        fields.append(map: "subs", self.subs, into: &output) { subscription, subs, output in
            subs.open(quoted: subscription.channel, into: &output)
            JSONFields.object(into: &output) { subscription.result.append(as: &$0, into: &$1) }
        }
        fields.append("ping", UInt64(self.pingInterval), into: &output)
        fields.append("pong", self.pong, into: &output)
        fields.append("session", self.session, into: &output)
        fields.append("node", self.node, into: &output)
        fields.append("time", self.unixMilliseconds, into: &output)
    }
}

extension SubscribeResult {
    func append(as fields: inout JSONFields, into output: inout [UInt8]) {
        fields.append(expires: self.expires, self.timeToLive, into: &output)
        fields.append("recoverable", self.recoverable, into: &output)
        fields.append("positioned", self.positioned, into: &output)
        fields.append("epoch", self.epoch, into: &output)
        fields.append("offset", self.offset, into: &output)
        fields.append("recovered", self.recovered, into: &output)
        fields.append("was_recovering", self.wasRecovering, into: &output)
        if !self.publications.isEmpty {
            fields.append(required: "publications", self.publications, into: &output)
        }
        fields.append("data", embedded: self.data, into: &output)
    }
}

extension PresenceResult {
    func append(as fields: inout JSONFields, into output: inout [UInt8]) {
        fields.append("presence", into: &output) { clients, output in
            for info in self.presence {
                clients.open(quoted: info.client, into: &output)
                info.append(into: &output)
            }
        }
    }
}

extension HistoryResult {
    func append(as fields: inout JSONFields, into output: inout [UInt8]) {
        fields.append(required: "publications", self.publications, into: &output)
        fields.append(required: "epoch", self.epoch, into: &output)
        fields.append(required: "offset", self.offset, into: &output)
    }
}

extension RefreshResult {
    func append(as fields: inout JSONFields, into output: inout [UInt8]) {
        fields.append("client", self.client, into: &output)
        fields.append("version", self.version, into: &output)
        fields.append(expires: self.expires, self.timeToLive, into: &output)
    }
}
