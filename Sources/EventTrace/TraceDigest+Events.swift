import ChatCore
import Kernel

extension TraceDigest {
    mutating func digest(_ event: ShardEvent, shard: Int) {
        switch event {
        case .wallClock(let unixMilliseconds):
            self.word(1)
            self.word(unixMilliseconds)
        case .opened(let handle, _):
            self.word(2)
            self.connection(handle, shard: shard)
        case .closed(let handle):
            self.word(3)
            self.connection(handle, shard: shard)
        case .command(let handle, let id, let command):
            self.word(4)
            self.connection(handle, shard: shard)
            self.word(UInt64(id.rawValue))
            self.digest(command)
        case .authenticated(let handle, let outcome):
            self.word(5)
            self.connection(handle, shard: shard)
            self.digest(outcome)
        case .pongs(let range):
            self.word(6)
            self.word(UInt64(range.count))
        case .violated(let handle, let code):
            self.word(7)
            self.connection(handle, shard: shard)
            self.word(UInt64(code.rawValue))
        case .peer(let sender, let message):
            self.word(8)
            self.word(UInt64(sender.rawValue))
            self.digest(message)
        case .stored(_, let outcome):
            self.word(9)
            self.digest(outcome)
        case .lease(let partition, let term, let owner):
            self.word(10)
            self.word(UInt64(partition.rawValue))
            self.word(term.rawValue)
            self.word(owner.map { UInt64($0.rawValue) } ?? .max)
        case .drain(let duration):
            self.word(11)
            self.word(duration.nanoseconds)
        case .asked(let id, let request):
            self.word(13)
            self.word(id.rawValue)
            self.digest(request, shard: shard)
        case .grant(let handle, let reference, let since, let attendee):
            self.word(12)
            self.connection(handle, shard: shard)
            self.digest(.subscribe(reference, since: since, as: attendee))
        case .load(let lag):
            self.word(14)
            self.word(lag.nanoseconds)
        case .revoked(let handle, let conversation):
            self.word(15)
            self.connection(handle, shard: shard)
            self.conversation(conversation)
        case .backlog(let handle, let bytes):
            self.word(16)
            self.connection(handle, shard: shard)
            self.word(UInt64(bytes))
        case .dropped(let handle, let conversation, let offset):
            self.word(17)
            self.connection(handle, shard: shard)
            self.conversation(conversation)
            self.word(offset.rawValue)
        }
    }

    private mutating func digest(_ outcome: AuthenticationOutcome) {
        switch outcome {
        case .accepted(let user, let timeToLive):
            self.word(1)
            self.user(user)
            self.word(timeToLive?.nanoseconds ?? .max)
        case .expired: self.word(2)
        case .invalid: self.word(3)
        case .missing: self.word(4)
        }
    }

    private mutating func digest(_ command: Command) {
        switch command {
        case .connect: self.word(1)
        case .subscribe(let conversation, let since, let attendee):
            self.word(2)
            self.conversation(conversation.id)
            self.word(UInt64(conversation.access.rawValue))
            self.word(since?.epoch.map { UInt64($0.rawValue) } ?? .max)
            self.word(since?.offset.rawValue ?? .max)
            self.word(since?.refusesUnrecovered == true ? 1 : 0)
            self.word(attendee.wantsJoinLeave ? 1 : 0)
        case .unsubscribe(let conversation):
            self.word(3)
            self.conversation(conversation)
        case .publish(let conversation, let body):
            self.word(4)
            self.conversation(conversation.id)
            self.word(UInt64(body.byteCount))
        case .send(let conversation, let message, let body):
            self.word(5)
            self.conversation(conversation.id)
            self.message(message)
            self.word(UInt64(body.byteCount))
        case .history(let conversation, let request):
            self.word(6)
            self.conversation(conversation.id)
            self.digest(request)
        case .operate(let conversation, let message, let operation, let body):
            self.word(8)
            self.conversation(conversation.id)
            self.message(message)
            self.operation(operation)
            self.word(UInt64(body.byteCount))
        case .typing(let conversation, let body):
            self.word(11)
            self.conversation(conversation.id)
            self.word(UInt64(body.byteCount))
        case .mark(let conversation, let markers):
            self.word(9)
            self.conversation(conversation.id)
            self.coded(markers)
        case .list(_, let after, let limit):
            self.word(10)
            self.word(after == nil ? 0 : 1)
            if let after { self.conversation(after) }
            self.word(UInt64(limit))
        case .account(let action, _):
            self.word(12)
            self.coded(action)
        case .refused(let code):
            self.word(7)
            self.word(UInt64(code.rawValue))
        case .subscribeByToken(let conversation, let since, let grant, let attendee):
            self.digest(.subscribe(conversation, since: since, as: attendee))
            self.digest(grant)
        case .refresh(let outcome):
            self.word(13)
            self.digest(outcome)
        case .subRefresh(let conversation, let grant):
            self.word(15)
            self.conversation(conversation)
            self.digest(grant)
        case .presence(let command):
            self.word(14)
            self.digest(command)
        }
    }

