import ChatCore

/// What a client asks about its user's own account, as the data of rpcs.
package enum AccountQuery: Equatable, Sendable {
    case block(String)
    case unblock(String)
    /// A window of those whom the user blocks; `limit` 0 is as many as the server allows.
    case blocks(cursor: String?, limit: UInt32)
    case publish(DeviceKeys)
    case count(device: String)
    /// One key of each device of the user, or of one device alone.
    case claim(user: String, device: String?)
    case drop(device: String)
    case media(MediaQuery)

    /// The most bytes of one key.
    package static let keyLimit = 4_096

    /// Reads the data of the rpc `method`; `nil` if there is no such method.
    package static func parse(
        method: String,
        _ data: Span<UInt8>
    ) throws(FrameError) -> AccountQuery? {
        guard let method = AccountMethod(rawValue: method) else {
            return try MediaQuery.parse(method: method, data).map { .media($0) }
        }
        let fields = try AccountFields(parsing: data)
        switch method {
        case .block: return .block(try fields.named(fields.user))
        case .unblock: return .unblock(try fields.named(fields.user))
        case .blocks:
            let cursor = fields.cursor.isEmpty ? nil : fields.cursor
            return .blocks(cursor: cursor, limit: fields.limit)
        case .publish:
            _ = try fields.named(fields.published.device)
            return .publish(fields.published)
        case .count: return .count(device: try fields.named(fields.published.device))
        case .claim:
            let device = fields.published.device.isEmpty ? nil : fields.published.device
            return .claim(user: try fields.named(fields.user), device: device)
        case .drop: return .drop(device: try fields.named(fields.published.device))
        }
    }
}

/// A key that the server hands out and does not look at.
package struct DirectoryKey: Equatable, Sendable {
    /// Not 0; of a device's one-time keys, greater than all that it has published before.
    package var id: UInt64
    /// JSON on one line, at most `AccountQuery.keyLimit` bytes.
    package var key: [UInt8]

    package init(id: UInt64, key: [UInt8]) {
        self.id = id
        self.key = key
    }
}

/// The keys that a device publishes; what is absent stays as it was.
package struct DeviceKeys: Equatable, Sendable {
    /// The device's own name among its user's.
    package var device: String
    /// JSON that says who the device is; empty when the client gave none.
    package var identity: [UInt8] = []
    package var oneTime: [DirectoryKey] = []
    /// Handed out again and again, once there is no one-time key.
    package var fallback: DirectoryKey?

    package init(device: String = "") { self.device = device }
}

/// What a claim gives of one device.
package struct ClaimedDevice: Equatable, Sendable {
    package var device: String
    package var identity: [UInt8]
    /// `nil` if the device has published none.
    package var key: DirectoryKey?
    package var isFallback: Bool

    package init(device: String, identity: [UInt8], key: DirectoryKey?, isFallback: Bool) {
        self.device = device
        self.identity = identity
        self.key = key
        self.isFallback = isFallback
    }
}

/// The names of the rpcs.
enum AccountMethod: String, CaseIterable {
    case block = "chat.block"
    case unblock = "chat.unblock"
    case blocks = "chat.blocks"
    case publish = "keys.publish"
    case count = "keys.count"
    case claim = "keys.claim"
    case drop = "keys.drop"
}

private struct AccountFields {
    var user = ""
    var cursor = ""
    var limit: UInt32 = 0
    var published = DeviceKeys()

