import ChatCore
import ClientModel
import ClientProtocol
import Kernel

/// The names that a run gives to users, conversations and messages, and the way back.
struct Wire {
    let run: String
    let token: [String]
    /// A JSON string of the workload's size, quotes included.
    let body: [UInt8]

    init(run: String, token: [String], bodyBytes: UInt32) {
        self.run = run
        self.token = token
        self.body = [0x22] + [UInt8](repeating: 0x78, count: Int(bodyBytes) - 2) + [0x22]
    }

    static func user(_ number: UInt32, run: String) -> String { "\(run)-user-\(number)" }

    func channel(_ conversation: ConversationNumber) -> String {
        "\(self.run)-\(conversation.rawValue)"
    }

    /// `nil` for a channel that is not of this run.
    func conversation(_ channel: String) -> ConversationNumber? {
        guard channel.hasPrefix(self.run) else { return nil }
        let rest = channel.utf8.dropFirst(self.run.utf8.count + 1)
        var value: UInt32 = 0
        for byte in rest {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard byte >= 0x30, byte <= 0x39, !overflow else { return nil }
            value = product &+ UInt32(byte - 0x30)
        }
        return ConversationNumber(value)
    }

    /// The number of a user of this run.
    func sender(_ user: String?) -> ClientNumber? {
        let prefix = Self.user(0, run: self.run).dropLast()
        guard let user, user.hasPrefix(prefix) else { return nil }
        return UInt32(user.dropFirst(prefix.count)).map { ClientNumber($0) }
    }

    /// Appends a command; a sent message's id is its `ordinal` among its sender's.
    func append(
        _ request: ClientRequest,
        _ id: CommandID,
        of client: Int,
        ordinal: UInt64,
        into output: inout [UInt8]
    ) {
        let method: ClientCommand.Method
        switch request {
        case .connect:
            method = .connect(ConnectRequest(token: self.token[client], name: "parley-load"))
        case .subscribe(let conversation, let since):
            method = .subscribe(
                SubscribeRequest(
                    channel: self.channel(conversation),
                    recover: since != nil,
                    epoch: since?.epoch.map { EpochText.text(of: $0) } ?? "",
                    offset: since?.offset.rawValue ?? 0
                )
            )
        case .send(let message):
            let request = SendRequest(
                channel: self.channel(message.conversation),
                id: String(ordinal),
                body: self.body
            )
            method = request.command
        case .mark, .sync:
            preconditionFailure("a workload that chats is simulated alone")
        case .history(let conversation, let since, let limit):
            method = .history(
                ChannelHistoryRequest(
                    channel: self.channel(conversation),
                    limit: Int32(clamping: limit),
                    since: StreamPosition(
                        offset: since.offset.rawValue,
                        epoch: EpochText.text(of: since.epoch)
                    )
                )
            )
        }
        if !output.isEmpty { output.append(0x0a) }
        ClientEncoder.append(ClientCommand(id: id, method: method), into: &output)
    }

    func appendPong(into output: inout [UInt8]) {
        if !output.isEmpty { output.append(0x0a) }
        ClientEncoder.append(ClientCommand(id: CommandID(0), method: .pong), into: &output)
    }
}
