import ChatCore
import Kernel

/// Each case of an event, and of what it carries.
enum EventExamples {
    private static let handle = ConnectionHandle(slot: 5, generation: 1 << 31)
    private static let conversation = ConversationID(high: .max, low: 7)
    private static let user = UserID(high: 8, low: .max)
    private static let message = MessageID(high: 10, low: 11)
    private static let shard = ShardID(node: NodeID(2), index: 3)
    private static let head = StreamHead(epoch: Epoch(12), offset: Offset(300))
    private static let token = RequestToken(rawValue: .max)
    private static let room = ConversationReference(
        id: conversation,
        namespace: 2,
        name: PayloadHandle(rawValue: 1),
        access: .listed
    )
    private static let body = Body(handle: PayloadHandle(rawValue: 1), byteCount: 70_000)
    private static let offset = Offset(1 << 40)

    private static let attendee = Attendee(
        info: PayloadHandle(rawValue: 1),
        wantsJoinLeave: true
    )
    private static let since = RecoveryRequest(
        epoch: Epoch(1),
        offset: offset,
        refusesUnrecovered: true
    )

    static var all: [ShardEvent] {
        self.plain + self.commands.map { .command(self.handle, CommandID(.max), $0) }
            + self.peers.map { .peer(self.shard, $0) }
            + self.outcomes.map { .stored(self.token, $0) }
    }

    private static var plain: [ShardEvent] {
        [
            .wallClock(unixMilliseconds: .max), .opened(self.handle, ConnectionID(.max)),
            .closed(self.handle),
            .authenticated(self.handle, .accepted(self.user, timeToLive: .seconds(5))),
            .authenticated(self.handle, .accepted(self.user, timeToLive: nil)),
            .authenticated(self.handle, .expired), .authenticated(self.handle, .invalid),
            .authenticated(self.handle, .missing),
            .pongs(TargetRange(start: 2, count: 5)),
            .lease(PartitionID(4), Term(9), owner: self.shard),
            .lease(PartitionID(4), Term(9), owner: nil),
            .drain(over: .seconds(5)), .load(lag: .milliseconds(250)),
            .revoked(self.handle, self.conversation),
            .backlog(self.handle, bytes: .max),
            .dropped(self.handle, self.conversation, after: self.offset),
            .grant(self.handle, self.room, since: nil),
            .grant(
                self.handle,
                self.room,
                since: nil,
                as: self.attendee
            ),
        ] + self.requests.map { .asked(ServerRequestID(.max), $0) }
            + CloseCode.allCases.map { .violated(self.handle, $0) }
    }

    private static var requests: [ServerRequest] {
        let page = HistoryRequest(since: nil, epoch: nil, limit: 0, isReversed: false)
        return [
            .publish(self.room, self.message, self.body), .publish(self.room, nil, self.body),
            .history(self.room, page), .unsubscribe(self.handle, self.conversation),
            .subscribe(self.handle, self.room, since: nil, as: .silent),
            .subscribe(self.handle, self.room, since: self.since, as: self.attendee),
            .disconnect(self.handle, .shutdown), .refresh(self.handle, timeToLive: nil),
            .refresh(self.handle, timeToLive: .seconds(7)), .pass(self.room, self.body),
            .members(self.room), .counts(self.room),
        ]
    }

    private static var commands: [Command] {
        let since = self.since
        let page = HistoryRequest(
            since: self.offset,
            epoch: Epoch(3),
            limit: .max,
            isReversed: true
        )
        let newest = HistoryRequest(since: nil, epoch: nil, limit: 0, isReversed: false)
        return [
            .connect, .subscribe(self.room, since: nil), .subscribe(self.room, since: since),
            .unsubscribe(self.conversation), .publish(self.room, self.body),
            .send(self.room, self.message, self.body), .history(self.room, page),
            .history(self.room, newest), .subscribeByToken(self.room, since: since, .expired),
            .subscribeByToken(self.room, since: nil, .accepted(timeToLive: .seconds(9))),
            .refresh(.accepted(self.user, timeToLive: nil)), .refresh(.expired),
            .subRefresh(self.conversation, .invalid), .subRefresh(self.conversation, .foreign),
            .mark(self.room, Markers(read: self.offset, received: .start)),
            .list(known: self.room.name, after: self.conversation, limit: 7),
            .list(known: self.room.name, after: nil, limit: .max), .typing(self.room, self.body),
            .presence(.members(self.room)),
            .presence(.counts(self.room)),
            .presence(.watch(UserReference(id: self.user, name: .none), remaining: 2)),
            .presence(.unwatch(self.user, remaining: 0)), .presence(.choose(.invisible)),
        ] + self.accounts.map { .account($0, note: self.room.name) }
            + self.operations.map { .operate(self.room, self.message, $0, self.body) }
            + ErrorCode.allCases.map { .refused($0) }
    }