    init(parsing data: Span<UInt8>) throws(FrameError) {
        guard !data.isEmpty else { return }
        var scanner = JSONScanner(0..<data.count)
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        while let name = try scanner.nextMember(&walk, data) {
            switch name {
            case FieldName.user: self.user = try scanner.boundedText(data)
            case FieldName.cursor: self.cursor = try scanner.boundedText(data)
            case FieldName.limit: self.limit = try scanner.integer(data, as: UInt32.self)
            case FieldName.device: self.published.device = try scanner.boundedText(data)
            case FieldName.identity: self.published.identity = try scanner.keyBytes(data)
            case FieldName.oneTime: self.published.oneTime = try scanner.directoryKeys(data)
            case FieldName.fallback:
                let isAbsent = try scanner.skipNull(data)
                if !isAbsent { self.published.fallback = try scanner.directoryKey(data) }
            default: _ = try scanner.skipValue(data)
            }
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
    }

    func named(_ text: String) throws(FrameError) -> String {
        guard !text.isEmpty else { throw FrameError(.missingField, at: 0) }
        return text
    }
}

extension JSONScanner {
    fileprivate mutating func keyBytes(_ bytes: Span<UInt8>) throws(FrameError) -> [UInt8] {
        let start = self.position
        let value = try self.embedded(bytes)
        guard value.count <= AccountQuery.keyLimit else { throw FrameError(.tooLong, at: start) }
        return value
    }

    fileprivate mutating func directoryKey(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> DirectoryKey {
        let start = self.position
        var key = DirectoryKey(id: 0, key: [])
        var walk = try self.enterObject(bytes)
        while let name = try self.nextMember(&walk, bytes) {
            switch name {
            case FieldName.id: key.id = try self.integer(bytes, as: UInt64.self)
            case FieldName.key: key.key = try self.keyBytes(bytes)
            default: _ = try self.skipValue(bytes)
            }
        }
        guard key.id > 0, key.id <= UInt64(Int64.max), !key.key.isEmpty else {
            throw FrameError(.missingField, at: start)
        }
        return key
    }

    /// In ascending order of their ids.
    fileprivate mutating func directoryKeys(
        _ bytes: Span<UInt8>
    ) throws(FrameError) -> [DirectoryKey] {
        var keys: [DirectoryKey] = []
        try self.forEachElement(bytes) { scanner throws(FrameError) in
            guard keys.count < Int(AccountLimits.oneTimeKeys) else {
                throw scanner.failure(.tooLong)
            }
            let key = try scanner.directoryKey(bytes)
            guard key.id > keys.last?.id ?? 0 else { throw scanner.failure(.missingField) }
            keys.append(key)
        }
        return keys
    }
}

/// The data that answers the rpcs about accounts, as JSON on one line.
package enum AccountResults {
    /// `cursor` is empty after the last window.
    package static func blocks(_ users: [String], cursor: String) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { fields, output in
            fields.open("users", into: &output)
            output.append(UInt8(ascii: "["))
            for (index, user) in users.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSONText.append(quoted: user, into: &output)
            }
            output.append(UInt8(ascii: "]"))
            fields.append("cursor", cursor, into: &output)
        }
        return output
    }

    /// How many one-time keys are left, and the greatest that was ever published.
    package static func count(
        oneTime: UInt64,
        published: UInt64,
        hasFallback: Bool
    ) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { fields, output in
            fields.append(required: "one_time", oneTime, into: &output)
            fields.append(required: "published", published, into: &output)
            fields.open("fallback", into: &output)
            JSONText.append(hasFallback ? "true" : "false", into: &output)
        }
        return output
    }

    package static func claimed(_ devices: [ClaimedDevice]) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { fields, output in
            fields.open("devices", into: &output)
            output.append(UInt8(ascii: "["))
            for (index, device) in devices.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSONFields.object(into: &output) { Self.append(device, as: &$0, into: &$1) }
            }
            output.append(UInt8(ascii: "]"))
        }
        return output
    }

    private static func append(
        _ device: ClaimedDevice,
        as fields: inout JSONFields,
        into output: inout [UInt8]
    ) {
        fields.append(required: "device", device.device, into: &output)
        fields.append("identity", embedded: device.identity, into: &output)
        guard let key = device.key else { return }
        fields.append(device.isFallback ? "fallback" : "one_time", into: &output) {
            $0.append(required: "id", key.id, into: &$1)
            $0.append("key", embedded: key.key, into: &$1)
        }
    }
}
