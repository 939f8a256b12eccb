import ChatCore
import Kernel

/// Reads the messages of one frame from a server, one at a time and in order.
///
/// It is used like `ClientFrameDecoder`.
package struct ServerFrameDecoder {
    private var splitter = MessageSplitter()

    package init() {}

    /// The next message, or `nil` after the last; linear in the frame's bytes.
    package mutating func next(in frame: Span<UInt8>) throws(FrameError) -> ServerMessage? {
        do throws(FrameError) {
            guard let range = try self.splitter.next(in: frame) else { return nil }
            var scanner = JSONScanner(range)
            scanner.skipSpace(frame)
            let message = try scanner.serverMessage(frame)
            scanner.skipSpace(frame)
            guard scanner.position == range.upperBound else {
                throw scanner.failure(.trailingBytes)
            }
            return message
        } catch {
            self.splitter.stop()
            throw error
        }
    }
}

extension JSONScanner {
    /// A message with neither id nor push is a ping, as the client libraries have it.
    fileprivate mutating func serverMessage(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ServerMessage {
        guard self.peek(bytes) == UInt8(ascii: "{") else { throw self.failure(.expectedObject) }
        var walk = try self.enterObject(bytes)
        var id: UInt32 = 0
        var push: ServerMessage?
        var reply = ServerReply.other
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.id: id = try self.integer(bytes, as: UInt32.self)
            case FieldName.push: push = try self.push(bytes)
            case FieldName.connect: reply = .connected(try self.connectResult(bytes))
            case FieldName.subscribe: reply = .subscribed(try self.subscribeResult(bytes))
            case FieldName.history: reply = .history(try self.historyResult(bytes))
            case FieldName.error: reply = .error(try self.errorResult(bytes))
            case FieldName.rpc: reply = .rpc(data: try self.rpcResult(bytes))
            case FieldName.publish:
                try self.skipObject(bytes)
                reply = .published
            case FieldName.unsubscribe:
                try self.skipObject(bytes)
                reply = .unsubscribed
            default: _ = try self.skipValue(bytes)
            }
        }
        if id != 0 { return .reply(CommandID(id), reply) }
        return push ?? .ping
    }

    private mutating func skipObject(_ bytes: Span<UInt8>) throws(FrameError) {
        var walk = try self.enterObject(bytes)
        while try self.nextMember(&walk, bytes) != nil { _ = try self.skipValue(bytes) }
    }

    private mutating func push(_ bytes: Span<UInt8>) throws(FrameError) -> ServerMessage {
        var channel = ""
        var publication: Publication?
        var ending: (code: UInt32, reason: String)?
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.channel: channel = try self.text(bytes)
            case FieldName.pub: publication = try self.publication(bytes)
            case FieldName.unsubscribe: ending = try self.unsubscribePush(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        if let publication { return .publication(channel: channel, publication) }
        if let ending {
            return .unsubscribed(channel: channel, code: ending.code, reason: ending.reason)
        }
        return .otherPush(channel: channel)
    }

    private mutating func unsubscribePush(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> (code: UInt32, reason: String) {
        var code: UInt32 = 0
        var reason = ""
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.code: code = try self.integer(bytes, as: UInt32.self)
            case FieldName.reason: reason = try self.text(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return (code, reason)
    }
}

/// The results.
extension JSONScanner {
    private mutating func connectResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ConnectResult {
        var result = ConnectResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.client: result.client = try self.text(bytes)
            case FieldName.version: result.version = try self.text(bytes)
            case FieldName.expires: result.expires = try self.boolean(bytes)
            case FieldName.ttl: result.timeToLive = try self.integer(bytes, as: UInt32.self)
            case FieldName.ping: result.pingInterval = try self.integer(bytes, as: UInt32.self)
            case FieldName.pong: result.pong = try self.boolean(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func subscribeResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> SubscribeResult {
        var result = SubscribeResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.recoverable: result.recoverable = try self.boolean(bytes)
            case FieldName.positioned: result.positioned = try self.boolean(bytes)
            case FieldName.epoch: result.epoch = try self.text(bytes)
            case FieldName.offset: result.offset = try self.integer(bytes, as: UInt64.self)
            case FieldName.recovered: result.recovered = try self.boolean(bytes)
            case FieldName.wasRecovering: result.wasRecovering = try self.boolean(bytes)
            case FieldName.publications: result.publications = try self.publications(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func historyResult(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> HistoryResult {
        var result = HistoryResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.epoch: result.epoch = try self.text(bytes)
            case FieldName.offset: result.offset = try self.integer(bytes, as: UInt64.self)
            case FieldName.publications: result.publications = try self.publications(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func errorResult(_ bytes: Span<UInt8>) throws(FrameError) -> ErrorResult {
        var result = ErrorResult()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.code: result.code = try self.integer(bytes, as: UInt32.self)
            case FieldName.message: result.message = try self.text(bytes)
            case FieldName.temporary: result.temporary = try self.boolean(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return result
    }

    private mutating func rpcResult(_ bytes: Span<UInt8>) throws(FrameError) -> [UInt8] {
        var data: [UInt8] = []
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            if name == .data {
                data = try self.embedded(bytes)
            } else {
                _ = try self.skipValue(bytes)
            }
        }
        return data
    }

    private mutating func publications(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> [Publication] {
        var publications: [Publication] = []
        try self.forEachElement(bytes) { scanner throws(FrameError) in
            publications.append(try scanner.publication(bytes))
        }
        return publications
    }

    private mutating func publication(_ bytes: Span<UInt8>) throws(FrameError) -> Publication {
        var publication = Publication(data: [])
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.data: publication.data = try self.embedded(bytes)
            case FieldName.info: publication.info = try self.clientInfo(bytes)
            case FieldName.offset:
                publication.offset = Offset(try self.integer(bytes, as: UInt64.self))
            case FieldName.tags: try self.tags(of: &publication, bytes)
            case FieldName.time:
                publication.unixMilliseconds = try self.integer(bytes, as: UInt64.self)
            default: _ = try self.skipValue(bytes)
            }
        }
        return publication
    }

    private mutating func clientInfo(_ bytes: Span<UInt8>) throws(FrameError) -> ClientInfo? {
        if try self.skipNull(bytes) { return nil }
        var info = ClientInfo(user: "", client: "")
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.user: info.user = try self.text(bytes)
            case FieldName.client: info.client = try self.text(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return info
    }

    /// Reads the tags that this client has a use for; others are skipped.
    private mutating func tags(
        of publication: inout Publication,
        _ bytes: Span<UInt8>
    ) throws(FrameError) {
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.id: publication.messageID = try self.text(bytes)
            case FieldName.kind:
                publication.tags.append(Publication.Tag("kind", try self.text(bytes)))
            case FieldName.user:
                publication.tags.append(Publication.Tag("user", try self.text(bytes)))
            case FieldName.role:
                publication.tags.append(Publication.Tag("role", try self.text(bytes)))
            case FieldName.offset:
                publication.tags.append(Publication.Tag("offset", try self.text(bytes)))
            case FieldName.count:
                publication.tags.append(Publication.Tag("count", try self.text(bytes)))
            default: _ = try self.skipValue(bytes)
            }
        }
    }
}
