import Kernel

/// The pushes.
extension JSONScanner {
    mutating func push(_ bytes: Span<UInt8>) throws(FrameError) -> ServerMessage {
        var channel = ""
        var push = ServerPush.other
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.channel: channel = try self.text(bytes)
            case FieldName.pub: push = .publication(try self.publication(bytes))
            case FieldName.join: push = .join(try self.infoMember(bytes))
            case FieldName.leave: push = .leave(try self.infoMember(bytes))
            case FieldName.unsubscribe: push = .unsubscribe(try self.unsubscribePush(bytes))
            case FieldName.message: push = .message(data: try self.dataMember(bytes))
            case FieldName.subscribe: push = .subscribe(try self.subscribePush(bytes))
            case FieldName.disconnect: push = .disconnect(try self.disconnectPush(bytes))
            case FieldName.refresh: push = .refresh(try self.refreshPush(bytes))
            default: _ = try self.skipValue(bytes)
            }
        }
        return .push(channel: channel, push)
    }

    /// The `data` of an object that has nothing else.
    mutating func dataMember(_ bytes: Span<UInt8>) throws(FrameError) -> [UInt8] {
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

    private mutating func infoMember(_ bytes: Span<UInt8>) throws(FrameError) -> ClientInfo {
        var info: ClientInfo?
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            if name == .info {
                info = try self.clientInfo(bytes)
            } else {
                _ = try self.skipValue(bytes)
            }
        }
        return info ?? ClientInfo(user: "", client: "")
    }

    private mutating func unsubscribePush(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> UnsubscribePush {
        var push = UnsubscribePush(code: 0, reason: "")
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.code: push.code = try self.integer(bytes, as: UInt32.self)
            case FieldName.reason: push.reason = try self.text(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return push
    }

    private mutating func subscribePush(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> SubscribePush {
        var push = SubscribePush()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.recoverable: push.recoverable = try self.boolean(bytes)
            case FieldName.epoch: push.epoch = try self.text(bytes)
            case FieldName.offset: push.offset = try self.integer(bytes, as: UInt64.self)
            case FieldName.positioned: push.positioned = try self.boolean(bytes)
            case FieldName.data: push.data = try self.embedded(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return push
    }

    private mutating func disconnectPush(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> DisconnectPush {
        var push = DisconnectPush(code: 0, reason: "", reconnect: false)
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.code: push.code = try self.integer(bytes, as: UInt32.self)
            case FieldName.reason: push.reason = try self.text(bytes)
            case FieldName.reconnect: push.reconnect = try self.boolean(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return push
    }

    private mutating func refreshPush(_ bytes: Span<UInt8>) throws(FrameError) -> RefreshPush {
        var push = RefreshPush()
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.expires: push.expires = try self.boolean(bytes)
            case FieldName.ttl: push.timeToLive = try self.integer(bytes, as: UInt32.self)
            default: _ = try self.skipValue(bytes)
            }
        }
        return push
    }
}

/// Publications and who they are from.
extension JSONScanner {
    mutating func publications(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> [Publication] {
        var publications: [Publication] = []
        try self.forEachElement(bytes) { scanner throws(FrameError) in
            publications.append(try scanner.publication(bytes))
        }
        return publications
    }

    mutating func publication(_ bytes: Span<UInt8>) throws(FrameError) -> Publication {
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

    mutating func clientInfo(_ bytes: Span<UInt8>) throws(FrameError) -> ClientInfo? {
        if try self.skipNull(bytes) { return nil }
        var info = ClientInfo(user: "", client: "")
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.user: info.user = try self.text(bytes)
            case FieldName.client: info.client = try self.text(bytes)
            case FieldName.connInfo: info.connInfo = try self.embedded(bytes)
            case FieldName.chanInfo: info.chanInfo = try self.embedded(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        return info
    }

    private mutating func tags(
        of publication: inout Publication,
        _ bytes: Span<UInt8>
    ) throws(FrameError) {
        var walk = try self.enterObject(bytes)
        while let name = try self.nextKey(&walk, bytes) {
            let value = try self.text(bytes)
            if name == "id" {
                publication.messageID = value
            } else {
                publication.tags.append(Publication.Tag(name, value))
            }
        }
    }
}
