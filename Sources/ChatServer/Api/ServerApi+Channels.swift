import ChatCore
import ClientProtocol
import Kernel
import NIOCore

/// What application servers ask about channels.
extension ServerApi {
    /// The most bytes of what is published: no subscriber's queue may overflow by one message.
    private static let publishLimit = 1 << 19
    /// Tags that this server writes itself, and clients act upon.
    private static let ownTags: Set = ["id", "kind", "user", "role", "offset", "count"]
    private static let tagTextLimit = 255

    func publish(
        _ request: ApiRequest,
        on loop: any EventLoop
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        try Self.check(request)
        return try self.publish(request, try Self.data(of: request), to: request.channel, on: loop)
    }

    func broadcast(
        _ request: ApiRequest,
        on loop: any EventLoop
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        try Self.check(request)
        let data = try Self.data(of: request)
        guard !request.channels.isEmpty else {
            throw ApiRefusal(.badRequest, "expected `channels`")
        }
        var parts: [EventLoopFuture<ApiResponse>] = []
        for channel in request.channels {
            do throws(ApiRefusal) {
                parts.append(try self.publish(request, data, to: channel, on: loop))
            } catch {
                let response = ApiResponse.error(error.code, detail: error.detail)
                parts.append(loop.makeSucceededFuture(response))
            }
        }
        return EventLoopFuture.whenAllSucceed(parts, on: loop).map { .broadcast($0) }
    }

    private func publish(
        _ request: ApiRequest,
        _ data: [UInt8],
        to channel: String,
        on loop: any EventLoop
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        try self.toOne(channel, on: loop) { reference in
            let message = Message(
                body: data,
                messageID: nil,
                user: "",
                client: "",
                conversation: channel,
                extra: MessageExtra(tags: request.tags)
            )
            let body = Body(
                handle: message.retained(),
                byteCount: UInt32(truncatingIfNeeded: message.byteCount)
            )
            let isKept = self.policies[Int(reference.namespace)].hasLog
            guard !request.skipsHistory || !isKept else { return .pass(reference, body) }
            return .publish(reference, request.idempotencyKey.map { MessageID(named: $0) }, body)
        }
    }

    /// What is published: JSON, also when it comes in base 64.
    private static func data(of request: ApiRequest) throws(ApiRefusal) -> [UInt8] {
        let terms = request.terms
        let data = try Self.json(terms.data, base64: terms.base64Data, called: "b64data")
        guard !data.isEmpty else { throw ApiRefusal(.badRequest, "expected `data`") }
        guard data.count <= Self.publishLimit else {
            throw ApiRefusal(.limitExceeded, "expected at most \(Self.publishLimit) bytes of data")
        }
        return data
    }

    /// What a field says as JSON, or the one beside it in base 64, which counts if both are there.
    static func json(
        _ value: [UInt8],
        base64: String,
        called name: String
    ) throws(ApiRefusal) -> [UInt8] {
        guard let json = Granted.json(value, base64: base64) else {
            let fault = "expected JSON in base 64 as `\(name)`: readers of JSON share the channel"
            throw ApiRefusal(.badRequest, fault)
        }
        return json
    }

    private static func check(_ request: ApiRequest) throws(ApiRefusal) {
        guard !request.isVersioned else {
            throw ApiRefusal(.notAvailable, "`version`: offsets order what is published")
        }
        guard !request.skipsHistory || request.idempotencyKey == nil else {
            let fault = "`skip_history` with `idempotency_key`: only what is kept is known again"
            throw ApiRefusal(.badRequest, fault)
        }
        for tag in request.tags {
            guard !Self.ownTags.contains(tag.name) else {
                throw ApiRefusal(.badRequest, "the tag `\(tag.name)` is the server's own")
            }
            guard max(tag.name.utf8.count, tag.value.utf8.count) <= Self.tagTextLimit else {
                let fault = "expected at most \(Self.tagTextLimit) bytes in a tag"
                throw ApiRefusal(.badRequest, fault)
            }
        }
    }

    func history(
        _ request: ApiRequest,
        on loop: any EventLoop
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        let page = HistoryRequest(
            since: request.since.map { Offset($0.offset) },
            epoch: request.since.flatMap { CommandTranslation.epoch($0.epoch) },
            limit: request.limit < 0 ? .max : UInt32(request.limit),
            isReversed: request.reverse
        )
        return try self.toOne(request.channel, on: loop) { .history($0, page) }
    }

    /// A log's past does not vanish while its epoch lasts: that is what devices rely upon.
    func removeHistory(
        _ request: ApiRequest,
        on loop: any EventLoop
    ) throws(ApiRefusal) -> EventLoopFuture<ApiResponse> {
        try self.reference(to: request.channel).name.release()
        throw ApiRefusal(.notAvailable, "a log is durable")
    }
}
