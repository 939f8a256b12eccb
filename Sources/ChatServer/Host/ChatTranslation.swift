import ChatCore
import ClientProtocol
import Kernel

/// The chat operations: from the data of an rpc to the core's command.
extension CommandTranslation {
    func chat(_ method: String, _ data: [UInt8]) -> Command {
        do throws(FrameError) {
            guard let request = try ChatRequest.parse(method: method, data.span) else {
                return try self.account(method, data)
            }
            switch request {
            case .create(let request): return self.create(request)
            case .change(let request): return self.change(request)
            case .mark(let channel, let read, let received):
                let markers = Markers(read: Offset(read), received: Offset(received))
                return self.named(channel) { .mark($0, markers) }
            case .typing(let channel, let isOn): return self.typing(channel, isOn)
            case .history(let request): return self.history(request)
            case .list(let request): return Self.list(request)
            }
        } catch {
            return .refused(SendRequest.errorCode)
        }
    }

    /// The name is made of its creator's and the request's: a repeat names the same conversation, nobody
    /// else can take it, and trying names tells nobody what there is.
    private func create(_ request: CreateRequest) -> Command {
        let name = ConversationName.created(
            in: request.namespace,
            by: self.user,
            as: request.id
        )
        let note = EntryNote(kind: .create, detail: request.isPublic ? 1 : 0)
        return self.named(name) {
            .operate(
                $0,
                MessageID(named: request.id),
                .create(isPublic: request.isPublic),
                self.body(
                    request.body,
                    messageID: request.id,
                    conversation: name,
                    note: note,
                    people: request.members
                )
            )
        }
    }

    private func change(_ request: ChangeRequest) -> Command {
        let (operation, note) = Self.operation(request.kind)
        return self.named(request.channel) {
            .operate(
                $0,
                MessageID(named: request.id),
                operation,
                self.body(
                    request.body,
                    messageID: request.id,
                    conversation: request.channel,
                    note: note
                )
            )
        }
    }

    private static func operation(_ kind: ChangeRequest.Kind) -> (ChatAction, EntryNote) {
        switch kind {
        case .join: (.join, EntryNote(kind: .join))
        case .leave: (.leave, EntryNote(kind: .leave))
        case .invite(let user):
            (.invite(UserID(named: user)), EntryNote(kind: .invite, subject: user))
        case .remove(let user):
            (.remove(UserID(named: user)), EntryNote(kind: .remove, subject: user))
        case .role(let user, let role):
            (
                .role(UserID(named: user), role),
                EntryNote(kind: .role, subject: user, detail: UInt64(role.rawValue))
            )
        case .edit(let offset): (.edit(Offset(offset)), EntryNote(kind: .edit, detail: offset))
        case .delete(let offset):
            (.delete(Offset(offset)), EntryNote(kind: .delete, detail: offset))
        case .react(let offset): (.react(Offset(offset)), EntryNote(kind: .react, detail: offset))
        }
    }

    private func typing(_ channel: String, _ isOn: Bool) -> Command {
        let data = Array((isOn ? "{\"on\":true}" : "{\"on\":false}").utf8)
        return self.named(channel) {
            .typing(
                $0,
                self.body(
                    data,
                    messageID: nil,
                    conversation: channel,
                    note: EntryNote(kind: .typing)
                )
            )
        }
    }

    private func history(_ request: ChatHistoryRequest) -> Command {
        let page = HistoryRequest(
            since: (request.after ?? request.before).map { Offset($0) },
            epoch: nil,
            limit: request.limit == 0 ? .max : request.limit,
            isReversed: request.after == nil,
            isChat: true
        )
        return self.named(request.channel) { .history($0, page) }
    }

    private static func list(_ request: ChatListRequest) -> Command {
        var after: ConversationID?
        if let cursor = request.cursor {
            guard let id = ConversationID(cursor: cursor) else {
                return .refused(SendRequest.errorCode)
            }
            after = id
        }
        let places = request.known.map {
            KnownConversations.Place(
                name: $0.channel,
                offset: Offset($0.offset),
                epoch: Self.epoch($0.epoch),
                read: Offset($0.read)
            )
        }
        return .list(
            known: KnownConversations(places).retained(),
            after: after,
            limit: request.limit == 0 ? .max : request.limit
        )
    }
}

extension ConversationID {
    /// Reads a cursor: 32 hexadecimal digits.
    init?(cursor: String) {
        guard cursor.utf8.count == 32, let high = UInt64(cursor.prefix(16), radix: 16),
            let low = UInt64(cursor.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    var cursor: String {
        [self.high, self.low].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
