import ChatCore

/// What a member asks about the files of a conversation, as the data of rpcs.
package enum MediaQuery: Equatable, Sendable {
    /// A ticket to put a file there.
    case ticket(channel: String, MediaOffer)
    /// A fresh URL of a file that is there.
    case url(channel: String, ContentHash)
    /// The file is to go.
    case drop(channel: String, ContentHash)

    package var channel: String {
        switch self {
        case .ticket(let channel, _), .url(let channel, _), .drop(let channel, _): channel
        }
    }

    /// Reads the data of the rpc `method`; `nil` if there is no such method.
    package static func parse(
        method: String,
        _ data: Span<UInt8>
    ) throws(FrameError) -> MediaQuery? {
        guard let method = MediaMethod(rawValue: method) else { return nil }
        let fields = try MediaFields(parsing: data)
        guard !fields.channel.isEmpty, let hash = ContentHash(fields.sha256) else {
            throw FrameError(.missingField, at: 0)
        }
        switch method {
        case .url: return .url(channel: fields.channel, hash)
        case .drop: return .drop(channel: fields.channel, hash)
        case .ticket:
            guard fields.size > 0, fields.size <= UInt64(Int64.max),
                let type = MediaType(fields.type)
            else { throw FrameError(.missingField, at: 0) }
            let offer = MediaOffer(size: fields.size, type: type, hash: hash)
            return .ticket(channel: fields.channel, offer)
        }
    }
}

/// A file as its uploader describes it.
package struct MediaOffer: Equatable, Sendable {
    /// In bytes; not 0.
    package var size: UInt64
    package var type: MediaType
    package var hash: ContentHash

    package init(size: UInt64, type: MediaType, hash: ContentHash) {
        self.size = size
        self.type = type
        self.hash = hash
    }
}

/// A media type of RFC 9110, such as `image/png` or `text/plain; charset=utf-8`.
package struct MediaType: Equatable, Sendable {
    /// As it was given; printable ASCII, so that it may stand in a header.
    package let text: String
    /// The part before the parameters, in lower case: `text/plain`.
    package let essence: String

    /// `nil` if it is none, or longer than any text may be.
    package init?(_ text: String) {
        guard text.utf8.count <= ChatRequest.textLimit,
            text.utf8.allSatisfy({ 0x20...0x7e ~= $0 })
        else { return nil }
        let essence = text.prefix { $0 != ";" }
        let end = essence.lastIndex { $0 != " " }.map { essence.index(after: $0) }
        let trimmed = essence[..<(end ?? essence.startIndex)]
        let parts = trimmed.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy(Self.isToken) else { return nil }
        self.text = text
        self.essence = trimmed.lowercased()
    }

    private static let marks = Array("!#$&^_.+-".utf8)

    private static func isToken(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"):
                    true
                default: Self.marks.contains(byte)
                }
            }
    }
}

/// The names of the rpcs.
private enum MediaMethod: String {
    case ticket = "media.ticket"
    case url = "media.url"
    case drop = "media.drop"
}

private struct MediaFields {
    var channel = ""
    var size: UInt64 = 0
    var type = ""
    var sha256 = ""

    init(parsing data: Span<UInt8>) throws(FrameError) {
        guard !data.isEmpty else { return }
        var scanner = JSONScanner(0..<data.count)
        scanner.skipSpace(data)
        var walk = try scanner.enterObject(data)
        while let name = try scanner.nextMember(&walk, data) {
            switch name {
            case FieldName.channel: self.channel = try scanner.boundedText(data)
            case FieldName.size: self.size = try scanner.integer(data, as: UInt64.self)
            case FieldName.type: self.type = try scanner.boundedText(data)
            case FieldName.sha256: self.sha256 = try scanner.boundedText(data)
            default: _ = try scanner.skipValue(data)
            }
        }
        scanner.skipSpace(data)
        guard scanner.position == data.count else { throw scanner.failure(.trailingBytes) }
    }
}

/// The data that answers the rpcs about media, as JSON on one line.
package enum MediaResults {
    /// `expires` is in seconds since 1970; `isStored` tells that the file need not be put.
    package static func ticket(
        put: String,
        get: String,
        expires: UInt64,
        isStored: Bool
    ) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { fields, output in
            fields.append(required: "put_url", put, into: &output)
            fields.append(required: "get_url", get, into: &output)
            fields.append(required: "expires", expires, into: &output)
            fields.append("stored", isStored, into: &output)
        }
        return output
    }

    /// `expires` is in seconds since 1970, `size` in bytes.
    package static func url(
        get: String,
        expires: UInt64,
        size: UInt64,
        type: String
    ) -> [UInt8] {
        var output: [UInt8] = []
        JSONFields.object(into: &output) { fields, output in
            fields.append(required: "get_url", get, into: &output)
            fields.append(required: "expires", expires, into: &output)
            fields.append(required: "size", size, into: &output)
            fields.append(required: "type", type, into: &output)
        }
        return output
    }
}