    private static var accounts: [AccountAction] {
        [
            .block(self.user), .unblock(self.user), .blocks(after: self.user, limit: 5),
            .blocks(after: nil, limit: .max), .publishKeys, .countKeys, .claimKeys(self.user),
            .dropKeys,
        ] + MediaAction.allCases.map { .media($0, self.conversation, namespace: 3) }
    }

    private static var operations: [ChatAction] {
        [
            .message, .reply(self.offset), .create(isPublic: true), .join, .leave,
            .invite(self.user), .remove(self.user), .role(self.user, .admin), .edit(self.offset),
            .delete(self.offset), .react(self.offset),
        ]
    }

    private static var route: Route {
        var route = Route(from: ShardID(node: NodeID(3), index: 2), indexBits: 2)
        for node in 4...35 as ClosedRange<UInt16> {
            route.insert(ShardID(node: NodeID(node), index: 1))
        }
        return route
    }

    private static var peers: [PeerMessage] {
        let reply = SendReply(
            epoch: Epoch(1),
            offset: self.offset,
            unixMilliseconds: 3,
            isDuplicate: true
        )
        let position = Position(epoch: Epoch(1), offset: self.offset)
        let delivery = Delivery(
            conversation: self.conversation,
            term: Term(2),
            epoch: Epoch(1),
            offset: self.offset,
            unixMilliseconds: 4,
            count: 5,
            departing: self.user,
            body: self.body
        )
        let requests = [self.message, nil].map {
            PublishRequest(
                token: self.token,
                conversation: self.conversation,
                namespace: 2,
                user: self.user,
                message: $0,
                operation: .remove(self.user),
                body: self.body
            )
        }
        let interests = [position, nil].map {
            Interest(conversation: self.conversation, incarnation: 6, delivered: $0)
        }
        let answered: [PeerMessage] =
            [
                .published(self.token, .accepted(reply)),
                .published(self.token, .refused(.internal)),
                .interested(self.conversation, Term(2), self.head, incarnation: 6),
                .withdraw(self.conversation, incarnation: 6), .delivery(delivery),
                .signal(delivery), .signalled(delivery),
                .head(self.conversation, Term(2), self.head), .relayed(delivery, .none),
                .relayed(delivery, self.route),
            ] + self.inbox.map { .inbox($0) }
        return requests.map { PeerMessage.publish($0) }
            + interests.map { PeerMessage.interest($0) } + answered
    }

    private static var standing: MemberStanding {
        MemberStanding(user: self.user, read: self.offset, unread: 5, mentions: .max)
    }

    private static var inbox: [InboxMessage] {
        let position = Position(epoch: Epoch(1), offset: self.offset)
        let hint = Hint(
            conversation: self.conversation,
            name: PayloadHandle(rawValue: 1),
            head: position,
            standing: self.standing
        )
        return [
            .moved(self.conversation, position),
            .marked(self.user, self.conversation, hasOthers: true),
            .hint(hint, HintReceipt(isOwn: true, attempt: 6, mark: .max)),
            .received(
                self.user,
                self.conversation,
                HintReceipt(isOwn: false, attempt: .max, mark: 0)
            ),
        ]
    }

    private static var parts: [StoreOutcome] {
        let position = Position(epoch: Epoch(1), offset: self.offset)
        return [
            .audience(.begins(name: PayloadHandle(rawValue: 1), position)),
            .audience(.member(self.standing)), .audience(.ends(next: self.user)),
            .audience(.ends(next: nil)), .plans(.commits(.max)), .plans(.owed(self.conversation)),
            .plans(.ends(next: 0)), .plans(.ends(next: .max)), .plans(.ends(next: nil)),
        ]
    }

    private static var outcomes: [StoreOutcome] {
        let page = Page(
            handle: PayloadHandle(rawValue: 1),
            first: self.offset,
            count: 3,
            byteCount: 1 << 20,
            hasDepartures: true,
            head: self.head
        )
        let markers = Markers(read: self.offset, received: Offset(2))
        return [
            .appended(.done), .appended(.duplicate(self.offset, unixMilliseconds: 1)),
            .appended(.fenced), .appended(.failed), .appended(.unknown),
            .head(self.head, members: 7),
            .found(self.offset, unixMilliseconds: 1), .notFound, .page(page), .unavailable, .leased,
            .appended(.refused(.notMember)), .ruling(.allowed, self.head),
            .ruling(.refused(.roleTooLow), self.head),
            .ruling(.repeated(self.offset, unixMilliseconds: 2), self.head), .denied,
            .marked(MarkReply(markers: markers, unread: 3, mentions: 4)),
            .listed(ListPage(handle: page.handle, count: 2, next: self.conversation)),
            .listed(ListPage(handle: page.handle, count: 2, next: nil)), .account(.done),
            .account(.refused(.limitExceeded)), .account(.told(page.handle)),
        ] + self.parts
    }
}