    private mutating func digest(_ request: HistoryRequest) {
        self.word(request.since?.rawValue ?? .max)
        self.word(request.epoch.map { UInt64($0.rawValue) } ?? .max)
        self.word(UInt64(request.limit))
        self.word(request.isReversed ? 1 : 0)
        self.word(request.isChat ? 1 : 0)
    }

    private mutating func digest(_ request: ServerRequest, shard: Int) {
        switch request {
        case .publish(let reference, let message, let body):
            self.word(1)
            self.digest(Command.publish(reference, body))
            self.message(message)
        case .history(let reference, let request):
            self.word(2)
            self.digest(Command.history(reference, request))
        case .subscribe(let handle, let reference, let since, let attendee):
            self.word(3)
            self.connection(handle, shard: shard)
            self.digest(.subscribe(reference, since: since, as: attendee))
        case .unsubscribe(let handle, let conversation):
            self.word(4)
            self.connection(handle, shard: shard)
            self.conversation(conversation)
        case .disconnect(let handle, let code):
            self.word(5)
            self.connection(handle, shard: shard)
            self.word(UInt64(code.rawValue))
        case .refresh(let handle, let timeToLive):
            self.word(6)
            self.connection(handle, shard: shard)
            self.word(timeToLive?.nanoseconds ?? .max)
        case .pass(let reference, let body):
            self.word(7)
            self.digest(Command.publish(reference, body))
        case .members(let reference): self.digest(PresenceCommand.members(reference))
        case .counts(let reference): self.digest(PresenceCommand.counts(reference))
        }
    }

    private mutating func digest(_ grant: SubscriptionGrant) {
        switch grant {
        case .accepted(let timeToLive):
            self.word(1)
            self.word(timeToLive?.nanoseconds ?? .max)
        case .expired: self.word(2)
        case .invalid: self.word(3)
        case .foreign: self.word(4)
        }
    }

    mutating func digest(_ message: PeerMessage) {
        switch message {
        case .publish(let request):
            self.word(1)
            self.conversation(request.conversation)
            self.word(UInt64(request.namespace))
            self.user(request.user)
            self.message(request.message)
            self.operation(request.operation)
            self.word(UInt64(request.body.byteCount))
        case .published(_, let outcome):
            self.word(2)
            switch outcome {
            case .accepted(let reply): self.digest(reply)
            case .refused(let code): self.word(UInt64(code.rawValue))
            }
        case .interest(let interest):
            self.word(3)
            self.conversation(interest.conversation)
            self.word(interest.incarnation)
            self.word(interest.delivered.map { UInt64($0.epoch.rawValue) } ?? .max)
            self.word(interest.delivered?.offset.rawValue ?? .max)
        case .interested(let conversation, let term, let head, let incarnation):
            self.word(4)
            self.conversation(conversation)
            self.word(term.rawValue)
            self.head(head)
            self.word(incarnation)
        case .withdraw(let conversation, let incarnation):
            self.word(5)
            self.conversation(conversation)
            self.word(incarnation)
        case .delivery(let delivery):
            self.word(6)
            self.digest(delivery)
        case .signal(let signal):
            self.word(8)
            self.digest(signal)
        case .signalled(let signal):
            self.word(9)
            self.digest(signal)
        case .head(let conversation, let term, let head):
            self.word(7)
            self.conversation(conversation)
            self.word(term.rawValue)
            self.head(head)
        case .presence(let message):
            self.word(8)
            self.digest(message)
        case .relayed(let delivery, let route):
            self.word(10)
            self.digest(delivery)
            self.coded(route)
        case .inbox(let message):
            self.word(11)
            self.digest(message)
        }
    }

