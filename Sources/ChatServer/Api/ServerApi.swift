import ChatCore
import ClientProtocol
import Crypto
import Kernel
import NIOCore
import Synchronization

/// What application servers ask over HTTP, as requests to shards, and how their answers come back.
final class ServerApi: Sendable {
    /// A request that waits for the answers of some shards.
    private struct Waiting {
        var promise: EventLoopPromise<ApiResponse>
        var shardsLeft: Int
    }

    private struct State {
        var lastID: UInt64 = 0
        var waiting: [UInt64: Waiting] = [:]
        var isClosed = false
    }

    /// Of the key, so that the comparison takes as long for every key that is shown.
    private let keyDigest: SHA256.Digest?
    private let namespaces: NamespaceTable
    let mailboxes: [Mailbox]
    let revocations: Revocations
    private let state = Mutex(State())

    /// Without a key nobody may ask anything.
    init(
        key: String?,
        namespaces: NamespaceTable,
        mailboxes: [ShardID: Mailbox],
        revocations: Revocations
    ) {
        self.revocations = revocations
        self.keyDigest = key.map { SHA256.hash(data: Array($0.utf8)) }
        self.namespaces = namespaces
        self.mailboxes = mailboxes.sorted { $0.key < $1.key }.map(\.value)
    }

    var isOffered: Bool { self.keyDigest != nil }

    /// Whether a request shows the key.
    func admits(_ key: String?) -> Bool {
        guard let digest = self.keyDigest, let key else { return false }
        return SHA256.hash(data: Array(key.utf8)) == digest
    }

    /// Carries out a method; `nil` if there is none of that name.
    func answer(
        _ method: String,
        _ body: [UInt8],
        on loop: any EventLoop
    ) -> EventLoopFuture<ApiResponse>? {
        if RevocationRequest.isMethod(method) { return self.revoke(method, body, on: loop) }
        let request: ApiRequest
        do throws(FrameError) {
            request = try ApiRequest(parsing: body.span)
        } catch {
            return loop.makeSucceededFuture(.error(.badRequest))
        }
        switch method {
        case "publish": return self.publish(request, to: request.channel, on: loop)
        case "broadcast": return self.broadcast(request, on: loop)
        case "history": return self.history(request, on: loop)
        case "subscribe", "unsubscribe", "disconnect":
            return self.administer(method, request, on: loop)
        case "refresh", "presence", "presence_stats", "history_remove", "channels", "info", "batch":
            return loop.makeSucceededFuture(.error(.notAvailable))
        default: return nil
        }
    }

    private func publish(
        _ request: ApiRequest,
        to channel: String,
        on loop: any EventLoop
    ) -> EventLoopFuture<ApiResponse> {
        guard !request.data.isEmpty, !request.asksForMore else {
            return loop.makeSucceededFuture(.error(.badRequest))
        }
        return self.toOne(channel, on: loop) { reference in
            let message = Message(
                body: request.data,
                messageID: nil,
                user: "",
                client: "",
                conversation: channel
            )
            let body = Body(
                handle: message.retained(),
                byteCount: UInt32(truncatingIfNeeded: request.data.count)
            )
            let id = request.idempotencyKey.map { MessageID(named: $0) }
            return .publish(reference, id, body)
        }
    }

    private func broadcast(
        _ request: ApiRequest,
        on loop: any EventLoop
    ) -> EventLoopFuture<ApiResponse> {
        guard !request.channels.isEmpty else {
            return loop.makeSucceededFuture(.error(.badRequest))
        }
        let parts = request.channels.map { self.publish(request, to: $0, on: loop) }
        return EventLoopFuture.whenAllSucceed(parts, on: loop).map { .broadcast($0) }
    }

