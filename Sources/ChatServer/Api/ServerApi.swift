import ChatCore
import ClientProtocol
import Crypto
import Foundation
import Kernel
import NIOCore
import Synchronization

/// What application servers ask over HTTP, as requests to shards, and how their answers come back.
final class ServerApi: Sendable {
    /// The methods; the raw value is what stands in the path.
    enum Method: String {
        case publish, broadcast, history, presence, subscribe, unsubscribe, disconnect, refresh
        case channels, info, batch
        case presenceStats = "presence_stats"
        case historyRemove = "history_remove"
    }

    /// A request that waits for answers of shards.
    private struct Waiting {
        var promise: EventLoopPromise<ApiResponse>
        var answersLeft: Int
        /// The first answer that is an error.
        var failure: ApiResponse?
    }

    private struct State {
        var lastID: UInt64 = 0
        var waiting: [UInt64: Waiting] = [:]
        var isClosed = false
    }

    /// Of the key, so that the comparison takes as long for every key that is shown.
    private let keyDigest: SHA256.Digest?
    let namespaces: NamespaceTable
    /// Index for index with the namespaces.
    let policies: [Namespace]
    let mailboxes: [Mailbox]
    let revocations: Revocations
    /// What this process is called where several could be.
    let nodeID = UUID().uuidString.lowercased()
    let started = NIODeadline.now()
    private let state = Mutex(State())

    /// Without a key nobody may ask anything.
    init(
        key: String?,
        namespaces: NamespaceTable,
        policies: [Namespace],
        mailboxes: [ShardID: Mailbox],
        revocations: Revocations
    ) {
        self.revocations = revocations
        self.keyDigest = key.map { SHA256.hash(data: Array($0.utf8)) }
        self.namespaces = namespaces
        self.policies = policies
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
        guard let method = Method(rawValue: method) else { return nil }
        do throws(ApiRefusal) {
            if method == .batch { return try self.batch(body, on: loop) }
            return try self.answer(method, body, on: loop)
        } catch {
            return loop.makeSucceededFuture(.error(error.code, detail: error.detail))
        }
    }

    private func answer(
        _ method: Method,
        _ body: [UInt8],
        on loop: any EventLoop
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        let request: ApiRequest
        do throws(FrameError) {
            request = try ApiRequest(parsing: body.span)
        } catch {
            throw ApiRefusal(.badRequest, "\(error)")
        }
        switch method {
        case .publish: return try self.publish(request, on: loop)
        case .broadcast: return try self.broadcast(request, on: loop)
        case .history: return try self.history(request, on: loop)
        case .historyRemove: return try self.removeHistory(request, on: loop)
        case .presence: return try self.toOne(request.channel, on: loop) { .members($0) }
        case .presenceStats: return try self.toOne(request.channel, on: loop) { .counts($0) }
        case .subscribe, .unsubscribe, .disconnect, .refresh:
            return try self.administer(method, request, on: loop)
        case .channels: return try self.listChannels(request, on: loop)
        case .info: return self.info(on: loop)
        case .batch: throw ApiRefusal(.methodNotFound, "a batch holds no batch")
        }
    }

    // MARK: Batches

    private func batch(
        _ body: [UInt8],
        on loop: any EventLoop
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        let batch: ApiBatch
        do throws(FrameError) {
            batch = try ApiBatch(parsing: body.span)
        } catch {
            throw ApiRefusal(.badRequest, "\(error)")
        }
        guard batch.commands.count <= ApiBatch.limit else {
            throw ApiRefusal(.limitExceeded, "expected at most \(ApiBatch.limit) commands")
        }
        let methods = batch.commands.map(\.method)
        let responses: EventLoopFuture<[ApiResponse]>
        if batch.isParallel {
            let parts = batch.commands.map { self.carryOut($0, on: loop) }
            responses = EventLoopFuture.whenAllSucceed(parts, on: loop)
        } else {
            responses = self.inTurn(batch.commands[...], after: [], on: loop)
        }
        return responses.map { responses in
            .batch(zip(methods, responses).map { (method: $0, response: $1) })
        }
    }

    private func carryOut(
        _ command: ApiBatch.Command,
        on loop: any EventLoop
    ) -> EventLoopFuture<ApiResponse> {
        guard let method = Method(rawValue: command.method) else {
            return loop.makeSucceededFuture(.error(.methodNotFound))
        }
        do throws(ApiRefusal) {
            return try self.answer(method, command.body, on: loop)
        } catch {
            return loop.makeSucceededFuture(.error(error.code, detail: error.detail))
        }
    }

    /// Each command when the one before has been answered.
    private func inTurn(
        _ commands: ArraySlice<ApiBatch.Command>,
        after responses: [ApiResponse],
        on loop: any EventLoop
    ) -> EventLoopFuture<[ApiResponse]> {
        guard let command = commands.first else { return loop.makeSucceededFuture(responses) }
        return self.carryOut(command, on: loop).hop(to: loop).flatMap { response in
            self.inTurn(commands.dropFirst(), after: responses + [response], on: loop)
        }
    }

    // MARK: Shards

    /// The conversation that a channel names, for a request on nobody's behalf.
    func reference(
        to channel: String,
        for user: String = ""
    ) throws(ApiRefusal) -> ConversationReference {
        switch self.namespaces.reference(to: channel, for: user) {
        case .success(let reference): return reference
        case .failure(let refusal):
            guard refusal.code == .badRequest else { throw ApiRefusal(refusal.code) }
            throw ApiRefusal(.badRequest, "expected a channel of 1 to 255 ASCII characters")
        }
    }

    /// Asks one shard about a channel, always the same.
    func toOne(
        _ channel: String,
        on loop: any EventLoop,
        _ request: (ConversationReference) -> ServerRequest
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        let reference = try self.reference(to: channel)
        guard let (id, future) = self.await(answers: 1, on: loop) else {
            reference.name.release()
            throw ApiRefusal(.internal)
        }
        let index = Int(reference.id.high % UInt64(self.mailboxes.count))
        self.mailboxes[index].post([.asked(id, request(reference))])
        return future
    }

    /// A number for a request and its coming answer; `nil` when no shard will answer any more.
    func await(
        answers: Int,
        on loop: any EventLoop
    ) -> (ServerRequestID, EventLoopFuture<ApiResponse>)? {
        self.state.withLock { state in
            guard !state.isClosed else { return nil }
            state.lastID += 1
            let promise = loop.makePromise(of: ApiResponse.self)
            state.waiting[state.lastID] = Waiting(promise: promise, answersLeft: answers)
            return (ServerRequestID(state.lastID), promise.futureResult)
        }
    }

    /// So many more answers will come.
    func expect(_ answers: Int, to id: ServerRequestID) {
        self.state.withLock { $0.waiting[id.rawValue]?.answersLeft += answers }
    }

    /// An answer has come; the request's is the first error, or the last answer if there is none.
    func take(_ answer: ApiResponse, to id: ServerRequestID) {
        let ended = self.state.withLock { state -> Waiting? in
            guard var waiting = state.waiting[id.rawValue] else { return nil }
            waiting.answersLeft -= 1
            if waiting.failure == nil, case .error = answer { waiting.failure = answer }
            state.waiting[id.rawValue] = waiting.answersLeft == 0 ? nil : waiting
            return waiting.answersLeft == 0 ? waiting : nil
        }
        ended?.promise.succeed(ended?.failure ?? answer)
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
