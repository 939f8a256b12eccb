import NIOCore
import NIOHTTP1

/// Reads the head of a plain request for the WebSocket endpoint, so that the sockets of clients need no
/// HTTP machinery.
///
/// It knows only requests that every reading of RFC 9112 agrees on, so that nobody can disagree about
/// where the head ends and the frames begin; the rest is `other`, and is answered as plain HTTP.
enum UpgradeHead {
    /// More bytes without an end of the head are `other`.
    static let limit = 16_384

    enum Reading {
        /// As far as the bytes go, it may become one.
        case incomplete
        case other
        /// A request whose head ends before byte `end`; what follows is for the socket.
        case request(HTTPRequestHead, end: Int)
    }

    private static let start = Array("GET \(WebSocketUpgrade.endpoint)".utf8)
    private static let version = Array(" HTTP/1.1".utf8)
    private static let carriageReturn = UInt8(ascii: "\r")
    private static let lineFeed = UInt8(ascii: "\n")
    /// Headers that put a body, or a dialogue about one, behind the head; so does a content length.
    private static let bodily = ["transfer-encoding", "expect", "trailer"]
    /// What a header's name is made of besides letters and digits.
    private static let nameMarks = Array("!#$%&'*+-.^_`|~".utf8)

    /// Reads the first bytes of a connection, of which `searched` were `incomplete` already.
    static func read(_ bytes: [UInt8], searched: Int) -> Reading {
        guard bytes.prefix(Self.start.count).elementsEqual(Self.start.prefix(bytes.count)) else {
            return .other
        }
        var position = searched
        while let feed = bytes[position...].firstIndex(of: Self.lineFeed) {
            guard bytes[feed - 1] == Self.carriageReturn, feed < Self.limit else { return .other }
            position = feed + 1
            if bytes[feed - 2] == Self.lineFeed { return Self.request(bytes[..<position]) }
        }
        return bytes.count < Self.limit ? .incomplete : .other
    }

    private static func request(_ head: ArraySlice<UInt8>) -> Reading {
        var headers = HTTPHeaders()
        var uri: String?
        for var line in head.split(separator: Self.lineFeed) {
            line.removeLast()
            if uri == nil {
                guard let target = Self.target(line) else { return .other }
                uri = target
            } else if !line.isEmpty {
                guard Self.take(line, into: &headers) else { return .other }
            }
        }
        guard let uri, !Self.bodily.contains(where: { headers.contains(name: $0) }),
            headers["content-length"].allSatisfy({ $0 == "0" }),
            headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }),
            headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" })
        else { return .other }
        let request = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: uri,
            headers: headers
        )
        return .request(request, end: head.endIndex)
    }

    private static func target(_ line: ArraySlice<UInt8>) -> String? {
        guard line.starts(with: Self.start),
            line.suffix(Self.version.count).elementsEqual(Self.version)
        else { return nil }
        let target = line.dropFirst(4).dropLast(Self.version.count)
        guard target.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        return String(decoding: target, as: UTF8.self)
    }

    /// False if the line is none that this knows.
    private static func take(_ line: ArraySlice<UInt8>, into headers: inout HTTPHeaders) -> Bool {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(Self.isNameByte),
            line[colon...].allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 })
        else { return false }
        let name = String(decoding: line[..<colon], as: UTF8.self)
        var value = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
        while value.last == 0x20 || value.last == 0x09 { value.removeLast() }
        headers.add(name: name, value: String(decoding: value, as: UTF8.self))
        return true
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x41...0x5a, 0x61...0x7a, 0x30...0x39: true
        default: Self.nameMarks.contains(byte)
        }
    }
}
