import ChatCore
import EventTrace
import Kernel
import Synchronization

/// What a host's shard was told and did, as each connection and each conversation saw it.
///
/// Connections, conversations, users and messages are named in the order of their first appearance;
/// times, tokens, handles and epochs are left out, for they belong to the host.
struct Projection: Equatable {
    var connections: [[String]] = []
    var conversations: [[String]] = []

    var lineCount: Int {
        (self.connections + self.conversations).reduce(0) { $0 + $1.count }
    }
}

/// Gathers a host's steps, from whatever thread they come.
final class CoreTrace: Sendable {
    private let projector = Mutex(Projector())

    func add(_ step: ShardStep) { self.projector.withLock { $0.add(step) } }

    var projection: Projection { self.projector.withLock { $0.projection } }
    /// How many partitions the shard has been given.
    var leaseCount: Int { self.projector.withLock { $0.leaseCount } }
}

/// Ordinals by first appearance.
private struct Ordinals<Key: Hashable> {
    private var known: [Key: Int] = [:]

    subscript(key: Key) -> Int {
        mutating get {
            if let ordinal = self.known[key] { return ordinal }
            self.known[key] = self.known.count
            return self.known.count - 1
        }
    }
}

private struct Projector {
    var projection = Projection()
    var leaseCount = 0
    private var connections = Ordinals<ConnectionHandle>()
    private var conversations = Ordinals<ConversationID>()
    private var users = Ordinals<UserID>()
    private var messages = Ordinals<MessageID>()
    private var requests: [RequestToken: ConversationID] = [:]

    mutating func add(_ step: ShardStep) {
        if let event = step.event { self.add(event) }
        for effect in step.effects { self.add(effect, of: step) }
    }

    private mutating func note(_ handle: ConnectionHandle, _ line: String) {
        let ordinal = self.connections[handle]
        if ordinal == self.projection.connections.count { self.projection.connections.append([]) }
        self.projection.connections[ordinal].append(line)
    }

    private mutating func note(_ conversation: ConversationID, _ line: String) {
        let ordinal = self.conversations[conversation]
        if ordinal == self.projection.conversations.count {
            self.projection.conversations.append([])
        }
        self.projection.conversations[ordinal].append(line)
    }

    private mutating func add(_ event: ShardEvent) {
        switch event {
        case .opened(let handle, _): self.note(handle, "opened")
        case .closed(let handle): self.note(handle, "closed")
        case .violated(let handle, let code): self.note(handle, "violated \(code)")
        case .command(let handle, let id, let command):
            self.note(handle, "\(id.rawValue) > \(self.text(command))")
        case .authenticated(let handle, .accepted(let user, _)):
            self.note(handle, "is user \(self.users[user])")
        case .authenticated(let handle, let outcome): self.note(handle, "\(outcome)")
        case .stored(let token, let outcome):
            guard let conversation = self.requests[token] else { return }
            self.note(conversation, "stored: \(Self.text(outcome))")
        case .peer(_, let message): self.add(message)
        case .lease(_, _, let owner): if owner != nil { self.leaseCount += 1 }
        case .grant(let handle, let reference, _, _):
            self.note(handle, "granted \(self.conversations[reference.id])")
        case .dropped(let handle, _, let offset):
            self.note(handle, "dropped behind \(offset.rawValue)")
        case .wallClock, .pongs, .drain, .asked, .load, .revoked, .backlog: return
        }
    }

    /// What the owner and the gateways of a conversation tell each other, but for what timers repeat.
    private mutating func add(_ message: PeerMessage) {
        switch message {
        case .publish(let request):
            let line =
                "publish by \(self.users[request.user]) "
                + "\(self.text(request.message)) of \(request.body.byteCount)"
            self.note(request.conversation, line)
        case .delivery(let delivery):
            self.note(
                delivery.conversation,
                "delivery \(delivery.offset.rawValue) of \(delivery.body.byteCount)"
            )
        case .published, .interest, .interested, .withdraw, .head, .signal, .signalled, .presence,
            .relayed, .inbox:
            return
        }
    }

    private mutating func add(_ effect: ShardEffect, of step: ShardStep) {
        switch effect {
        case .authenticate(let handle): self.note(handle, "authenticate")
        case .reply(let handle, let id, let reply):
            self.note(handle, "\(id.rawValue) < \(Self.text(reply))")
        case .deliver(let delivery, _, let range):
            let line = "delivered \(delivery.offset.rawValue) of \(delivery.body.byteCount)"
            self.note(delivery.conversation, "\(line) to \(range.count)")
            for handle in step.targets(range) { self.note(handle, line) }
        case .deliverPage(let page, let range):
            let line = "delivered \(page.after.rawValue)..\(page.through.rawValue)"
            for handle in step.targets(range) { self.note(handle, line) }
        case .subscribe(let handle, let reply):
            self.note(handle, "subscribed by the server at \(reply.offset.rawValue)")
        case .unsubscribe(let handle, _, let code): self.note(handle, "unsubscribed \(code)")
        case .close(let handle, let code): self.note(handle, "close \(code)")
        case .store(let token, let request): self.add(request, token)
        case .refresh(let handle, let left):
            self.note(handle, "refreshed by the server for \(left.map { "\($0)" } ?? "ever")")
        case .dropPublications(let handle): self.note(handle, "drop publications")
        case .awaitRoom(let handle): self.note(handle, "await room")
        case .hint(let hint, let range):
            for handle in step.targets(range) {
                self.note(handle, "hinted \(hint.head.offset.rawValue)")
            }
        case .ping, .peer, .respond, .release, .drained, .presence: return
        }
    }

