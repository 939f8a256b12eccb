package import ChatCore
import ClientProtocol
import Foundation
import Kernel

/// The namespaces of conversation names, in the order of the shard's configuration.
package struct NamespaceTable: Sendable, Equatable {
    /// Index 0 is the default namespace, whose conversations have no prefix.
    package var names: [String]

    /// The namespace of the users' own channels, to which the server subscribes them; `nil` if it
    /// does not.
    package var personal: String?

    package init(names: [String] = [], personal: String? = nil) {
        self.names = [""] + names
        self.personal = personal
    }

    /// The channel of one user alone; none for who has no name, nor for one whose name would let
    /// others in.
    package func personalChannel(of user: String) -> String? {
        guard let personal = self.personal, !user.isEmpty, !user.contains(",") else { return nil }
        return personal.isEmpty ? "#\(user)" : "\(personal):#\(user)"
    }

    /// The namespace of a wire name and what it says of access to `user`, or the error that refuses it.
    package func reference(
        to name: String,
        for user: String
    ) -> Result<ConversationReference, NameRefusal> {
        let bytes = name.utf8
        guard !bytes.isEmpty, bytes.count <= 255, bytes.allSatisfy({ $0 < 128 }) else {
            return .failure(NameRefusal(code: .badRequest))
        }
        var namespace = 0
        let isPrivate = name.hasPrefix("$")
        let plain = name.dropFirst(isPrivate ? 1 : 0)
        if let colon = plain.utf8.firstIndex(of: UInt8(ascii: ":")) {
            guard let index = self.names.dropFirst().firstIndex(of: String(plain[..<colon])) else {
                return .failure(NameRefusal(code: .unknownConversation))
            }
            namespace = index
        }
        return .success(
            ConversationReference(
                id: ConversationID(named: name),
                namespace: UInt8(truncatingIfNeeded: namespace),
                name: ConversationName(name).retained(),
                access: isPrivate ? .tokenOnly : Self.access(to: plain, for: user)
            )
        )
    }

    /// What the users that a name lists after its first `#` say of one of them; nobody else is there,
    /// and the anonymous user is never listed.
    private static func access(to name: Substring, for user: String) -> NameAccess {
        guard let mark = name.firstIndex(of: "#") else { return .open }
        let users = name[name.index(after: mark)...].split(separator: ",")
        return users.contains { $0 == user } ? .listed : .unlisted
    }
}

/// Why a wire name names nothing.
package struct NameRefusal: Error {
    package var code: ErrorCode
}

/// What the host makes of one client command.
enum Translation {
    case command(CommandID, Command)
    /// Commands that one reply answers, the last of them the one it waits for.
    case commands(CommandID, [Command])
    /// `connect`, whose token stays with the host.
    case connect(CommandID, ConnectRequest)
    case pong
    case violated(CloseCode)
}

/// A good token that a client has shown with a command.
enum ShownToken {
    case connection(TokenMark)
    case subscription(ConversationID, TokenMark)
}

/// Turns the codec's commands into the core's, and refuses what the host's policy forbids.
struct CommandTranslation {
    let namespaces: NamespaceTable
    let verifier: TokenVerifier
    /// Who the connection speaks for, for the messages it sends.
    var user: String
    var client: String
    /// What the connection's token says of it, and by channel what subscription tokens have said: JSON.
    var connInfo: [UInt8] = []
    var channelInfo: [String: [UInt8]] = [:]
    /// The token that came with the last command, if it was good.
    private(set) var shown: ShownToken?

    init(
        namespaces: NamespaceTable,
        verifier: TokenVerifier,
        user: String,
        client: String,
        connInfo: [UInt8] = [],
        channelInfo: [String: [UInt8]] = [:]
    ) {
        self.namespaces = namespaces
        self.verifier = verifier
        self.user = user
        self.client = client
        self.connInfo = connInfo
        self.channelInfo = channelInfo
    }

    mutating func translate(_ command: ClientCommand) -> Translation {
        let id = command.id
        switch command.method {
        case .connect(let request):
            return .connect(id, request)
        case .subscribe(let request):
            return .command(id, self.subscribe(request))
        case .unsubscribe(let channel):
            if !self.channelInfo.isEmpty { self.channelInfo[channel] = nil }
            return .command(id, .unsubscribe(ConversationID(named: channel)))
        case .publish(let request):
            return .command(id, self.publish(request))
        case .history(let request):
            return .command(id, self.history(request))
        case .rpc(let method, let data):
            switch method {
            case SendRequest.method: return .command(id, self.send(data))
            case WatchRequest.watchMethod: return self.watch(id, data)
            case WatchRequest.unwatchMethod: return self.unwatch(id, data)
            case ChoiceRequest.method: return .command(id, self.choose(data))
            default: return .command(id, self.chat(method, data))
            }
        case .presence(let channel):
            return .command(id, self.named(channel) { .presence(.members($0)) })
        case .presenceStats(let channel):
            return .command(id, self.named(channel) { .presence(.counts($0)) })
        case .refresh(let token):
            return .command(id, .refresh(self.outcome(of: token)))
        case .subRefresh(let channel, let token):
            guard !channel.isEmpty, let token, !token.isEmpty else {
                return .violated(.badRequest)
            }
            let grant = self.ruling(on: token, for: channel).grant
            return .command(id, .subRefresh(ConversationID(named: channel), grant))
        case .ping:
            return .violated(.badRequest)
        case .send:
            return .violated(.notAvailable)
        case .pong:
            return .pong
        case .refused(let code):
            return .command(id, .refused(code))
        }
    }

