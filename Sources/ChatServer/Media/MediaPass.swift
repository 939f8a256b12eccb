import ClientProtocol
import Crypto
import Foundation
import Kernel

/// What a URL of media allows: one user, one conversation and one content, until an instant.
struct MediaPass: Equatable, Sendable {
    enum Purpose: Equatable, Sendable {
        /// To put a file of so many bytes.
        case put(size: UInt64, type: String)
        case get
    }

    var purpose: Purpose
    var conversation: ConversationID
    var hash: ContentHash
    var user: UserID
    /// In seconds since 1970.
    var expires: UInt64
}

/// Signs the URLs of media, and knows its own again.
///
/// What is signed is the URL itself as it was written, with what may be done with it, so that nothing in
/// it can be read in two ways. The digits of a URL are of lower case, and nothing in it needs an escape.
struct MediaKey: Sendable {
    static let path = "/media/"
    private static let mark = "&sig="
    private let key: SymmetricKey

    /// `secret` has 32 bytes that nobody else knows.
    init(secret: [UInt8]) { self.key = SymmetricKey(data: secret) }

    /// The path and the query.
    func url(_ pass: MediaPass) -> String {
        let user = ConversationID(high: pass.user.high, low: pass.user.low).cursor
        var url = "\(Self.path)\(pass.conversation.cursor)/\(pass.hash.text)"
        url += "?user=\(user)&expires=\(pass.expires)"
        if case .put(let size, let type) = pass.purpose {
            url += "&size=\(size)&type=\(Hexadecimal.text(type.utf8))"
        }
        let code = HMAC<SHA256>.authenticationCode(
            for: self.signed(url, pass.isPut),
            using: self.key
        )
        return url + Self.mark + Hexadecimal.text(code)
    }

    /// What a URL allows that this key has signed; `nil` for every other one, and for other purposes.
    func pass(_ url: String, isPut: Bool) -> MediaPass? {
        let halves = url.split(separator: Self.mark, omittingEmptySubsequences: false)
        guard halves.count == 2, let code = Hexadecimal.bytes(halves[1]),
            HMAC<SHA256>.isValidAuthenticationCode(
                code,
                authenticating: self.signed(String(halves[0]), isPut),
                using: self.key
            )
        else { return nil }
        return Self.read(halves[0], isPut: isPut)
    }

    private func signed(_ url: String, _ isPut: Bool) -> Data {
        Data((isPut ? "PUT \(url)" : "GET \(url)").utf8)
    }

    private static func read(_ url: Substring, isPut: Bool) -> MediaPass? {
        let parts = url.split(separator: "?")
        guard parts.count == 2, parts[0].hasPrefix(Self.path) else { return nil }
        let names = parts[0].dropFirst(Self.path.count).split(separator: "/")
        guard names.count == 2, let conversation = ConversationID(cursor: String(names[0])),
            let hash = ContentHash(names[1])
        else { return nil }
        var fields: [Substring: Substring] = [:]
        for field in parts[1].split(separator: "&") {
            let pair = field.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { fields[pair[0]] = pair[1] }
        }
        guard let user = fields["user"].flatMap({ ConversationID(cursor: String($0)) }),
            let expires = fields["expires"].flatMap({ UInt64($0) })
        else { return nil }
        var pass = MediaPass(
            purpose: .get,
            conversation: conversation,
            hash: hash,
            user: UserID(high: user.high, low: user.low),
            expires: expires
        )
        guard isPut else { return pass }
        guard let size = fields["size"].flatMap({ UInt64($0) }),
            let type = fields["type"].flatMap({ Hexadecimal.bytes($0) })
        else { return nil }
        pass.purpose = .put(size: size, type: String(decoding: type, as: UTF8.self))
        return pass
    }
}

extension MediaPass {
    var isPut: Bool { self.purpose != .get }
}
