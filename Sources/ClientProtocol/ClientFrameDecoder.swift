import ChatCore

/// Reads the commands of one frame from a client, one at a time and in order.
///
/// Make one for each frame and call `next(in:)` with the same bytes until it gives `nil`. A frame that
/// fails in the middle has given the commands before the fault; after a fault it gives nothing more.
/// Names are compared after unescaping, unknown ones are skipped, and of a name that is repeated in one
/// object the last counts, as in the reference server.
package struct ClientFrameDecoder {
    private var splitter = MessageSplitter()

    package init() {}

    /// The next command, or `nil` after the last; linear in the frame's bytes.
    package mutating func next(in frame: Span<UInt8>) throws(FrameError) -> ClientCommand? {
        do throws(FrameError) {
            guard let range = try self.splitter.next(in: frame) else { return nil }
            var scanner = JSONScanner(range)
            scanner.skipSpace(frame)
            let command = try scanner.command(frame)
            scanner.skipSpace(frame)
            guard scanner.position == range.upperBound else {
                throw scanner.failure(.trailingBytes)
            }
            return command
        } catch {
            self.splitter.stop()
            throw error
        }
    }
}

extension JSONScanner {
    fileprivate mutating func command(_ bytes: Span<UInt8>) throws(FrameError) -> ClientCommand {
        let start = self.position
        guard self.peek(bytes) == UInt8(ascii: "{") else { throw self.failure(.expectedObject) }
        var walk = try self.enterObject(bytes)
        var id: UInt32 = 0
        var method: ClientCommand.Method?
        while let name = try self.nextMember(&walk, bytes) {
            if name == .id {
                id = try self.commandID(bytes)
            } else if Self.isMethod(name) {
                let position = self.position
                if try self.skipNull(bytes) { continue }
                guard method == nil else { throw FrameError(.twoMethods, at: position) }
                method = try self.method(name, bytes)
            } else {
                _ = try self.skipValue(bytes)
            }
        }
        guard let method else {
            guard id == 0 else { throw FrameError(.noMethod, at: start) }
            return ClientCommand(id: CommandID(0), method: .pong)
        }
        if case .send = method { return ClientCommand(id: CommandID(0), method: method) }
        guard id != 0 else { throw FrameError(.noCommandID, at: start) }
        return ClientCommand(id: CommandID(id), method: method)
    }

    private mutating func commandID(_ bytes: Span<UInt8>) throws(FrameError) -> UInt32 {
        let start = self.position
        do throws(FrameError) {
            return try self.integer(bytes, as: UInt32.self)
        } catch {
            throw error.reason == .expectedInteger ? FrameError(.noCommandID, at: start) : error
        }
    }

    private static func isMethod(_ name: FieldName) -> Bool {
        switch name {
        case FieldName.rpc, FieldName.publish, FieldName.subscribe, FieldName.unsubscribe,
            FieldName.history, FieldName.connect, FieldName.presence, FieldName.presenceStats,
            FieldName.ping, FieldName.send, FieldName.refresh, FieldName.subRefresh:
            true
        default: false
        }
    }

    /// The request of the method that `isMethod` has recognised.
    private mutating func method(
        _ name: FieldName,
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ClientCommand.Method {
        switch name {
        case FieldName.connect: return .connect(try self.connectRequest(bytes))
        case FieldName.subscribe:
            return .subscribe(try self.subscribeRequest(channel: "", bytes))
        case FieldName.publish: return .publish(try self.publishRequest(bytes))
        case FieldName.history: return .history(try self.historyRequest(bytes))
        default: break
        }
        let fields = try self.plainRequest(bytes)
        return switch name {
        case FieldName.rpc: .rpc(method: fields.method, data: fields.data)
        case FieldName.unsubscribe: .unsubscribe(channel: fields.channel)
        case FieldName.presence: .presence(channel: fields.channel)
        case FieldName.presenceStats: .presenceStats(channel: fields.channel)
        case FieldName.send: .send(data: fields.data)
        case FieldName.refresh: .refresh(token: fields.token)
        case FieldName.subRefresh: .subRefresh(channel: fields.channel, token: fields.token)
        default: .ping
        }
    }
}

/// The requests.
extension JSONScanner {
    /// The fields of the methods that have but a few, which never differ in meaning between them.
    private struct PlainRequest {
        var channel = ""
        var method = ""
        var token: String?
        var data: [UInt8] = []
    }