    private mutating func add(_ request: StoreRequest, _ token: RequestToken) {
        let line: (ConversationID, String)
        switch request {
        case .append(let append):
            let user = self.users[append.user]
            let message = self.text(append.message)
            line = (
                append.conversation,
                "append \(append.offset.rawValue) by \(user) \(message) of \(append.body.byteCount)"
            )
        case .head(let conversation): line = (conversation, "head")
        case .lookUp(let conversation, let user, let message):
            line = (conversation, "look up \(self.users[user]) \(self.messages[message])")
        case .read(let read):
            let from = read.from.map { "\($0.rawValue)" } ?? "the end"
            line = (
                read.conversation, "read \(read.limit) from \(from) reversed \(read.isReversed)"
            )
        case .renewEpoch(let conversation, _, _): line = (conversation, "renew epoch")
        case .standing(let inquiry):
            line = (inquiry.conversation, "standing of \(self.users[inquiry.user])")
        case .mark(let mark): line = (mark.conversation, "mark of \(self.users[mark.user])")
        case .leases, .list, .account, .audience, .plans: return
        }
        self.requests[token] = line.0
        self.note(line.0, line.1)
    }

    private mutating func text(_ message: MessageID?) -> String {
        message.map { "message \(self.messages[$0])" } ?? "no id"
    }

    private mutating func text(_ command: Command) -> String {
        switch command {
        case .connect: return "connect"
        case .subscribe(let to, let since, _):
            let offset = since.map { "\($0.offset.rawValue)" } ?? "now"
            return "subscribe \(self.conversations[to.id]) since \(offset)"
        case .subscribeByToken(let to, let since, let grant, _):
            return "\(self.text(.subscribe(to, since: since))) by token: \(grant)"
        case .unsubscribe(let id): return "unsubscribe \(self.conversations[id])"
        case .publish(let to, let body):
            return "publish \(self.conversations[to.id]) of \(body.byteCount)"
        case .send(let to, let message, let body):
            let ordinal = self.messages[message]
            return "send \(self.conversations[to.id]) \(ordinal) of \(body.byteCount)"
        case .history(let of, let request):
            let since = request.since.map { "\($0.rawValue)" } ?? "the end"
            return "history \(self.conversations[of.id]) \(request.limit) since \(since)"
        case .operate(let to, let message, let operation, let body):
            let ordinal = self.messages[message]
            return "\(operation) \(self.conversations[to.id]) \(ordinal) of \(body.byteCount)"
        case .typing(let to, _): return "typing \(self.conversations[to.id])"
        case .mark(let to, let markers):
            return "mark \(self.conversations[to.id]) \(markers.read.rawValue)"
        case .list(_, _, let limit): return "list \(limit)"
        case .refresh(let outcome): return "refresh \(outcome)"
        case .subRefresh(let id, let grant):
            return "refresh \(self.conversations[id]): \(grant)"
        case .account: return "account"
        case .refused(let code): return "refused \(code)"
        case .presence(let command): return "\(command)"
        }
    }

    private static func text(_ reply: Reply) -> String {
        switch reply {
        case .connected: return "connected"
        case .subscribed(let reply):
            let recovery =
                switch reply.recovery {
                case .notRequested: "from now"
                case .recovered(_, let through): "recovered through \(through.rawValue)"
                case .unrecovered: "unrecovered"
                }
            return "subscribed at \(reply.offset.rawValue), log \(reply.hasLog), \(recovery)"
        case .connectedSubscription(let reply):
            return "connected and \(Self.text(.subscribed(reply)))"
        case .unsubscribed: return "unsubscribed"
        case .published: return "published"
        case .sent(let reply):
            return "sent \(reply.offset.rawValue), duplicate \(reply.isDuplicate)"
        case .history(let reply): return "history, head \(reply.head.rawValue)"
        case .created(_, let reply): return "created \(reply.offset.rawValue)"
        case .marked(let reply): return "marked \(reply)"
        case .done: return "done"
        case .told: return "told"
        case .listed(let page): return "listed \(page.count)"
        case .refreshed(let left): return "refreshed for \(left.map { "\($0)" } ?? "ever")"
        case .subRefreshed(let left):
            return "subscription refreshed for \(left.map { "\($0)" } ?? "ever")"
        case .error(let code): return "error \(code.rawValue)"
        case .presence(let reply): return "\(reply)"
        }
    }

    private static func text(_ outcome: StoreOutcome) -> String {
        switch outcome {
        case .appended(.duplicate(let offset, _)): "duplicate of \(offset.rawValue)"
        case .appended(let outcome): "\(outcome)"
        case .head(let head, _): "head \(head.offset.rawValue)"
        case .found(let offset, _): "found \(offset.rawValue)"
        case .notFound: "not found"
        case .page(let page):
            "page of \(page.count) from \(page.first.rawValue), head \(page.head.offset.rawValue)"
        case .unavailable: "unavailable"
        case .ruling(let ruling, _): "\(ruling)"
        case .marked(let reply): "marked \(reply)"
        case .listed(let page): "listed \(page.count)"
        case .denied: "denied"
        case .leased: "leased"
        case .account(.done): "done"
        case .account(.refused(let code)): "refused \(code.rawValue)"
        case .account(.told): "told"
        case .audience(let part): "\(part)"
        case .plans(let part): "\(part)"
        }
    }
}
