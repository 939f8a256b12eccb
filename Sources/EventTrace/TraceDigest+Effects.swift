import ChatCore
import Kernel

extension TraceDigest {
    mutating func digest(
        _ effect: ShardEffect,
        _ effects: borrowing EffectBuffer<ShardEffect>,
        shard: Int
    ) {
        switch effect {
        case .authenticate(let handle):
            self.word(1)
            self.connection(handle, shard: shard)
        case .reply(let handle, let id, let reply):
            self.word(2)
            self.connection(handle, shard: shard)
            self.word(UInt64(id.rawValue))
            self.digest(reply)
        case .deliver(let delivery, _, let targets):
            self.word(3)
            self.digest(delivery)
            self.targets(targets, effects, shard: shard)
        case .deliverPage(let page, let targets):
            self.word(4)
            self.conversation(page.conversation)
            self.word(page.after.rawValue)
            self.word(page.through.rawValue)
            self.targets(targets, effects, shard: shard)
        case .unsubscribe(let handle, _, let code):
            self.word(5)
            self.connection(handle, shard: shard)
            self.word(UInt64(code.rawValue))
        case .hint(let hint, let targets):
            self.digest(hint)
            self.targets(targets, effects, shard: shard)
        case .ping(let targets):
            self.word(6)
            self.targets(targets, effects, shard: shard)
        case .close(let handle, let code):
            self.word(7)
            self.connection(handle, shard: shard)
            self.word(UInt64(code.rawValue))
        case .peer(let receiver, let message):
            self.word(8)
            self.word(UInt64(receiver.rawValue))
            self.digest(message)
        case .store(_, let request):
            self.word(9)
            self.digest(request)
        case .respond(let id, let response):
            self.word(13)
            self.word(id.rawValue)
            self.digest(response)
        case .release: self.word(10)
        case .presence(let effect):
            self.word(12)
            self.digest(effect, effects, shard: shard)
        case .drained: self.word(11)
        case .subscribe(let handle, let reply):
            self.word(18)
            self.connection(handle, shard: shard)
            self.digest(.subscribed(reply))
        case .refresh(let handle, let timeToLive):
            self.word(15)
            self.connection(handle, shard: shard)
            self.word(timeToLive?.nanoseconds ?? .max)
        case .dropPublications(let handle):
            self.word(14)
            self.connection(handle, shard: shard)
        case .awaitRoom(let handle):
            self.word(16)
            self.connection(handle, shard: shard)
        }
    }

    private mutating func digest(_ response: ServerResponse) {
        switch response {
        case .published(let reply): self.digest(Reply.sent(reply))
        case .history(let reply): self.digest(Reply.history(reply))
        case .done: self.word(0)
        case .refused(let code): self.digest(Reply.error(code))
        case .members: self.digest(PresenceReply.members)
        case .counts(let clients, let users):
            self.digest(PresenceReply.counts(clients: clients, users: users))
        }
    }

    private mutating func digest(_ reply: Reply) {
        switch reply {
        case .connected(let connected):
            self.word(1)
            self.word(connected.pingInterval.nanoseconds)
            self.word(connected.timeToLive?.nanoseconds ?? .max)
        case .subscribed(let subscribed):
            self.word(2)
            self.word(subscribed.hasLog ? 1 : 0)
            self.word(UInt64(subscribed.epoch.rawValue))
            self.word(subscribed.offset.rawValue)
            switch subscribed.recovery {
            case .notRequested: self.word(0)
            case .recovered(_, let through): self.word(through.rawValue &+ 2)
            case .unrecovered: self.word(1)
            }
            self.word(subscribed.timeToLive?.nanoseconds ?? .max)
        case .connectedSubscription(let subscribed):
            self.word(14)
            self.digest(.subscribed(subscribed))
        case .unsubscribed: self.word(3)
        case .published: self.word(4)
        case .sent(let sent):
            self.word(5)
            self.digest(sent)
        case .history(let history):
            self.word(6)
            self.word(UInt64(history.epoch.rawValue))
            self.word(history.head.rawValue)
            self.word(history.isChat ? 1 : 0)
        case .created(_, let sent):
            self.word(8)
            self.digest(sent)
        case .marked(let reply):
            self.word(9)
            self.coded(reply)
        case .listed(let page):
            self.word(10)
            self.digest(page)
        case .done: self.word(11)
        case .refreshed(let timeToLive):
            self.word(12)
            self.word(timeToLive?.nanoseconds ?? .max)
        case .subRefreshed(let timeToLive):
            self.word(13)
            self.word(timeToLive?.nanoseconds ?? .max)
        case .told: self.word(14)
        case .error(let code):
            self.word(7)
            self.word(UInt64(code.rawValue))
        case .presence(let reply):
            self.word(8)
            self.digest(reply)
        }
    }

    private mutating func digest(_ request: StoreRequest) {
        switch request {
        case .append(let append):
            self.word(1)
            self.conversation(append.conversation)
            self.word(UInt64(append.partition.rawValue))
            self.word(append.term.rawValue)
            self.word(append.offset.rawValue)
            self.user(append.user)
            self.message(append.message)
            self.word(append.unixMilliseconds)
            self.operation(append.operation)
            self.word(append.isMembersOnly ? 1 : 0)
            self.word(UInt64(append.body.byteCount))
        case .head(let conversation):
            self.word(2)
            self.conversation(conversation)
        case .lookUp(let conversation, let user, let message):
            self.word(3)
            self.conversation(conversation)
            self.user(user)
            self.message(message)
        case .read(let read):
            self.word(4)
            self.conversation(read.conversation)
            self.word(read.from?.rawValue ?? .max)
            self.word(UInt64(read.limit))
            self.word(read.isReversed ? 1 : 0)
            self.word(read.newest.map { UInt64($0) } ?? .max)
            self.word(read.notBefore ?? .max)
            self.word(read.reader == nil ? 0 : 1)
            if let reader = read.reader { self.user(reader) }
            if read.isSpeaking { self.word(1) }
            if let limit = read.byteLimit { self.word(UInt64(limit)) }
        case .standing(let inquiry):
            self.word(7)
            self.conversation(inquiry.conversation)
            self.user(inquiry.user)
            self.message(inquiry.message)
            self.operation(inquiry.operation)
        case .mark(let request):
            self.word(8)
            self.conversation(request.conversation)
            self.user(request.user)
            self.coded(request.markers)
        case .list(let request):
            self.word(9)
            self.user(request.user)
            self.word(request.after == nil ? 0 : 1)
            if let after = request.after { self.conversation(after) }
            self.word(UInt64(request.limit))
        case .account(let request):
            self.word(10)
            self.user(request.user)
            self.coded(request.action)
        case .renewEpoch(let conversation, let partition, let term):
            self.word(5)
            self.conversation(conversation)
            self.word(UInt64(partition.rawValue))
            self.word(term.rawValue)
        case .leases(let roles):
            self.word(6)
            self.word(UInt64(roles.rawValue))
        case .audience(let request): self.digest(request)
        case .plans(let request): self.digest(request)
        }
    }
}