    mutating func digest(_ delivery: Delivery) {
        self.conversation(delivery.conversation)
        self.word(delivery.term.rawValue)
        self.word(UInt64(delivery.epoch.rawValue))
        self.word(delivery.offset.rawValue)
        self.word(delivery.unixMilliseconds)
        self.word(delivery.count)
        self.word(delivery.departing == nil ? 0 : 1)
        if let user = delivery.departing { self.user(user) }
        self.word(UInt64(delivery.body.byteCount))
    }

    mutating func digest(_ reply: SendReply) {
        self.word(UInt64(reply.epoch.rawValue))
        self.word(reply.offset.rawValue)
        self.word(reply.unixMilliseconds)
        self.word(reply.isDuplicate ? 1 : 0)
    }

    private mutating func digest(_ outcome: StoreOutcome) {
        switch outcome {
        case .appended(let append):
            self.word(1)
            self.digest(append)
        case .head(let head, let members):
            self.word(2)
            self.head(head)
            self.word(members)
        case .found(let offset, let unixMilliseconds):
            self.word(3)
            self.word(offset.rawValue)
            self.word(unixMilliseconds)
        case .notFound: self.word(4)
        case .page(let page):
            self.word(5)
            self.word(page.first.rawValue)
            self.word(UInt64(page.count))
            self.word(UInt64(page.byteCount))
            self.word(page.hasDepartures ? 1 : 0)
            self.head(page.head)
        case .unavailable: self.word(6)
        case .leased: self.word(7)
        case .ruling(let ruling, let head):
            self.word(8)
            self.coded(ruling)
            self.head(head)
        case .marked(let reply):
            self.word(9)
            self.coded(reply)
        case .listed(let page):
            self.word(10)
            self.digest(page)
        case .denied: self.word(11)
        case .account(let answer):
            self.word(12)
            self.digest(answer)
        case .audience(let part):
            self.word(13)
            self.digest(part)
        case .plans(let part):
            self.word(14)
            self.coded(part)
        }
    }

    private mutating func digest(_ outcome: AppendOutcome) {
        switch outcome {
        case .done: self.word(1)
        case .duplicate(let offset, let unixMilliseconds):
            self.word(2)
            self.word(offset.rawValue)
            self.word(unixMilliseconds)
        case .fenced: self.word(3)
        case .failed: self.word(4)
        case .unknown: self.word(5)
        case .refused(let code):
            self.word(6)
            self.word(UInt64(code.rawValue))
        }
    }

    private mutating func digest(_ answer: AccountAnswer) {
        switch answer {
        case .done: self.word(1)
        case .refused(let code):
            self.word(2)
            self.word(UInt64(code.rawValue))
        case .told: self.word(3)
        }
    }

    mutating func digest(_ page: ListPage) {
        self.word(UInt64(page.count))
        self.word(page.next == nil ? 0 : 1)
        if let next = page.next { self.conversation(next) }
    }

    mutating func operation(_ operation: ChatAction) {
        // Nearly all are messages, and a word costs less than an encoding.
        if operation == .message { self.word(0) } else { self.coded(operation) }
    }

    /// What holds no handle and no slot, by its canonical encoding.
    mutating func coded(_ value: some ByteCoded) {
        var writer = ByteWriter()
        writer.value(value)
        self.word(Digest128(of: writer.bytes[...]).low)
    }
}
