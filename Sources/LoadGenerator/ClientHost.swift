import ChatCore
import ClientModel
import ClientProtocol
import Kernel

/// Who runs client machines over real sockets.
protocol ClientHost: AnyObject {
    var wire: Wire { get }

    /// Which conversation a client's command was about, while its reply is awaited.
    func conversation(of client: Int, askedBy id: CommandID) -> ConversationNumber?

    /// Which message has this text as its id, and when it was to be sent.
    func message(
        _ text: String,
        of sender: ClientNumber
    ) -> (id: MessageID, intended: Instant)?

    /// Something that a client's socket brought; `intended` is when what came was to be sent.
    func socket(
        _ client: Int,
        _ number: SocketNumber,
        _ event: SocketEvent,
        intended: Instant?
    )
}

/// What the server says, as events of the clients.
extension ClientHost {
    func receive(
        _ message: ServerMessage,
        _ client: Int,
        _ number: SocketNumber
    ) throws(FrameError) {
        switch message {
        case .ping: self.socket(client, number, .ping, intended: nil)
        case .push(let channel, .publication(let publication)):
            guard let conversation = self.wire.conversation(channel) else { return }
            self.give(publication, conversation, .live, client, number)
        case .push(let channel, .unsubscribe(let push)):
            guard let conversation = self.wire.conversation(channel) else { return }
            self.socket(
                client,
                number,
                .unsubscribed(conversation, code: UInt16(clamping: push.code)),
                intended: nil
            )
        case .push: break
        case .reply(let id, let reply): try self.receive(reply, to: id, client, number)
        }
    }

    private func receive(
        _ reply: ServerReply,
        to id: CommandID,
        _ client: Int,
        _ number: SocketNumber
    ) throws(FrameError) {
        let outcome: ReplyOutcome
        switch reply {
        case .connected(let result):
            outcome = .connected(
                pingInterval: .seconds(UInt64(result.pingInterval)),
                expectsPongs: result.pong
            )
        case .subscribed(let result):
            // The reply does not name its channel; the client knows which one it asked about.
            let conversation = self.conversation(of: client, askedBy: id)
            self.socket(
                client,
                number,
                .reply(id, .subscribed(Self.subscribed(result))),
                intended: nil
            )
            guard let conversation else { return }
            for publication in result.publications {
                self.give(publication, conversation, .recovered, client, number)
            }
            return
        case .history(let result):
            if let conversation = self.conversation(of: client, askedBy: id) {
                for publication in result.publications {
                    self.give(publication, conversation, .page, client, number)
                }
            }
            outcome = .page(
                head: Self.position(result.offset, result.epoch),
                count: UInt32(result.publications.count)
            )
        case .rpc(let data):
            let result = try SendResult(parsing: data.span)
            outcome = .sent(
                Self.position(result.offset, result.epoch),
                isDuplicate: result.duplicate
            )
        case .error(let error):
            outcome = .error(code: UInt16(clamping: error.code), isTemporary: error.temporary)
        case .unsubscribed, .published, .presence, .presenceStats, .refreshed, .subRefreshed,
            .other:
            return
        }
        self.socket(client, number, .reply(id, outcome), intended: nil)
    }

    private func give(
        _ publication: Publication,
        _ conversation: ConversationNumber,
        _ source: IncomingMessage.Source,
        _ client: Int,
        _ number: SocketNumber
    ) {
        let read = publication.messageID.flatMap { text in
            self.wire.sender(publication.info?.user).flatMap { sender in
                self.message(text, of: sender)
            }
        }
        let message = IncomingMessage(
            conversation: conversation,
            offset: publication.offset,
            message: read?.id,
            source: source
        )
        self.socket(client, number, .publication(message), intended: read?.intended)
    }

    private static func subscribed(_ result: SubscribeResult) -> ReplyOutcome.Subscribed {
        let recovery: ReplyOutcome.Subscribed.Recovery =
            result.recovered ? .recovered : result.wasRecovering ? .unrecovered : .notRequested
        return ReplyOutcome.Subscribed(
            hasLog: result.recoverable || result.positioned,
            position: Self.position(result.offset, result.epoch),
            recovery: recovery
        )
    }

    private static func position(_ offset: UInt64, _ epoch: String) -> Position {
        let read: Epoch
        switch EpochText(parsing: epoch) {
        case .known(let epoch): read = epoch
        case .none, .foreign: read = Epoch(0)
        }
        return Position(epoch: read, offset: Offset(offset))
    }
}