    func named(
        _ channel: String,
        _ make: (ConversationReference) -> Command
    ) -> Command {
        switch self.namespaces.reference(to: channel, for: self.user) {
        case .success(let reference): make(reference)
        case .failure(let refusal): .refused(refusal.code)
        }
    }

    private mutating func subscribe(_ request: SubscribeRequest) -> Command {
        guard request.type == 0 else { return .refused(.notAvailable) }
        let reference: ConversationReference
        switch self.namespaces.reference(to: request.channel, for: self.user) {
        case .success(let found): reference = found
        case .failure(let refusal): return .refused(refusal.code)
        }
        let since = Self.since(request)
        guard let token = request.token, !token.isEmpty else {
            let attendee = self.attendee(Granted(channel: request.channel), request)
            return .subscribe(reference, since: since, as: attendee)
        }
        let ruling = self.ruling(on: token, for: request.channel)
        let attendee = self.attendee(ruling.granted, request)
        return .subscribeByToken(reference, since: since, ruling.grant, as: attendee)
    }

    private func attendee(_ granted: Granted, _ request: SubscribeRequest) -> Attendee {
        let info = ClientInfo(
            user: self.user,
            client: self.client,
            connInfo: self.connInfo,
            chanInfo: granted.info
        )
        return Attendee(
            info: Kept(Subscriber(info: info)).retained(),
            wantsJoinLeave: request.joinLeave || granted.hearsAttendance
        )
    }

    /// The position that a subscriber claims, if any.
    static func since(_ request: SubscribeRequest) -> RecoveryRequest? {
        guard request.recover else { return nil }
        return RecoveryRequest(
            epoch: Self.epoch(request.epoch),
            offset: Offset(request.offset),
            refusesUnrecovered: request.flag & SubscribeRequest.rejectsUnrecovered != 0
        )
    }

    /// What a new token says of the connection holds from now on.
    private mutating func outcome(of token: String?) -> AuthenticationOutcome {
        guard let token, !token.isEmpty else { return .missing }
        let checked = self.verifier.check(connectionToken: token, at: Date())
        if case .accepted(self.user, _, let grants) = checked.verdict {
            self.connInfo = grants.info
            self.shown = checked.mark.map { .connection($0) }
        }
        return AuthenticationOutcome(checked.verdict)
    }

    /// What becomes of a subscription token; what a good one says holds from now on.
    private mutating func ruling(
        on token: String,
        for channel: String
    ) -> (grant: SubscriptionGrant, granted: Granted) {
        let ruling = self.verifier.ruling(
            onSubscriptionToken: token,
            of: self.user,
            for: channel,
            at: Date()
        )
        if let mark = ruling.mark {
            self.shown = .subscription(ConversationID(named: channel), mark)
        }
        let info = ruling.granted.info
        // For no more channels than the socket keeps marks of tokens.
        if case .accepted = ruling.grant {
            self.channelInfo[channel] = info.isEmpty ? nil : info
        }
        return (ruling.grant, ruling.granted)
    }

    private func publish(_ request: ChannelPublishRequest) -> Command {
        guard request.type == 0 else { return .refused(.notAvailable) }
        guard !request.data.isEmpty else { return .refused(.badRequest) }
        return self.named(request.channel) {
            .publish(
                $0,
                self.body(request.data, messageID: nil, conversation: request.channel)
            )
        }
    }

    private func send(_ data: [UInt8]) -> Command {
        do throws(FrameError) {
            let request = try SendRequest(parsing: data.span)
            let isReply = request.replyTo > 0
            let note =
                isReply ? EntryNote(kind: .reply, detail: request.replyTo) : EntryNote.message
            return self.named(request.channel) {
                let id = MessageID(named: request.id)
                let body = self.body(
                    request.body,
                    messageID: request.id,
                    conversation: request.channel,
                    note: note,
                    people: request.mentions
                )
                return isReply
                    ? .operate($0, id, .reply(Offset(request.replyTo)), body) : .send($0, id, body)
            }
        } catch {
            return .refused(SendRequest.errorCode)
        }
    }

    private func history(_ request: ChannelHistoryRequest) -> Command {
        let page = HistoryRequest(
            since: request.since.map { Offset($0.offset) },
            epoch: request.since.flatMap { Self.epoch($0.epoch) },
            limit: request.limit < 0 ? .max : UInt32(request.limit),
            isReversed: request.reverse
        )
        return self.named(request.channel) { .history($0, page) }
    }

    /// What the client gave no data for carries `null`.
    func body(
        _ data: [UInt8],
        messageID: String?,
        conversation: String,
        note: EntryNote = .message,
        people: [String] = []
    ) -> Body {
        let message = Message(
            body: data.isEmpty ? Array("null".utf8) : data,
            messageID: messageID,
            user: self.user,
            client: self.client,
            conversation: conversation,
            note: note,
            people: people,
            extra: MessageExtra(
                connInfo: self.connInfo,
                chanInfo: self.channelInfo[conversation] ?? []
            )
        )
        return Body(
            handle: message.retained(),
            byteCount: UInt32(truncatingIfNeeded: message.byteCount)
        )
    }

    /// A foreign epoch becomes 0, which is nobody's.
    static func epoch(_ text: String) -> Epoch? {
        switch EpochText(parsing: text) {
        case .none: nil
        case .known(let epoch): epoch
        case .foreign: Epoch(0)
        }
    }
}