    private mutating func plainRequest(_ bytes: Span<UInt8>) throws(FrameError) -> PlainRequest {
        var request = PlainRequest()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.channel: request.channel = try self.text(bytes)
            case FieldName.method: request.method = try self.text(bytes)
            case FieldName.token: request.token = try self.optionalText(bytes)
            case FieldName.data: request.data = try self.embedded(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return request
    }

    private mutating func connectRequest(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ConnectRequest {
        var request = ConnectRequest(token: nil)
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.token: request.token = try self.optionalText(bytes)
            case FieldName.name: request.name = try self.text(bytes)
            case FieldName.version: request.version = try self.text(bytes)
            case FieldName.data: request.data = try self.embedded(bytes)
            case FieldName.subs:
                var subs = try self.enterObject(bytes)
                while let channel = try self.nextKey(&subs, bytes) {
                    try self.expectRoom(after: request.subs.count)
                    request.subs.append(try self.subscribeRequest(channel: channel, bytes))
                }
            case FieldName.headers:
                var headers = try self.enterObject(bytes)
                while let name = try self.nextKey(&headers, bytes) {
                    try self.expectRoom(after: request.headers.count)
                    request.headers.append(HeaderField(name: name, value: try self.text(bytes)))
                }
            default: _ = try self.skipValue(bytes)
            }
        }
        return request
    }

    private func expectRoom(after count: Int) throws(FrameError) {
        guard count < ConnectRequest.entryLimit else { throw self.failure(.tooManyEntries) }
    }

    private mutating func publishRequest(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ChannelPublishRequest {
        var request = ChannelPublishRequest(channel: "", data: [])
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.channel: request.channel = try self.text(bytes)
            case FieldName.data: request.data = try self.embedded(bytes)
            case FieldName.type: request.type = try self.integer(bytes, as: UInt32.self)
            default: _ = try self.skipValue(bytes)
            }
        }
        return request
    }

    /// A request that has its channel as a member, or has it as its key in a map.
    private mutating func subscribeRequest(
        channel: String,
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> SubscribeRequest {
        var request = SubscribeRequest(channel: channel)
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.channel: request.channel = try self.text(bytes)
            case FieldName.token: request.token = try self.optionalText(bytes)
            case FieldName.recover: request.recover = try self.boolean(bytes)
            case FieldName.epoch: request.epoch = try self.text(bytes)
            case FieldName.offset: request.offset = try self.integer(bytes, as: UInt64.self)
            case FieldName.flag: request.flag = try self.integer(bytes, as: UInt32.self)
            case FieldName.type: request.type = try self.integer(bytes, as: UInt32.self)
            case FieldName.positioned: request.positioned = try self.boolean(bytes)
            case FieldName.recoverable: request.recoverable = try self.boolean(bytes)
            case FieldName.joinLeave: request.joinLeave = try self.boolean(bytes)
            case FieldName.delta: _ = try self.text(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return request
    }

    private mutating func historyRequest(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> ChannelHistoryRequest {
        var request = ChannelHistoryRequest(channel: "", limit: 0)
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.channel: request.channel = try self.text(bytes)
            case FieldName.limit: request.limit = try self.integer(bytes, as: Int32.self)
            case FieldName.reverse: request.reverse = try self.boolean(bytes)
            case FieldName.since: request.since = try self.streamPosition(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return request
    }

    mutating func streamPosition(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> StreamPosition? {
        if try self.skipNull(bytes) { return nil }
        var position = StreamPosition(offset: 0, epoch: "")
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.offset: position.offset = try self.integer(bytes, as: UInt64.self)
            case FieldName.epoch: position.epoch = try self.text(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return position
    }
}
