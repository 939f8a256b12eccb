package import ChatCore
package import Kernel

/// What the server API answers: an object with a `result` or an `error`.
package enum ApiResponse: Equatable, Sendable {
    case published(Offset, Epoch)
    /// One for each channel, in their order.
    case broadcast([ApiResponse])
    case history(HistoryResult)
    case presence(PresenceResult)
    case presenceStats(PresenceStatsResult)
    /// Channels and how many subscriptions each has.
    case channels([(name: String, clients: Int)])
    case info(NodeInfo)
    case done
    /// `detail` says what was wrong, and what was expected.
    case error(ErrorCode, detail: String = "")
    /// One for each command of a batch with the method's name, in their order.
    case batch([(method: String, response: ApiResponse)])

    /// What one node says of itself.
    package struct NodeInfo: Equatable, Sendable {
        package var id: String
        package var name: String
        package var version: String
        package var clients: UInt64
        package var users: UInt64
        package var subscriptions: UInt64
        package var channels: UInt64
        package var uptimeSeconds: UInt64

        package init(
            id: String,
            name: String,
            version: String,
            clients: UInt64,
            users: UInt64,
            subscriptions: UInt64,
            channels: UInt64,
            uptimeSeconds: UInt64
        ) {
            self.id = id
            self.name = name
            self.version = version
            self.clients = clients
            self.users = users
            self.subscriptions = subscriptions
            self.channels = channels
            self.uptimeSeconds = uptimeSeconds
        }
    }

    package static func == (one: Self, other: Self) -> Bool {
        var (left, right): ([UInt8], [UInt8]) = ([], [])
        one.append(into: &left)
        other.append(into: &right)
        return left == right
    }

    package func append(into output: inout [UInt8]) {
        JSONFields.object(into: &output) { fields, output in
            switch self {
            case .error: self.appendError(&fields, into: &output)
            case .batch(let replies):
                fields.append(list: "replies", replies, into: &output) { reply, output in
                    reply.response.append(asReplyTo: reply.method, into: &output)
                }
            case .published, .broadcast, .history, .presence, .presenceStats, .channels, .info,
                .done:
                fields.append("result", into: &output) { fields, output in
                    self.appendResult(&fields, into: &output)
                }
            }
        }
    }

    /// In a batch a result bears its method's name.
    private func append(asReplyTo method: String, into output: inout [UInt8]) {
        JSONFields.object(into: &output) { fields, output in
            if case .error = self {
                self.appendError(&fields, into: &output)
                return
            }
            fields.open(quoted: method, into: &output)
            JSONFields.object(into: &output) { self.appendResult(&$0, into: &$1) }
        }
    }

    private func appendError(_ fields: inout JSONFields, into output: inout [UInt8]) {
        guard case .error(let code, let detail) = self else { return }
        let message = code.message.description + (detail.isEmpty ? "" : ": \(detail)")
        fields.append("error", into: &output) { fields, output in
            fields.append(required: "code", UInt64(code.rawValue), into: &output)
            fields.append(required: "message", message, into: &output)
        }
    }

    private func appendResult(_ fields: inout JSONFields, into output: inout [UInt8]) {
        switch self {
        case .published(let offset, let epoch):
            // Without a log there is no position.
            guard offset != .start else { return }
            fields.append("offset", offset.rawValue, into: &output)
            fields.append("epoch", EpochText.text(of: epoch), into: &output)
        case .broadcast(let responses):
            fields.append(list: "responses", responses, into: &output) { $0.append(into: &$1) }
        case .history(let result): result.append(as: &fields, into: &output)
        case .presence(let result): result.append(as: &fields, into: &output)
        case .presenceStats(let result):
            fields.append(required: "num_clients", UInt64(result.numClients), into: &output)
            fields.append(required: "num_users", UInt64(result.numUsers), into: &output)
        case .channels(let channels):
            fields.append("channels", into: &output) { fields, output in
                for channel in channels {
                    fields.open(quoted: channel.name, into: &output)
                    JSONFields.object(into: &output) { fields, output in
                        let count = UInt64(channel.clients)
                        fields.append(required: "num_clients", count, into: &output)
                    }
                }
            }
        case .info(let node):
            fields.append(list: "nodes", [node], into: &output) { $0.append(into: &$1) }
        case .done, .error, .batch: break
        }
    }
}

extension ApiResponse.NodeInfo {
    fileprivate func append(into output: inout [UInt8]) {
        JSONFields.object(into: &output) { fields, output in
            fields.append(required: "uid", self.id, into: &output)
            fields.append(required: "name", self.name, into: &output)
            fields.append(required: "version", self.version, into: &output)
            fields.append(required: "num_clients", self.clients, into: &output)
            fields.append(required: "num_users", self.users, into: &output)
            fields.append(required: "num_subs", self.subscriptions, into: &output)
            fields.append(required: "num_channels", self.channels, into: &output)
            fields.append(required: "uptime", self.uptimeSeconds, into: &output)
        }
    }
}

extension JSONFields {
    fileprivate mutating func append<Element>(
        list name: StaticString,
        _ elements: [Element],
        into output: inout [UInt8],
        _ body: (Element, inout [UInt8]) -> Void
    ) {
        self.open(name, into: &output)
        output.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            body(element, &output)
        }
        output.append(UInt8(ascii: "]"))
    }
}