    private func history(
        _ request: ApiRequest,
        on loop: any EventLoop
    ) -> EventLoopFuture<ApiResponse> {
        let page = HistoryRequest(
            since: request.since.map { Offset($0.offset) },
            epoch: request.since.flatMap { CommandTranslation.epoch($0.epoch) },
            limit: request.limit < 0 ? .max : UInt32(request.limit),
            isReversed: request.reverse
        )
        return self.toOne(request.channel, on: loop) { .history($0, page) }
    }

    private func administer(
        _ method: String,
        _ request: ApiRequest,
        on loop: any EventLoop
    ) -> EventLoopFuture<ApiResponse> {
        guard !request.user.isEmpty, !request.asksForMore else {
            return loop.makeSucceededFuture(.error(.badRequest))
        }
        let user = UserID(named: request.user)
        if method == "disconnect" {
            let code = request.disconnectCode ?? UInt32(CloseCode.forceDisconnect.rawValue)
            guard let known = UInt16(exactly: code).flatMap({ CloseCode(rawValue: $0) }) else {
                return loop.makeSucceededFuture(.error(.badRequest))
            }
            return self.toAll(on: loop) { .disconnect(user, known) }
        }
        switch self.namespaces.reference(to: request.channel, for: request.user) {
        case .failure(let refusal): return loop.makeSucceededFuture(.error(refusal.code))
        case .success(let reference):
            guard method == "subscribe" else {
                reference.name.release()
                return self.toAll(on: loop) { .unsubscribe(user, reference.id) }
            }
            defer { reference.name.release() }
            return self.toAll(on: loop) {
                reference.name.retain()
                return .subscribe(user, reference)
            }
        }
    }

    /// Asks one shard about a channel, always the same.
    private func toOne(
        _ channel: String,
        on loop: any EventLoop,
        _ request: (ConversationReference) -> ServerRequest
    ) -> EventLoopFuture<ApiResponse> {
        switch self.namespaces.reference(to: channel, for: "") {
        case .failure(let refusal): return loop.makeSucceededFuture(.error(refusal.code))
        case .success(let reference):
            guard let (id, future) = self.await(shards: 1, on: loop) else {
                reference.name.release()
                return loop.makeSucceededFuture(.error(.internal))
            }
            let index = Int(reference.id.high % UInt64(self.mailboxes.count))
            self.mailboxes[index].post([.asked(id, request(reference))])
            return future
        }
    }

    private func toAll(
        on loop: any EventLoop,
        _ request: () -> ServerRequest
    ) -> EventLoopFuture<ApiResponse> {
        guard let (id, future) = self.await(shards: self.mailboxes.count, on: loop) else {
            return loop.makeSucceededFuture(.error(.internal))
        }
        for mailbox in self.mailboxes { mailbox.post([.asked(id, request())]) }
        return future
    }

    /// A number for a request and its coming answer; `nil` when no shard will answer any more.
    private func await(
        shards: Int,
        on loop: any EventLoop
    ) -> (ServerRequestID, EventLoopFuture<ApiResponse>)? {
        self.state.withLock { state in
            guard !state.isClosed else { return nil }
            state.lastID += 1
            let promise = loop.makePromise(of: ApiResponse.self)
            state.waiting[state.lastID] = Waiting(promise: promise, shardsLeft: shards)
            return (ServerRequestID(state.lastID), promise.futureResult)
        }
    }

    /// A shard has answered; the bytes that it lends are read before this returns.
    func take(_ response: ServerResponse, to id: ServerRequestID) {
        let answer = ReplyBytes.answer(response)
        let promise = self.state.withLock { state -> EventLoopPromise<ApiResponse>? in
            guard var waiting = state.waiting[id.rawValue] else { return nil }
            waiting.shardsLeft -= 1
            state.waiting[id.rawValue] = waiting.shardsLeft == 0 ? nil : waiting
            return waiting.shardsLeft == 0 ? waiting.promise : nil
        }
        promise?.succeed(answer)
    }

    /// No shard will answer any more.
    func close() {
        let left = self.state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [:] }
            return state.waiting.values.map(\.promise)
        }
        for promise in left { promise.succeed(.error(.internal)) }
    }
}
